import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { useModel } from '../../../tests/use-model.js';
import { manualClock } from '../../base/clock.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { correctUsage, dropUsageBefore, recordLateUsage } from './corrections.js';
import { type Books, createCustomer } from './customers.js';
import { createKey } from './keys.js';
import { balanceOf, grantCredit } from './ledger.js';
import { type Meter, createMeter } from './meter.js';
import { parsePriceBook } from './price-book.js';
import { setPrice } from './prices.js';
import { publishPriceBook } from './publish-prices.js';
import { usageOf } from './usage.js';

const clock = manualClock(Date.UTC(2030, 0, 31, 23, 59, 59));
let scratch: ScratchProject;
let books: Books;
let meter: Meter;

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  await setPrice(books, {
    model: 'poet',
    inputMicrosPerMillionTokens: 1_000_000n,
    outputMicrosPerMillionTokens: 2_000_000n,
  });
  const output = {
    kind: 'graduated',
    tiers: [{ upTo: 1000, price: '5.00' }, { upTo: 5000, price: '3.00' }, { price: '1.00' }],
    free: 100,
  };
  const book = {
    name: 'tiers',
    currency: 'USD',
    models: { poet: { input: { kind: 'flat', price: '0.333333' }, output } },
  };
  await publishPriceBook(books, parsePriceBook(book, 'book'));
});
afterAll(async () => {
  await meter.close();
  await scratch.close();
});

let customers = 0;
async function newCustomer(book = 'list', credit = 100_000_000n): Promise<{ id: string; keyHash: string }> {
  const { id } = await createCustomer(books, { name: `customer ${customers++}` });
  await scratch.database.sql`update moat.customers set book = ${book} where id = ${id}`;
  if (credit > 0n) await grantCredit(books, { customerId: id, amountMicros: credit });
  return { id, keyHash: hashOfKey((await createKey(books, { customerId: id })).secretKey) };
}
const use = (keyHash: string, inputTokens: number, outputTokens: number): Promise<string> =>
  useModel(meter, clock, { keyHash, inputTokens, outputTokens });
const counts = (inputTokens: number, outputTokens: number) => ({
  inputTokens,
  outputTokens,
  cachedInputTokens: 0,
  reasoningTokens: 0,
});

