import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { runBilling } from './billing-run.js';
import { type Books, createCustomer } from './customers.js';
import { newId } from './identifiers.js';
import { findInvoice, listInvoices } from './invoices/invoice.js';
import { parseSeller, setBuyer } from './invoices/parties.js';
import { creditInvoice, listCreditNotes, payInvoice, voidInvoice } from './invoices/settle-invoice.js';
import { createKey } from './keys.js';
import { balanceOf, grantCredit } from './ledger.js';
import { type Meter, createMeter } from './meter.js';
import { publishPlan } from './plans.js';
import { parsePriceBook } from './price-book.js';
import { setPrice } from './prices.js';
import { publishPriceBook } from './publish-prices.js';
import { cancelSubscription, changePlan, subscribe, subscriptionOf } from './subscriptions.js';

const DAY = 86_400_000;
const clock = manualClock(Date.UTC(2030, 0, 31, 12));
let scratch: ScratchProject;
let books: Books;
let meter: Meter;
const seller = parseSeller({ name: 'Small Models', taxPercent: '10' }, 'test');

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  await setPrice(books, {
    model: 'poet',
    inputMicrosPerMillionTokens: 1_000_000n,
    outputMicrosPerMillionTokens: 2_000_000n,
  });
  const plan = (name: string, more: object) => publishPlan(books, { name, currency: 'USD', ...more }, name);
  await plan('pro', { fee: '20.00', seat: '5.00', credit: '10.00', beyondCredit: { overage: '100.00' } });
  await plan('small', { fee: '10.00', credit: '4.00' });
  await plan('trial', { fee: '31.00', credit: '1.00', trialDays: 10 });
  await plan('committed', { minimum: '50.00', beyondCredit: { overage: '100.00' } });
});
afterAll(async () => {
  await meter.close();
  await scratch.close();
});

let customers = 0;
async function newCustomer(): Promise<{ id: string; keyHash: string }> {
  const { id } = await createCustomer(books, { name: `customer ${customers++}` });
  return { id, keyHash: hashOfKey((await createKey(books, { customerId: id })).secretKey) };
}
async function use(keyHash: string, tokens: number, model = 'poet'): Promise<void> {
  const admission = await meter.admit({
    requestId: newId('req', clock.now()),
    payer: { keyHash },
    scope: 'chat',
    model,
    inputTokens: tokens,
    maxTokens: 1,
  });
  if (admission.outcome !== 'admitted') throw new Error(admission.outcome);
  const usage = {
    inputTokens: tokens,
    outputTokens: 0,
    cachedTokens: 0,
    reasoningTokens: 0,
    computeMs: 1,
    status: 'finished' as const,
  };
  await meter.settle({ admission, usage, atMs: clock.now() });
}
const bill = () => runBilling(books, { seller });
async function lastInvoice(customerId: string) {
  const [newest] = await listInvoices(books, { customerId });
  return findInvoice(books, newest?.number ?? 'none');
}
const amounts = (lines: Awaited<ReturnType<typeof lastInvoice>>['lines']) =>
  lines.map(({ kind, amountMicros }) => [kind, Number(amountMicros) / 1e6]);

