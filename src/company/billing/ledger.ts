import type { ISql, TransactionSql } from 'postgres';
import { MoatError } from '../../base/errors.js';
import type { Currency, Micros } from '../../base/money.js';
import type { AuditWriter } from '../access/audit-log.js';
import type { Books } from './customers.js';

export type AccountKind =
  'prepaid' | 'receivable' | 'revenue' | 'cash' | 'credit-grants' | 'write-offs' | 'expired-credit' | 'tax-payable';

export interface LedgerEntry {
  readonly transactionId: bigint;
  readonly account: AccountKind;
  /** The customer of a prepaid or receivable account, null for the company's own accounts. */
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

/** One leg of a transaction. */
export interface Leg {
  readonly account: AccountKind;
  /** For prepaid and receivable accounts; null for the company's own. */
  readonly customerId: string | null;
  /** Debits are positive, credits negative; a leg of 0 is left out. */
  readonly amountMicros: Micros;
}

export interface Posting {
  readonly kind: 'payment' | 'grant' | 'fee' | 'adjustment' | 'credit-note' | 'refund';
  /** The caller's own name for it: the same one books once. */
  readonly reference: string | null;
  readonly description?: string;
  readonly currency: Currency;
  readonly at: Date;
  readonly legs: readonly Leg[];
}

/** The database, within a transaction or not. */
export type AnySql = ISql<{ bigint: bigint }>;

/** A transaction of the database in which money moves. */
export type MoneySql = TransactionSql<{ bigint: bigint }>;

/**
 * Writes one balanced transaction. Credit to a prepaid account needs its row too: `openCredit`.
 * @returns its id; undefined when the reference was booked before
 */
export async function post(sql: MoneySql, posting: Posting): Promise<bigint | undefined> {
  const legs = posting.legs.filter(({ amountMicros }) => amountMicros !== 0n);
  const [transaction] = await sql<{ id: bigint }[]>`
    insert into moat.journal_transactions (kind, reference, leg_count, created_at, description)
    values (${posting.kind}, ${posting.reference}, ${legs.length}, ${posting.at}, ${posting.description ?? null})
    on conflict (reference) do nothing returning id`;
  if (transaction === undefined) return undefined;
  await sql`
    insert into moat.journal_entries
    select ${transaction.id}::bigint, l.leg, a.id, l.amount
      from unnest(${legs.map(({ account }) => account)}::text[], ${legs.map(({ customerId }) => customerId ?? '')}::text[],
                  ${legs.map(({ amountMicros }) => amountMicros.toString())}::text[]::bigint[]) with ordinality l(kind, customer_id, amount, leg)
      join moat.accounts a on a.kind = l.kind and coalesce(a.customer_id, '') = l.customer_id and a.currency = ${posting.currency}`;
  return transaction.id;
}

export interface LockedAccount {
  readonly id: bigint;
  readonly currency: Currency;
  /** Debits less credits: above 0, what he owes. */
  readonly balanceMicros: Micros;
}

/**
 * Locks a customer's prepaid account, so that nothing is charged to it in between.
 * @throws MoatError `unknown-customer`
 */
export async function lockAccount(sql: MoneySql, customerId: string): Promise<LockedAccount> {
  const [account] = await sql<LockedAccount[]>`
    select id, currency, balance_micros as "balanceMicros" from moat.accounts
     where customer_id = ${customerId} and kind = 'prepaid' for no key update`;
  if (account === undefined) throw new MoatError('unknown-customer', `customer "${customerId}" has no account`);
  return account;
}

/**
 * Locks a customer's prepaid account, and says what of it is neither used nor held by open requests; below 0 where he owes.
 * Holds are locked before accounts, as everywhere.
 * @throws MoatError `unknown-customer`
 */
export async function lockFreeCredit(
  sql: MoneySql,
  customerId: string,
): Promise<{ account: LockedAccount; freeMicros: Micros }> {
  // What was settled a moment ago may still be reserved.
  await sql`select moat.release_settled(id) from moat.accounts where customer_id = ${customerId} and kind = 'prepaid'`;
  const [hold] = await sql<{ reserved: bigint }[]>`
    select h.reserved_micros as reserved from moat.holds h join moat.accounts a on a.id = h.account_id
     where a.customer_id = ${customerId} and a.kind = 'prepaid' for no key update of h`;
  const account = await lockAccount(sql, customerId);
  return { account, freeMicros: -account.balanceMicros - (hold?.reserved ?? 0n) };
}

/** The row of a credit that was just booked to a locked account, whose consumption was shared out before. */
export async function openCredit(
  sql: MoneySql,
  credit: {
    transactionId: bigint;
    accountId: bigint;
    amountMicros: Micros;
    at: Date;
    priority?: number | undefined;
    expiresAt?: Date | undefined;
  },
): Promise<void> {
  const { transactionId, accountId, amountMicros, at, priority = DEFAULT_PRIORITY, expiresAt = null } = credit;
  await sql`
    insert into moat.credits (transaction_id, account_id, amount_micros, remaining_micros, priority, expires_at, created_at)
    values (${transactionId}, ${accountId}, ${amountMicros}, ${amountMicros}, ${priority}, ${expiresAt}, ${at})`;
  await sql`update moat.accounts set next_expiry = least(next_expiry, ${expiresAt}::timestamptz) where id = ${accountId}`;
}

const DEFAULT_PRIORITY = 100;

/**
 * Adds prepaid credit, as one balanced transaction.
 * @param audit written in that transaction; not again for a repeat
 * @returns the balance after it
 * @throws MoatError `bad-amount`, `bad-expiry`, `unknown-customer`, `reference-taken`
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
  await books.database.sql.begin(async (sql) => {
    const isNew = await addCredit(sql, credit, new Date(books.clock.now()));
    const { amountMicros, kind = 'grant', reference = null } = credit;
    const details = { amountMicros: `${amountMicros}`, kind, reference };
    if (isNew) await audit?.(sql, { action: 'credit.added', target: credit.customerId, details });
  });
  return balanceOf(books, credit.customerId);
}

/** `grantCredit` within a transaction of the caller's. @returns false for a repeat, which books nothing */
export async function addCredit(sql: MoneySql, credit: Credit, at: Date): Promise<boolean> {
  const { customerId, amountMicros, kind = 'grant', priority, expiresAt } = credit;
  const account = await lockAccount(sql, customerId);
  await sql`select moat.share_consumption(${account.id})`;
  const transactionId = await post(sql, {
    kind,
    reference: credit.reference ?? null,
    currency: account.currency,
    at,
    legs: [
      { account: kind === 'payment' ? 'cash' : 'credit-grants', customerId: null, amountMicros },
      { account: 'prepaid', customerId, amountMicros: -amountMicros },
    ],
  });
  if (transactionId === undefined) {
    await checkRepeat(sql, credit, account.id, kind);
    return false;
  }
  await openCredit(sql, { transactionId, accountId: account.id, amountMicros, at, priority, expiresAt });
  return true;
}

/** The same reference with other contents is a mistake, not a repeat. */
async function checkRepeat(sql: MoneySql, credit: Credit, accountId: bigint, kind: string): Promise<void> {
  const [same] = await sql`
    select 1 from moat.journal_transactions t join moat.journal_entries e on e.transaction_id = t.id
     where t.reference = ${credit.reference ?? null} and t.kind = ${kind} and e.account_id = ${accountId} and e.amount_micros = ${-credit.amountMicros}`;
  if (same !== undefined) return;
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
