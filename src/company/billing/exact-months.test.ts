/** Whatever was settled, booked late and corrected in a month, in any order: it costs what it would had it been counted right at once. */
import path from 'node:path';
import fc from 'fast-check';
import { extractText } from 'unpdf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { useModel } from '../../../tests/use-model.js';
import { manualClock } from '../../base/clock.js';
import type { Micros } from '../../base/money.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { runBilling } from './billing-run.js';
import { listBudgets, setBudget } from './budgets.js';
import { type UsageCounts, correctUsage, recordLateUsage } from './corrections.js';
import { type Books, createCustomer } from './customers.js';
import { invoiceHtml } from './invoices/invoice-html.js';
import { invoicePdf } from './invoices/invoice-pdf.js';
import { sheetOf } from './invoices/invoice-sheet.js';
import { findInvoice, listInvoices } from './invoices/invoice.js';
import { parseSeller } from './invoices/parties.js';
import { creditInvoice } from './invoices/settle-invoice.js';
import { createKey } from './keys.js';
import { balanceOf, grantCredit } from './ledger.js';
import { type Meter, createMeter } from './meter.js';
import { accountsOfMonths, usageOfMonths } from './monthly-books.js';
import { publishPlan } from './plans.js';
import { type PriceBook, billOf, parsePriceBook } from './price-book.js';
import { publishPriceBook } from './publish-prices.js';
import { cancelSubscription, subscribe } from './subscriptions.js';
import { trueUpVolumes } from './volume-true-up.js';

const HOUR = 3_600_000;
const CREDIT = 1_000_000_000n;
/** Not enough for a month: what a correction makes dearer is written off then. */
const POVERTY = 6000n;
const seller = parseSeller({ name: 'Small Models', taxPercent: '10' }, 'test');
const clock = manualClock(Date.UTC(2030, 0, 1));
const free = 1500;
const falling = [{ upTo: 1000, price: '5.00' }, { upTo: 3000, price: '3.00' }, { price: '1.00' }];
const rising = [{ upTo: 1200, price: '0.30' }, { price: '7.00' }];
const packages = { kind: 'package', price: '0.50', per: 700 };
const requests = { kind: 'graduated', per: 1, tiers: [{ upTo: 3, price: '0.000001' }, { price: '0.0002' }] };
const BOOKS: Readonly<Record<string, PriceBook>> = Object.fromEntries(
  Object.entries({
    free: {
      input: { kind: 'flat', price: '0.333333', free },
      output: { kind: 'graduated', tiers: falling, free },
    },
    packages: { input: packages, cachedInput: { kind: 'flat', price: '0.10' }, output: { ...packages, free } },
    tiers: {
      input: { kind: 'graduated', tiers: rising },
      output: { kind: 'graduated', tiers: rising, free },
      request: requests,
    },
    volume: { input: { kind: 'volume', tiers: falling }, output: { kind: 'graduated', tiers: rising } },
  }).map(([name, poet]) => [name, parsePriceBook({ name, currency: 'USD', models: { poet } }, name)]),
);

let scratch: ScratchProject;
let books: Books;
let meter: Meter;

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  for (const [name, book] of Object.entries(BOOKS)) {
    await publishPriceBook(books, book);
    const plan = {
      name,
      currency: 'USD',
      book: name,
      fee: '3.00',
      credit: '0.01',
      beyondCredit: { overage: '100.00' },
    };
    await publishPlan(books, plan, name);
  }
});
afterAll(async () => {
  await meter.close();
  await scratch.close();
});

// Often few, so that they are free or fill a package: what takes them away again makes others cheaper.
const amount = fc.oneof(fc.constantFrom(0, 1, 90, 400, 699), fc.integer({ min: 0, max: 1500 }));
const counts: fc.Arbitrary<UsageCounts> = fc.record({
  inputTokens: amount,
  cachedInputTokens: fc.constantFrom(0, 7),
  outputTokens: amount,
  reasoningTokens: fc.constantFrom(0, 40),
});
const use = fc.record({ kind: fc.constant('use' as const), key: fc.nat(1), counts });
const late = fc.record({ kind: fc.constant('late' as const), hoursAgo: fc.nat(700), key: fc.nat(1), counts });
const correct = fc.record({ kind: fc.constant('correct' as const), place: fc.nat(20), counts });
type Step = typeof use | typeof late | typeof correct extends fc.Arbitrary<infer Kind> ? Kind : never;

