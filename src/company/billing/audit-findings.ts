/** What is wrong with the books, a query a room: each gives a row and a sentence for a breach, and none where all is well. */
import type { AnySql } from './ledger.js';

/** Transactions sum to zero, are complete, and charge for events that there were. */
export const journalFindings = (sql: AnySql) => sql`
    select format('transaction %s sums to %s with %s of %s legs', t.id, coalesce(sum(e.amount_micros), 0), count(e.leg), t.leg_count) as finding
      from moat.journal_transactions t left join moat.journal_entries e on e.transaction_id = t.id
     group by t.id having coalesce(sum(e.amount_micros), 0) <> 0 or count(e.leg) <> t.leg_count`;

/** Every charge is booked once; hours are the sums of their events. */
export const usageFindings = (sql: AnySql) => sql`
    select format('usage event %s charged %s, the ledger booked %s', u.id, u.charged_micros, coalesce(b.booked, 0))
      from moat.usage_events u left join (
        select t.usage_event_id, -sum(e.amount_micros) as booked from moat.journal_transactions t
          join moat.journal_entries e on e.transaction_id = t.id join moat.accounts a on a.id = e.account_id and a.kind = 'revenue'
         group by t.usage_event_id) b on b.usage_event_id = u.id
     where u.charged_micros <> coalesce(b.booked, 0)
    union all
    select format('transaction %s charges for the unknown usage event %s', t.id, t.usage_event_id)
      from moat.journal_transactions t left join moat.usage_events u on u.id = t.usage_event_id
     where t.kind = 'usage' and u.id is null and not exists (
       select 1 from moat.usage_dropped d where t.usage_event_id collate "C" >= d.first_id and t.usage_event_id collate "C" < d.end_id)
    union all
    select format('the hour %s of %s with %s counts %s requests and %s charged, its events %s and %s', h.hour, h.customer_id, h.model,
                  h.requests, h.charged_micros, coalesce(u.requests, 0), coalesce(u.charged, 0))
      from (select hour, customer_id, model, sum(requests) as requests, sum(charged_micros) as charged_micros from moat.usage_hours group by 1, 2, 3) h
      full join (
        select date_trunc('hour', time, 'UTC') as hour, customer_id, model, sum(case status when 'reversed' then -1 else 1 end) as requests, sum(charged_micros) as charged
          from moat.usage_events group by 1, 2, 3) u using (hour, customer_id, model)
     where (h.requests is distinct from u.requests or h.charged_micros is distinct from u.charged)
       and hour >= coalesce((select max(checked_from) from moat.usage_dropped), '-infinity')`;

/** Balances, reservations, budgets and credits are the sums that they stand for. */
export const accountFindings = (sql: AnySql) => sql`
    select format('account %s (%s) shows %s, its entries sum to %s', a.id, a.kind, a.balance_micros, coalesce(s.total, 0))
      from moat.accounts a left join (
        select account_id, sum(amount_micros) as total from moat.journal_entries group by account_id) s on s.account_id = a.id
     where a.balance_micros <> coalesce(s.total, 0)
    union all
    select format('account %s has %s reserved, its open reservations sum to %s', h.account_id, h.reserved_micros, coalesce(r.total, 0))
      from moat.holds h left join (
        select account_id, sum(amount_micros) as total from moat.reservations group by account_id) r on r.account_id = h.account_id
     where h.reserved_micros <> coalesce(r.total, 0)
    union all
    select format('budget %s has %s reserved, its open reservations sum to %s', b.id, b.reserved_micros, coalesce(r.total, 0))
      from moat.budgets b left join (
        select u.id, sum(amount_micros) as total from moat.reservations cross join unnest(budgets) as u(id) group by u.id) r on r.id = b.id
     where b.reserved_micros <> coalesce(r.total, 0)
    union all
    select format('the account of %s owes %s, its credit line is %s', a.customer_id, a.balance_micros, a.credit_line_micros)
      from moat.accounts a where a.kind = 'prepaid' and a.balance_micros > a.credit_line_micros
    union all
    select format('the credits of account %s have %s left, more than its balance of %s', a.id, c.total, -a.balance_micros)
      from moat.accounts a join (
        select account_id, sum(remaining_micros) as total from moat.credits group by account_id) c on c.account_id = a.id
     where c.total < -a.balance_micros`;

