import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import { multiplyCeil } from '../../base/money.js';
import type { Books } from './customers.js';
import { priceRowOf, storedCharges } from './price-bounds.js';
import { publishPlan } from './plans.js';
import { parsePriceBook } from './price-book.js';
import { setPrice } from './prices.js';
import { listPriceBooks, publishPriceBook } from './publish-prices.js';
import { type Charge, rate } from './rating.js';

const clock = manualClock(Date.UTC(2030, 0, 10));
let scratch: ScratchProject;
let books: Books;

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
});
afterAll(() => scratch.close());

const bookOf = (name: string, models: unknown) => parsePriceBook({ name, currency: 'USD', models }, 'book.json');
const flat = (price: string, more: object = {}) => ({ kind: 'flat', price, ...more });
const pricesOf = (book: string) => scratch.database.sql`
  select model, starts_at, input_micros_per_million as input, output_micros_per_million as output, request_micros as request, charges, is_withdrawn
    from moat.prices where book = ${book} order by starts_at, model`;

const micros = fc.bigInt({ min: 0n, max: 10n ** 7n });
const per = fc.constantFrom(1n, 3n, 1000n, 1_000_000n, 7_000_000n);
const free = fc.constantFrom(0n, 5n, 1000n, 10n ** 6n);
const tiersOf = (isFalling: boolean) =>
  fc
    .tuple(
      fc.uniqueArray(fc.bigInt({ min: 1n, max: 10n ** 7n }), { maxLength: 4 }),
      fc.array(micros, { minLength: 5, maxLength: 5 }),
    )
    .map(([upTos, prices]) => {
      const sorted = isFalling ? prices.toSorted((a, b) => (a > b ? -1 : 1)) : prices;
      return [...upTos.toSorted((a, b) => (a < b ? -1 : 1)), undefined].map((upTo, index) => ({
        upTo,
        priceMicros: sorted[index] ?? 0n,
      }));
    });
const anyCharge: fc.Arbitrary<Charge> = fc.oneof(
  fc.record({ kind: fc.constant('flat' as const), free, per, priceMicros: micros }),
  fc.record({ kind: fc.constant('package' as const), free, per, priceMicros: micros }),
  fc.record({ kind: fc.constant('graduated' as const), free, per, tiers: tiersOf(false) }),
  fc.record({ kind: fc.constant('volume' as const), free, per, tiers: tiersOf(true) }),
);
const anyCharges = fc
  .record({ input: anyCharge, cachedInput: anyCharge, output: anyCharge, request: anyCharge }, { requiredKeys: [] })
  .map((charges) => Object.fromEntries(Object.entries(charges).filter(([, charge]) => charge !== undefined)));
const quantities = fc.tuple(...[0, 1, 2, 3].map(() => fc.bigInt({ min: 0n, max: 2n * 10n ** 7n })));
const tokens = fc.bigInt({ min: 0n, max: 200_000n });

test('what is reserved covers what is charged, whatever was used before; the database rates as the program does', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyCharges,
      quantities,
      fc.tuple(tokens, tokens, tokens),
      async (charges, before, [input, cached, output]) => {
        let row;
        try {
          row = priceRowOf('m', charges);
        } catch {
          return fc.pre(false);
        }
        const stored = JSON.stringify(storedCharges(charges));
        const [q = 0n, c = 0n, o = 0n, r = 0n] = before;
        const [rated] = await scratch.database.sql<{ before: bigint; after: bigint }[]>`
        select moat.rate_all(${stored}::text::jsonb, ${q}, ${c}, ${o}, ${r}) as before,
               moat.rate_all(${stored}::text::jsonb, ${q + input}, ${c + cached}, ${o + output}, ${r + 1n}) as after`;
        const sum = (input: bigint, cachedInput: bigint, output: bigint, request: bigint): bigint =>
          Object.entries({ input, cachedInput, output, request }).reduce((total, [what, quantity]) => {
            const charge = charges[what as 'input'];
            return charge === undefined ? total : total + rate(charge, quantity);
          }, 0n);
        expect(rated?.before).toBe(sum(q, c, o, r));
        expect(rated?.after).toBe(sum(q + input, c + cached, o + output, r + 1n));
        const dearest =
          row.inputMicrosPerMillion > row.cachedMicrosPerMillion
            ? row.inputMicrosPerMillion
            : row.cachedMicrosPerMillion;
        const reserved =
          multiplyCeil((input + cached) * dearest + output * row.outputMicrosPerMillion, {
            numerator: 1n,
            denominator: 1_000_000n,
          }) + row.requestMicros;
        if (row.charges !== null) expect(reserved).toBeGreaterThanOrEqual((rated?.after ?? 0n) - (rated?.before ?? 0n));
        return undefined;
      },
    ),
    { numRuns: 300 },
  );
});

