/** Hashes of passages: of every window of a text in one pass, and a set of such hashes in flat arrays. */
import { MoatError } from '../../base/errors.js';

/** The hash of the window that `RollingHash.next` came to. */
export interface RollingHash {
  /** Begins a text. @returns the number of its windows */
  start(text: string): number;
  /** Goes on to the next window; the first call comes to the one at 0. */
  next(): void;
  low(): number;
  high(): number;
}

const MULTIPLIERS = [0x9e37_79b1, 0x85eb_ca77] as const;

/** UTF-16 unit -> 32 bits that have nothing to do with its neighbours'. */
const scrambled = Int32Array.from({ length: 0x10000 }, (_, unit) => {
  const first = Math.imul(unit ^ (unit >>> 7) ^ 0x5bd1_e995, 0xc2b2_ae3d);
  const second = Math.imul(first ^ (first >>> 15), 0x27d4_eb2f);
  return second ^ (second >>> 13);
});

/**
 * Two polynomials modulo 2^32 over scrambled UTF-16 units (Karp and Rabin, 1987). @param span units a window
 */
export function createRollingHash(span: number): RollingHash {
  const [firstPower, secondPower] = MULTIPLIERS.map((multiplier) => power(multiplier, span)) as [number, number];
  let text = '';
  let at = -1;
  let first = 0;
  let second = 0;
  return {
    start(next) {
      text = next;
      at = -1;
      first = second = 0;
      for (let i = 0; i < Math.min(span - 1, text.length); i++) {
        const unit = scrambled[text.charCodeAt(i)] as number;
        first = Math.imul(first, MULTIPLIERS[0]) + unit;
        second = Math.imul(second, MULTIPLIERS[1]) + unit;
      }
      return Math.max(0, text.length - span + 1);
    },
    next() {
      const enters = scrambled[text.charCodeAt(at + span)] as number;
      first = (Math.imul(first, MULTIPLIERS[0]) + enters) | 0;
      second = (Math.imul(second, MULTIPLIERS[1]) + enters) | 0;
      if (at >= 0) {
        const leaves = scrambled[text.charCodeAt(at)] as number;
        first = (first - Math.imul(leaves, firstPower)) | 0;
        second = (second - Math.imul(leaves, secondPower)) | 0;
      }
      at++;
    },
    low: () => mix(first),
    high: () => mix(second),
  };
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base);
  return result;
}

/** The low bits of a polynomial modulo a power of two know little; a one-to-one mix spreads the high ones over them. */
function mix(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return once ^ (once >>> 13);
}

const FIRST_SLOTS = 4096;
/** Of 8 bytes. */
const MAX_SLOTS = 2 ** 28;

/** A set of 64-bit hashes, each given as two signed halves: open addressing with linear probing, 12 to 24 bytes a hash. */
export interface HashSet {
  /** Makes room, so that no slot moves until that many were added. @throws MoatError `too-many-passages` */
  reserve(more: number): void;
  has(low: number, high: number): boolean;
  /** @returns its slot, or -1 when it was there */
  add(low: number, high: number): number;
  /** Takes back what was added last: all of it since one moment, and nothing before. */
  forget(slots: readonly number[]): void;
}

export function createHashSet(): HashSet {
  let lows = new Int32Array(FIRST_SLOTS);
  let highs = new Int32Array(FIRST_SLOTS);
  let mask = FIRST_SLOTS - 1;
  let count = 0;
  /** Where it stands, or would stand. A slot of two zeros is free: the one hash of two zeros is never found. */
  const slotOf = (low: number, high: number): number => {
    let slot = (low ^ (high << 7)) & mask;
    while ((lows[slot] !== low || highs[slot] !== high) && (lows[slot] !== 0 || highs[slot] !== 0)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  };
  const grow = (slots: number): void => {
    const [oldLows, oldHighs] = [lows, highs];
    lows = new Int32Array(slots);
    highs = new Int32Array(slots);
    mask = slots - 1;
    for (let from = 0; from < oldLows.length; from++) {
      const [low, high] = [oldLows[from] as number, oldHighs[from] as number];
      if (low === 0 && high === 0) continue;
      const slot = slotOf(low, high);
      lows[slot] = low;
      highs[slot] = high;
    }
  };
  return {
    reserve(more) {
      let slots = lows.length;
      while (3 * (count + more) > 2 * slots) slots *= 2;
      if (slots > MAX_SLOTS) throw tooMany();
      if (slots > lows.length) grow(slots);
    },
    has(low, high) {
      const slot = slotOf(low, high);
      return lows[slot] !== 0 || highs[slot] !== 0;
    },
    add(low, high) {
      const slot = slotOf(low, high);
      if (lows[slot] !== 0 || highs[slot] !== 0) return -1;
      lows[slot] = low;
      highs[slot] = high;
      count++;
      return slot;
    },
    forget(slots) {
      for (const slot of slots) lows[slot] = highs[slot] = 0;
      count -= slots.length;
    },
  };
}

const tooMany = (): MoatError =>
  new MoatError('too-many-passages', `repeated passages: more than ${MAX_SLOTS} slots of memory are needed`, {
    fix: 'Look for longer passages (data.repeatedPassages), or clean the sources in parts.',
  });
