import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactly, percentText } from './measurement.js';
import {
  breakEvenTokens,
  grossMargin,
  priceFloor,
  servingCostPerMillionTokens,
  trainingCost,
} from './unit-economics.js';

const micros = (max: bigint) => fc.bigInt({ min: 0n, max });
const price = micros(10_000_000_000n);

describe('worked by hand', () => {
  it('trainingCost: 125 s at 0.10 an hour', () => {
    // 125 ÷ 3600 × 100,000 = 3472.2̅ micros, rounded up: 3473 (0.003473).
    expect(trainingCost({ wallSeconds: 125, hourlyMicros: 100_000n })).toBe(3473n);
    // 0.1 is one tenth, not 0.1000000000000000055: 0.1 ÷ 3600 × 36,000 = 1 exactly, nothing to round up.
    expect(trainingCost({ wallSeconds: 0.1, hourlyMicros: 36_000n })).toBe(1n);
    expect(trainingCost({ wallSeconds: 0, hourlyMicros: 100_000n })).toBe(0n);
  });

  it('servingCostPerMillionTokens: 0.10 an hour at 250 tokens/s', () => {
    // 250 × 3600 = 900,000 tokens an hour for 100,000 micros; a million: 100,000 ÷ 0.9 = 111,111.1̅, up: 111,112.
    expect(servingCostPerMillionTokens({ hourlyMicros: 100_000n, tokensPerSecond: 250 })).toBe(111_112n);
    // 12.5 tokens/s: 45,000 an hour; 100,000 ÷ 0.045 = 2,222,222.2̅, up.
    expect(servingCostPerMillionTokens({ hourlyMicros: 100_000n, tokensPerSecond: 12.5 })).toBe(2_222_223n);
    expect(servingCostPerMillionTokens({ hourlyMicros: 100_000n, tokensPerSecond: 0 })).toBeNull();
  });

  it('grossMargin: 2.50 earned, 1.00 spent', () => {
    const { marginMicros, ratio } = grossMargin({ revenueMicros: 2_500_000n, costMicros: 1_000_000n });
    expect(marginMicros).toBe(1_500_000n); // 2.50 − 1.00
    expect(ratio && percentText(ratio)).toBe('60.0'); // 1.50 ÷ 2.50
    // Nothing sold: the loss is known, its share of nothing is not.
    expect(grossMargin({ revenueMicros: 0n, costMicros: 5n })).toEqual({ marginMicros: -5n, ratio: null });
  });

  it('breakEvenTokens: 3473 micros of training, sold at 2.00 a million, served at 0.111112', () => {
    // 2,000,000 − 111,112 = 1,888,888 micros a million tokens; 3473 × 10^6 ÷ 1,888,888 = 1838.6…, up: 1839.
    const rates = { outputPriceMicrosPerMillion: 2_000_000n, servingCostMicrosPerMillion: 111_112n };
    expect(breakEvenTokens({ trainingCostMicros: 3473n, ...rates })).toBe(1839n);
    expect(breakEvenTokens({ trainingCostMicros: 0n, ...rates })).toBe(0n);
    const atCost = { outputPriceMicrosPerMillion: 111_112n, servingCostMicrosPerMillion: 111_112n };
    expect(breakEvenTokens({ trainingCostMicros: 3473n, ...atCost })).toBeNull();
  });

  it('priceFloor: one micro under the cost is under the cost', () => {
    const verdict = (priceMicrosPerMillion: bigint) =>
      priceFloor({ priceMicrosPerMillion, servingCostMicrosPerMillion: 111_112n });
    expect(verdict(111_111n)).toEqual({ verdict: 'below-cost', contributionMicrosPerMillion: -1n });
    expect(verdict(111_112n)).toEqual({ verdict: 'at-or-above-cost', contributionMicrosPerMillion: 0n });
  });
});

describe('always', () => {
  it('margin + cost = revenue, and the ratio times revenue is the margin', () => {
    fc.assert(
      fc.property(price, price, (revenueMicros, costMicros) => {
        const { marginMicros, ratio } = grossMargin({ revenueMicros, costMicros });
        expect(marginMicros + costMicros).toBe(revenueMicros);
        expect(ratio === null).toBe(revenueMicros === 0n);
        if (ratio !== null) expect(ratio.numerator * revenueMicros).toBe(marginMicros * ratio.denominator);
      }),
    );
  });

  it('break-even is the first token count that earns the training back', () => {
    fc.assert(
      fc.property(
        price,
        price,
        price,
        (trainingCostMicros, outputPriceMicrosPerMillion, servingCostMicrosPerMillion) => {
          const facts = { trainingCostMicros, outputPriceMicrosPerMillion, servingCostMicrosPerMillion };
          const tokens = breakEvenTokens(facts);
          const contribution = outputPriceMicrosPerMillion - servingCostMicrosPerMillion;
          const owed = trainingCostMicros * 1_000_000n;
          if (tokens === null) {
            expect(contribution <= 0n && owed > 0n).toBe(true);
          } else {
            expect(owed === 0n || tokens * contribution >= owed).toBe(true);
            if (tokens > 0n) expect((tokens - 1n) * contribution < owed).toBe(true);
          }
        },
      ),
    );
  });

  it('more time, a dearer machine, a slower engine never cost less', () => {
    const positive = fc.double({ min: 1e-6, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(positive, positive, price, price, (a, b, c, d) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        const [cheap, dear] = c < d ? [c, d] : [d, c];
        expect(trainingCost({ wallSeconds: less, hourlyMicros: cheap })).toBeLessThanOrEqual(
          trainingCost({ wallSeconds: more, hourlyMicros: dear }),
        );
        const fast = servingCostPerMillionTokens({ hourlyMicros: cheap, tokensPerSecond: more });
        const slow = servingCostPerMillionTokens({ hourlyMicros: dear, tokensPerSecond: less });
        expect(fast !== null && slow !== null && fast <= slow).toBe(true);
      }),
    );
  });

  it('the tokens an hour serves cost about that hour: the serving cost is throughput turned round', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), price, (tokensPerSecond, hourlyMicros) => {
        const perMillion = servingCostPerMillionTokens({ hourlyMicros, tokensPerSecond }) ?? -1n;
        const tokensPerHour = BigInt(tokensPerSecond) * 3600n;
        const excess = perMillion * tokensPerHour - hourlyMicros * 1_000_000n;
        expect(excess >= 0n && excess < tokensPerHour).toBe(true);
      }),
    );
  });
});

describe('measurements', () => {
  it('are read as the decimal a person sees', () => {
    expect(exactly(0.1, 'x')).toEqual({ numerator: 1n, denominator: 10n });
    expect(exactly(1.5e-7, 'x')).toEqual({ numerator: 15n, denominator: 100_000_000n });
    expect(exactly(2e21, 'x')).toEqual({ numerator: 2_000_000_000_000_000_000_000n, denominator: 1n });
    fc.assert(
      fc.property(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true, max: 1e15 }), (value) => {
        const { numerator, denominator } = exactly(value, 'x');
        expect(Number(`${numerator}e-${denominator.toString().length - 1}`)).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuse %s', (value) => {
    expect(() => trainingCost({ wallSeconds: value, hourlyMicros: 1n })).toThrow(/seconds: .* is not a quantity/);
  });

  it.each([
    [1n, 3n, '33.3'],
    [-1n, 8n, '−12.5'],
    [-1n, 100_000n, '0.0'],
    [2n, 3n, '66.7'],
  ])('percentText(%s/%s) = %s', (numerator, denominator, text) => {
    expect(percentText({ numerator, denominator })).toBe(text);
  });
});