test('plain prices become rates, others keep their charges and get upper bounds', async () => {
  await publishPriceBook(
    books,
    bookOf('kinds', {
      plain: { input: flat('0.50'), output: flat('2.00', { per: 1000 }), request: flat('0.01', { per: 1 }) },
      free: { input: flat('0.50', { free: 10 }) },
      packed: {
        request: { kind: 'package', per: 1000, price: '3.00' },
        output: { kind: 'graduated', tiers: [{ upTo: 10, price: '1.00' }, { price: '4.00' }] },
      },
    }),
  );
  expect(await pricesOf('kinds')).toMatchObject([
    {
      model: 'free',
      input: 500_000n,
      request: 1n,
      charges: { input: { kind: 'flat', free: '10', priceMicros: '500000' } },
    },
    { model: 'packed', input: 0n, output: 4_000_000n, request: 3_000_001n },
    { model: 'plain', input: 500_000n, output: 2_000_000_000n, request: 10_000n, charges: null },
  ]);
});

test('versions: never in the past, never two at one time, what is no longer named is withdrawn', async () => {
  await setPrice(books, { model: 'old', inputMicrosPerMillionTokens: 1n, outputMicrosPerMillionTokens: 1n });
  clock.advance(1000);
  const first = await publishPriceBook(books, bookOf('list', { poet: { output: flat('1.00') } }));
  expect(first).toMatchObject({ version: 1, withdrawn: ['old'], losses: [] });
  const again = bookOf('list', { poet: { output: flat('2.00') } });
  await expect(publishPriceBook(books, again)).rejects.toMatchObject({ code: 'bad-start' });
  await expect(publishPriceBook(books, again, { startsAt: new Date(clock.now() - 1) })).rejects.toMatchObject({
    code: 'bad-start',
  });
  const startsAt = new Date(clock.now() + 86_400_000);
  expect(await publishPriceBook(books, again, { startsAt })).toMatchObject({ version: 2, withdrawn: [] });
  expect((await listPriceBooks(books)).filter(({ name }) => name === 'list')).toMatchObject([
    { version: 2, state: 'to come', models: ['poet'] },
    { version: 1, state: 'in force' },
  ]);
  const race = await Promise.allSettled(
    [1, 2].map(() => publishPriceBook(books, bookOf('race', { m: { output: flat('1.00') } }))),
  );
  expect(race.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('below cost only when that is allowed; volume prices fall and change with a month', async () => {
  const cheap = bookOf('cheap', { poet: { output: flat('0.10') } });
  const costs = new Map([['poet', { inputMicros: null, outputMicros: 200_000n, source: 'moat bench serve' }]]);
  await expect(publishPriceBook(books, cheap, { costs })).rejects.toMatchObject({
    code: 'below-cost',
    message: expect.stringContaining('poet output at 0.10 costs 0.20 USD a million (moat bench serve)'),
  });
  expect(await publishPriceBook(books, cheap, { costs, acceptLoss: true })).toMatchObject({
    losses: [{ model: 'poet', what: 'output', priceMicros: 100_000n, costMicros: 200_000n }],
  });
  // Of a model whose cost nobody knows, nothing is said.
  const other = bookOf('other', { clerk: { output: flat('0.01') } });
  expect(await publishPriceBook(books, other, { costs })).toMatchObject({ losses: [] });
  const volume = (...prices: string[]) => ({
    poet: { output: { kind: 'volume', tiers: [{ upTo: 1000, price: prices[0] }, { price: prices[1] }] } },
  });
  await expect(publishPriceBook(books, bookOf('v', volume('1.00', '2.00')))).rejects.toMatchObject({
    code: 'bad-price',
  });
  await publishPriceBook(books, bookOf('v', volume('2.00', '1.00')), { timeZone: 'Asia/Shanghai' });
  const later = bookOf('v', { poet: { output: flat('1.00') } });
  await expect(publishPriceBook(books, later, { startsAt: new Date('2030-02-01T00:00:00Z') })).rejects.toMatchObject({
    code: 'bad-start',
  });
  expect(await publishPriceBook(books, later, { startsAt: new Date('2030-01-31T16:00:00Z') })).toMatchObject({
    version: 2,
  });
});

test('a plan below cost is refused with the figures, and published where the loss is accepted', async () => {
  await publishPriceBook(books, bookOf('fair', { poet: { output: flat('0.40') } }));
  const costs = new Map([['poet', { inputMicros: null, outputMicros: 200_000n, source: 'moat bench serve' }]]);
  const plan = (fee: string) => ({ name: 'pro', currency: 'USD', book: 'fair', fee, credit: '30.00' });
  // 30.00 of credit at 0.40 are 75 million tokens; at 0.20 they cost 15.00.
  await expect(publishPlan(books, plan('14.99'), 'pro.json', undefined, { costs })).rejects.toMatchObject({
    code: 'below-cost',
    message: expect.stringContaining(
      'its fee of 14.99 includes credit that costs up to 15.00 to serve, as poet output sold at 0.40 costs 0.20 USD a million (moat bench serve)',
    ),
  });
  expect(await publishPlan(books, plan('15.00'), 'pro.json', undefined, { costs })).toMatchObject({ version: 1 });
  const accepted = { costs, acceptLoss: true };
  expect(await publishPlan(books, plan('1.00'), 'pro.json', undefined, accepted)).toMatchObject({ version: 2 });
  const tiers = (last: string) => [{ upTo: 1_000_000, price: '2.00' }, { price: last }];
  for (const [name, charge] of Object.entries({
    graduated: { kind: 'graduated', tiers: tiers('0.19') },
    volume: { kind: 'volume', tiers: tiers('0.19') },
    // 0.0019 for ten thousand tokens
    package: { kind: 'package', per: 10_000, price: '0.0019' },
    free: { kind: 'flat', free: 1000, price: '0.19' },
  })) {
    await publishPriceBook(books, bookOf(name, { poet: { output: charge } }));
    const inTiers = { ...plan('99.00'), name, book: name };
    await expect(publishPlan(books, inTiers, 'p.json', undefined, { costs }), name).rejects.toMatchObject({
      code: 'below-cost',
      message: expect.stringContaining('poet output at 0.19 costs 0.20 USD a million (moat bench serve)'),
    });
  }
  // At the deepest tier the credit buys the most: 30.00 at 0.25 are 120 million tokens, which cost 24.00.
  await publishPriceBook(books, bookOf('deep', { poet: { output: { kind: 'graduated', tiers: tiers('0.25') } } }));
  const deep = (fee: string) => ({ ...plan(fee), name: 'deep', book: 'deep' });
  await expect(publishPlan(books, deep('23.99'), 'p.json', undefined, { costs })).rejects.toMatchObject({
    message: expect.stringContaining('costs up to 24.00 to serve, as poet output sold at 0.25 costs 0.20'),
  });
  expect(await publishPlan(books, deep('24.00'), 'p.json', undefined, { costs })).toMatchObject({ version: 1 });
  const onCheap = { ...plan('99.00'), name: 'cheap', book: 'cheap' };
  await expect(publishPlan(books, onCheap, 'cheap.json', undefined, { costs })).rejects.toMatchObject({
    message: expect.stringContaining('poet output at 0.10 costs 0.20 USD a million'),
  });
});
