import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryLeases } from '../../../tests/memory-leases.js';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { type LeaseAsk, createRateLeases, leaseAll } from './rate-leases.js';

let scratch: ScratchProject;
beforeAll(async () => {
  scratch = await openScratchProject();
});
afterAll(() => scratch.close());

const amount = fc.integer({ min: 0, max: 60 });
const asking = fc.record({
  waitMs: fc.integer({ min: -5000, max: 40_000 }),
  kind: fc.constantFrom('requests' as const, 'tokens' as const),
  needed: amount,
  spare: amount,
  back: amount,
});

test('the database leases as the model does, whatever is asked, in batches too', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 100 }),
      fc.array(asking, { maxLength: 12 }),
      async (perMinute, steps) => {
        let nowMs = Date.UTC(2030, 0, 1);
        const id = `limit ${runs++}`;
        const model = memoryLeases(() => nowMs);
        for (const { waitMs, ...rest } of steps) {
          nowMs += waitMs;
          const asks: LeaseAsk[] = [rest, { ...rest, back: 0 }].map((ask) => ({ ...ask, id, perMinute }));
          const leases = await leaseAll(scratch.database.sql, asks, new Date(nowMs));
          for (const [index, ask] of asks.entries()) {
            const expected = model.answer(ask);
            expect(leases[index]?.granted).toBe(expected.granted);
            expect(leases[index]?.left).toBeCloseTo(expected.left, 5);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('many at once through several connections never lease more than there is', async () => {
  const gateways = [1, 2, 3].map(() => createRateLeases(scratch.database));
  const ask: LeaseAsk = { id: 'racing', kind: 'tokens', perMinute: 100, needed: 3, spare: 5, back: 0 };
  const leases = await Promise.all(Array.from({ length: 90 }, (_, index) => gateways[index % 3]?.lease(ask)));
  const granted = leases.reduce((sum, lease) => sum + (lease?.granted ?? 0), 0);
  expect(granted).toBeLessThanOrEqual(101);
  expect(granted).toBeGreaterThan(95);
});

test('buckets that nobody uses are forgotten, those in use are not', async () => {
  const { sql } = scratch.database;
  const leases = createRateLeases(scratch.database);
  const ask: LeaseAsk = { id: 'old', kind: 'requests', perMinute: 100, needed: 60, spare: 0, back: 0 };
  await leases.lease(ask);
  await leases.lease({ ...ask, id: 'young' });
  await sql`update moat.rate_buckets set filled_at = now() - interval '3 minutes' where limit_id = 'old'`;
  await leases.sweep();
  const rows = await sql`select limit_id from moat.rate_buckets where limit_id in ('old', 'young')`;
  expect([...rows]).toEqual([{ limit_id: 'young' }]);
  expect((await leases.lease(ask)).left).toBe(40);
});
