/** Makes an invoice: its lines, one balanced transaction for what is due, and a number, all in the transaction of whoever calls. */
import { invariant } from '../../../base/errors.js';
import type { Micros } from '../../../base/money.js';
import { type MoneySql, openCredit, post } from '../ledger.js';
import { roundHalfUp, roundToPayable } from '../proration.js';
import { dayAt } from '../time-zone.js';
import type { CoveredUsage, Cut } from './covered-usage.js';
import type { InvoiceLine } from './invoice.js';
import type { Buyer, Seller } from './parties.js';

export interface InvoiceDraft {
  readonly seller: Seller;
  readonly buyer: Buyer;
  readonly customerId: string;
  readonly accountId: bigint;
  /** Null, as the period, of an invoice for credit alone. */
  readonly subscriptionId: bigint | null;
  readonly period: number | null;
  readonly currency: string;
  readonly usageFrom: Date;
  readonly after: Cut;
  readonly cut: Cut;
  readonly usage: CoveredUsage;
  /** The part of the usage that no credit covered. */
  readonly overageMicros: Micros;
  /** Fees, seats, minimums, prorations. */
  readonly terms: readonly InvoiceLine[];
  readonly at: Date;
  readonly dueDays: number;
}

export interface Sums {
  readonly lines: readonly InvoiceLine[];
  readonly taxMicros: Micros;
  readonly roundingMicros: Micros;
  readonly totalMicros: Micros;
  readonly dueMicros: Micros;
  /** What is given back beyond what is due: it becomes prepaid credit. */
  readonly toCreditMicros: Micros;
}

/** Σ of all lines is the total; what credit has not covered is due, with its tax, in whole cents. Pure. */
export function sumUp(draft: Pick<InvoiceDraft, 'usage' | 'terms' | 'overageMicros' | 'seller' | 'currency'>): Sums {
  const { usage, terms, overageMicros, seller, currency } = draft;
  const termsMicros = sumOf(terms);
  const net = overageMicros + termsMicros;
  const taxable = net > 0n ? net : 0n;
  const taxMicros = taxOf(taxable, seller.taxPercent);
  const dueMicros = roundToPayable(taxable + taxMicros, currency);
  const roundingMicros = dueMicros - taxable - taxMicros;
  const tax: InvoiceLine[] =
    taxMicros === 0n
      ? []
      : [{ kind: 'tax', amountMicros: taxMicros, detail: { name: seller.taxName, percent: seller.taxPercent ?? '0' } }];
  const rounding: InvoiceLine[] =
    roundingMicros === 0n ? [] : [{ kind: 'rounding', amountMicros: roundingMicros, detail: {} }];
  const lines = [...usage.lines, ...terms, ...tax, ...rounding];
  return { lines, taxMicros, roundingMicros, totalMicros: sumOf(lines), dueMicros, toCreditMicros: taxable - net };
}

const sumOf = (lines: readonly InvoiceLine[]): Micros =>
  lines.reduce((sum, { amountMicros }) => sum + amountMicros, 0n);

/** @param percent such as "7.7", or none */
function taxOf(taxable: Micros, percent: string | undefined): Micros {
  const [whole = '0', fraction = ''] = (percent ?? '0').split('.');
  return roundHalfUp({
    numerator: taxable * BigInt(whole + fraction),
    denominator: 100n * 10n ** BigInt(fraction.length),
  });
}

/** @returns its number; undefined when there is nothing to say */
export async function issueInvoice(sql: MoneySql, draft: InvoiceDraft): Promise<string | undefined> {
  const sums = sumUp(draft);
  if (sums.lines.length === 0) return undefined;
  const id = await writeDraft(sql, draft, sums);
  if (draft.subscriptionId !== null)
    await sql`update moat.pending_lines set invoice_id = ${id} where customer_id = ${draft.customerId} and invoice_id is null`;
  const number = await nextNumber(sql, draft.seller, 'invoice', draft.at);
  const transactionId = await bookDue(sql, draft, sums, number);
  await sql`
    update moat.invoices set number = ${number}, transaction_id = ${transactionId}, state = ${sums.dueMicros === 0n ? 'paid' : 'open'},
           settled_at = ${sums.dueMicros === 0n ? draft.at : null} where id = ${id}`;
  return number;
}

