/** Alerts that credit or a budget is nearly used up: each threshold once in a period. Who tells the customer is an argument. */
import type { Micros } from '../../base/money.js';
import type { Books } from './customers.js';
import { lockAccount } from './ledger.js';

export interface SpendAlert {
  readonly id: bigint;
  readonly customerId: string;
  /** `credit 17` or `budget 3 2030-01-01T00:00:00Z`. */
  readonly subject: string;
  readonly percent: number;
  readonly spentMicros: Micros;
  readonly limitMicros: Micros;
  readonly firedAt: Date;
  readonly deliveredAt: Date | null;
}

/** Writes the alerts that are due. Safe to repeat, from several processes. @returns how many are new */
export async function fireSpendAlerts(books: Books): Promise<number> {
  return (await fireBudgetAlerts(books)) + (await fireCreditAlerts(books));
}

async function fireBudgetAlerts({ database, clock }: Books): Promise<number> {
  const now = new Date(clock.now());
  const fired = await database.sql`
    insert into moat.spend_alerts (customer_id, subject, percent, spent_micros, limit_micros, fired_at)
    select b.customer_id, format('budget %s %s', b.id, to_char(s.window_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), p.percent,
           s.spent_micros, b.limit_micros, ${now}
      from moat.budgets b cross join unnest(b.alert_percents) as p(percent)
      join moat.budget_spending s on s.budget_id = b.id and s.window_start = moat.window_start(b.span, b.time_zone, ${now})
     where b.ended_at is null and s.spent_micros::numeric * 100 >= b.limit_micros::numeric * p.percent
    on conflict (subject, percent) do nothing returning 1`;
  return fired.length;
}

/** Of the credit that a plan includes in the period that runs. */
async function fireCreditAlerts(books: Books): Promise<number> {
  const now = new Date(books.clock.now());
  const { sql } = books.database;
  const included = await sql<{ customerId: string; creditId: bigint; percents: string[] }[]>`
    select s.customer_id as "customerId", c.id as "creditId",
           array(select x from jsonb_array_elements_text(coalesce(p.definition->'alertPercents', '[80,100]')) x) as percents
      from moat.subscriptions s join moat.plans p on p.id = s.plan_id
      join moat.journal_transactions t on t.reference = format('subscription %s period %s', s.id, s.next_period - 1)
      join moat.credits c on c.transaction_id = t.id join moat.accounts a on a.id = c.account_id
      cross join lateral (select sum(o.remaining_micros) - greatest(0, -a.balance_micros) as unshared
                            from moat.credits o where o.account_id = a.id and o.remaining_micros > 0) x
     where s.ended_at is null and exists (
       select 1 from jsonb_array_elements_text(coalesce(p.definition->'alertPercents', '[80,100]')) l(percent)
        where not exists (select 1 from moat.spend_alerts f where f.subject = format('credit %s', c.id) and f.percent = l.percent::int)
          -- At most so much of it is used; how much is known when consumption is shared out.
          and (c.amount_micros - c.remaining_micros + coalesce(x.unshared, 0)) * 100 >= c.amount_micros::numeric * l.percent::int)`;
  let count = 0;
  for (const { customerId, creditId, percents } of included) {
    count += await sql.begin(async (step) => {
      const { id } = await lockAccount(step, customerId);
      await step`select moat.share_consumption(${id})`;
      const fired = await step`
        insert into moat.spend_alerts (customer_id, subject, percent, spent_micros, limit_micros, fired_at)
        select ${customerId}, format('credit %s', c.id), p.percent, c.amount_micros - c.remaining_micros, c.amount_micros, ${now}
          from moat.credits c cross join unnest(${percents}::text[]::integer[]) as p(percent)
         where c.id = ${creditId} and (c.amount_micros - c.remaining_micros)::numeric * 100 >= c.amount_micros::numeric * p.percent
        on conflict (subject, percent) do nothing returning 1`;
      return fired.length;
    });
  }
  return count;
}

/** Newest first; at most 1,000. */
export async function listSpendAlerts({ database: { sql } }: Books, customerId?: string): Promise<SpendAlert[]> {
  return sql<SpendAlert[]>`
    select id, customer_id as "customerId", subject, percent, spent_micros as "spentMicros", limit_micros as "limitMicros", fired_at as "firedAt",
           delivered_at as "deliveredAt" from moat.spend_alerts
     ${customerId === undefined ? sql`` : sql`where customer_id = ${customerId}`} order by id desc limit 1000`;
}

/**
 * Hands alerts that nobody was told of to `deliver`, one at a time; one that throws is tried again the next time. While one is being
 * told, other processes leave it alone; a process that dies in between may make it come twice, never not at all.
 */
export async function deliverSpendAlerts(books: Books, deliver: (alert: SpendAlert) => Promise<void>): Promise<void> {
  for (;;) {
    const isDone = await books.database.sql.begin(async (sql) => {
      const [alert] = await sql<SpendAlert[]>`
        select id, customer_id as "customerId", subject, percent, spent_micros as "spentMicros", limit_micros as "limitMicros",
               fired_at as "firedAt", delivered_at as "deliveredAt"
          from moat.spend_alerts where delivered_at is null order by id limit 1 for update skip locked`;
      if (alert === undefined) return true;
      await deliver(alert);
      await sql`update moat.spend_alerts set delivered_at = ${new Date(books.clock.now())} where id = ${alert.id}`;
      return false;
    });
    if (isDone) return;
  }
}
