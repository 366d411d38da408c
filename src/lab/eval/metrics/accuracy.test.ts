import { expect, test } from 'vitest';
import { accuracy, wilsonInterval } from './accuracy.js';

test('accuracy takes the likeliest class', () => {
  expect(
    accuracy(
      [
        [0.2, 0.8],
        [0.6, 0.4],
        [0.1, 0.9],
      ],
      [1, 1, 1],
    ),
  ).toBeCloseTo(2 / 3, 12);
});

test('Wilson intervals are those of the literature', () => {
  for (const [successes, count, low, high] of [
    [0, 10, 0, 0.27753],
    [10, 10, 0.72247, 1],
    [50, 100, 0.40383, 0.59617],
    [1, 29, 0.00611, 0.17176],
  ] as const) {
    const interval = wilsonInterval(successes, count);
    expect(interval[0]).toBeCloseTo(low, 5);
    expect(interval[1]).toBeCloseTo(high, 5);
  }
});
