import { expect, test } from 'vitest';
import { steepest } from './find-learning-rate.js';

const points = (losses: readonly number[]) =>
  losses.map((loss, index) => ({ factor: 2 ** index, loss, smoothed: loss }));

test('the suggestion lies in the middle of the steepest fall', () => {
  const flat = Array.from({ length: 10 }, () => 8);
  const fall = [7.9, 7, 6, 5, 4, 3, 2];
  const rise = [2.4, 2.6, 4, 8];
  // the fall from 7.9 to 2 is the largest over six steps; its middle is the point of loss 5
  expect(steepest(points([...flat, ...fall, ...rise]))).toBe(2 ** 13);
});

test('nothing is suggested where the loss never falls, or was hardly seen', () => {
  expect(steepest(points([1, 2, 3, 4, 5, 6, 7, 8, 9]))).toBeUndefined();
  expect(steepest(points([5, 4, 3]))).toBeUndefined();
  expect(steepest([])).toBeUndefined();
});
