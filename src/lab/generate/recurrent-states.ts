/**
 * The recurrent states of the sequences being generated, slot by slot as the cache keeps them: every step replaces them.
 * Knows no model.
 */
import { elementCount } from '../graph/dims.js';
import { type Value, floats } from '../runtime/program.js';

/** The input a state is fed under. */
export const stateName = (index: number): string => `state${index}`;
/** The output that holds what it becomes. */
export const nextStateName = (index: number): string => `newState${index}`;

export type SavedStates = readonly Float32Array[];

export interface RecurrentStates {
  /** Zeros, where every sequence begins. */
  reset(slot: number): void;
  /** The state of slot `from` takes the place of that of slot `to`. */
  move(from: number, to: number): void;
  swap(a: number, b: number): void;
  /** A copy of a slot's states. */
  save(slot: number): SavedStates;
  restore(slot: number, saved: SavedStates): void;
  /** `state0` …, each `[count, ...shape]`, of slots `from` …; valid until the next change. */
  feeds(from: number, count: number): Record<string, Value>;
  /** Takes `newState0` … as the states of slots `from` …. */
  replace(from: number, count: number, results: Readonly<Record<string, Value>>): void;
}

/** @param shapes of one sequence's states, without a batch */
export function createRecurrentStates(shapes: readonly (readonly number[])[], maxSlots: number): RecurrentStates {
  const kept = shapes.map((shape) => {
    const size = elementCount(shape);
    return { shape, size, array: new Float32Array(maxSlots * size) };
  });
  return {
    reset(slot) {
      for (const { size, array } of kept) array.fill(0, slot * size, (slot + 1) * size);
    },
    move(from, to) {
      for (const { size, array } of kept) array.copyWithin(to * size, from * size, (from + 1) * size);
    },
    swap(a, b) {
      for (const { size, array } of kept) {
        const held = array.slice(a * size, (a + 1) * size);
        array.copyWithin(a * size, b * size, (b + 1) * size);
        array.set(held, b * size);
      }
    },
    save: (slot) => kept.map(({ size, array }) => array.slice(slot * size, (slot + 1) * size)),
    restore(slot, saved) {
      for (const [index, { size, array }] of kept.entries()) array.set(saved[index] as Float32Array, slot * size);
    },
    feeds(from, count) {
      const fed = kept.map(({ shape, size, array }, index) => {
        const part = array.subarray(from * size, (from + count) * size);
        return [stateName(index), floats(part, [count, ...shape])] as const;
      });
      return Object.fromEntries(fed);
    },
    replace(from, count, results) {
      for (const [index, { size, array }] of kept.entries()) {
        const next = results[nextStateName(index)]?.data;
        if (!(next instanceof Float32Array) || next.length !== count * size) {
          throw new Error(`the program gives ${nextStateName(index)}`);
        }
        array.set(next, from * size);
      }
    },
  };
}
