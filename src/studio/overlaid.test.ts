import { expect, it } from 'vitest';
import { overlaid } from './overlaid.js';

it('lays curves of different steps over one axis, with nothing where a curve has no value', () => {
  const first = [
    [1, 5],
    [3, 4],
  ] as const;
  const second = [
    [2, 7],
    [3, 6],
    [9, 0],
  ] as const;
  expect(overlaid([first, second, []])).toEqual([
    [1, 2, 3, 9],
    [5, null, 4, null],
    [null, 7, 6, 0],
    [null, null, null, null],
  ]);
  expect(overlaid([])).toEqual([[]]);
});
