import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BusinessFacts, businessSummary, type PeriodFacts } from './business-summary.js';
import { percentText } from './measurement.js';

const nothingSold: PeriodFacts = {
  requests: 0,
  inputTokens: 0,
  outputTokens: 0,
  revenueMicros: 0n,
  computeSeconds: null,
  boughtMicros: 0n,
};
const unmeasured: BusinessFacts = {
  currency: 'USD',
  hourlyMicros: null,
  trainingWallSeconds: null,
  decodeTokensPerSecond: null,
  prefillTokensPerSecond: null,
  inputPriceMicrosPerMillion: null,
  outputPriceMicrosPerMillion: null,
  today: nothingSold,
  total: nothingSold,
};
const sold: PeriodFacts = {
  requests: 3,
  inputTokens: 90,
  outputTokens: 600,
  revenueMicros: 1290n,
  computeSeconds: 3,
  boughtMicros: 0n,
};
const measured: BusinessFacts = {
  currency: 'USD',
  hourlyMicros: 100_000n,
  trainingWallSeconds: 125,
  decodeTokensPerSecond: 250,
  prefillTokensPerSecond: 5000,
  inputPriceMicrosPerMillion: 1_000_000n,
  outputPriceMicrosPerMillion: 2_000_000n,
  today: sold,
  total: sold,
};

describe('businessSummary', () => {
  it('adds up a day worked by hand', () => {
    const summary = businessSummary(measured);
    expect(summary.trainingCostMicros).toBe(3473n); // 125 ÷ 3600 × 100,000, up
    expect(summary.outputCostMicrosPerMillion).toBe(111_112n); // 100,000 ÷ (250 × 3600) × 10^6, up
    expect(summary.inputCostMicrosPerMillion).toBe(5556n); // 100,000 ÷ (5000 × 3600) × 10^6 = 5555.5̅, up
    expect(summary.today.costMicros).toBe(84n); // 3 ÷ 3600 × 100,000 = 83.3̅, up
    expect(summary.today.marginMicros).toBe(1206n); // 1290 − 84
    expect(summary.today.marginRatio && percentText(summary.today.marginRatio)).toBe('93.5'); // 1206 ÷ 1290
    expect(summary.outputPriceFloor?.verdict).toBe('at-or-above-cost');
    // Owed: 3473 − 1206 = 2267; 2267 × 10^6 ÷ 1,888,888 = 1200.2, up.
    expect(summary.breakEven).toEqual({ state: 'ahead', tokensFromZero: 1839n, tokensRemaining: 1201n });
  });

  it('says unknown, not 0, for everything that was not measured', () => {
    const summary = businessSummary(unmeasured);
    expect(summary).toMatchObject({
      trainingCostMicros: null,
      inputCostMicrosPerMillion: null,
      outputCostMicrosPerMillion: null,
      inputPriceFloor: null,
      outputPriceFloor: null,
      today: { revenueMicros: 0n, costMicros: null, marginMicros: null, marginRatio: null },
      breakEven: { state: 'unknown', tokensRemaining: null },
    });
  });

  it('tells a price that never pays from one that has paid already', () => {
    const cheap = { ...measured, outputPriceMicrosPerMillion: 100_000n };
    expect(businessSummary(cheap).breakEven.state).toBe('never');
    expect(businessSummary(cheap).outputPriceFloor?.verdict).toBe('below-cost');
    const paid = { ...cheap, total: { ...sold, revenueMicros: 1_000_000n } };
    expect(businessSummary(paid).breakEven).toMatchObject({ state: 'reached', tokensRemaining: 0n });
  });

  it('is unknown whenever any one fact it needs is missing', () => {
    const needed = [
      'hourlyMicros',
      'trainingWallSeconds',
      'decodeTokensPerSecond',
      'outputPriceMicrosPerMillion',
    ] as const;
    for (const fact of needed) {
      expect(businessSummary({ ...measured, [fact]: null }).breakEven.state, fact).toBe('unknown');
    }
  });

  it('never owes more for having sold more at a profit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10_000n }), fc.bigInt({ min: 0n, max: 10_000n }), (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        const remaining = (revenueMicros: bigint) =>
          businessSummary({ ...measured, total: { ...sold, revenueMicros } }).breakEven.tokensRemaining ?? -1n;
        expect(remaining(more) <= remaining(less)).toBe(true);
      }),
    );
  });
});
