import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startOfPeriod } from './periods.js';
import { prorate, roundHalfUp, roundToPayable } from './proration.js';
import { addMonths, dayAt, isStartOfMonth, startOf } from './time-zone.js';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Havana',
  'Asia/Shanghai',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Africa/Cairo',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Pacific/Chatham',
] as const;

test.each([
  // An ordinary day; one that begins in summer time and one that ends it.
  ['Europe/Berlin', '2030-01-31', '2030-01-30T23:00:00Z'],
  ['Europe/Berlin', '2030-03-31', '2030-03-30T23:00:00Z'],
  ['Europe/Berlin', '2030-04-01', '2030-03-31T22:00:00Z'],
  ['America/New_York', '2030-11-03', '2030-11-03T04:00:00Z'],
  ['America/New_York', '2030-11-04', '2030-11-04T05:00:00Z'],
  ['Asia/Kathmandu', '2030-01-01', '2029-12-31T18:15:00Z'],
  // Clocks skip midnight: the day begins at one o'clock.
  ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00Z'],
  ['Asia/Beirut', '2024-03-31', '2024-03-30T22:00:00Z'],
  // Clocks show midnight twice: the day begins the first time.
  ['America/Havana', '2024-11-03', '2024-11-03T04:00:00Z'],
] as const)('in %s, %s begins at %s', (zone, day, instant) => {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  expect(startOf({ year, month, day: date }, zone).toISOString()).toBe(new Date(instant).toISOString());
});

const zone = fc.constantFrom(...ZONES);
const instant = fc.date({ min: new Date('2020-01-01'), max: new Date('2035-01-01'), noInvalidDate: true });

test('periods tile time, in every zone: each ends where the next begins, and none is longer than a month', () => {
  fc.assert(
    fc.property(zone, instant, fc.option(fc.integer({ min: 1, max: 40 })), (timeZone, startedAt, trialDays) => {
      const paidFrom = trialDays === null ? startedAt : new Date(startedAt.getTime() + trialDays * 86_400_000);
      const anchor = { startedAt, paidFrom, timeZone };
      const first = dayAt(paidFrom, timeZone);
      const paid = trialDays === null ? 0 : 1;
      for (let period = 0; period < 26; period++) {
        const [begin, end] = [startOfPeriod(anchor, period), startOfPeriod(anchor, period + 1)];
        expect(end.getTime()).toBeGreaterThan(begin.getTime());
        if (period > paid) {
          expect(dayAt(begin, timeZone)).toEqual(addMonths(first, period - paid));
          // The last instant before it is still the day before.
          expect(dayAt(new Date(begin.getTime() - 1), timeZone)).not.toEqual(dayAt(begin, timeZone));
          expect((end.getTime() - begin.getTime()) / 86_400_000).toBeGreaterThan(27.8);
          expect((end.getTime() - begin.getTime()) / 86_400_000).toBeLessThan(31.2);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('months begin with their first day', () => {
  expect(isStartOfMonth(new Date('2030-01-31T16:00:00Z'), 'Asia/Shanghai')).toBe(true);
  expect(isStartOfMonth(new Date('2030-02-01T00:00:00Z'), 'Asia/Shanghai')).toBe(false);
  expect(addMonths({ year: 2028, month: 1, day: 31 }, 1)).toEqual({ year: 2028, month: 2, day: 29 });
});

test('the parts of an amount, however its period is cut, sum to the whole', () => {
  const amount = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n });
  const cuts = fc.array(fc.integer({ min: 0, max: 2_678_400 }), { maxLength: 8 });
  fc.assert(
    fc.property(amount, instant, cuts, (whole, startsAt, seconds) => {
      const at = (second: number): Date => new Date(startsAt.getTime() + second * 1000);
      const period = { startsAt, endsAt: at(2_678_400) };
      const edges = [0, ...seconds.toSorted((a, b) => a - b), 2_678_400];
      const parts = edges.slice(1).map((to, index) => prorate(whole, period, at(edges[index] ?? 0), at(to)));
      expect(parts.reduce((a, b) => a + b, 0n)).toBe(whole);
      // Each is within a micro-unit of its exact share.
      for (const [index, part] of parts.entries()) {
        const share = whole * BigInt((edges[index + 1] ?? 0) - (edges[index] ?? 0));
        const off = part * 2_678_400n - share;
        expect((off < 0n ? -off : off) <= 2_678_400n).toBe(true);
      }
    }),
  );
});

test('halves go away from zero; what is to be paid is whole cents, where there are cents', () => {
  expect([5n, -5n, 4n, -4n].map((numerator) => roundHalfUp({ numerator, denominator: 10n }))).toEqual([
    1n,
    -1n,
    0n,
    0n,
  ]);
  expect(roundToPayable(1_235_000n, 'USD')).toBe(1_240_000n);
  expect(roundToPayable(1_500_000n, 'JPY')).toBe(2_000_000n);
  expect(roundToPayable(1_234_500n, 'KWD')).toBe(1_235_000n);
});
