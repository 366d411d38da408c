/** The books month by month, as the business reads them: what was used, what the company's accounts say, who is on which plan. */
import type { Currency, Micros } from '../../base/money.js';
import type { Books } from './customers.js';
import { type Plan, feeOf, plansById } from './plans.js';

export interface MonthlyOptions {
  readonly currency: Currency;
  /** Exclusive. */
  readonly to: Date;
  /** An IANA name, in which months begin. */
  readonly timeZone: string;
}

export interface UsageOfMonth {
  /** `2030-01`. */
  readonly month: string;
  readonly customerId: string;
  readonly customerName: string;
  readonly isInternal: boolean;
  readonly model: string;
  readonly requests: number;
  /** With those that a cache had. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly computeMs: number;
  readonly chargedMicros: Micros;
}

/**
 * Usage by month, customer and model, internal use included, also of months whose events were dropped. It is summed from full
 * hours of UTC: where a zone is half an hour off, a month begins with the hour in which it began.
 */
export async function usageOfMonths(
  { database }: Books,
  { currency, to, timeZone }: MonthlyOptions,
): Promise<UsageOfMonth[]> {
  return database.sql<UsageOfMonth[]>`
    select to_char(h.hour at time zone ${timeZone}, 'YYYY-MM') as month, h.customer_id as "customerId", c.name as "customerName",
           c.kind = 'internal' as "isInternal", h.model, sum(h.requests)::float8 as requests,
           sum(h.input_tokens + h.cached_input_tokens)::float8 as "inputTokens", sum(h.output_tokens + h.reasoning_tokens)::float8 as "outputTokens",
           sum(h.compute_us)::float8 / 1000 as "computeMs", sum(h.charged_micros)::bigint as "chargedMicros"
      from moat.usage_hours h join moat.customers c on c.id = h.customer_id
     where h.currency = ${currency} and h.hour < ${to}
     group by 1, 2, 3, 4, 5 order by 1, 2, 5`;
}

export interface AccountOfMonth {
  readonly month: string;
  readonly account: string;
  /** The transaction's kind. */
  readonly source: string;
  /** Null for usage, and where no customer is concerned. */
  readonly customerId: string | null;
  readonly customerName: string | null;
  readonly entries: number;
  /** Debits less credits. */
  readonly amountMicros: Micros;
}

/** The company's own accounts by month, transaction kind and customer. */
export async function accountsOfMonths(
  { database }: Books,
  { currency, to, timeZone }: MonthlyOptions,
): Promise<AccountOfMonth[]> {
  return database.sql<AccountOfMonth[]>`
    select to_char(t.created_at at time zone ${timeZone}, 'YYYY-MM') as month, a.kind as account, t.kind as source,
           p.id as "customerId", p.name as "customerName", count(*)::int as entries, sum(e.amount_micros)::bigint as "amountMicros"
      from moat.accounts a
      join moat.journal_entries e on e.account_id = a.id
      join moat.journal_transactions t on t.id = e.transaction_id
      left join lateral (
        select c.id, c.name from moat.journal_entries o join moat.accounts b on b.id = o.account_id join moat.customers c on c.id = b.customer_id
         where t.kind <> 'usage' and o.transaction_id = t.id limit 1) p on true
     where a.customer_id is null and a.currency = ${currency} and t.created_at < ${to}
     group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4`;
}

export interface PlanOfCustomer {
  readonly customerId: string;
  readonly customerName: string;
  readonly plan: string;
  /** A month's fee with its seats, as the subscription now stands. */
  readonly monthlyMicros: Micros;
  readonly paidFrom: Date;
  readonly endedAt: Date | null;
}

/** Every subscription of one currency there ever was. */
export async function subscriptionsOfCustomers({ database }: Books, currency: Currency): Promise<PlanOfCustomer[]> {
  const { sql } = database;
  interface Row extends Omit<PlanOfCustomer, 'plan' | 'monthlyMicros'> {
    readonly planId: bigint;
    readonly seats: number;
  }
  const rows = await sql<Row[]>`
    select s.customer_id as "customerId", c.name as "customerName", s.plan_id as "planId", s.seats, s.paid_from as "paidFrom", s.ended_at as "endedAt"
      from moat.subscriptions s join moat.customers c on c.id = s.customer_id join moat.plans p on p.id = s.plan_id
     where p.currency = ${currency} order by s.id`;
  const plans = await plansById(sql, [...new Set(rows.map(({ planId }) => planId))]);
  return rows.map(({ planId, seats, ...row }) => {
    const plan = plans.get(planId) as Plan;
    return { ...row, plan: plan.name, monthlyMicros: feeOf(plan, seats) };
  });
}
