import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanEstimate, scaled, shareEstimate } from './estimates.js';

describe('shareEstimate', () => {
  it('is as SciPy has it', () => {
    // scipy.stats.beta.ppf([.025, .975], 1.5, 9.5) = [0.01100, 0.38131]: 1 of 10.
    const one = shareEstimate(1, 10);
    expect(one?.value).toBe(0.1);
    expect(one?.low).toBeCloseTo(0.011, 3);
    expect(one?.high).toBeCloseTo(0.3813, 3);
    // Beta(½, ½) is the arcsine law: its quantiles are sin²(π·p÷2); with 1 trial and 0 hits Beta(½, 3⁄2) is what remains.
    expect(shareEstimate(0, 1)?.high).toBeCloseTo(0.853, 2);
  });

  it('is defined when nothing or everything was lost, and knows nothing of no trials', () => {
    expect(shareEstimate(0, 0)).toBeNull();
    const none = shareEstimate(0, 12);
    expect(none).toMatchObject({ value: 0, low: 0 });
    expect(none?.high).toBeGreaterThan(0.1);
    expect(shareEstimate(5, 5)).toMatchObject({ value: 1, high: 1 });
  });

  it('holds its value, mirrors, and narrows with more trials', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 200 }), (trials, drawn) => {
        const hits = Math.min(drawn, trials);
        const estimate = shareEstimate(hits, trials);
        const mirrored = shareEstimate(trials - hits, trials);
        const more = shareEstimate(hits * 4, trials * 4);
        if (estimate === null || mirrored === null || more === null) throw new Error('there were trials');
        expect(estimate.low).toBeLessThanOrEqual(estimate.value);
        expect(estimate.high).toBeGreaterThanOrEqual(estimate.value);
        expect(estimate.low).toBeCloseTo(1 - mirrored.high, 9);
        expect(more.high - more.low).toBeLessThan(estimate.high - estimate.low);
      }),
      { numRuns: 60 },
    );
  });
});

describe('meanEstimate', () => {
  it('three rounds by hand', () => {
    // Mean 100; deviations −10, 0, 10: variance 200 ÷ 2 = 100; half = 4.303 × √(100 ÷ 3) = 24.84.
    const { value, low, high } = meanEstimate([90, 100, 110]) ?? { value: 0, low: 0, high: 0 };
    expect([value, low, high].map((each) => each.toFixed(2))).toEqual(['100.00', '75.16', '124.84']);
  });

  it('one round has no spread that could be known', () => {
    expect(meanEstimate([])).toBeNull();
    expect(meanEstimate([7])).toEqual({ value: 7, low: 0, high: Number.POSITIVE_INFINITY });
  });
});

it('scaled rounds down, losses too', () => {
  expect(scaled(10n, 0.25)).toBe(2n);
  expect(scaled(-10n, 0.25)).toBe(-3n);
  expect(scaled(-10n, 0.5)).toBe(-5n);
  expect(scaled(1_000_000n, 0.1)).toBe(100_000n);
});
