import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blendedCost, channelCosts, paybackOf } from './acquisition.js';
import { runwayOf, trainingPayback } from './outlook.js';
import { recurringRevenue } from './recurring.js';

const now = new Date('2026-11-30T00:00:00Z');

describe('trainingPayback', () => {
  it('owes 70, earns 10 in 5 days: 35 days', () => {
    const pace = { contributionMicros: 10n, days: 5 };
    const payback = trainingPayback({ trainingMicros: 100n, earnedMicros: 30n, pace, now });
    expect(payback).toEqual({ state: 'ahead', date: new Date('2027-01-04T00:00:00Z') });
  });

  it('was reached, never will be, or is not known', () => {
    const pace = { contributionMicros: 0n, days: 5 };
    expect(trainingPayback({ trainingMicros: 1n, earnedMicros: 1n, pace, now }).state).toBe('reached');
    expect(trainingPayback({ trainingMicros: 2n, earnedMicros: 1n, pace, now }).state).toBe('never');
    expect(trainingPayback({ trainingMicros: null, earnedMicros: 1n, pace, now }).state).toBe('unknown');
    const slow = { contributionMicros: 1n, days: 30 };
    expect(trainingPayback({ trainingMicros: 10n ** 12n, earnedMicros: 0n, pace: slow, now }).state).toBe('never');
  });

  it('at the pace itself, the date has earned what was owed, and the day before has not', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 100_000n }),
        fc.bigInt({ min: 100n, max: 10_000n }),
        fc.integer({ min: 1, max: 31 }),
        (owed, contribution, days) => {
          const payback = trainingPayback({
            trainingMicros: owed,
            earnedMicros: 0n,
            pace: { contributionMicros: contribution, days },
            now,
          });
          if (payback.state !== 'ahead') throw new Error('it has a pace');
          const after = BigInt((payback.date.getTime() - now.getTime()) / 86_400_000);
          expect(after * contribution >= owed * BigInt(days)).toBe(true);
          expect((after - 1n) * contribution < owed * BigInt(days)).toBe(true);
        },
      ),
    );
  });
});

it('runway: 1000 at 300 a month is 3 whole months', () => {
  expect(runwayOf(1000n, -300n)).toEqual({ state: 'months', months: 3n, burnMicros: 300n });
  expect(runwayOf(1000n, 0n).state).toBe('growing');
  expect(runwayOf(0n, -1n)).toMatchObject({ months: 0n });
  expect(runwayOf(null, -1n).state).toBe('unknown');
});

it('channels: 100 for 3 customers is 33.3̅ each, up', () => {
  const channels = [
    { name: 'search', spendMicros: 100n, customers: ['a', 'b', 'c', 'old'] },
    { name: 'fair', spendMicros: 50n, customers: [] },
    { name: 'word of mouth', spendMicros: null, customers: ['d'] },
  ];
  expect(channelCosts(channels, ['a', 'b', 'c', 'd', 'e'])).toEqual([
    { name: 'search', spendMicros: 100n, newCustomers: 3, costMicros: 34n },
    { name: 'fair', spendMicros: 50n, newCustomers: 0, costMicros: null },
    { name: 'word of mouth', spendMicros: null, newCustomers: 1, costMicros: null },
    { name: null, spendMicros: null, newCustomers: 1, costMicros: null },
  ]);
  expect(blendedCost(150n, 5)).toBe(30n);
  expect(channelCosts([], [])).toEqual([]);
});

it('payback: 90 at 30 a month is 3 months', () => {
  expect(paybackOf(90n, 30n)).toEqual({ state: 'months', months: { numerator: 90n, denominator: 30n } });
  expect(paybackOf(90n, 0n).state).toBe('never');
  expect(paybackOf(null, 1n).state).toBe('unknown');
  expect(paybackOf(0n, 0n).state).toBe('months');
});

it('recurring revenue: trials and what ended are not in it', () => {
  const at = (paidFrom: string, endedAt: string | null, monthlyMicros: bigint) => ({
    customerId: 'c',
    customerName: 'c',
    plan: 'pro',
    monthlyMicros,
    paidFrom: new Date(paidFrom),
    endedAt: endedAt === null ? null : new Date(endedAt),
  });
  const all = [
    at('2026-10-01', null, 20n),
    at('2026-12-05', null, 300n),
    at('2026-01-01', '2026-11-30', 4000n),
    at('2026-01-01', '2026-12-31', 5n),
  ];
  expect(recurringRevenue(all, now)).toEqual({ subscriptions: 2, monthlyMicros: 25n, yearlyMicros: 300n });
  expect(recurringRevenue([], now)).toEqual({ subscriptions: 0, monthlyMicros: 0n, yearlyMicros: 0n });
});
