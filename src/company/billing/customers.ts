import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { Currency, Micros } from '../../base/money.js';
import type { AuditWriter } from '../access/audit-log.js';
import type { Database } from '../store/database.js';
import { newId } from './identifiers.js';

/** What every billing function works on. */
export interface Books {
  readonly database: Database;
  readonly clock: Clock;
}

export interface Customer {
  readonly id: string;
  readonly name: string;
  /** `internal` is the project itself: its use is recorded and never charged. */
  readonly kind: 'paying' | 'internal';
  readonly currency: Currency;
  readonly createdAt: Date;
}

/**
 * A customer with an empty prepaid account.
 * @param audit written in the same transaction, here and below
 * @throws MoatError `customer-exists`, `bad-customer`
 */
export async function createCustomer(
  { database, clock }: Books,
  options: { name: string; currency?: Currency },
  audit?: AuditWriter,
): Promise<Customer> {
  const name = options.name.trim();
  const currency = options.currency ?? 'USD';
  if (name === '' || name.length > 200)
    throw new MoatError('bad-customer', `customer name: ${name.length} characters; 1 to 200 are needed`);
  checkCurrency(currency);
  const now = clock.now();
  const id = newId('cus', now);
  const createdAt = new Date(now);
  await database.sql.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`customer ${name}`}))`;
    const [same] = await sql`select 1 from moat.customers where name = ${name}`;
    if (same !== undefined) {
      throw new MoatError('customer-exists', `customer "${name}" exists already`, {
        fix: 'Choose another name, or use that customer.',
      });
    }
    await sql`insert into moat.customers (id, name, kind, currency, created_at) values (${id}, ${name}, 'paying', ${currency}, ${createdAt})`;
    await sql`insert into moat.accounts (kind, customer_id, currency) values ('prepaid', ${id}, ${currency}), ('receivable', ${id}, ${currency})`;
    for (const kind of ['revenue', 'cash', 'credit-grants', 'write-offs', 'expired-credit', 'tax-payable']) {
      await sql`insert into moat.accounts (kind, currency) values (${kind}, ${currency}) on conflict do nothing`;
    }
    await audit?.(sql, { action: 'customer.created', target: id, details: { name, currency } });
  });
  return { id, name, kind: 'paying', currency, createdAt };
}

export function checkCurrency(currency: string): void {
  if (/^[A-Z]{3}$/.test(currency)) return;
  throw new MoatError('bad-currency', `currency: "${currency}" is not an ISO 4217 code`, {
    fix: 'Write three capital letters, such as USD.',
  });
}

/** Makes sure that the project's own customer exists; the studio's playground runs under it. */
export async function ensureInternalCustomer({ database, clock }: Books, currency: Currency): Promise<void> {
  checkCurrency(currency);
  await database.sql`
    insert into moat.customers (id, name, kind, currency, created_at)
    values ('internal', 'internal', 'internal', ${currency}, ${new Date(clock.now())}) on conflict do nothing`;
}

/**
 * @param nameOrId a customer's id or name
 * @throws MoatError `unknown-customer`
 */
export async function findCustomer({ database }: Books, nameOrId: string): Promise<Customer> {
  const [row] = await database.sql<Customer[]>`
    select id, name, kind, currency, created_at as "createdAt" from moat.customers where id = ${nameOrId} or name = ${nameOrId} limit 1`;
  if (row === undefined) {
    throw new MoatError('unknown-customer', `customer "${nameOrId}" does not exist`, {
      fix: 'List them with: moat keys list.',
    });
  }
  return row;
}

export interface CustomerRow extends Customer {
  readonly balanceMicros: Micros;
  readonly keyCount: number;
}

/** Paying customers with balances, oldest first; at most 1,000. */
export async function listCustomers({ database }: Books): Promise<CustomerRow[]> {
  return database.sql<CustomerRow[]>`
    select c.id, c.name, c.kind, c.currency, c.created_at as "createdAt", -a.balance_micros as "balanceMicros",
           (select count(*)::int from moat.api_keys k where k.customer_id = c.id and k.revoked_at is null) as "keyCount"
      from moat.customers c join moat.accounts a on a.customer_id = c.id and a.kind = 'prepaid'
     order by c.created_at, c.id limit 1000`;
}