async function writeDraft(sql: MoneySql, draft: InvoiceDraft, sums: Sums): Promise<bigint> {
  const { seller, buyer, cut, after, usage, at } = draft;
  const dueAt = new Date(at.getTime() + draft.dueDays * 86_400_000);
  const [row] = await sql<{ id: bigint }[]>`
    insert into moat.invoices (state, customer_id, subscription_id, period, currency, seller, buyer, usage_from, covers_before, covers_through,
      after_before, after_through, resume_id, usage_micros, tax_percent, tax_micros, total_micros, from_credit_micros, due_micros, issued_at, due_at)
    values ('draft', ${draft.customerId}, ${draft.subscriptionId}, ${draft.period}, ${draft.currency}, ${JSON.stringify(seller)}::text::jsonb,
      ${JSON.stringify(buyer)}::text::jsonb, ${draft.usageFrom}, ${cut.before}, ${cut.through}, ${after.before}, ${after.through}, ${usage.resumeId},
      ${usage.micros}, ${seller.taxPercent ?? null}, ${sums.taxMicros}, ${sums.totalMicros}, ${sums.totalMicros - sums.dueMicros},
      ${sums.dueMicros}, ${at}, ${dueAt}) returning id`;
  invariant(row !== undefined, 'a draft has an id');
  for (const [position, { kind, amountMicros, detail }] of sums.lines.entries())
    await sql`
      insert into moat.invoice_lines values (${row.id}, ${position + 1}, ${kind}, ${amountMicros}, ${JSON.stringify(detail)}::text::jsonb)`;
  return row.id;
}

const PREFIXES = { invoice: '', 'credit-note': 'CN-', 'top-up': 'TU-' } as const;

/** `2026-000123`: gapless in an entity and year, because the counter is locked until this transaction ends. */
export async function nextNumber(
  sql: MoneySql,
  { entity, timeZone }: Seller,
  series: keyof typeof PREFIXES,
  at: Date,
): Promise<string> {
  const { year } = dayAt(at, timeZone);
  const [row] = await sql<{ last: number }[]>`select moat.next_number(${entity}, ${series}, ${year}) as last`;
  invariant(row !== undefined, 'a counter counts');
  const named = entity === 'main' ? '' : `${entity}-`;
  return `${PREFIXES[series]}${named}${year}-${String(row.last).padStart(6, '0')}`;
}

/** What was used beyond credit leaves the prepaid account; with the fees and the tax, it is owed from now on. */
async function bookDue(sql: MoneySql, draft: InvoiceDraft, sums: Sums, number: string): Promise<bigint | null> {
  const { customerId, accountId, overageMicros, at } = draft;
  const { dueMicros, taxMicros, roundingMicros, toCreditMicros } = sums;
  const revenue = sumOf(draft.terms) + roundingMicros;
  const legs = [
    { account: 'receivable' as const, customerId, amountMicros: dueMicros },
    { account: 'prepaid' as const, customerId, amountMicros: -(overageMicros + toCreditMicros) },
    { account: 'revenue' as const, customerId: null, amountMicros: -revenue },
    { account: 'tax-payable' as const, customerId: null, amountMicros: -taxMicros },
  ];
  if (legs.every(({ amountMicros }) => amountMicros === 0n)) return null;
  await sql`select moat.share_consumption(${accountId})`;
  const reference = `invoice ${number}`;
  const kind = draft.subscriptionId === null ? 'payment' : 'fee';
  const transactionId = await post(sql, { kind, reference, currency: draft.currency, at, legs });
  invariant(transactionId !== undefined, `${reference} is new`);
  if (toCreditMicros > 0n) await openCredit(sql, { transactionId, accountId, amountMicros: toCreditMicros, at });
  return transactionId;
}
