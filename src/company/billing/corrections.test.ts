import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { useModel } from '../../../tests/use-model.js';
import { manualClock } from '../../base/clock.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { correctUsage, dropUsageBefore, recordLateUsage } from './corrections.js';
import { type Books, createCustomer } from './customers.js';
import { createKey } from './keys.js';
import { balanceOf, grantCredit, ledgerEntriesOf } from './ledger.js';
import { type Meter, createMeter } from './meter.js';
import { parsePriceBook } from './price-book.js';
import { setPrice } from './prices.js';
import { publishPriceBook } from './publish-prices.js';
import type { UsageStatus } from './settlement.js';
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
const use = (keyHash: string, inputTokens: number, outputTokens: number, status?: UsageStatus): Promise<string> =>
  useModel(meter, clock, { keyHash, inputTokens, outputTokens, ...(status === undefined ? {} : { status }) });
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

/** What a customer was charged for all events and paid, and what of it was written off. */
async function paidBy(customerId: string) {
  const [row] = await scratch.database.sql<{ charged: bigint; writtenOff: bigint }[]>`
    select coalesce(sum(u.charged_micros), 0)::bigint as charged, coalesce(sum(w.micros), 0)::bigint as "writtenOff"
      from moat.usage_events u left join lateral (
        select sum(e.amount_micros) as micros from moat.journal_transactions t join moat.journal_entries e on e.transaction_id = t.id
          join moat.accounts a on a.id = e.account_id and a.kind = 'write-offs' where t.usage_event_id = u.id collate "default") w on true
     where u.customer_id = ${customerId}`;
  return row;
}

test('what its tokens had made another event of the month cost comes back with a correction, which costs less than nothing', async () => {
  const customer = await newCustomer('tiers', 10_000n);
  const first = await use(customer.keyHash, 0, 1);
  const second = await use(customer.keyHash, 0, 11);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(10_000n);
  // 101 tokens, of which 100 are free
  expect(await correctUsage(books, first, counts(0, 90), 'undercounted')).toMatchObject({ chargedMicros: 5n });
  const corrected = await correctUsage(books, second, counts(0, 0), 'never happened');
  expect(corrected).toMatchObject({ chargedBeforeMicros: 0n, chargedMicros: -5n });
  expect(await ledgerEntriesOf(books, corrected.correctedId)).toMatchObject([
    { account: 'revenue', amountMicros: 5n },
    { account: 'prepaid', customerId: customer.id, amountMicros: -5n },
  ]);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(10_000n);
  // taken back again, and given again
  await correctUsage(books, `${second}-c`, counts(0, 11), 'it did');
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(9_995n);
  expect(await correctUsage(books, `${second}-c-c`, counts(0, 9), 'some')).toMatchObject({ chargedMicros: -5n });
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(10_000n);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('what came back and is spent cannot be taken again: it is written off, and a further correction begins with that', async () => {
  const customer = await newCustomer('tiers', 600n);
  const first = await use(customer.keyHash, 0, 100);
  await use(customer.keyHash, 0, 100);
  expect(await correctUsage(books, first, counts(0, 0), 'x')).toMatchObject({ chargedMicros: -500n });
  await use(customer.keyHash, 0, 100);
  await correctUsage(books, `${first}-c`, counts(0, 100), 'x');
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(0n);
  expect(await paidBy(customer.id)).toEqual({ charged: 1000n, writtenOff: 400n });
  await correctUsage(books, `${first}-c-c`, counts(0, 50), 'x');
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(0n);
  expect(await paidBy(customer.id)).toEqual({ charged: 750n, writtenOff: 150n });
  await correctUsage(books, `${first}-c-c-c`, counts(0, 0), 'x');
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(100n);
  expect(await paidBy(customer.id)).toEqual({ charged: 500n, writtenOff: 0n });
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('where the price changed within a month, what was used later moves along the tiers', async () => {
  const output = { kind: 'graduated', tiers: [{ upTo: 1000, price: '9.00' }, { price: '2.00' }] };
  const book = { name: 'changing', currency: 'USD', models: { poet: { output } } };
  await publishPriceBook(books, parsePriceBook(book, 'book'));
  const customer = await newCustomer('changing', 1_000_000n);
  const first = await use(customer.keyHash, 0, 500);
  clock.advance(500);
  const dearer = { ...output, tiers: [{ upTo: 700, price: '4.00' }, { price: '1.00' }] };
  await publishPriceBook(books, parsePriceBook({ ...book, models: { poet: { output: dearer } } }, 'book'));
  const second = await use(customer.keyHash, 0, 800);
  expect(await paidBy(customer.id)).toMatchObject({ charged: 500n * 9n + 200n * 4n + 600n });
  await correctUsage(books, first, counts(0, 100), 'x');
  expect(await paidBy(customer.id)).toMatchObject({ charged: 100n * 9n + 600n * 4n + 200n });
  await correctUsage(books, second, counts(0, 500), 'x');
  await correctUsage(books, `${first}-c`, counts(0, 0), 'x');
  expect(await paidBy(customer.id)).toMatchObject({ charged: 500n * 4n });
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('a failed answer stays free and out of every tier, however often it is corrected', async () => {
  const customer = await newCustomer('tiers', 1_000_000n);
  await use(customer.keyHash, 0, 200);
  const failed = await use(customer.keyHash, 0, 300, 'failed');
  await correctUsage(books, failed, counts(0, 700), 'x');
  await correctUsage(books, `${failed}-c`, counts(0, 900), 'x');
  await use(customer.keyHash, 0, 100);
  expect(await paidBy(customer.id)).toEqual({ charged: 1000n, writtenOff: 0n });
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
