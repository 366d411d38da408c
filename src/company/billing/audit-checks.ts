/** What must hold in sound books. A check is one query: a row for every breach, said in words. */
import type { PendingQuery, TransactionSql } from 'postgres';
import { INVOICE_CHECKS } from './invoices/invoice-checks.js';

type Books = TransactionSql<{ bigint: bigint }>;
type Check = (sql: Books) => PendingQuery<{ finding: string }[]>;

/** Every transaction sums to zero and is complete. */
const transactions: Check = (sql) => sql`
  select format('transaction %s sums to %s with %s of %s legs', t.id, coalesce(sum(e.amount_micros), 0), count(e.leg), t.leg_count) as finding
    from moat.journal_transactions t left join moat.journal_entries e on e.transaction_id = t.id
   group by t.id having coalesce(sum(e.amount_micros), 0) <> 0 or count(e.leg) <> t.leg_count limit 100`;

/** Every charge is booked once. */
const charges: Check = (sql) => sql`
  select format('usage event %s charged %s, the ledger booked %s', u.id, u.charged_micros, coalesce(b.booked, 0)) as finding
    from moat.usage_events u left join (
      select t.usage_event_id, -sum(e.amount_micros) as booked from moat.journal_transactions t
        join moat.journal_entries e on e.transaction_id = t.id join moat.accounts a on a.id = e.account_id and a.kind = 'revenue'
       group by t.usage_event_id) b on b.usage_event_id = u.id
   where u.charged_micros <> coalesce(b.booked, 0) limit 100`;

/** Every booking has its event, but for months whose events were dropped. */
const events: Check = (sql) => sql`
  select format('transaction %s charges for the unknown usage event %s', t.id, t.usage_event_id) as finding
    from moat.journal_transactions t left join moat.usage_events u on u.id = t.usage_event_id
   where t.kind = 'usage' and u.id is null and not exists (
     select 1 from moat.usage_dropped d where t.usage_event_id collate "C" >= d.first_id and t.usage_event_id collate "C" < d.end_id) limit 100`;

const balances: Check = (sql) => sql`
  select format('account %s (%s) shows %s, its entries sum to %s', a.id, a.kind, a.balance_micros, coalesce(s.total, 0)) as finding
    from moat.accounts a left join (
      select account_id, sum(amount_micros) as total from moat.journal_entries group by account_id) s on s.account_id = a.id
   where a.balance_micros <> coalesce(s.total, 0) limit 100`;

const reservations: Check = (sql) => sql`
  select format('account %s has %s reserved, its open reservations sum to %s', h.account_id, h.reserved_micros, coalesce(r.total, 0)) as finding
    from moat.holds h left join (
      select account_id, sum(amount_micros) as total from moat.reservations group by account_id) r on r.account_id = h.account_id
   where h.reserved_micros <> coalesce(r.total, 0)
  union all
  select format('budget %s has %s reserved, its open reservations sum to %s', b.id, b.reserved_micros, coalesce(r.total, 0))
    from moat.budgets b left join (
      select u.id, sum(amount_micros) as total from moat.reservations cross join unnest(budgets) as u(id) group by u.id) r on r.id = b.id
   where b.reserved_micros <> coalesce(r.total, 0) limit 100`;

/** Nobody owes more than his credit line, and no credit was used twice. */
const credit: Check = (sql) => sql`
  select format('the account of %s owes %s, its credit line is %s', a.customer_id, a.balance_micros, a.credit_line_micros) as finding
    from moat.accounts a where a.kind = 'prepaid' and a.balance_micros > a.credit_line_micros
  union all
  select format('the credits of account %s have %s left, less than its balance of %s', a.id, c.total, -a.balance_micros)
    from moat.accounts a join (
      select account_id, sum(remaining_micros) as total from moat.credits group by account_id) c on c.account_id = a.id
   where c.total < -a.balance_micros limit 100`;

/** What charts and limits read is what the events say, where there still are events. */
const hours: Check = (sql) => sql`
  select format('the hour %s of %s with %s counts %s requests and %s charged, its events %s and %s', hour, customer_id, model,
                h.requests, h.charged_micros, coalesce(u.requests, 0), coalesce(u.charged, 0)) as finding
    from (select hour, customer_id, model, sum(requests) as requests, sum(charged_micros) as charged_micros
            from moat.usage_hours group by 1, 2, 3) h
    full join (
      select date_trunc('hour', time, 'UTC') as hour, customer_id, model, sum(case status when 'reversed' then -1 else 1 end) as requests,
             sum(charged_micros) as charged from moat.usage_events group by 1, 2, 3) u using (hour, customer_id, model)
   where (h.requests is distinct from u.requests or h.charged_micros is distinct from u.charged)
     and hour >= coalesce((select max(checked_from) from moat.usage_dropped), '-infinity') limit 100`;

/** All of them; a new one is one more query here. */
export const AUDIT_CHECKS: readonly Check[] = [
  transactions,
  charges,
  events,
  balances,
  reservations,
  credit,
  hours,
  ...INVOICE_CHECKS,
];
