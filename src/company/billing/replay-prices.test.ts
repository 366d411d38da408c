import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { useModel } from '../../../tests/use-model.js';
import { manualClock } from '../../base/clock.js';
import { hashOfKey } from './api-key.js';
import { type Books, createCustomer } from './customers.js';
import { createKey } from './keys.js';
import { grantCredit } from './ledger.js';
import { type Meter, createMeter } from './meter.js';
import { lowestPrices, parsePriceBook } from './price-book.js';
import { setPrice } from './prices.js';
import { replayPrices } from './replay-prices.js';
import { usageByMonth } from './usage.js';

// New Year's Eve in UTC is New Year's Day in Shanghai
const clock = manualClock(Date.UTC(2029, 11, 31, 15));
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
});
afterAll(async () => {
  await meter.close();
  await scratch.close();
});

async function customer(name: string): Promise<string> {
  const { id } = await createCustomer(books, { name });
  await grantCredit(books, { customerId: id, amountMicros: 10_000_000n });
  return hashOfKey((await createKey(books, { customerId: id })).secretKey);
}

const use = (keyHash: string, inputTokens: number, outputTokens: number): Promise<string> =>
  useModel(meter, clock, { keyHash, inputTokens, outputTokens });

const bookOf = (charges: unknown, more: Record<string, unknown> = {}) =>
  parsePriceBook({ name: 'b', currency: 'USD', models: { poet: charges }, ...more }, 'book.json');

test('months begin where the project is; the same prices make the same sum, others say who pays more', async () => {
  const [large, small] = [await customer('Large'), await customer('Small')];
  await use(large, 1_000_000, 1_000_000);
  await use(small, 1000, 1000);
  clock.advance(2 * 3_600_000);
  await use(large, 1_000_000, 0);
  const span = { currency: 'USD', from: new Date(0), to: new Date(Date.UTC(2031, 0)) };
  const shanghai = await usageByMonth(books, { ...span, timeZone: 'Asia/Shanghai' });
  expect(shanghai.map(({ customerName, month }) => [customerName, month])).toEqual([
    ['Large', '2029-12'],
    ['Large', '2030-01'],
    ['Small', '2029-12'],
  ]);
  const usage = await usageByMonth(books, { ...span, timeZone: 'UTC' });
  expect(usage.map(({ month }) => month)).toEqual(['2029-12', '2029-12']);

  const same = bookOf({ input: { kind: 'flat', price: '1.00' }, output: { kind: 'flat', price: '2.00' } });
  const replayed = replayPrices(same, usage);
  // 2 × 1.00 + 1 × 2.00, and 0.001 × 1.00 + 0.001 × 2.00
  expect(replayed.customers.map(({ paidMicros, wouldPayMicros }) => [paidMicros, wouldPayMicros])).toEqual([
    [4_000_000n, 4_000_000n],
    [3000n, 3000n],
  ]);
  expect(replayed.wouldPayMicros).toBe(replayed.paidMicros);

  const other = bookOf(
    { input: { kind: 'flat', price: '1.00', free: 1_500_000 }, output: { kind: 'flat', price: '2.00' } },
    { minimum: '0.50' },
  );
  // in Shanghai's months: 0 + 2.00, then 0 filled up to 0.50; and 0.002 filled up to 0.50
  const changed = replayPrices(other, shanghai);
  expect(changed.customers.map(({ wouldPayMicros }) => wouldPayMicros)).toEqual([2_500_000n, 500_000n]);
  expect(replayPrices(bookOf({}, { models: {} }), usage)).toMatchObject({ unpriced: ['poet'], wouldPayMicros: 0n });
});

test('the lowest price of a book is that of its last tier, a million units of it', () => {
  const book = bookOf({
    output: { kind: 'graduated', per: 1000, tiers: [{ upTo: 5, price: '0.003' }, { price: '0.001' }] },
  });
  expect(lowestPrices(book, 'output')).toEqual([{ model: 'poet', microsPerMillion: 1_000_000n }]);
  expect(lowestPrices(book, 'input')).toEqual([]);
});