test('a fee in advance with its credit, usage in arrears, overage due, tax, payment', async () => {
  const customer = await newCustomer();
  await setBuyer(books, customer.id, { name: 'Buyer <Ltd>', language: 'zh' });
  await subscribe(books, { customerId: customer.id, plan: 'pro', seats: 2 });
  expect(await bill()).toMatchObject({ periods: 1, invoices: ['2030-000001'] });
  expect(await bill()).toEqual({ periods: 0, invoices: [] });
  const first = await lastInvoice(customer.id);
  expect(amounts(first.lines)).toEqual([
    ['fee', 20],
    ['seats', 10],
    ['tax', 3],
  ]);
  expect(first).toMatchObject({
    state: 'open',
    dueMicros: 33_000_000n,
    buyer: { name: 'Buyer <Ltd>', language: 'zh' },
  });
  expect(await balanceOf(books, customer.id)).toMatchObject({
    balanceMicros: 10_000_000n,
    creditLineMicros: 100_000_000n,
  });
  await payInvoice(books, '2030-000001');
  await payInvoice(books, '2030-000001');
  await use(customer.keyHash, 13_000_000);
  // The 31st of a month without one is its last day.
  clock.setWall(Date.UTC(2030, 1, 28, 0, 1));
  await use(customer.keyHash, 1_000_000);
  await bill();
  const second = await lastInvoice(customer.id);
  expect(amounts(second.lines)).toEqual([
    ['usage', 13],
    ['fee', 20],
    ['seats', 10],
    ['tax', 3.3],
  ]);
  // 13 of usage, of which 10 were included.
  expect(second).toMatchObject({ totalMicros: 46_300_000n, fromCreditMicros: 10_000_000n, dueMicros: 36_300_000n });
  expect(second.lines[0]).toMatchObject({
    detail: { model: 'poet', inputTokens: '13000000', requests: '1', isLate: false },
  });
  // What was used in the new period before the run stays on the account, and finds the new credit.
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(9_000_000n);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
  await cancelSubscription(books, customer.id, 'period-end');
  clock.setWall(Date.UTC(2030, 2, 31));
  await bill();
  expect(amounts((await lastInvoice(customer.id)).lines)).toEqual([['usage', 1]]);
  expect(await subscriptionOf(books, customer.id)).toBeUndefined();
  expect(await balanceOf(books, customer.id)).toMatchObject({ balanceMicros: 0n, creditLineMicros: 0n });
});

test('a change at once is prorated by the second; one with the period waits', async () => {
  clock.setWall(Date.UTC(2030, 3, 1));
  const customer = await newCustomer();
  await subscribe(books, { customerId: customer.id, plan: 'small' });
  await bill();
  clock.setWall(Date.UTC(2030, 3, 16));
  await changePlan(books, { customerId: customer.id, plan: 'pro', seats: 0, when: 'now' });
  // Half of the difference in included credit.
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(7_000_000n);
  await changePlan(books, { customerId: customer.id, plan: 'small', when: 'period-end' });
  await expect(subscribe(books, { customerId: customer.id, plan: 'pro' })).rejects.toMatchObject({
    code: 'subscribed-already',
  });
  clock.setWall(Date.UTC(2030, 4, 1));
  await expect(changePlan(books, { customerId: customer.id, plan: 'pro', when: 'now' })).rejects.toMatchObject({
    code: 'billing-due',
  });
  await bill();
  const invoice = await lastInvoice(customer.id);
  expect(amounts(invoice.lines)).toEqual([
    ['proration', -5],
    ['proration', 10],
    ['fee', 10],
    ['tax', 1.5],
  ]);
  clock.setWall(Date.UTC(2030, 4, 2));
  await cancelSubscription(books, customer.id, 'now');
  await bill();
  const last = await lastInvoice(customer.id);
  // 30 of 31 days come back, as credit.
  expect(last).toMatchObject({ dueMicros: 0n, state: 'paid', totalMicros: -9_677_419n });
  // The included credit ends with its month, not with the plan.
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(13_677_419n);
});

test('a trial costs nothing, has its credit, and is followed by paid months', async () => {
  clock.setWall(Date.UTC(2030, 5, 10, 15));
  const customer = await newCustomer();
  await subscribe(books, { customerId: customer.id, plan: 'trial', trial: true });
  await bill();
  expect(await listInvoices(books, { customerId: customer.id })).toEqual([]);
  await use(customer.keyHash, 100_000);
  await expect(use(customer.keyHash, 10_000_000)).rejects.toThrow('insufficient-credit');
  clock.setWall(Date.UTC(2030, 5, 20));
  await bill();
  const invoice = await lastInvoice(customer.id);
  expect(amounts(invoice.lines)).toEqual([
    ['usage', 0.1],
    ['fee', 31],
    ['tax', 3.1],
  ]);
  expect((await subscriptionOf(books, customer.id))?.nextAt).toEqual(new Date(Date.UTC(2030, 6, 20)));
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(1_000_000n);
});

