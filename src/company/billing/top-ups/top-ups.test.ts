import { createHash } from 'node:crypto';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../../tests/scratch-database.js';
import { useModel } from '../../../../tests/use-model.js';
import { manualClock } from '../../../base/clock.js';
import { hashOfKey } from '../api-key.js';
import { audit } from '../audit.js';
import { runBilling } from '../billing-run.js';
import { type Books, createCustomer } from '../customers.js';
import { createKey } from '../keys.js';
import { balanceOf } from '../ledger.js';
import { type Meter, createMeter } from '../meter.js';
import { publishPlan } from '../plans.js';
import { setPrice } from '../prices.js';
import { subscribe } from '../subscriptions.js';
import { creditNoteSheet, sheetOf } from '../invoices/invoice-sheet.js';
import { findInvoice, listInvoices } from '../invoices/invoice.js';
import { parseSeller } from '../invoices/parties.js';
import { creditInvoice } from '../invoices/settle-invoice.js';
import { type PaymentNotice, applyPaymentNotice, payTopUp } from './pay-top-up.js';
import { idOfReference, referenceOf } from './payment-reference.js';
import { mostPayable, refundCredit } from './refund-credit.js';
import { dueFor, listTopUps, requestTopUp, voidTopUp } from './top-up.js';

const clock = manualClock(Date.UTC(2030, 0, 15));
const seller = parseSeller({ name: 'Acme GmbH', taxPercent: '19', payment: ['IBAN 1'] }, 'test');
let scratch: ScratchProject;
let books: Books;
let meter: Meter;
beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  // 1 USD for a million input tokens: a token is a micro-unit.
  await setPrice(books, {
    model: 'poet',
    inputMicrosPerMillionTokens: 1_000_000n,
    outputMicrosPerMillionTokens: 0n,
  });
});
afterAll(async () => {
  expect((await audit(books)).findings).toEqual([]);
  await meter.close();
  await scratch.close();
});

let customers = 0;
const newCustomer = async (): Promise<string> => (await createCustomer(books, { name: `customer ${customers++}` })).id;
const ask = (customerId: string, amountMicros: bigint) => requestTopUp(books, { customerId, amountMicros, seller });
const balance = async (id: string): Promise<bigint> => (await balanceOf(books, id)).balanceMicros;
async function use(customerId: string, inputTokens: number): Promise<void> {
  const keyHash = hashOfKey((await createKey(books, { customerId })).secretKey);
  await useModel(meter, clock, { keyHash, inputTokens, outputTokens: 0 });
}
/** The company's own accounts: debits less credits. */
async function company(): Promise<Record<string, bigint>> {
  const rows = await books.database.sql<{ kind: string; balance: bigint }[]>`
    select kind, balance_micros as balance from moat.accounts where customer_id is null and currency = 'USD'`;
  return Object.fromEntries(rows.map(({ kind, balance }) => [kind, balance]));
}

test('asking books nothing; paying books credit, tax, cash and a numbered invoice at once', async () => {
  const id = await newCustomer();
  const before = await company();
  const asked = await ask(id, 50_000_000n);
  // 50.00 and 19 % of it, 9.50, are 59.50.
  expect(asked).toMatchObject({ state: 'open', amountMicros: 50_000_000n, dueMicros: 59_500_000n, invoice: null });
  expect([await balance(id), await company()]).toEqual([0n, before]);
  const paid = await payTopUp(books, asked.number);
  expect(paid).toMatchObject({ state: 'paid', invoice: expect.stringMatching(/^2030-\d{6}$/) });
  expect(await balance(id)).toBe(50_000_000n);
  const after = await company();
  expect((after['cash'] ?? 0n) - (before['cash'] ?? 0n)).toBe(59_500_000n);
  expect((before['tax-payable'] ?? 0n) - (after['tax-payable'] ?? 0n)).toBe(9_500_000n);
  // Sold credit is owed to the customer; it is earned when it is used.
  expect(after['revenue']).toBe(before['revenue']);
  const invoice = await findInvoice(books, paid.invoice ?? '');
  expect(invoice).toMatchObject({
    state: 'paid',
    totalMicros: 59_500_000n,
    dueMicros: 59_500_000n,
    fromCreditMicros: 0n,
  });
  const sheet = sheetOf(invoice, 'zh');
  expect(sheet.rows.map(({ what, amount }) => [what, amount])).toEqual([
    [`预付额度（充值单 ${asked.number}）`, '50.00'],
    ['VAT 19 %', '9.50'],
  ]);
});

