import { expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { type RatioTerm, bootstrapRatio, quantile } from './bootstrap.js';

const sample = (rng: Rng, length: number): RatioTerm[] =>
  Array.from({ length }, () => {
    const denominator = 50 + rng.below(1000);
    return { numerator: denominator * (2 + 0.3 * rng.normal()), denominator };
  });

test('quantile is numpy.quantile', () => {
  const sorted = Float64Array.from([1, 2, 4, 8]);
  // numpy.quantile([1, 2, 4, 8], [0, .025, .25, .5, .975, 1])
  const expected = [1, 1.075, 1.75, 3, 7.7, 8];
  for (const [i, share] of [0, 0.025, 0.25, 0.5, 0.975, 1].entries()) {
    expect(quantile(sorted, share)).toBeCloseTo(expected[i] as number, 12);
  }
  expect(quantile(Float64Array.of(3), 0.975)).toBe(3);
});

test('equal seeds give equal intervals, others nearly equal ones', () => {
  const terms = sample(Rng.fromSeed(1), 100);
  const interval = bootstrapRatio(terms, Rng.fromSeed(2));
  expect(bootstrapRatio(terms, Rng.fromSeed(2))).toEqual(interval);
  const other = bootstrapRatio(terms, Rng.fromSeed(3));
  expect(other).not.toEqual(interval);
  expect(other.low).toBeCloseTo(interval.low, 1);
  expect(other.high).toBeCloseTo(interval.high, 1);
});

test('about 95 of 100 intervals hold the true ratio, and about 50 of 100 at 0.5', () => {
  const rng = Rng.fromSeed(4);
  let [covered95, covered50] = [0, 0];
  for (let i = 0; i < 200; i++) {
    const terms = sample(rng, 60);
    const wide = bootstrapRatio(terms, rng, { resamples: 400 });
    const narrow = bootstrapRatio(terms, rng, { resamples: 400, confidence: 0.5 });
    if (wide.low <= 2 && 2 <= wide.high) covered95++;
    if (narrow.low <= 2 && 2 <= narrow.high) covered50++;
  }
  // binomial: 190 ± 3.1 less the percentile method's known shortfall at 60 terms; 100 ± 7.1
  expect(covered95).toBeGreaterThanOrEqual(178);
  expect(covered95).toBeLessThanOrEqual(199);
  expect(Math.abs(covered50 - 100)).toBeLessThan(25);
});

test('the width falls with the square root of the number of documents', () => {
  const width = (length: number): number => {
    const { low, high } = bootstrapRatio(sample(Rng.fromSeed(5), length), Rng.fromSeed(6));
    return high - low;
  };
  expect(width(50) / width(800)).toBeGreaterThan(2.8);
  expect(width(50) / width(800)).toBeLessThan(5.6);
});

test('one document has an interval of no width; nonsense is refused', () => {
  const one = [{ numerator: 3, denominator: 2 }];
  expect(bootstrapRatio(one, Rng.fromSeed(1))).toEqual({ low: 1.5, high: 1.5 });
  expect(() => bootstrapRatio([], Rng.fromSeed(1))).toThrow(RangeError);
  for (const options of [{ resamples: 0 }, { resamples: 1e9 }, { confidence: 1 }, { confidence: Number.NaN }]) {
    expect(() => bootstrapRatio(one, Rng.fromSeed(1), options)).toThrow(RangeError);
  }
});
