/**
 * Keys and values of the sequences being generated. Slots 0 to n − 1 are always the ones in use, so that a batch is the
 * front of each array and is fed to the engine without a copy; capacity grows by doubling. Knows no model.
 */
import { invariant } from '../../base/errors.js';
import type { CacheShape } from '../models/model.js';
import { type Value, floats } from '../runtime/program.js';

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
  /** Feeds for slots `from` to `from + count − 1`: `keys0`, `values0` …, `pastMask`. Valid until the next change. */
  feeds(from: number, count: number): Record<string, Value>;
  /**
   * Appends new rows to slots `from` …: `newKeys0` …, each `[count, keyValueHeads, time, headSize]`.
   * @param time new tokens of each slot
   */
  append(from: number, count: number, time: number, rows: Readonly<Record<string, Value>>): void;
}

export function createKeyValueCache(shape: CacheShape, maxSlots: number, maxLength: number): KeyValueCache {
  const { layerCount, keyValueHeads, headSize } = shape;
  const names = Array.from({ length: layerCount }, (_, layer) => [`keys${layer}`, `values${layer}`]).flat();
  let capacity = Math.min(FIRST_CAPACITY, maxLength);
  const lengths: number[] = [];
  const slotSize = (): number => keyValueHeads * capacity * headSize;
  let arrays = names.map(() => new Float32Array(maxSlots * slotSize()));
  let mask = new Float32Array(maxSlots * capacity).fill(MASKED);

  const grow = (next: number): void => {
    const before = capacity;
    const old = arrays;
    capacity = next;
    arrays = old.map((source) => {
      const target = new Float32Array(maxSlots * slotSize());
      for (let row = 0; row < lengths.length * keyValueHeads; row++) {
        target.set(source.subarray(row * before * headSize, (row + 1) * before * headSize), row * capacity * headSize);
      }
      return target;
    });
    mask = new Float32Array(maxSlots * capacity).fill(MASKED);
    for (const [slot, length] of lengths.entries()) mask.fill(0, slot * capacity, slot * capacity + length);
  };

  return {
    get slotCount() {
      return lengths.length;
    },
    lengthOf: (slot) => lengths[slot] as number,
    open() {
      invariant(lengths.length < maxSlots, 'a cache slot is free');
      lengths.push(0);
      return lengths.length - 1;
    },
    close(slot) {
      const last = lengths.length - 1;
      const length = lengths.pop() as number;
      if (slot !== last) {
        for (const array of arrays) array.copyWithin(slot * slotSize(), last * slotSize(), (last + 1) * slotSize());
        mask.copyWithin(slot * capacity, last * capacity, (last + 1) * capacity);
        lengths[slot] = length;
      }
      mask.fill(MASKED, last * capacity, (last + 1) * capacity);
      return slot === last ? undefined : last;
    },
    swap(a, b) {
      for (const array of arrays) exchange(array, a * slotSize(), b * slotSize(), slotSize());
      exchange(mask, a * capacity, b * capacity, capacity);
      [lengths[a], lengths[b]] = [lengths[b] as number, lengths[a] as number];
    },
    reserve(length) {
      invariant(length <= maxLength, `${length} tokens fit in ${maxLength}`);
      let next = capacity;
      while (next < length) next *= 2;
      if (next > capacity) grow(Math.min(next, maxLength));
    },
    feeds(from, count) {
      const feeds: Record<string, Value> = {};
      const dims = [count, keyValueHeads, capacity, headSize];
      for (const [index, name] of names.entries()) {
        const array = arrays[index] as Float32Array;
        feeds[name] = floats(array.subarray(from * slotSize(), (from + count) * slotSize()), dims);
      }
      feeds['pastMask'] = floats(mask.subarray(from * capacity, (from + count) * capacity), [count, 1, 1, capacity]);
      return feeds;
    },
    append(from, count, time, rows) {
      for (const [index, name] of names.entries()) {
        const source = rows[newRowsName(name)]?.data as Float32Array;
        copyRows(source, arrays[index] as Float32Array, {
          from,
          count,
          time,
          keyValueHeads,
          headSize,
          capacity,
          lengths,
        });
      }
      for (let slot = from; slot < from + count; slot++) {
        const length = lengths[slot] as number;
        mask.fill(0, slot * capacity + length, slot * capacity + length + time);
        lengths[slot] = length + time;
      }
    },
  };
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

interface RowLayout {
  readonly from: number;
  readonly count: number;
  readonly time: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly capacity: number;
  readonly lengths: readonly number[];
}

function copyRows(source: Float32Array, target: Float32Array, layout: RowLayout): void {
  const { from, count, time, keyValueHeads, headSize, capacity, lengths } = layout;
  const piece = time * headSize;
  for (let row = 0; row < count * keyValueHeads; row++) {
    const slot = from + Math.floor(row / keyValueHeads);
    const start = ((from * keyValueHeads + row) * capacity + (lengths[slot] as number)) * headSize;
    target.set(source.subarray(row * piece, (row + 1) * piece), start);
  }
}
