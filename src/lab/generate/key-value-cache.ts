/**
 * Keys, values and recurrent states of the sequences being generated. Slots 0 to n − 1 are always the ones in use, so
 * that a batch is the front of each array and is fed to the engine without a copy; capacity grows by doubling. Knows no
 * model.
 */
import { invariant } from '../../base/errors.js';
import type { CacheShape } from '../models/model.js';
import { type Value, floats } from '../runtime/program.js';
import { type RecurrentStates, createRecurrentStates } from './recurrent-states.js';

/** Score of a cache row that is not the sequence's own. */
const MASKED = -1e9;
const FIRST_CAPACITY = 64;

export interface KeyValueCache {
  readonly slotCount: number;
  lengthOf(slot: number): number;
  /** Takes a new slot, the last one. */
  open(): number;
  /** Frees a slot; the last slot moves into its place. @returns the slot that moved, or undefined */
  close(slot: number): number | undefined;
  /** Exchanges two slots in use. */
  swap(a: number, b: number): void;
  /** Makes room for sequences of this many tokens. */
  reserve(length: number): void;
  /** Feeds for slots `from` to `from + count − 1`: `keys0`, `values0` …, `state0` …, `pastMask`. Valid until the next change. */
  feeds(from: number, count: number): Record<string, Value>;
  /**
   * Appends new rows to slots `from` …: `newKeys0` …, each `[count, keyValueHeads, time, headSize]`; `newState0` … take
   * the place of the states.
   * @param time new tokens of each slot
   */
  append(from: number, count: number, time: number, rows: Readonly<Record<string, Value>>): void;
}

interface Storage {
  readonly names: readonly string[];
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly maxSlots: number;
  /** Tokens in each slot in use. */
  readonly lengths: number[];
  /** Rows of every slot and head. */
  capacity: number;
  /** `[maxSlots, keyValueHeads, capacity, headSize]` each, in the order of `names`. */
  arrays: Float32Array[];
  /** `[maxSlots, capacity]`. */
  mask: Float32Array;
  readonly states: RecurrentStates;
}

const slotSize = ({ keyValueHeads, capacity, headSize }: Storage): number => keyValueHeads * capacity * headSize;

export function createKeyValueCache(shape: CacheShape, maxSlots: number, maxLength: number): KeyValueCache {
  const storage = newStorage(shape, maxSlots, Math.min(FIRST_CAPACITY, maxLength));
  const { lengths } = storage;
  return {
    get slotCount() {
      return lengths.length;
    },
    lengthOf: (slot) => lengths[slot] as number,
    open() {
      invariant(lengths.length < maxSlots, 'a cache slot is free');
      lengths.push(0);
      storage.states.reset(lengths.length - 1);
      return lengths.length - 1;
    },
    close: (slot) => closeSlot(storage, slot),
    swap(a, b) {
      const size = slotSize(storage);
      for (const array of storage.arrays) exchange(array, a * size, b * size, size);
      storage.states.swap(a, b);
      exchange(storage.mask, a * storage.capacity, b * storage.capacity, storage.capacity);
      [lengths[a], lengths[b]] = [lengths[b] as number, lengths[a] as number];
    },
    reserve(length) {
      invariant(length <= maxLength, `${length} tokens fit in ${maxLength}`);
      let next = storage.capacity;
      while (next < length) next *= 2;
      if (next > storage.capacity) grow(storage, Math.min(next, maxLength));
    },
    feeds: (from, count) => feedsOf(storage, from, count),
    append(from, count, time, rows) {
      for (const [index, name] of storage.names.entries()) {
        const source = rows[newRowsName(name)]?.data;
        invariant(source instanceof Float32Array, `the program gives ${newRowsName(name)}`);
        copyRows(source, storage.arrays[index] as Float32Array, storage, { from, count, time });
      }
      storage.states.replace(from, count, rows);
      for (let slot = from; slot < from + count; slot++) {
        const start = slot * storage.capacity + (lengths[slot] as number);
        storage.mask.fill(0, start, start + time);
        lengths[slot] = (lengths[slot] as number) + time;
      }
    },
  };
}

