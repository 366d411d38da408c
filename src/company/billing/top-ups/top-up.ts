/** Credit that a customer asks for. Asking books nothing: what counts is the payment. */
import { MoatError, invariant } from '../../../base/errors.js';
import { type Currency, type Micros, formatMicros, parseMicros } from '../../../base/money.js';
import type { AuditWriter } from '../../access/audit-log.js';
import type { Books } from '../customers.js';
import { nextNumber, sumUp } from '../invoices/issue-invoice.js';
import { type Seller, parseSeller } from '../invoices/parties.js';
import { type AnySql, type MoneySql, lockAccount } from '../ledger.js';
import { roundToPayable } from '../proration.js';
import { idOfReference, referenceOf } from './payment-reference.js';

export type TopUpState = 'open' | 'paid' | 'void';

export interface TopUp {
  readonly id: bigint;
  /** `TU-2026-000001`, without gaps. */
  readonly number: string;
  /** What the payer writes on his transfer. */
  readonly reference: string;
  readonly state: TopUpState;
  readonly customerId: string;
  readonly currency: Currency;
  /** The credit. */
  readonly amountMicros: Micros;
  /** What is to be paid for it: the credit and its tax. */
  readonly dueMicros: Micros;
  /** As he was when the customer asked: his tax, and how to pay him. */
  readonly seller: Seller;
  readonly requestedAt: Date;
  readonly settledAt: Date | null;
  /** The number of the invoice that receipts the payment. */
  readonly invoice: string | null;
}

/** Of one customer at once; who asks for more does not pay. */
const MOST_OPEN = 10;

/** What credit costs: its tax and rounding are on top. Pure. */
export function dueFor(amountMicros: Micros, seller: Seller, currency: Currency): Micros {
  return sumUp({ ...creditAlone(amountMicros, ''), seller, currency }).dueMicros;
}

/** Credit as the one line of an invoice: nothing of it is covered by credit, so all of it is due. Pure. */
export const creditAlone = (amountMicros: Micros, topUp: string) => ({
  usage: {
    lines: [{ kind: 'credit' as const, amountMicros, detail: { topUp } }],
    micros: 0n,
    laterMicros: 0n,
    resumeId: 0n,
  },
  overageMicros: amountMicros,
  terms: [],
});

/**
 * A customer asks for credit.
 * @throws MoatError `bad-amount` outside the seller's bounds or not payable, `too-many-top-ups`, `unknown-customer`
 */
export async function requestTopUp(
  books: Books,
  { customerId, amountMicros, seller }: { customerId: string; amountMicros: Micros; seller: Seller },
  audit?: AuditWriter,
): Promise<TopUp> {
  const at = new Date(books.clock.now());
  return books.database.sql.begin(async (sql) => {
    // The lock is what the count of open ones holds under.
    const { currency } = await lockAccount(sql, customerId);
    checkAmount(amountMicros, seller, currency);
    const [open] = await sql<{ count: number }[]>`
      select count(*)::int as count from moat.top_ups where customer_id = ${customerId} and state = 'open'`;
    if ((open?.count ?? 0) >= MOST_OPEN)
      throw new MoatError('too-many-top-ups', `${MOST_OPEN} top-ups of the customer wait for their payment`, {
        fix: 'Pay one of them, or void it.',
      });
    const number = await nextNumber(sql, seller, 'top-up', at);
    const [row] = await sql<{ id: bigint }[]>`
      insert into moat.top_ups (number, customer_id, currency, amount_micros, due_micros, seller, requested_at)
      values (${number}, ${customerId}, ${currency}, ${amountMicros}, ${dueFor(amountMicros, seller, currency)},
              ${JSON.stringify(seller)}::text::jsonb, ${at}) returning id`;
    invariant(row !== undefined, 'a top-up has an id');
    const details = { customer: customerId, amountMicros: `${amountMicros}` };
    await audit?.(sql, { action: 'top-up.requested', target: number, details });
    return readOne(sql, row.id);
  });
}

