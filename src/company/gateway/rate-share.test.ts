/** The bound that several gateways keep together, whatever the order in which their questions arrive. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memoryLeases } from '../../../tests/memory-leases.js';
import { SHARES_A_MINUTE, RateShare } from './rate-share.js';

const MINUTE_MS = 60_000;

const step = fc.record({
  waitMs: fc.integer({ min: 0, max: 20_000 }),
  /** Asked for at one time, each at a gateway. */
  asks: fc.array(fc.record({ gateway: fc.nat(2), amount: fc.integer({ min: 0, max: 50 }) }), { maxLength: 8 }),
  /** Percent of an amount that an answer uses; the rest comes back. */
  used: fc.integer({ min: 0, max: 100 }),
  settles: fc.boolean(),
});

const setting = {
  perMinute: fc.integer({ min: 50, max: 2000 }),
  gateways: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(step, { maxLength: 60 }),
};

test('in any minute N gateways let through twice the limit and N shares at most, in many the limit a minute', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.record(setting), async (scheduler, { perMinute, gateways, steps }) => {
      let nowMs = 0;
      const database = memoryLeases(() => nowMs);
      const lease = scheduler.scheduleFunction(async (ask: Parameters<typeof database.answer>[0]) =>
        database.answer(ask),
      );
      const limit = { id: 'limit', kind: 'tokens' as const, perMinute };
      const shares = Array.from(
        { length: gateways },
        () => new RateShare(limit, { lease }, { monotonic: () => nowMs }),
      );
      const used: { atMs: number; amount: number }[] = [];
      for (const { waitMs, asks, used: percent, settles } of steps) {
        nowMs += waitMs;
        const taking = asks.map(async ({ gateway, amount }) => {
          const share = shares[gateway % gateways];
          if ((await share?.take(amount)) !== true) return;
          const kept = Math.floor((amount * percent) / 100);
          share?.put(amount - kept);
          used.push({ atMs: nowMs, amount: kept });
        });
        await scheduler.waitFor(Promise.all(taking));
        if (settles) await scheduler.waitFor(Promise.all(shares.map((share) => share.settle(false))));
      }
      const sumOf = (from: number, to: number): number =>
        used.filter(({ atMs }) => atMs >= from && atMs < to).reduce((sum, { amount }) => sum + amount, 0);
      const held = gateways * Math.floor(perMinute / SHARES_A_MINUTE);
      for (const { atMs } of used)
        expect(sumOf(atMs, atMs + MINUTE_MS)).toBeLessThanOrEqual(2 * perMinute + held + 1e-3);
      expect(sumOf(0, Infinity)).toBeLessThanOrEqual(perMinute + (perMinute * nowMs) / MINUTE_MS + 1e-3);
    }),
    { numRuns: 300 },
  );
});

test('what gateways hold is there for the others: a second after the last request, or when one ends', async () => {
  let nowMs = 0;
  const database = memoryLeases(() => nowMs);
  const limit = { id: 'limit', kind: 'requests' as const, perMinute: 100 };
  const clock = { monotonic: () => nowMs };
  const [idle, ending, asking] = [1, 2, 3].map(() => new RateShare(limit, database, clock));
  let served = 0;
  const takeAll = async (): Promise<void> => {
    while ((await asking?.take(1)) === true) served++;
  };
  await idle?.take(1);
  await ending?.take(1);
  await takeAll();
  // 5 at most with each of the two
  expect(served).toBeGreaterThanOrEqual(88);
  expect(served).toBeLessThan(98);
  await ending?.settle(true);
  nowMs += 1000;
  await idle?.settle(false);
  await takeAll();
  // and what flowed in: 1.67
  expect(served).toBe(99);
});