function newStorage(
  { layerCount, keyValueHeads, headSize, states }: CacheShape,
  maxSlots: number,
  capacity: number,
): Storage {
  const names = Array.from({ length: layerCount }, (_, layer) => [`keys${layer}`, `values${layer}`]).flat();
  const size = maxSlots * keyValueHeads * capacity * headSize;
  return {
    names,
    keyValueHeads,
    headSize,
    maxSlots,
    lengths: [],
    capacity,
    arrays: names.map(() => new Float32Array(size)),
    mask: new Float32Array(maxSlots * capacity).fill(MASKED),
    states: createRecurrentStates(states, maxSlots),
  };
}

function grow(storage: Storage, next: number): void {
  const { capacity: before, arrays: old, lengths, keyValueHeads, headSize, maxSlots } = storage;
  storage.capacity = next;
  storage.arrays = old.map((source) => {
    const target = new Float32Array(maxSlots * slotSize(storage));
    for (let row = 0; row < lengths.length * keyValueHeads; row++) {
      target.set(source.subarray(row * before * headSize, (row + 1) * before * headSize), row * next * headSize);
    }
    return target;
  });
  storage.mask = new Float32Array(maxSlots * next).fill(MASKED);
  for (const [slot, length] of lengths.entries()) storage.mask.fill(0, slot * next, slot * next + length);
}

function closeSlot(storage: Storage, slot: number): number | undefined {
  const { lengths, arrays, mask, capacity } = storage;
  const last = lengths.length - 1;
  const length = lengths.pop() as number;
  if (slot !== last) {
    const size = slotSize(storage);
    for (const array of arrays) array.copyWithin(slot * size, last * size, (last + 1) * size);
    storage.states.move(last, slot);
    mask.copyWithin(slot * capacity, last * capacity, (last + 1) * capacity);
    lengths[slot] = length;
  }
  mask.fill(MASKED, last * capacity, (last + 1) * capacity);
  return slot === last ? undefined : last;
}

function feedsOf(storage: Storage, from: number, count: number): Record<string, Value> {
  const { names, arrays, mask, capacity, keyValueHeads, headSize } = storage;
  const size = slotSize(storage);
  const feeds: Record<string, Value> = storage.states.feeds(from, count);
  for (const [index, name] of names.entries()) {
    const array = arrays[index] as Float32Array;
    feeds[name] = floats(array.subarray(from * size, (from + count) * size), [
      count,
      keyValueHeads,
      capacity,
      headSize,
    ]);
  }
  feeds['pastMask'] = floats(mask.subarray(from * capacity, (from + count) * capacity), [count, 1, 1, capacity]);
  return feeds;
}

/** The output that holds a cache input's new rows: `keys0` → `newKeys0`. */
export function newRowsName(name: string): string {
  return `new${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function exchange(array: Float32Array, a: number, b: number, length: number): void {
  const held = array.slice(a, a + length);
  array.copyWithin(a, b, b + length);
  array.set(held, b);
}

interface NewRows {
  readonly from: number;
  readonly count: number;
  readonly time: number;
}

/** `[count, keyValueHeads, time, headSize]` behind what each slot holds already. */
function copyRows(source: Float32Array, target: Float32Array, storage: Storage, { from, count, time }: NewRows): void {
  const { keyValueHeads, headSize, capacity, lengths } = storage;
  const piece = time * headSize;
  for (let row = 0; row < count * keyValueHeads; row++) {
    const slot = from + Math.floor(row / keyValueHeads);
    const start = ((from * keyValueHeads + row) * capacity + (lengths[slot] as number)) * headSize;
    target.set(source.subarray(row * piece, (row + 1) * piece), start);
  }
}