let names = 0;
/** A customer, his events as they now stand, and what they should have been from the start. */
async function newMonth(book: string) {
  clock.setWall(nextMonth());
  const startsAt = clock.now();
  const { id: customerId } = await createCustomer(books, { name: `customer ${names++}` });
  await scratch.database.sql`update moat.customers set book = ${book} where id = ${customerId}`;
  const keys = [await createKey(books, { customerId }), await createKey(books, { customerId, name: 'other' })];
  const standing: { id: string; right: UsageCounts }[] = [];

  async function step(one: Step): Promise<void> {
    const key = keys['key' in one ? one.key : 0] as (typeof keys)[number];
    switch (one.kind) {
      case 'use': {
        const right = {
          ...one.counts,
          cachedInputTokens: 0,
          reasoningTokens: 0,
          outputTokens: Math.max(1, one.counts.outputTokens),
        };
        standing.push({ id: await useModel(meter, clock, { keyHash: hashOfKey(key.secretKey), ...right }), right });
        clock.advance(31 * HOUR);
        return;
      }
      case 'late': {
        const time = new Date(Math.max(startsAt, lastInstant(startsAt) - one.hoursAgo * HOUR));
        const usage = { customerId, model: 'poet', keyId: key.key.id, reference: `${names++}`, ...one.counts };
        const at = time.getTime() > clock.now() ? new Date(clock.now()) : time;
        standing.push({ id: (await recordLateUsage(books, { ...usage, time: at })).eventId, right: one.counts });
        return;
      }
      case 'correct': {
        const event = standing[one.place % standing.length];
        if (event === undefined) return;
        event.id = (await correctUsage(books, event.id, one.counts, 'counted wrong')).correctedId;
        event.right = one.counts;
      }
    }
  }

  function costs(): Micros {
    const sum = (count: (right: UsageCounts) => number) =>
      BigInt(standing.reduce((total, { right }) => total + count(right), 0));
    const quantities = {
      input: sum(({ inputTokens }) => inputTokens),
      cachedInput: sum(({ cachedInputTokens }) => cachedInputTokens),
      output: sum(({ outputTokens, reasoningTokens }) => outputTokens + reasoningTokens),
      request: BigInt(standing.length),
    };
    return billOf(BOOKS[book] as PriceBook, { models: [{ model: 'poet', quantities }], seats: 0n }).totalMicros;
  }
  return { customerId, keyId: keys[1]?.key.id ?? '', step, costs };
}

const nextMonth = (): number => {
  const now = new Date(clock.now());
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
};
const lastInstant = (at: number): number => {
  const day = new Date(at);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1) - 1;
};

/** What events, hours and the month's count say was charged, and what of it nobody paid. */
async function charged(customerId: string) {
  const [row] = await scratch.database.sql<{ events: bigint; hours: bigint; month: bigint; writtenOff: bigint }[]>`
    select coalesce(sum(charged_micros), 0)::bigint as events,
           coalesce((select sum(charged_micros) from moat.usage_hours where customer_id = ${customerId}), 0)::bigint as hours,
           coalesce((select sum(charged_micros) from moat.rated_usage where customer_id = ${customerId}), 0)::bigint as month,
           coalesce((select sum(e.amount_micros) from moat.journal_entries e join moat.accounts a on a.id = e.account_id and a.kind = 'write-offs'
              join moat.journal_transactions t on t.id = e.transaction_id join moat.usage_events w on w.id = t.usage_event_id
             where w.customer_id = ${customerId}), 0)::bigint as "writtenOff"
      from moat.usage_events where customer_id = ${customerId}`;
  return row as NonNullable<typeof row>;
}

/** A step that is refused for want of credit did not happen. */
const unlessRefused = (error: Error): void => {
  if (!error.message.startsWith('insufficient-credit') && !error.message.includes('are free')) throw error;
};

const sumOf = (amounts: readonly Micros[]): Micros => amounts.reduce((sum, each) => sum + each, 0n);

const steps = fc.array(
  fc.oneof({ weight: 3, arbitrary: use }, { weight: 1, arbitrary: late }, { weight: 3, arbitrary: correct }),
  { minLength: 3, maxLength: 12, size: 'max' },
);
const afterwards = fc.array(fc.oneof(late, correct), { maxLength: 4, size: 'max' });
const bookName = fc.constantFrom(...Object.keys(BOOKS));

test.each([1, 2, 3])(
  'a month costs what it should have, and so do its budgets, also after it is over (seed %i)',
  async (seed) => {
    const run = async (book: string, credit: Micros, inMonth: Step[], later: Step[]) => {
      const { customerId, keyId, step, costs } = await newMonth(book);
      await grantCredit(books, { customerId, amountMicros: credit });
      const budget = { customerId, span: 'month', timeZone: 'UTC', limitMicros: CREDIT } as const;
      await setBudget(books, budget);
      await setBudget(books, { ...budget, keyId });
      for (const one of inMonth) await step(one).catch(unlessRefused);
      const spent = (await listBudgets(books, customerId)).map(({ spentMicros }) => spentMicros);
      const [ofKey] = await scratch.database.sql<{ micros: bigint }[]>`
      select coalesce(sum(charged_micros), 0)::bigint as micros from moat.usage_events where customer_id = ${customerId} and key_id = ${keyId}`;
      expect(spent).toEqual([(await charged(customerId)).events, ofKey?.micros]);
      if (book !== 'volume') expect((await charged(customerId)).events).toBe(costs());
      clock.setWall(nextMonth());
      await trueUpVolumes(books, new Date(clock.now()));
      for (const one of later) await step(one).catch(unlessRefused);
      await trueUpVolumes(books, new Date(clock.now()));
      const { events, hours, month, writtenOff } = await charged(customerId);
      expect([month, hours]).toEqual([costs(), events]);
      expect(credit - (await balanceOf(books, customerId)).balanceMicros).toBe(costs() - writtenOff);
      if (credit === CREDIT) expect(writtenOff).toBe(0n);
    };
    await fc.assert(fc.asyncProperty(bookName, fc.constantFrom(CREDIT, POVERTY), steps, afterwards, run), {
      seed,
      numRuns: 16,
      interruptAfterTimeLimit: 40_000,
    });
    expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
  },
  60_000,
);