test('paid twice, at once and later, it is booked once', async () => {
  const id = await newCustomer();
  const { number, reference } = await ask(id, 10_000_000n);
  const paid = await Promise.all([payTopUp(books, number), payTopUp(books, reference), payTopUp(books, number)]);
  await payTopUp(books, reference.toLowerCase().replaceAll(/(.{4})/g, '$1 '));
  expect(new Set(paid.map(({ invoice }) => invoice)).size).toBe(1);
  expect([await balance(id), (await listInvoices(books, { customerId: id })).length]).toEqual([10_000_000n, 1]);
});

test('what is void is not paid, and what is paid does not become void', async () => {
  const id = await newCustomer();
  const [lost, kept] = [await ask(id, 10_000_000n), await ask(id, 11_000_000n)];
  expect(await voidTopUp(books, lost.number)).toMatchObject({ state: 'void' });
  await expect(payTopUp(books, lost.number)).rejects.toMatchObject({ code: 'top-up-closed' });
  await payTopUp(books, kept.number);
  await expect(voidTopUp(books, kept.number)).rejects.toMatchObject({ code: 'top-up-closed' });
  await expect(voidTopUp(books, lost.number, { customerId: await newCustomer() })).rejects.toMatchObject({
    code: 'unknown-top-up',
  });
  expect(await balance(id)).toBe(11_000_000n);
  await expect(
    books.database.sql`update moat.top_ups set amount_micros = 1 where number = ${kept.number}`,
  ).rejects.toThrow('cannot change any more');
});

test('an amount has bounds, whole cents, and ten may wait', async () => {
  const id = await newCustomer();
  for (const wrong of [0n, -5_000_000n, 4_990_000n, 10_000_010_000n, 5_000_001n])
    await expect(ask(id, wrong), String(wrong)).rejects.toMatchObject({ code: 'bad-amount' });
  for (let count = 0; count < 10; count++) await ask(id, 5_000_000n);
  await expect(ask(id, 5_000_000n)).rejects.toMatchObject({ code: 'too-many-top-ups' });
  expect(await listTopUps(books, { customerId: id, state: 'open' })).toHaveLength(10);
});

const notify = (notice: PaymentNotice) =>
  applyPaymentNotice(books, notice, {
    fingerprint: createHash('sha256').update(`${notice.reference}${notice.amountMicros}`).digest(),
  });

test('a notice of a payment service: once for each id, and for the whole sum alone', async () => {
  const id = await newCustomer();
  const { reference } = await ask(id, 20_000_000n);
  const notice = { id: 'evt_1', reference, amountMicros: 23_800_000n, currency: 'USD' };
  for (const wrong of [{ amountMicros: 20_000_000n }, { currency: 'EUR' }])
    await expect(notify({ ...notice, ...wrong })).rejects.toMatchObject({ code: 'payment-differs' });
  const all = await Promise.all([notify(notice), notify(notice), notify(notice)]);
  expect(all.filter(({ isRepeat }) => !isRepeat)).toHaveLength(1);
  expect((await notify({ ...notice, id: 'evt_2' })).isRepeat).toBe(true);
  const other = await ask(id, 20_000_000n);
  await expect(notify({ ...notice, reference: other.reference })).rejects.toMatchObject({ code: 'notice-changed' });
  await voidTopUp(books, other.number);
  await expect(notify({ ...notice, id: 'evt_3', reference: other.reference })).rejects.toMatchObject({
    code: 'top-up-closed',
  });
  await expect(notify({ ...notice, reference: 'TU-2030-999999' })).rejects.toMatchObject({ code: 'unknown-top-up' });
  expect(await balance(id)).toBe(20_000_000n);
  const kept = await books.database.sql`select id from moat.payment_notices`;
  expect(kept.map(({ id }) => id)).toEqual(['evt_1', 'evt_2']);
});