function checkAmount(amountMicros: Micros, { topUp }: Seller, currency: Currency): void {
  const [least, most] = [parseMicros(topUp.minimum), parseMicros(topUp.maximum)];
  const isPayable = roundToPayable(amountMicros, currency) === amountMicros;
  if (isPayable && amountMicros >= least && amountMicros <= most) return;
  throw new MoatError('bad-amount', `a top-up of ${formatMicros(amountMicros)} ${currency}`, {
    fix: `Give an amount from ${formatMicros(least)} to ${formatMicros(most)}, without fractions of a cent.`,
  });
}

interface Row extends Omit<TopUp, 'reference' | 'seller'> {
  readonly seller: unknown;
}

const columns = (sql: AnySql) => sql`
  t.id, t.number, t.state, t.customer_id as "customerId", t.currency, t.amount_micros as "amountMicros", t.due_micros as "dueMicros", t.seller,
  t.requested_at as "requestedAt", t.settled_at as "settledAt", (select i.number from moat.invoices i where i.id = t.invoice_id) as invoice`;

const topUpOf = (row: Row): TopUp => ({
  ...row,
  reference: referenceOf(row.id),
  seller: parseSeller(row.seller, row.number),
});

async function readOne(sql: AnySql, id: bigint): Promise<TopUp> {
  const [row] = await sql<Row[]>`select ${columns(sql)} from moat.top_ups t where t.id = ${id}`;
  invariant(row !== undefined, `top-up ${id} exists`);
  return topUpOf(row);
}

/** Newest first; at most 200. */
export async function listTopUps(
  { database: { sql } }: Books,
  filter: { customerId?: string; state?: TopUpState } = {},
): Promise<TopUp[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)} from moat.top_ups t
     where true ${filter.customerId === undefined ? sql`` : sql`and t.customer_id = ${filter.customerId}`}
           ${filter.state === undefined ? sql`` : sql`and t.state = ${filter.state}`}
     order by t.id desc limit 200`;
  return rows.map(topUpOf);
}

/**
 * Locks a top-up by its number or payment reference, so that it is settled once.
 * @throws MoatError `unknown-top-up`
 */
export async function lockTopUp(sql: MoneySql, name: string, customerId?: string): Promise<TopUp> {
  const [found] = await sql<{ id: bigint }[]>`
    select id from moat.top_ups t where (t.number = ${name} or t.id = ${idOfReference(name) ?? -1n})
       ${customerId === undefined ? sql`` : sql`and t.customer_id = ${customerId}`} for update`;
  if (found !== undefined) return readOne(sql, found.id);
  throw new MoatError('unknown-top-up', `top-up "${name}" does not exist`, {
    fix: 'List them with: moat top-ups list.',
  });
}

/**
 * Nobody will pay it any more. Safe to repeat.
 * @param customerId whose it has to be
 * @throws MoatError `unknown-top-up`, `top-up-closed` for a paid one
 */
export async function voidTopUp(
  books: Books,
  name: string,
  { customerId, audit }: { customerId?: string; audit?: AuditWriter } = {},
): Promise<TopUp> {
  const at = new Date(books.clock.now());
  return books.database.sql.begin(async (sql) => {
    const topUp = await lockTopUp(sql, name, customerId);
    if (topUp.state === 'void') return topUp;
    if (topUp.state === 'paid')
      throw new MoatError('top-up-closed', `top-up ${topUp.number} is paid`, {
        fix: `Pay back what is left of it: moat top-ups refund ${topUp.invoice ?? ''}.`,
      });
    await sql`update moat.top_ups set state = 'void', settled_at = ${at} where id = ${topUp.id}`;
    await audit?.(sql, { action: 'top-up.voided', target: topUp.number });
    return { ...topUp, state: 'void', settledAt: at };
  });
}
