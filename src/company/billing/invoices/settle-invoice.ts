/** What happens to an invoice once it is issued: paid, void, or credited. Nothing of it is ever changed; entries take it back. */
import { MoatError } from '../../../base/errors.js';
import { type Micros, formatMicros } from '../../../base/money.js';
import type { AuditWriter } from '../../access/audit-log.js';
import type { Books } from '../customers.js';
import { type AnySql, type MoneySql, lockAccount, lockFreeCredit, openCredit, post } from '../ledger.js';
import { roundHalfUp } from '../proration.js';
import type { InvoiceState } from './invoice.js';
import { nextNumber } from './issue-invoice.js';
import { parseSeller } from './parties.js';

export interface LockedInvoice {
  readonly id: bigint;
  readonly state: InvoiceState;
  readonly customerId: string;
  /** Null where it is for credit, which is paid back and not credited once more. */
  readonly subscriptionId: bigint | null;
  readonly currency: string;
  readonly seller: unknown;
  readonly totalMicros: Micros;
  readonly taxMicros: Micros;
  readonly dueMicros: Micros;
  /** Of all credit notes, of their tax, and of what they took off the sum due. */
  readonly creditedMicros: Micros;
  readonly creditedTaxMicros: Micros;
  readonly offDueMicros: Micros;
}

export async function lockInvoice(sql: MoneySql, number: string): Promise<LockedInvoice> {
  const [locked] = await sql<{ id: bigint }[]>`select id from moat.invoices where number = ${number} for update`;
  if (locked === undefined)
    throw new MoatError('unknown-invoice', `invoice "${number}" does not exist`, {
      fix: 'List them with: moat invoices list.',
    });
  const [row] = await sql<LockedInvoice[]>`
    select i.id, i.state, i.customer_id as "customerId", i.subscription_id as "subscriptionId", i.currency, i.seller, i.total_micros as "totalMicros", i.tax_micros as "taxMicros",
           i.due_micros as "dueMicros", coalesce(sum(n.amount_micros), 0)::bigint as "creditedMicros",
           coalesce(sum(n.tax_micros), 0)::bigint as "creditedTaxMicros", coalesce(sum(n.off_due_micros), 0)::bigint as "offDueMicros"
      from moat.invoices i left join moat.credit_notes n on n.invoice_id = i.id where i.id = ${locked.id} group by i.id`;
  return row as LockedInvoice;
}

function checkOpen({ state }: LockedInvoice, number: string): void {
  if (state !== 'open') throw new MoatError('invoice-closed', `invoice ${number} is ${state}`);
}

const settle = (sql: MoneySql, { id }: LockedInvoice, state: 'paid' | 'void', at: Date) =>
  sql`update moat.invoices set state = ${state}, settled_at = ${at} where id = ${id}`;

/**
 * The money came in: the whole of what is still due. Safe to repeat.
 * @param options `fromCredit`: it is taken from the customer's prepaid credit instead
 * @throws MoatError `unknown-invoice`, `invoice-closed` for a void one, `insufficient-credit`
 */
export async function payInvoice(
  books: Books,
  number: string,
  options: { fromCredit?: boolean; audit?: AuditWriter } = {},
): Promise<void> {
  const at = new Date(books.clock.now());
  await books.database.sql.begin((sql) => receivePayment(sql, number, { ...options, at }));
}

/** `payInvoice` within a transaction of the caller's. */
export async function receivePayment(
  sql: MoneySql,
  number: string,
  { at, fromCredit = false, audit }: { at: Date; fromCredit?: boolean; audit?: AuditWriter },
): Promise<void> {
  const invoice = await lockInvoice(sql, number);
  if (invoice.state === 'paid') return;
  checkOpen(invoice, number);
  const { customerId, currency } = invoice;
  const amountMicros = invoice.dueMicros - invoice.offDueMicros;
  if (fromCredit) await checkCredit(sql, customerId, amountMicros);
  await post(sql, {
    kind: 'payment',
    reference: `payment ${number}`,
    currency,
    at,
    legs: [
      fromCredit
        ? { account: 'prepaid', customerId, amountMicros }
        : { account: 'cash', customerId: null, amountMicros },
      { account: 'receivable', customerId, amountMicros: -amountMicros },
    ],
  });
  await settle(sql, invoice, 'paid', at);
  await sql`
    update moat.customers c set suspended_at = null, suspended_for = null where id = ${customerId} and suspended_for = 'overdue'
       and not exists (select 1 from moat.invoices i where i.customer_id = c.id and i.state = 'open' and i.due_at < ${at})`;
  await audit?.(sql, {
    action: 'invoice.paid',
    target: number,
    details: { amountMicros: `${amountMicros}`, fromCredit },
  });
}

