/** What an invoice is, and how it is found again. */
import { MoatError } from '../../../base/errors.js';
import type { Currency, Micros } from '../../../base/money.js';
import type { Books } from '../customers.js';
import { type Buyer, type Seller, buyerFrom, parseSeller } from './parties.js';

export type InvoiceState = 'draft' | 'open' | 'paid' | 'void';

/** What a model was used, at one price. Counts and rates are decimal strings: they are kept as JSON. */
export interface UsageDetail {
  readonly model: string;
  readonly requests: string;
  readonly inputTokens: string;
  readonly cachedTokens: string;
  readonly outputTokens: string;
  /** Micro-units for a million tokens; null where prices are by tiers, packages or free units. */
  readonly rates: {
    readonly input: string;
    readonly cached: string;
    readonly output: string;
    readonly request: string;
  } | null;
  /** Used before the period, and booked or corrected after the invoice of its time was made. */
  readonly isLate: boolean;
}

export interface TermDetail {
  readonly plan: string;
  readonly seats?: number;
  readonly from: string;
  readonly to: string;
  /** Of a proration: what was paid for and is not used is given back. */
  readonly isReturn?: boolean;
}

/** What came back at the end of a month with a volume price, or what somebody said it was for. */
export type AdjustmentDetail = { readonly model: string; readonly month: string } | { readonly what: string };

export type InvoiceLine = { readonly amountMicros: Micros } & (
  | { readonly kind: 'usage'; readonly detail: UsageDetail }
  | { readonly kind: 'adjustment'; readonly detail: AdjustmentDetail }
  | { readonly kind: 'fee' | 'seats' | 'minimum' | 'proration'; readonly detail: TermDetail }
  /** Prepaid credit that was asked for. */
  | { readonly kind: 'credit'; readonly detail: { readonly topUp: string } }
  | { readonly kind: 'tax'; readonly detail: { readonly name: string; readonly percent: string } }
  | { readonly kind: 'rounding'; readonly detail: Readonly<Record<string, never>> }
);

export interface InvoiceSummary {
  readonly id: bigint;
  /** `2026-000123`; null of a draft. */
  readonly number: string | null;
  readonly state: InvoiceState;
  /** For a plan's period, or for prepaid credit alone. */
  readonly kind: 'plan' | 'credit';
  readonly customerId: string;
  readonly currency: Currency;
  readonly totalMicros: Micros;
  /** The part that prepaid credit has covered; below 0, what came back as credit. */
  readonly fromCreditMicros: Micros;
  readonly dueMicros: Micros;
  /** What credit notes took off the sum due. */
  readonly creditedMicros: Micros;
  readonly issuedAt: Date;
  readonly dueAt: Date;
  readonly settledAt: Date | null;
}

export interface Invoice extends InvoiceSummary {
  readonly seller: Seller;
  readonly buyer: Buyer;
  readonly usageFrom: Date;
  readonly usageTo: Date;
  readonly taxMicros: Micros;
  readonly lines: readonly InvoiceLine[];
}

/** Invoices, newest first; at most 1,000. */
export async function listInvoices(
  { database }: Books,
  filter: { customerId?: string; state?: InvoiceState } = {},
): Promise<InvoiceSummary[]> {
  const { sql } = database;
  return sql<InvoiceSummary[]>`
    select ${summary(sql)} from moat.invoices i
     where true ${filter.customerId === undefined ? sql`` : sql`and i.customer_id = ${filter.customerId}`}
           ${filter.state === undefined ? sql`` : sql`and i.state = ${filter.state}`}
     order by i.id desc limit 1000`;
}

const summary = (sql: Books['database']['sql']) => sql`
  i.id, i.number, i.state, case when i.subscription_id is null then 'credit' else 'plan' end as kind, i.customer_id as "customerId", i.currency, i.total_micros as "totalMicros", i.from_credit_micros as "fromCreditMicros",
  i.due_micros as "dueMicros", i.issued_at as "issuedAt", i.due_at as "dueAt", i.settled_at as "settledAt",
  (select coalesce(sum(n.off_due_micros), 0)::bigint from moat.credit_notes n where n.invoice_id = i.id) as "creditedMicros"`;

interface Row extends InvoiceSummary {
  readonly seller: unknown;
  readonly buyer: unknown;
  readonly usageFrom: Date;
  readonly usageTo: Date;
  readonly taxMicros: Micros;
}

/** @throws MoatError `unknown-invoice` */
export async function findInvoice({ database: { sql } }: Books, number: string): Promise<Invoice> {
  const [row] = await sql<Row[]>`
    select ${summary(sql)}, i.seller, i.buyer, i.usage_from as "usageFrom", i.covers_before as "usageTo", i.tax_micros as "taxMicros"
      from moat.invoices i where i.number = ${number}`;
  if (row === undefined)
    throw new MoatError('unknown-invoice', `invoice "${number}" does not exist`, {
      fix: 'List them with: moat invoices list.',
    });
  const lines = await sql<InvoiceLine[]>`
    select kind, amount_micros as "amountMicros", detail from moat.invoice_lines where invoice_id = ${row.id} order by position`;
  return { ...row, seller: parseSeller(row.seller, number), buyer: buyerFrom(row.buyer, ''), lines: [...lines] };
}
