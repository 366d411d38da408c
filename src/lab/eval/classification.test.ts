import { expect, test } from 'vitest';
import { accuracy, areaUnderCurve, wilsonInterval } from './classification.js';

/** scikit-learn 1.9.1: roc_auc_score([0, 0, 1, 1], [.1, .4, .35, .8]) = 0.75. */
test('the area under the curve, ties counting half', () => {
  expect(areaUnderCurve([0.1, 0.4, 0.35, 0.8], [false, false, true, true])).toBeCloseTo(0.75, 12);
  expect(areaUnderCurve([1, 1, 1], [true, false, true])).toBe(0.5);
  expect(areaUnderCurve([3, 1, 2], [true, false, false])).toBe(1);
  expect(areaUnderCurve([1, 2], [true, true])).toBeNaN();
});

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