async function checkCredit(sql: MoneySql, customerId: string, needed: Micros): Promise<void> {
  const { freeMicros: available } = await lockFreeCredit(sql, customerId);
  if (available < needed)
    throw new MoatError(
      'insufficient-credit',
      `${formatMicros(needed)} are due, ${formatMicros(available)} of credit are free`,
    );
}

/**
 * Takes back what is due of an invoice that was wrong. What it covers is not billed again, and what credit has paid stays paid.
 * @throws MoatError `unknown-invoice`, `invoice-closed`
 */
export async function voidInvoice(books: Books, number: string, audit?: AuditWriter): Promise<void> {
  const at = new Date(books.clock.now());
  await books.database.sql.begin(async (sql) => {
    const invoice = await lockInvoice(sql, number);
    if (invoice.state === 'void') return;
    checkOpen(invoice, number);
    const { customerId, currency } = invoice;
    const amountMicros = invoice.dueMicros - invoice.offDueMicros;
    const taxMicros = invoice.taxMicros - invoice.creditedTaxMicros;
    await post(sql, {
      kind: 'credit-note',
      reference: `void ${number}`,
      currency,
      at,
      legs: [
        { account: 'receivable', customerId, amountMicros: -amountMicros },
        { account: 'revenue', customerId: null, amountMicros: amountMicros - taxMicros },
        { account: 'tax-payable', customerId: null, amountMicros: taxMicros },
      ],
    });
    await settle(sql, invoice, 'void', at);
    await audit?.(sql, { action: 'invoice.voided', target: number, details: { amountMicros: `${amountMicros}` } });
  });
}

export interface CreditNote {
  readonly number: string;
  readonly invoice: string;
  readonly amountMicros: Micros;
  /** The tax within it. */
  readonly taxMicros: Micros;
  /** What it takes off the sum due. */
  readonly offDueMicros: Micros;
  /** What was paid back in money; the rest is prepaid credit again. */
  readonly refundedMicros: Micros;
  readonly currency: string;
  readonly reason: string;
  readonly issuedAt: Date;
}

/**
 * Gives a part of an invoice back: first off what is still due, the rest as prepaid credit. All notes of an invoice together are never
 * more than it.
 * @throws MoatError `bad-amount`, `unknown-invoice`, `invoice-closed` for a void one
 */
export async function creditInvoice(
  books: Books,
  { invoice: number, amountMicros, reason }: { invoice: string; amountMicros: Micros; reason: string },
  audit?: AuditWriter,
): Promise<CreditNote> {
  const at = new Date(books.clock.now());
  return books.database.sql.begin(async (sql) => {
    const invoice = await lockInvoice(sql, number);
    if (invoice.state === 'void') checkOpen(invoice, number);
    if (invoice.subscriptionId === null)
      throw new MoatError('invoice-of-credit', `invoice ${number} is for prepaid credit`, {
        fix: `Pay back what is left of it: moat top-ups refund ${number}.`,
      });
    const left = invoice.totalMicros - invoice.creditedMicros;
    if (amountMicros <= 0n || amountMicros > left)
      throw new MoatError('bad-amount', `a credit note of ${formatMicros(amountMicros)} on invoice ${number}`, {
        fix: `Give an amount above zero and up to ${formatMicros(left)}.`,
      });
    const stillDue = invoice.state === 'open' ? invoice.dueMicros - invoice.offDueMicros : 0n;
    const offDueMicros = amountMicros < stillDue ? amountMicros : stillDue;
    const taxMicros = taxWithin(invoice, amountMicros);
    const note = { amountMicros, taxMicros, offDueMicros, reason };
    const issued = await nextNumber(sql, parseSeller(invoice.seller, number), 'credit-note', at);
    await bookNote(sql, invoice, { number: issued, at, ...note });
    if (offDueMicros === stillDue && invoice.state === 'open') await settle(sql, invoice, 'paid', at);
    const details = { number: issued, amountMicros: `${amountMicros}`, reason };
    await audit?.(sql, { action: 'invoice.credited', target: number, details });
    return { ...note, refundedMicros: 0n, number: issued, invoice: number, currency: invoice.currency, issuedAt: at };
  });
}

