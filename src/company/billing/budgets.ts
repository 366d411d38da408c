/** Spending limits: of a customer, with one of his keys, on one model, or both. A request that would go beyond one is refused. */
import { MoatError } from '../../base/errors.js';
import type { Micros } from '../../base/money.js';
import type { AuditWriter } from '../access/audit-log.js';
import type { Books } from './customers.js';
import { checkTimeZone } from './time-zone.js';

export interface Budget {
  readonly id: bigint;
  readonly customerId: string;
  readonly keyId: string | null;
  readonly model: string | null;
  readonly span: 'day' | 'month' | 'total';
  /** In whose days and months. */
  readonly timeZone: string;
  readonly limitMicros: Micros;
  /** In the span of now. */
  readonly spentMicros: Micros;
  /** Alerts are written when so many percent are spent. */
  readonly alertPercents: readonly number[];
}

export interface BudgetToSet {
  readonly customerId: string;
  readonly keyId?: string | undefined;
  readonly model?: string | undefined;
  readonly span: Budget['span'];
  readonly timeZone: string;
  readonly limitMicros: Micros;
  /** Default 80 and 100. */
  readonly alertPercents?: readonly number[];
}

/**
 * Limits what may be spent; a budget of the same customer, key, model and span is replaced. It counts from now on.
 * @throws MoatError `bad-amount`, `bad-time-zone`, `bad-percent`, `unknown-customer`, `unknown-key`
 */
export async function setBudget(books: Books, budget: BudgetToSet, audit?: AuditWriter): Promise<bigint> {
  const { customerId, keyId = null, model = null, span, timeZone, limitMicros, alertPercents = [80, 100] } = budget;
  checkTimeZone(timeZone);
  if (limitMicros < 0n)
    throw new MoatError('bad-amount', `a budget of ${limitMicros} micro-units`, {
      fix: 'Give an amount of 0 or more.',
    });
  if (!alertPercents.every((percent) => Number.isInteger(percent) && percent > 0))
    throw new MoatError('bad-percent', `alerts at ${alertPercents.join(', ')} percent`, {
      fix: 'Give whole numbers above 0.',
    });
  const now = new Date(books.clock.now());
  return books.database.sql.begin(async (sql) => {
    const [customer] = await sql`select 1 from moat.customers where id = ${customerId} for no key update`;
    if (customer === undefined) throw new MoatError('unknown-customer', `customer "${customerId}" does not exist`);
    const [key] = await sql`select 1 from moat.api_keys where id = ${keyId} and customer_id = ${customerId}`;
    if (keyId !== null && key === undefined)
      throw new MoatError('unknown-key', `the customer has no key "${keyId}"`, {
        fix: 'List them with: moat keys list CUSTOMER.',
      });
    const percents = alertPercents.map(String);
    const details = { keyId, model, span, limitMicros: `${limitMicros}` };
    const change = { action: 'budget.set', target: customerId, details };
    const [same] = await sql<{ id: bigint }[]>`
      update moat.budgets set limit_micros = ${limitMicros}, time_zone = ${timeZone}, alert_percents = ${percents}::text[]::integer[]
       where customer_id = ${customerId} and key_id is not distinct from ${keyId} and model is not distinct from ${model} and span = ${span}
         and ended_at is null returning id`;
    if (same !== undefined) {
      await audit?.(sql, change);
      return same.id;
    }
    const [made] = await sql<{ id: bigint }[]>`
      insert into moat.budgets (customer_id, key_id, model, span, time_zone, limit_micros, alert_percents)
      values (${customerId}, ${keyId}, ${model}, ${span}, ${timeZone}, ${limitMicros}, ${percents}::text[]::integer[]) returning id`;
    const id = made?.id ?? 0n;
    // What was spent in the span before now, to the hour.
    await sql`
      insert into moat.budget_spending
      select ${id}::bigint, moat.window_start(${span}, ${timeZone}, ${now}), coalesce(sum(h.charged_micros), 0) from moat.usage_hours h
       where h.customer_id = ${customerId} and h.hour >= moat.window_start(${span}, ${timeZone}, ${now})
         and (${keyId}::text is null or h.key_id = ${keyId}) and (${model}::text is null or h.model = ${model})`;
    await audit?.(sql, change);
    return id;
  });
}

/** Lifts a budget. @throws MoatError `unknown-budget` */
export async function endBudget({ database, clock }: Books, id: bigint, audit?: AuditWriter): Promise<void> {
  await database.sql.begin(async (sql) => {
    const ended = await sql`
      update moat.budgets set ended_at = ${new Date(clock.now())} where id = ${id} and ended_at is null returning id`;
    if (ended.length === 0)
      throw new MoatError('unknown-budget', `there is no budget ${id}`, { fix: 'List them with: moat budgets list.' });
    await audit?.(sql, { action: 'budget.ended', target: `${id}` });
  });
}

/** Those in force, of one customer or all, with what is spent; at most 1,000. */
export async function listBudgets({ database: { sql }, clock }: Books, customerId?: string): Promise<Budget[]> {
  const rows = await sql<(Omit<Budget, 'alertPercents'> & { alertPercents: string[] })[]>`
    select b.id, b.customer_id as "customerId", b.key_id as "keyId", b.model, b.span, b.time_zone as "timeZone", b.limit_micros as "limitMicros",
           coalesce(s.spent_micros, 0)::bigint as "spentMicros", b.alert_percents::text[] as "alertPercents"
      from moat.budgets b left join moat.budget_spending s
        on s.budget_id = b.id and s.window_start = moat.window_start(b.span, b.time_zone, ${new Date(clock.now())})
     where b.ended_at is null ${customerId === undefined ? sql`` : sql`and b.customer_id = ${customerId}`} order by b.id limit 1000`;
  return rows.map((row) => ({ ...row, alertPercents: row.alertPercents.map(Number) }));
}