test('unused credit goes back as money, with its tax and a credit note', async () => {
  const id = await newCustomer();
  const { invoice } = await payTopUp(books, (await ask(id, 100_000_000n)).number);
  const number = invoice ?? '';
  await use(id, 40_000_000);
  const before = await company();
  // 60.00 are left; with 19 % they were 71.40. 23.80 of it are 20.00 and 3.80 of tax.
  const part = await refundCredit(books, { invoice: number, amountMicros: 23_800_000n, reason: 'moved away' });
  expect(part).toMatchObject({ amountMicros: 23_800_000n, taxMicros: 3_800_000n, refundedMicros: 23_800_000n });
  expect(await balance(id)).toBe(40_000_000n);
  await expect(
    refundCredit(books, { invoice: number, amountMicros: 47_610_000n, reason: 'more' }),
  ).rejects.toMatchObject({ code: 'bad-amount' });
  // The rest: 40.00 and 7.60.
  const rest = await refundCredit(books, { invoice: number, reason: 'closed' });
  expect(rest).toMatchObject({ amountMicros: 47_600_000n, taxMicros: 7_600_000n });
  expect(await balance(id)).toBe(0n);
  await expect(refundCredit(books, { invoice: number, reason: 'again' })).rejects.toMatchObject({
    code: 'insufficient-credit',
  });
  const after = await company();
  expect((before['cash'] ?? 0n) - (after['cash'] ?? 0n)).toBe(71_400_000n);
  expect((after['tax-payable'] ?? 0n) - (before['tax-payable'] ?? 0n)).toBe(11_400_000n);
  const sheet = creditNoteSheet(rest, await findInvoice(books, number), 'en');
  expect(sheet.totals).toContainEqual(['Paid back', '47.60 USD']);
  expect(sheet.totals.map(([label]) => label)).not.toContain('Added to prepaid credit');
  // It is no invoice of a plan: no credit out of credit.
  await expect(creditInvoice(books, { invoice: number, amountMicros: 1n, reason: 'x' })).rejects.toMatchObject({
    code: 'invoice-of-credit',
  });
});

test('a customer on a plan tops up between two bills, and both invoices cover what they covered', async () => {
  await publishPlan(books, { name: 'pro', currency: 'USD', fee: '9.99', beyondCredit: { overage: '50.00' } }, 'plan');
  const id = await newCustomer();
  await subscribe(books, { customerId: id, plan: 'pro' });
  await runBilling(books, { seller });
  await use(id, 1_000_000);
  await payTopUp(books, (await ask(id, 10_000_000n)).number);
  await use(id, 2_000_000);
  clock.advance(32 * 86_400_000);
  await runBilling(books, { seller });
  // 1.00 was owed, 10.00 came, 2.00 went: 7.00 are left, and the invoice of the month has 3.00 of usage, all from credit.
  expect(await balance(id)).toBe(7_000_000n);
  const invoices = await listInvoices(books, { customerId: id });
  expect(invoices.map(({ fromCreditMicros }) => fromCreditMicros)).toEqual([3_000_000n, 0n, 0n]);
});

test('pure: what is due is credit and tax in whole cents, and all of it can be paid back in any parts', () => {
  const tax = fc.tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 9999 }));
  fc.assert(
    fc.property(
      tax,
      fc.bigInt({ min: 500n, max: 1_000_000n }),
      fc.array(fc.integer({ min: 1, max: 99 })),
      (percent, cents, parts) => {
        const taxPercent = `${percent[0]}.${percent[1]}`;
        const amount = cents * 10_000n;
        const due = dueFor(amount, parseSeller({ name: 'a', taxPercent }, 'test'), 'USD');
        // Within half a cent of the exact sum.
        const exact = Number(amount) * (1 + Number(taxPercent) / 100);
        expect(due % 10_000n).toBe(0n);
        expect(Math.abs(Number(due) - exact)).toBeLessThanOrEqual(5_001);
        const taxMicros = due - amount;
        const invoice = { totalMicros: due, taxMicros, creditedTaxMicros: 0n, currency: 'USD' };
        let [back, left] = [0n, amount];
        const lot = () => ({ openedMicros: amount, leftMicros: left });
        const creditUpTo = (paid: bigint) => (2n * amount * paid + due) / (2n * due);
        for (const part of parts) {
          const most = mostPayable({ ...invoice, creditedMicros: back }, lot());
          const paid = ((most * BigInt(part)) / 100n / 10_000n) * 10_000n;
          left -= creditUpTo(back + paid) - creditUpTo(back);
          back += paid;
          expect(left).toBeGreaterThanOrEqual(0n);
        }
        expect(back + mostPayable({ ...invoice, creditedMicros: back }, lot())).toBe(due);
      },
    ),
  );
});

test('pure: a payment reference is read back, and one wrong sign in it is found', () => {
  // TU00000001RF00 with T = 29, U = 30, R = 27, F = 15 is 293000000001271500, which leaves 17 of 97; 98 − 17 = 81.
  expect(referenceOf(1n)).toBe('RF81TU00000001');
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 12n }), fc.nat(), fc.integer({ min: 1, max: 9 }), (id, place, by) => {
      const reference = referenceOf(id);
      expect(idOfReference(reference)).toBe(id);
      const at = 6 + (place % (reference.length - 6));
      const wrong = `${reference.slice(0, at)}${(Number(reference[at]) + by) % 10}${reference.slice(at + 1)}`;
      expect(idOfReference(wrong)).toBeUndefined();
    }),
  );
});