/** The tax is given back as its share of the whole, so that all notes together give back all of it and no more. */
export function taxWithin(
  {
    totalMicros,
    taxMicros,
    creditedMicros,
    creditedTaxMicros,
  }: Pick<LockedInvoice, 'totalMicros' | 'taxMicros' | 'creditedMicros' | 'creditedTaxMicros'>,
  amountMicros: Micros,
): Micros {
  if (taxMicros === 0n) return 0n;
  const upTo =
    roundHalfUp({ numerator: taxMicros * (creditedMicros + amountMicros), denominator: totalMicros }) -
    creditedTaxMicros;
  return upTo < amountMicros ? upTo : amountMicros;
}

async function bookNote(
  sql: MoneySql,
  { id, customerId, currency }: LockedInvoice,
  note: { number: string; amountMicros: Micros; taxMicros: Micros; offDueMicros: Micros; reason: string; at: Date },
): Promise<void> {
  const toCredit = note.amountMicros - note.offDueMicros;
  const account = await lockAccount(sql, customerId);
  await sql`select moat.share_consumption(${account.id})`;
  const transactionId = await post(sql, {
    kind: 'credit-note',
    reference: `credit note ${note.number}`,
    description: note.reason,
    currency,
    at: note.at,
    legs: [
      { account: 'revenue', customerId: null, amountMicros: note.amountMicros - note.taxMicros },
      { account: 'tax-payable', customerId: null, amountMicros: note.taxMicros },
      { account: 'receivable', customerId, amountMicros: -note.offDueMicros },
      { account: 'prepaid', customerId, amountMicros: -toCredit },
    ],
  });
  if (transactionId === undefined)
    throw new MoatError('reference-taken', `credit note ${note.number} is booked already`);
  if (toCredit > 0n)
    await openCredit(sql, { transactionId, accountId: account.id, amountMicros: toCredit, at: note.at });
  await sql`
    insert into moat.credit_notes (number, invoice_id, amount_micros, tax_micros, off_due_micros, reason, transaction_id, issued_at)
    values (${note.number}, ${id}, ${note.amountMicros}, ${note.taxMicros}, ${note.offDueMicros}, ${note.reason}, ${transactionId}, ${note.at})`;
}

const noteColumns = (sql: AnySql) => sql`
  n.number, i.number as invoice, n.amount_micros as "amountMicros", n.tax_micros as "taxMicros", n.off_due_micros as "offDueMicros",
  n.refunded_micros as "refundedMicros", i.currency,
  n.reason, n.issued_at as "issuedAt"`;

/** Of one invoice, newest first; at most 1,000. */
export async function listCreditNotes({ database: { sql } }: Books, invoice: string): Promise<CreditNote[]> {
  return sql<CreditNote[]>`
    select ${noteColumns(sql)} from moat.credit_notes n join moat.invoices i on i.id = n.invoice_id
     where i.number = ${invoice} order by n.id desc limit 1000`;
}

/** @throws MoatError `unknown-credit-note` */
export async function findCreditNote({ database: { sql } }: Books, number: string): Promise<CreditNote> {
  const [note] = await sql<CreditNote[]>`
    select ${noteColumns(sql)} from moat.credit_notes n join moat.invoices i on i.id = n.invoice_id where n.number = ${number}`;
  if (note !== undefined) return note;
  throw new MoatError('unknown-credit-note', `credit note "${number}" does not exist`, {
    fix: 'moat invoices show NUMBER --json lists them.',
  });
}
