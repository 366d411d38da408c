/**
 * Counts by whole-number key in typed arrays: open addressing, linear probing. A JavaScript `Map` of the millions of
 * keys of an n-gram model takes several times the time and memory, since each such key becomes a heap number.
 */
const EMPTY = -1;
const MAX_LOAD = 0.6;

export interface CountTable {
  /** Adds to a key's count and returns the new one. */
  add(key: number, amount: number): number;
  /** 0 for a key that was never added to. */
  get(key: number): number;
  readonly size: number;
}

/** Keys are integers from 0 below 2^53, counts below 2^32. */
export function createCountTable(initialCapacity = 1 << 12): CountTable {
  let mask = initialCapacity - 1;
  if ((initialCapacity & mask) !== 0) throw new RangeError(`capacity ${initialCapacity} is not a power of two`);
  let keys = new Float64Array(initialCapacity).fill(EMPTY);
  let counts = new Uint32Array(initialCapacity);
  let size = 0;

  const slotOf = (key: number): number => {
    let hash = Math.imul((key % 4294967296) | 0, 0x9e3779b1) ^ Math.imul((key / 4294967296) | 0, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & mask;
    while (keys[slot] !== key && keys[slot] !== EMPTY) slot = (slot + 1) & mask;
    return slot;
  };
  const grow = (): void => {
    const [oldKeys, oldCounts] = [keys, counts];
    mask = keys.length * 2 - 1;
    keys = new Float64Array(mask + 1).fill(EMPTY);
    counts = new Uint32Array(mask + 1);
    for (const [index, key] of oldKeys.entries()) {
      if (key === EMPTY) continue;
      const slot = slotOf(key);
      keys[slot] = key;
      counts[slot] = oldCounts[index] as number;
    }
  };
  return {
    get size() {
      return size;
    },
    get: (key) => counts[slotOf(key)] as number,
    add(key, amount) {
      let slot = slotOf(key);
      if (keys[slot] === EMPTY) {
        if (size + 1 > keys.length * MAX_LOAD) {
          grow();
          slot = slotOf(key);
        }
        keys[slot] = key;
        size++;
      }
      const count = (counts[slot] as number) + amount;
      counts[slot] = count;
      return count;
    },
  };
}