/**
 * Each invoice is the sum of its lines and of the transactions it covers. It begins where the one before it ended, in both senses: so
 * what is covered is covered once. What is due is owed on the customer's account until it is paid or taken back. Numbers have no gap.
 */
export const invoiceFindings = (sql: AnySql) => sql`
    select format('invoice %s has lines of %s and a total of %s', i.number, coalesce(l.total, 0), i.total_micros)
      from moat.invoices i left join (
        select invoice_id, sum(amount_micros) as total from moat.invoice_lines group by invoice_id) l on l.invoice_id = i.id
     where i.total_micros <> coalesce(l.total, 0)
    union all
    select format('invoice %s has %s of usage, the transactions it covers sum to %s', i.number, i.usage_micros, coalesce(c.total, 0))
      from moat.invoices i left join lateral (${covered(sql)}) c on true
     where i.usage_micros <> coalesce(c.total, 0)
        or i.usage_micros <> (select coalesce(sum(l.amount_micros), 0) from moat.invoice_lines l
                               where l.invoice_id = i.id and l.kind in ('usage', 'adjustment'))
    union all
    select format('invoice %s does not begin where the one before it ended', i.number)
      from (select i.*, lag(covers_before) over turn as last_before, lag(covers_through) over turn as last_through, s.started_at, s.covered_id
              from moat.invoices i join moat.subscriptions s on s.id = i.subscription_id window turn as (partition by i.customer_id order by i.id)) i
     where (i.after_before, i.after_through) is distinct from (coalesce(i.last_before, i.started_at), coalesce(i.last_through, i.covered_id))
        or i.covers_before < i.after_before or i.covers_through < i.after_through
    union all
    select format('invoice %s is due with %s and taxed with %s, the ledger has %s and %s', i.number, i.due_micros, i.tax_micros,
                  coalesce(e.due, 0), coalesce(e.tax, 0))
      from moat.invoices i left join (
        select e.transaction_id, sum(e.amount_micros) filter (where a.kind = 'receivable') as due,
               -sum(e.amount_micros) filter (where a.kind = 'tax-payable') as tax
          from moat.journal_entries e join moat.accounts a on a.id = e.account_id group by e.transaction_id) e on e.transaction_id = i.transaction_id
     where i.due_micros <> coalesce(e.due, 0) or i.tax_micros <> coalesce(e.tax, 0)
    union all
    select format('customer %s owes %s on his account, his open invoices sum to %s', a.customer_id, a.balance_micros, coalesce(o.due, 0))
      from moat.accounts a left join (
        select i.customer_id, sum(i.due_micros - coalesce((select sum(n.off_due_micros) from moat.credit_notes n where n.invoice_id = i.id), 0)) as due
          from moat.invoices i where i.state = 'open' group by i.customer_id) o on o.customer_id = a.customer_id
     where a.kind = 'receivable' and a.balance_micros <> coalesce(o.due, 0)
    union all
    select format('%s numbers of %s %s were given, %s documents have one, the last is %s', d.last, d.entity, d.year, coalesce(n.documents, 0),
                  coalesce(n.highest, 0))
      from moat.document_numbers d left join (
        select series, entity, m[1]::int as year, count(distinct m[2]::int) as documents, max(m[2]::int) as highest from (
          select 'invoice' as series, i.seller->>'entity' as entity, regexp_match(i.number, '([0-9]{4})-([0-9]+)$') as m from moat.invoices i
          union all
          select 'credit-note', i.seller->>'entity', regexp_match(n.number, '([0-9]{4})-([0-9]+)$')
            from moat.credit_notes n join moat.invoices i on i.id = n.invoice_id) x group by 1, 2, 3) n using (series, entity, year)
     where d.last is distinct from n.documents or d.last is distinct from n.highest`;

/** What the customer's account was charged by the transactions of invoice `i`. */
export const covered = (sql: AnySql) => sql`
  select sum(e.amount_micros) as total from moat.accounts a join moat.journal_entries e on e.account_id = a.id
    join moat.journal_transactions t on t.id = e.transaction_id
   where a.customer_id = i.customer_id and a.kind = 'prepaid' and t.kind in ('usage', 'adjustment') and t.created_at < i.covers_before
     and t.id <= i.covers_through and not (t.created_at < i.after_before and t.id <= i.after_through)`;