test('a minimum is filled up; late usage falls into the next invoice and is shown as such', async () => {
  clock.setWall(Date.UTC(2030, 7, 1));
  const customer = await newCustomer();
  await subscribe(books, { customerId: customer.id, plan: 'committed' });
  await bill();
  await use(customer.keyHash, 20_000_000);
  const late = await meter.admit({
    requestId: newId('req', clock.now()),
    payer: { keyHash: customer.keyHash },
    scope: 'chat',
    model: 'poet',
    inputTokens: 5_000_000,
    maxTokens: 1,
  });
  if (late.outcome !== 'admitted') throw new Error(late.outcome);
  const usedAt = clock.now();
  clock.setWall(Date.UTC(2030, 8, 1));
  await bill();
  expect(amounts((await lastInvoice(customer.id)).lines)).toEqual([
    ['usage', 20],
    ['minimum', 30],
    ['tax', 5],
  ]);
  const usage = {
    inputTokens: 5_000_000,
    outputTokens: 0,
    cachedTokens: 0,
    reasoningTokens: 0,
    computeMs: 1,
    status: 'finished' as const,
  };
  await meter.settle({ admission: late, usage, atMs: usedAt });
  await use(customer.keyHash, 60_000_000);
  clock.setWall(Date.UTC(2030, 9, 1));
  await bill();
  const invoice = await lastInvoice(customer.id);
  expect(amounts(invoice.lines)).toEqual([
    ['usage', 60],
    ['usage', 5],
    ['tax', 6.5],
  ]);
  expect(invoice.lines.map(({ detail }) => ('isLate' in detail ? detail.isLate : null))).toEqual([false, true, null]);
});

test('volume prices come back at the end of the month', async () => {
  clock.setWall(Date.UTC(2030, 10, 1));
  const volume = { kind: 'volume', tiers: [{ upTo: 1_000_000, price: '2.00' }, { price: '1.00' }] };
  await publishPriceBook(
    books,
    parsePriceBook({ name: 'volume', currency: 'USD', models: { poet: { input: volume } } }, 'b'),
  );
  await publishPlan(
    books,
    { name: 'volume', currency: 'USD', book: 'volume', beyondCredit: { overage: '100.00' } },
    'volume',
  );
  const customer = await newCustomer();
  await subscribe(books, { customerId: customer.id, plan: 'volume' });
  await bill();
  await use(customer.keyHash, 900_000);
  await use(customer.keyHash, 200_000);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(-1_800_000n);
  clock.setWall(Date.UTC(2030, 11, 1));
  await Promise.all([bill(), bill()]);
  const invoice = await lastInvoice(customer.id);
  expect(amounts(invoice.lines)).toEqual([
    ['usage', 1.8],
    ['adjustment', -0.7],
    ['tax', 0.11],
  ]);
  expect(invoice.dueMicros).toBe(1_210_000n);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(0n);
});

