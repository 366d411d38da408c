import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentText } from './measurement.js';
import {
  type CustomerMonth,
  churnInMonth,
  churnOf,
  cohortsOf,
  expectedMonths,
  lifetimeValue,
  netRevenueRetention,
  newCustomers,
} from './retention.js';

const row = (customerId: string, month: string, revenueMicros: bigint): CustomerMonth => ({
  customerId,
  month,
  revenueMicros,
  contributionMicros: revenueMicros / 2n,
});
/** Ann pays 10, 20, 30; Bob 10 and leaves; Cem comes in November with 5. */
const rows = [
  row('ann', '2026-09', 10n),
  row('ann', '2026-10', 20n),
  row('ann', '2026-11', 30n),
  row('bob', '2026-09', 10n),
  row('bob', '2026-10', 0n),
  row('cem', '2026-11', 5n),
];

describe('worked by hand', () => {
  it('churn: of Ann in September and October and Bob in September, Bob was lost', () => {
    expect(churnOf(rows, '2026-11')).toMatchObject({ atRisk: 3, lost: 1 });
    expect(churnOf(rows, '2026-11').monthly?.value).toBeCloseTo(1 / 3, 12);
    expect(churnInMonth(rows, '2026-10')).toMatchObject({ atRisk: 2, lost: 1 });
    expect(churnInMonth(rows, '2026-11')).toMatchObject({ atRisk: 1, lost: 0 });
  });

  it('net revenue retention: October 20 of 20 in September; November 30 of 20', () => {
    const text = (month: string) => {
      const rate = netRevenueRetention(rows, month);
      return rate === null ? null : percentText(rate);
    };
    expect([text('2026-09'), text('2026-10'), text('2026-11')]).toEqual([null, '100.0', '150.0']);
  });

  it('cohorts', () => {
    const [september, november] = cohortsOf(rows, '2026-11');
    expect(september).toMatchObject({ month: '2026-09', customers: 2, active: [2, 1, 1] });
    // Contributions 5, 10, 15 and 5 over 4 customer-months: 8.75, down.
    expect(september?.contributionMicros).toBe(8n);
    // 8 × (1 − (2⁄3)^36) ÷ (1⁄3) = 23.99998, down.
    expect(september?.lifetimeValue?.valueMicros).toBe(23n);
    // Nobody of November's was at risk yet: what they are worth is not known.
    expect(november).toMatchObject({
      customers: 1,
      active: [1],
      churn: { atRisk: 0, monthly: null },
      lifetimeValue: null,
    });
    expect(newCustomers(rows, '2026-11')).toEqual(['cem']);
  });

  it('zero churn: contribution × 36 months, with an honest lower end', () => {
    const loyal = [row('a', '2026-09', 100n), row('a', '2026-10', 100n), row('a', '2026-11', 100n)];
    const [cohort] = cohortsOf(loyal, '2026-11');
    expect(cohort?.lifetimeValue).toMatchObject({ valueMicros: 1800n, highMicros: 1800n });
    expect(cohort?.lifetimeValue?.lowMicros).toBeLessThan(100n);
  });

  it('nobody, and an unknown cost', () => {
    expect(cohortsOf([], '2026-11')).toEqual([]);
    expect(churnOf([], '2026-11')).toEqual({ atRisk: 0, lost: 0, monthly: null });
    const dark = rows.map((each) => ({ ...each, contributionMicros: null }));
    expect(cohortsOf(dark, '2026-11')[0]).toMatchObject({ contributionMicros: null, lifetimeValue: null });
  });
});

describe('properties', () => {
  it('a lifetime is between one month and all of them, and shorter with more churn', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        expect(expectedMonths(more, 36)).toBeLessThanOrEqual(expectedMonths(less, 36));
        expect(expectedMonths(more, 36)).toBeGreaterThanOrEqual(1);
        expect(expectedMonths(less, 36)).toBeLessThanOrEqual(36);
      }),
    );
  });

  it('the value lies within its ends, for losses too', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -1_000_000n, max: 1_000_000n }),
        fc.nat(50),
        fc.nat(50),
        (contribution, lost, more) => {
          const trials = lost + more + 1;
          const history = Array.from({ length: trials }, (_, i) => row(`c${i}`, '2026-09', 1n));
          const kept = Array.from({ length: trials - lost }, (_, i) => row(`c${i}`, '2026-10', 1n));
          const churn = churnOf([...history, ...kept], '2026-10');
          expect(churn).toMatchObject({ atRisk: trials, lost });
          if (churn.monthly === null) throw new Error('somebody was at risk');
          const { valueMicros, lowMicros, highMicros } = lifetimeValue(contribution, churn.monthly);
          expect(lowMicros <= valueMicros && valueMicros <= highMicros).toBe(true);
        },
      ),
    );
  });
});
