/**
 * Keys, values and recurrent states of the sequences being generated. Slots 0 to n − 1 are always the ones in use, so
 * that a batch is the front of each array and is fed to the engine without a copy; capacity grows by doubling. Knows no
 * model.
 */
import { invariant } from '../../base/errors.js';
import type { CacheShape } from '../models/model.js';
import { type Value, floats } from '../runtime/program.js';
import { type RecurrentStates, type SavedStates, createRecurrentStates } from './recurrent-states.js';

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
  /** A copy of what a slot holds, without the room it has left. */
  save(slot: number): SavedRows;
  /**
   * Fills an empty slot with the first `length` tokens of what was saved. Recurrent states know only where they were
   * saved: with those, `length` is all of it.
   */
  restore(slot: number, saved: SavedRows, length: number): void;
  /** The same from another slot in use; `length` is all that it holds where there are states. */
  copy(from: number, to: number, length: number): void;
  /** Back to an empty slot. */
  clear(slot: number): void;
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

export interface SavedRows {
  readonly length: number;
  readonly sizeBytes: number;
  /** `[keyValueHeads, length, headSize]` each. */
  readonly arrays: readonly Float32Array[];
  readonly states: SavedStates;
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
  const reserve = (length: number): void => {
    invariant(length <= maxLength, `${length} tokens fit in ${maxLength}`);
    let next = storage.capacity;
    while (next < length) next *= 2;
    if (next > storage.capacity) grow(storage, Math.min(next, maxLength));
  };
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
    save: (slot) => saveSlot(storage, slot),
    restore(slot, saved, length) {
      reserve(length);
      restoreSlot(storage, slot, saved, length);
    },
    copy: (from, to, length) => copySlot(storage, from, to, length),
    clear(slot) {
      setLength(storage, slot, 0);
      storage.states.reset(slot);
    },
    reserve,
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

function saveSlot(storage: Storage, slot: number): SavedRows {
  const { capacity, headSize, keyValueHeads, lengths } = storage;
  const length = lengths[slot] as number;
  const arrays = storage.arrays.map((source) => {
    const target = new Float32Array(keyValueHeads * length * headSize);
    for (let head = 0; head < keyValueHeads; head++) {
      const start = (slot * keyValueHeads + head) * capacity * headSize;
      target.set(source.subarray(start, start + length * headSize), head * length * headSize);
    }
    return target;
  });
  const states = storage.states.save(slot);
  const elements = [...arrays, ...states].reduce((sum, array) => sum + array.length, 0);
  return { length, sizeBytes: elements * Float32Array.BYTES_PER_ELEMENT, arrays, states };
}

function restoreSlot(storage: Storage, slot: number, saved: SavedRows, length: number): void {
  const { capacity, headSize, keyValueHeads } = storage;
  invariant(
    length <= saved.length && (saved.states.length === 0 || length === saved.length),
    'what was saved is there',
  );
  for (const [index, source] of saved.arrays.entries()) {
    for (let head = 0; head < keyValueHeads; head++) {
      const start = head * saved.length * headSize;
      const rows = source.subarray(start, start + length * headSize);
      storage.arrays[index]?.set(rows, (slot * keyValueHeads + head) * capacity * headSize);
    }
  }
  storage.states.restore(slot, saved.states);
  setLength(storage, slot, length);
}

function copySlot(storage: Storage, from: number, to: number, length: number): void {
  const { arrays, capacity, headSize, keyValueHeads, lengths, states } = storage;
  const saved = states.save(from);
  invariant(length <= (lengths[from] as number), 'the other slot holds as much');
  invariant(saved.length === 0 || length === lengths[from], 'recurrent states are those of the whole slot');
  for (const array of arrays) {
    for (let head = 0; head < keyValueHeads; head++) {
      const start = (from * keyValueHeads + head) * capacity * headSize;
      array.copyWithin((to * keyValueHeads + head) * capacity * headSize, start, start + length * headSize);
    }
  }
  states.restore(to, saved);
  setLength(storage, to, length);
}

function setLength({ lengths, mask, capacity }: Storage, slot: number, length: number): void {
  lengths[slot] = length;
  mask.fill(0, slot * capacity, slot * capacity + length);
  mask.fill(MASKED, slot * capacity + length, (slot + 1) * capacity);
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