test.each([4, 5])(
  'invoices say in total what the months should have cost, whenever they were made (seed %i)',
  async (seed) => {
    const run = async (book: string, inMonth: Step[], later: Step[], muchLater: Step[]) => {
      const { customerId, step, costs } = await newMonth(book);
      await subscribe(books, { customerId, plan: book });
      await runBilling(books, { seller });
      for (const phase of [inMonth, later, muchLater]) {
        for (const one of phase) await step(one);
        if (phase === muchLater) await cancelSubscription(books, customerId, 'period-end');
        clock.setWall(nextMonth());
        await runBilling(books, { seller });
      }
      const numbers = (await listInvoices(books, { customerId })).map(({ number }) => number ?? '');
      const invoices = await Promise.all(numbers.map((number) => findInvoice(books, number)));
      const usage = invoices
        .flatMap(({ lines }) => lines)
        .filter(({ kind }) => kind === 'usage' || kind === 'adjustment');
      expect(sumOf(usage.map(({ amountMicros }) => amountMicros))).toBe(costs());
    };
    await fc.assert(fc.asyncProperty(bookName, steps, afterwards, afterwards, run), {
      seed,
      numRuns: 8,
      interruptAfterTimeLimit: 40_000,
    });
    expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
  },
  60_000,
);

test('where a month is invoiced already, the next invoice gives back what a correction makes less', async () => {
  const { customerId, step, costs } = await newMonth('free');
  await subscribe(books, { customerId, plan: 'free' });
  await runBilling(books, { seller });
  const counts = (outputTokens: number) => ({ inputTokens: 0, cachedInputTokens: 0, outputTokens, reasoningTokens: 0 });
  const bill = async () => {
    clock.setWall(nextMonth());
    await runBilling(books, { seller });
    const [newest] = await listInvoices(books, { customerId });
    return findInvoice(books, newest?.number ?? '');
  };
  await step({ kind: 'use', key: 0, counts: counts(free) });
  await step({ kind: 'use', key: 1, counts: counts(7_000_000) });
  const first = await bill();
  expect(first.lines[0]).toMatchObject({ kind: 'usage', amountMicros: costs(), detail: { isLate: false } });
  expect(first.dueMicros).toBeGreaterThan(3_000_000n);
  await step({ kind: 'correct', place: 0, counts: counts(0) });
  expect(await balanceOf(books, customerId)).toMatchObject({ balanceMicros: 11_500n });
  const note = await creditInvoice(books, {
    invoice: first.number ?? '',
    amountMicros: first.totalMicros,
    reason: 'all of it',
  });
  expect(note.amountMicros).toBe(first.totalMicros);
  const second = await bill();
  expect(second.lines[0]).toMatchObject({ kind: 'usage', amountMicros: -1500n, detail: { isLate: true } });
  expect(second.dueMicros).toBe(3_300_000n);
  const sheet = sheetOf(second);
  expect(sheet.rows[0]).toMatchObject({ what: expect.stringContaining('poet'), amount: '−0.0015' });
  expect(sheet.totals).toContainEqual([sheet.words.toCredit, '0.0015 USD']);
  expect(invoiceHtml(sheet)).toContain('−0.0015');
  const pdf = new Uint8Array(await invoicePdf(sheet, second.issuedAt));
  expect((await extractText(pdf, { mergePages: true })).text).toContain('−0.0015');
  expect(sumOf([first.lines[0]?.amountMicros ?? 0n, -1500n])).toBe(costs());
  // as the business reads it
  const months = { currency: 'USD', to: new Date(clock.now()), timeZone: 'UTC' };
  const [sold, booked] = await Promise.all([usageOfMonths(books, months), accountsOfMonths(books, months)]);
  expect(sold.filter((row) => row.customerId === customerId).map(({ chargedMicros }) => chargedMicros)).toEqual([
    costs(),
  ]);
  const revenue = booked.filter(({ account, source }) => account === 'revenue' && source === 'usage');
  expect(sumOf(sold.map(({ chargedMicros }) => chargedMicros))).toBe(
    -sumOf(revenue.map(({ amountMicros }) => amountMicros)),
  );
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});
