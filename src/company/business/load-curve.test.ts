import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type LoadCurve,
  breakEvenLoad,
  capacityOf,
  fullLoadCost,
  parseLoadCurve,
  pointsOf,
  servingCostAtLoad,
} from './load-curve.js';

const round = (decodeTokensPerSecond: number, failed = 0) => ({
  prefillTokensPerSecond: decodeTokensPerSecond * 10,
  decodeTokensPerSecond,
  firstTokenMs: { p50: 10, p95: 20 },
  perTokenMs: { p50: 4, p95: 6 },
  requests: 4,
  failed,
});
const curve: LoadCurve = {
  schemaVersion: 1,
  measuredAt: '2026-11-01T00:00:00Z',
  model: 'shop',
  target: 'own gateway',
  inputTokens: 64,
  outputTokens: 32,
  points: [
    { concurrency: 1, rounds: [round(100), round(100), round(100)] },
    { concurrency: 2, rounds: [round(180), round(200), round(220)] },
    { concurrency: 4, rounds: [round(400, 1)] },
  ],
};
const point = capacityOf(curve);
if (point === null) throw new Error('there is a point without a failure');

describe('the curve', () => {
  it('has its capacity where most was served without a failure, with the spread of the rounds', () => {
    expect(point.concurrency).toBe(2);
    expect(point.decode.value).toBe(200);
    // Deviations −20, 0, 20: variance 400; 4.303 × √(400 ÷ 3) = 49.69.
    expect(point.decode.low).toBeCloseTo(150.31, 2);
    expect(point.decode.high).toBeCloseTo(249.69, 2);
    expect(pointsOf(curve).map(({ failed }) => failed)).toEqual([0, 0, 1]);
    const [, , last] = curve.points;
    expect(capacityOf({ ...curve, points: last === undefined ? [] : [last] })).toBeNull();
  });

  it('is read back as it was written, and refused otherwise', () => {
    expect(parseLoadCurve(JSON.parse(JSON.stringify(curve)), 'x')).toEqual(curve);
    expect(() => parseLoadCurve({ ...curve, points: [] }, 'load-curve.json')).toThrow('load-curve.json: points');
  });
});

describe('servingCostAtLoad', () => {
  it('a machine of 0.36 an hour, busy a tenth of ten hours', () => {
    // Reading 3,600,000 ÷ 2000 = 1800 s, writing 360,000 ÷ 200 = 1800 s: 3600 of 36,000 s paid, a tenth.
    const load = { inputTokens: 3_600_000, outputTokens: 360_000, hours: 10 };
    const cost = servingCostAtLoad({ hourlyMicros: 360_000n, load, point });
    expect(cost?.utilisation).toBeCloseTo(0.1, 12);
    expect(cost?.totalMicros).toBe(3_600_000n);
    expect(fullLoadCost({ hourlyMicros: 360_000n, point }).outputMicrosPerMillion).toBe(500_000n); // 360,000 ÷ (200 × 3600) × 10^6
    expect(cost?.outputMicrosPerMillion).toBe(5_000_000n); // half of 3,600,000 over 0.36 million; ten times the floor
    expect(cost?.inputMicrosPerMillion).toBe(500_000n); // the other half over 3.6 million
  });

  it('has nobody to share an idle hour among, and no cost of no hour', () => {
    const idle = servingCostAtLoad({ hourlyMicros: 1n, load: { inputTokens: 0, outputTokens: 0, hours: 1 }, point });
    expect(idle).toMatchObject({
      utilisation: 0,
      totalMicros: 1n,
      inputMicrosPerMillion: null,
      outputMicrosPerMillion: null,
    });
    expect(
      servingCostAtLoad({ hourlyMicros: 1n, load: { inputTokens: 1, outputTokens: 1, hours: 0 }, point }),
    ).toBeNull();
  });

  it('shares out all that was paid, and never less', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e7 }),
        fc.integer({ min: 1, max: 1e7 }),
        fc.integer({ min: 1, max: 744 }),
        (i, o, hours) => {
          const cost = servingCostAtLoad({
            hourlyMicros: 350_000n,
            load: { inputTokens: i, outputTokens: o, hours },
            point,
          });
          if (cost === null) throw new Error('hours were paid');
          const shared = (Number(cost.inputMicrosPerMillion) * i + Number(cost.outputMicrosPerMillion) * o) / 1e6;
          expect(shared).toBeGreaterThanOrEqual(Number(cost.totalMicros) * (1 - 1e-9));
          expect(shared).toBeLessThanOrEqual(Number(cost.totalMicros) * (1 + 1e-9) + (i + o) / 1e6);
        },
      ),
    );
  });
});

describe('breakEvenLoad', () => {
  const load = { inputTokens: 0, outputTokens: 1_000_000, hours: 100 };

  it('0.36 an hour at 2.00 a million', () => {
    // A token earns 2 micros; 360,000 ÷ 3600 = 100 micros a second: 50 tokens a second, a quarter of 200.
    const even = breakEvenLoad({ hourlyMicros: 360_000n, revenueMicros: 2_000_000n, load, point });
    expect(even?.outputTokensPerSecond).toBeCloseTo(50, 12);
    expect(even?.utilisation.value).toBeCloseTo(0.25, 12);
    // 50 ÷ 249.687 and 50 ÷ 150.313: a slower machine is fuller.
    expect(even?.utilisation.low).toBeCloseTo(0.20025, 5);
    expect(even?.utilisation.high).toBeCloseTo(0.33264, 5);
    expect(breakEvenLoad({ hourlyMicros: 1n, revenueMicros: 0n, load, point })).toBeNull();
  });

  it('is the inverse of revenue: sold at that load for an hour, it earns the hour', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1000, max: 1e7 }), (hourly, revenue) => {
        const even = breakEvenLoad({ hourlyMicros: BigInt(hourly), revenueMicros: BigInt(revenue), load, point });
        const earned = ((even?.outputTokensPerSecond ?? 0) * 3600 * revenue) / load.outputTokens;
        expect(earned).toBeCloseTo(hourly, 4);
      }),
    );
  });
});
