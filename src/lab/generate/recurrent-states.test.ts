/** Which slot holds which state, after everything that moves slots. */
import { expect, test } from 'vitest';
import { floats } from '../runtime/program.js';
import { createKeyValueCache } from './key-value-cache.js';
import { createRecurrentStates } from './recurrent-states.js';

/** Three slots, two states of different shapes: slot s holds s·10 … and s·100 …. */
function filled() {
  const states = createRecurrentStates([[2], [1, 3]], 4);
  states.replace(0, 3, {
    newState0: floats(Float32Array.of(10, 11, 20, 21, 30, 31), [3, 2]),
    newState1: floats(Float32Array.of(100, 101, 102, 200, 201, 202, 300, 301, 302), [3, 1, 3]),
  });
  const held = (slot: number): number[][] =>
    Object.values(states.feeds(slot, 1)).map(({ data }) => Array.from(data as Float32Array));
  return { states, held };
}
const FIRST = [
  [10, 11],
  [100, 101, 102],
];
const SECOND = [
  [20, 21],
  [200, 201, 202],
];
const THIRD = [
  [30, 31],
  [300, 301, 302],
];

test('states are fed by slot, in the shapes the model gave', () => {
  const { states } = filled();
  const { state0, state1 } = states.feeds(1, 2);
  expect([state0?.dims, state1?.dims]).toEqual([
    [2, 2],
    [2, 1, 3],
  ]);
  expect(Array.from(state0?.data as Float32Array)).toEqual([20, 21, 30, 31]);
});

test('swap exchanges two slots and leaves the others', () => {
  const { states, held } = filled();
  states.swap(2, 0);
  expect([0, 1, 2].map(held)).toEqual([THIRD, SECOND, FIRST]);
});

test('move copies onto the other slot; reset leaves zeros there alone', () => {
  const { states, held } = filled();
  states.move(2, 0);
  states.reset(2);
  expect([0, 1, 2].map(held)).toEqual([
    THIRD,
    SECOND,
    [
      [0, 0],
      [0, 0, 0],
    ],
  ]);
});

test('a step of some slots replaces theirs alone', () => {
  const { states, held } = filled();
  states.replace(1, 1, {
    newState0: floats(Float32Array.of(7, 8), [1, 2]),
    newState1: floats(Float32Array.of(4, 5, 6), [1, 1, 3]),
  });
  expect([0, 1, 2].map(held)).toEqual([
    FIRST,
    [
      [7, 8],
      [4, 5, 6],
    ],
    THIRD,
  ]);
});

test('a program that gives no state, or one of another size, is refused', () => {
  const { states } = filled();
  expect(() => states.replace(0, 1, {})).toThrow('the program gives newState0');
  expect(() => states.replace(0, 2, { newState0: floats(Float32Array.of(1, 2), [1, 2]) })).toThrow('newState0');
});

test('the cache moves states with its slots, and a slot opens with zeros', () => {
  const cache = createKeyValueCache({ layerCount: 0, keyValueHeads: 1, headSize: 1, states: [[1]] }, 3, 8);
  const held = (): number[] => Array.from(cache.feeds(0, cache.slotCount)['state0']?.data as Float32Array);
  for (let slot = 0; slot < 3; slot++) cache.open();
  cache.append(0, 3, 1, { newState0: floats(Float32Array.of(1, 2, 3), [3, 1]) });
  cache.swap(0, 1);
  expect(held()).toEqual([2, 1, 3]);
  expect(cache.close(0)).toBe(2);
  expect(held()).toEqual([3, 1]);
  cache.open();
  expect(held()).toEqual([3, 1, 0]);
});