test('an event is taken back and stands anew: once, with its entries and hours; a correction can be corrected', async () => {
  const customer = await newCustomer();
  const id = await use(customer.keyHash, 1_000_000, 1_000_000);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(97_000_000n);
  const corrected = await correctUsage(books, id, counts(1_000_000, 500_000), 'counted twice');
  expect(corrected).toMatchObject({
    correctedId: `${id}-c`,
    chargedBeforeMicros: 3_000_000n,
    chargedMicros: 2_000_000n,
  });
  expect(await correctUsage(books, id, counts(1_000_000, 500_000), 'counted twice')).toEqual(corrected);
  await expect(correctUsage(books, id, counts(1, 1), 'again')).rejects.toMatchObject({ code: 'corrected-already' });
  await expect(correctUsage(books, `${id}-r`, counts(1, 1), 'again')).rejects.toMatchObject({ code: 'unknown-event' });
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(98_000_000n);
  await correctUsage(books, `${id}-c`, counts(0, 0), 'never happened');
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(100_000_000n);
  expect(
    (await usageOf(books, { customerId: customer.id }))
      .map(({ status, chargedMicros }) => [status, Number(chargedMicros)])
      .sort(),
  ).toEqual([
    ['corrected', 0],
    ['corrected', 2_000_000],
    ['finished', 3_000_000],
    ['reversed', -2_000_000],
    ['reversed', -3_000_000],
  ]);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('a correction upwards that no credit covers is written off, not overdrawn', async () => {
  const customer = await newCustomer('list', 3_000_000n);
  const id = await use(customer.keyHash, 1_000_000, 1_000_000);
  await correctUsage(books, id, counts(9_000_000, 1_000_000), 'undercounted');
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(0n);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('under tiers, corrections leave the month charged as if it had been counted right, but for an event that cannot cost less than nothing', async () => {
  const amount = fc.integer({ min: 0, max: 3000 });
  const event = fc.tuple(amount, amount);
  const run = async (events: readonly [number, number][], fixes: readonly [number, number, number][]) => {
    const customer = await newCustomer('tiers');
    const ids: string[] = [];
    for (const [input, output] of events) ids.push(await use(customer.keyHash, input, Math.max(output, 1)));
    for (const [place, input, output] of fixes) {
      const index = place % ids.length;
      const id = ids[index] ?? '';
      await correctUsage(books, id, counts(input, output), 'test');
      ids[index] = `${id}-c`;
    }
    const [row] = await scratch.database.sql`
      select u.charged_micros, moat.rate_all(p.charges, u.input, u.cached_input, u.output, u.requests) as rated,
             (select sum(charged_micros)::bigint from moat.usage_events e where e.customer_id = u.customer_id) as events,
             (select sum(output_tokens)::bigint from moat.usage_events e where e.customer_id = u.customer_id) as output, u.output as counted,
             exists (select 1 from moat.usage_events e
                      where e.customer_id = u.customer_id and e.status = 'corrected' and e.charged_micros = 0) as "isAtFloor"
        from moat.rated_usage u join moat.prices p on p.book = u.book and p.model = u.model where u.customer_id = ${customer.id}`;
    // what its tokens had made another event cost stays with that one
    if (row?.['isAtFloor'] === true) expect(row['charged_micros']).toBeGreaterThanOrEqual(row['rated'] as bigint);
    else expect(row?.['charged_micros']).toBe(row?.['rated']);
    expect(row?.['events']).toBe(row?.['charged_micros']);
    expect(row?.['output']).toBe(row?.['counted']);
  };
  const fix = fc.tuple(fc.nat(10), amount, amount);
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 6 }), fc.array(fix, { maxLength: 3 }), run),
    {
      numRuns: 12,
      examples: [
        [
          [
            [0, 0],
            [0, 11],
          ],
          [
            [0, 0, 90],
            [3, 0, 0],
          ],
        ],
      ],
    },
  );
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('late usage is charged once, by the price of its time, and never beyond the credit', async () => {
  const customer = await newCustomer('list', 5_000_000n);
  const time = new Date(clock.now());
  clock.advance(86_400_000);
  await setPrice(books, {
    model: 'poet',
    inputMicrosPerMillionTokens: 9_000_000n,
    outputMicrosPerMillionTokens: 9_000_000n,
  });
  const usage = { customerId: customer.id, model: 'poet', time, reference: 'gpu-7/1', ...counts(1_000_000, 1_000_000) };
  const [first, second] = await Promise.all([recordLateUsage(books, usage), recordLateUsage(books, usage)]);
  expect(first).toEqual(second);
  expect(first.chargedMicros).toBe(3_000_000n);
  await expect(recordLateUsage(books, { ...usage, outputTokens: 1 })).rejects.toMatchObject({
    code: 'reference-taken',
  });
  await expect(recordLateUsage(books, { ...usage, reference: 'gpu-7/2' })).rejects.toMatchObject({
    code: 'insufficient-credit',
  });
  await expect(recordLateUsage(books, { ...usage, reference: 'x', time: new Date(0) })).rejects.toMatchObject({
    code: 'unpriced',
  });
  const poor = await newCustomer('list', 0n);
  await expect(recordLateUsage(books, { ...usage, customerId: poor.id })).rejects.toMatchObject({
    code: 'insufficient-credit',
  });
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(2_000_000n);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('old months are dropped whole, and the books still agree', async () => {
  clock.setWall(Date.UTC(2030, 1, 28));
  await meter.close();
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  const customer = await newCustomer();
  await use(customer.keyHash, 10, 10);
  clock.setWall(Date.UTC(2030, 3, 1));
  expect(await dropUsageBefore(books, '2030-01')).toBe(0n);
  expect(await dropUsageBefore(books, '2030-04')).toBeGreaterThan(5n);
  expect(await dropUsageBefore(books, '2030-04')).toBe(0n);
  expect(await usageOf(books)).toEqual([]);
  await expect(dropUsageBefore(books, '2030-13')).rejects.toMatchObject({ code: 'bad-month' });
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});