test('credit notes: never more than the invoice, first off what is due, then as credit; void takes back what is due', async () => {
  clock.setWall(Date.UTC(2031, 0, 1));
  const customer = await newCustomer();
  await subscribe(books, { customerId: customer.id, plan: 'small' });
  await bill();
  const { number } = await lastInvoice(customer.id);
  expect(number).toMatch(/^2031-00000\d$/);
  const note = (amountMicros: bigint) => creditInvoice(books, { invoice: number ?? '', amountMicros, reason: 'slow' });
  expect(await note(1_100_000n)).toMatchObject({
    number: 'CN-2031-000001',
    taxMicros: 100_000n,
    offDueMicros: 1_100_000n,
  });
  await expect(note(9_900_001n)).rejects.toMatchObject({ code: 'bad-amount' });
  await payInvoice(books, number ?? '');
  await expect(voidInvoice(books, number ?? '')).rejects.toMatchObject({ code: 'invoice-closed' });
  expect(await note(9_900_000n)).toMatchObject({ taxMicros: 900_000n, offDueMicros: 0n });
  expect(await listCreditNotes(books, number ?? '')).toHaveLength(2);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(13_900_000n);
  clock.setWall(Date.UTC(2031, 1, 1));
  await bill();
  const next = await lastInvoice(customer.id);
  await voidInvoice(books, next.number ?? '');
  await voidInvoice(books, next.number ?? '');
  expect((await lastInvoice(customer.id)).state).toBe('void');
  await expect(payInvoice(books, next.number ?? '')).rejects.toMatchObject({ code: 'invoice-closed' });
  const [owed] = await scratch.database.sql`
    select sum(balance_micros)::bigint as owed from moat.accounts where kind = 'receivable' and customer_id = ${customer.id}`;
  expect(owed?.['owed']).toBe(0n);
  await grantCredit(books, { customerId: customer.id, amountMicros: 20_000_000n, kind: 'payment' });
  clock.setWall(Date.UTC(2031, 2, 1));
  await bill();
  await payInvoice(books, (await lastInvoice(customer.id)).number ?? '', { fromCredit: true });
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('an issued invoice cannot be changed', async () => {
  const { sql } = scratch.database;
  await expect(
    sql`update moat.invoices set total_micros = total_micros + 1, due_micros = due_micros + 1 where state = 'paid'`,
  ).rejects.toThrow(/cannot change/);
  await expect(sql`update moat.invoices set state = 'open' where state = 'void'`).rejects.toThrow(/cannot change/);
  await expect(sql`delete from moat.invoices`).rejects.toThrow(/never deleted/);
  await expect(sql`update moat.invoice_lines set amount_micros = 0`).rejects.toThrow(/append-only/);
  await expect(
    sql`insert into moat.invoice_lines select id, 99, 'fee', 1, '{}' from moat.invoices limit 1`,
  ).rejects.toThrow(/no more lines/);
});

test('several runs at once, and ones that die: every period once, numbers without gaps', async () => {
  clock.setWall(Date.UTC(2032, 0, 1));
  await bill();
  const many = await Promise.all(Array.from({ length: 8 }, newCustomer));
  for (const { id } of many) await subscribe(books, { customerId: id, plan: 'pro' });
  const { sql } = scratch.database;
  // A run that is killed at its last step: the number that it took is free again.
  await sql`create function moat.die() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$`;
  for (const table of [
    'invoices',
    'invoice_lines',
    'journal_transactions',
    'journal_entries',
    'billing_periods',
    'credits',
  ]) {
    await sql.unsafe(`create trigger die after insert on moat.${table} for each statement execute function moat.die()`);
    await expect(bill()).rejects.toThrow('killed');
    await sql.unsafe(`drop trigger die on moat.${table}`);
  }
  await sql`drop function moat.die()`;
  clock.advance(40 * DAY);
  const traffic = many.map(({ keyHash }) => use(keyHash, 1000).catch(() => undefined));
  await Promise.all([...Array.from({ length: 4 }, bill), ...traffic]);
  await bill();
  for (const { id } of many) {
    expect(
      await sql`select period from moat.billing_periods b join moat.subscriptions s on s.id = b.subscription_id where s.customer_id = ${id} order by 1`,
    ).toMatchObject([{ period: 0 }, { period: 1 }]);
  }
  const numbers = await sql<
    { number: string }[]
  >`select number from moat.invoices where number like '2032-%' order by number`;
  expect(numbers.map(({ number }) => number)).toEqual(
    numbers.map((_, index) => `2032-${String(index + 1).padStart(6, '0')}`),
  );
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});
