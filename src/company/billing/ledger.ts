import type { TransactionSql } from 'postgres';
import { MoatError } from '../../base/errors.js';
import type { Currency, Micros } from '../../base/money.js';
import type { AuditWriter } from '../access/audit-log.js';
import type { Books } from './customers.js';

export type AccountKind = 'prepaid' | 'revenue' | 'cash' | 'credit-grants' | 'write-offs' | 'expired-credit';

export interface LedgerEntry {
  readonly transactionId: bigint;
  readonly account: AccountKind;
  /** The customer of a prepaid account, null for the company's own accounts. */
  readonly customerId: string | null;
  /** Debits are positive, credits negative; the entries of a transaction sum to zero. */
  readonly amountMicros: Micros;
  readonly currency: Currency;
  readonly time: Date;
}

export interface Balance {
  /** Prepaid credit the customer still owns; below 0, what he owes. */
  readonly balanceMicros: Micros;
  /** How much he may owe. */
  readonly creditLineMicros: Micros;
  /** The part of it set aside for answers being generated right now. */
  readonly reservedMicros: Micros;
  readonly currency: Currency;
}

/** @throws MoatError `unknown-customer` */
export async function balanceOf({ database }: Books, customerId: string): Promise<Balance> {
  const [row] = await database.sql<Balance[]>`
    select -a.balance_micros as "balanceMicros", a.credit_line_micros as "creditLineMicros", a.currency,
           -- What was settled a moment ago may still be reserved; it is no longer set aside.
           (select coalesce(sum(r.amount_micros), 0)::bigint from moat.reservations r
             where r.account_id = a.id and not exists (
               select 1 from moat.usage_events u where u.id = 'use_' || substr(r.request_id, 5))) as "reservedMicros"
      from moat.accounts a where a.customer_id = ${customerId} and a.kind = 'prepaid'`;
  if (row === undefined) throw new MoatError('unknown-customer', `customer "${customerId}" has no account`);
  return row;
}

export interface Credit {
  readonly customerId: string;
  readonly amountMicros: Micros;
  /** `payment`: money came in. `grant`: a gift, an expense of the company. Default `grant`. */
  readonly kind?: 'payment' | 'grant';
  /** After it, what is left of the credit is gone. Default: never. */
  readonly expiresAt?: Date;
  /** Credit with a lower number is used first; of equal ones, what expires first. Default 100. */
  readonly priority?: number;
  /** Books once, however often it is called with the same reference. */
  readonly reference?: string;
}

/**
 * Adds prepaid credit, as one balanced transaction.
 * @param audit written in that transaction; not again for a repeat
 * @returns the balance after it
 * @throws MoatError `bad-amount`, `unknown-customer`, `reference-taken`
 */
export async function grantCredit(books: Books, credit: Credit, audit?: AuditWriter): Promise<Balance> {
  if (credit.expiresAt !== undefined && credit.expiresAt.getTime() <= books.clock.now()) {
    throw new MoatError('bad-expiry', `credit that expires at ${credit.expiresAt.toISOString()}: that is past`, {
      fix: 'Give a time to come.',
    });
  }
  if (credit.amountMicros <= 0n) {
    throw new MoatError('bad-amount', `credit of ${credit.amountMicros} micro-units`, {
      fix: 'Give an amount above zero.',
    });
  }
  const kind = credit.kind ?? 'grant';
  await books.database.sql.begin(async (sql) => {
    const [account] = await sql<{ id: bigint; currency: string }[]>`
      select id, currency from moat.accounts where customer_id = ${credit.customerId} and kind = 'prepaid' for no key update`;
    if (account === undefined)
      throw new MoatError('unknown-customer', `customer "${credit.customerId}" has no account`);
    const [transaction] = await sql<{ id: bigint }[]>`
      insert into moat.journal_transactions (kind, reference, leg_count, created_at)
      values (${kind}, ${credit.reference ?? null}, 2, ${new Date(books.clock.now())}) on conflict (reference) do nothing returning id`;
    if (transaction === undefined) return checkRepeat(sql, credit, account.id, kind);
    await sql`select moat.share_consumption(${account.id})`;
    const source = kind === 'payment' ? 'cash' : 'credit-grants';
    await sql`
      insert into moat.journal_entries
      select ${transaction.id}::bigint, 1, id, ${credit.amountMicros}::bigint from moat.accounts
       where kind = ${source} and currency = ${account.currency}
      union all select ${transaction.id}::bigint, 2, ${account.id}::bigint, ${-credit.amountMicros}::bigint`;
    await sql`
      insert into moat.credits (transaction_id, account_id, amount_micros, remaining_micros, priority, expires_at, created_at)
      values (${transaction.id}, ${account.id}, ${credit.amountMicros}, ${credit.amountMicros}, ${credit.priority ?? 100},
              ${credit.expiresAt ?? null}, ${new Date(books.clock.now())})`;
    await sql`update moat.accounts set next_expiry = least(next_expiry, ${credit.expiresAt ?? null}::timestamptz) where id = ${account.id}`;
    const details = { amountMicros: `${credit.amountMicros}`, kind, reference: credit.reference ?? null };
    await audit?.(sql, { action: 'credit.added', target: credit.customerId, details });
    return undefined;
  });
  return balanceOf(books, credit.customerId);
}

/** The same reference with other contents is a mistake, not a repeat. */
async function checkRepeat(
  sql: TransactionSql<{ bigint: bigint }>,
  credit: Credit,
  accountId: bigint,
  kind: string,
): Promise<undefined> {
  const [same] = await sql`
    select 1 from moat.journal_transactions t join moat.journal_entries e on e.transaction_id = t.id
     where t.reference = ${credit.reference ?? null} and t.kind = ${kind} and e.account_id = ${accountId} and e.amount_micros = ${-credit.amountMicros}`;
  if (same !== undefined) return undefined;
  throw new MoatError('reference-taken', `reference "${credit.reference}" belongs to another transaction`, {
    fix: 'Use a new reference.',
  });
}

/** The journal entries that charge one usage event; none when it was free, internal or failed. */
export async function ledgerEntriesOf({ database }: Books, usageEventId: string): Promise<LedgerEntry[]> {
  return database.sql<LedgerEntry[]>`
    select t.id as "transactionId", a.kind as account, a.customer_id as "customerId", e.amount_micros as "amountMicros",
           a.currency, t.created_at as time
      from moat.journal_transactions t
      join moat.journal_entries e on e.transaction_id = t.id
      join moat.accounts a on a.id = e.account_id
     where t.usage_event_id = ${usageEventId} order by e.leg`;
}
