/** What must hold of invoices in sound books. A check is one query: a row for every breach, said in words. */
import type { PendingQuery } from 'postgres';
import type { AnySql, MoneySql } from '../ledger.js';

type Check = (sql: MoneySql) => PendingQuery<{ finding: string }[]>;

/** What the customer's account was charged by the transactions of invoice `i`. */
export const chargedByCovered = (sql: AnySql) => sql`
  select sum(e.amount_micros) as total from moat.accounts a join moat.journal_entries e on e.account_id = a.id
    join moat.journal_transactions t on t.id = e.transaction_id
   where a.customer_id = i.customer_id and a.kind = 'prepaid' and t.kind in ('usage', 'adjustment') and t.created_at < i.covers_before
     and t.id <= i.covers_through and not (t.created_at < i.after_before and t.id <= i.after_through)`;

/** Each is the sum of its lines. */
const totals: Check = (sql) => sql`
  select format('invoice %s has lines of %s and a total of %s', i.number, coalesce(l.total, 0), i.total_micros) as finding
    from moat.invoices i left join (
      select invoice_id, sum(amount_micros) as total from moat.invoice_lines group by invoice_id) l on l.invoice_id = i.id
   where i.total_micros <> coalesce(l.total, 0) limit 100`;

/** Each is the sum of the transactions that it covers. */
const coverage: Check = (sql) => sql`
  select format('invoice %s has %s of usage, the transactions it covers sum to %s', i.number, i.usage_micros, coalesce(c.total, 0)) as finding
    from moat.invoices i left join lateral (${chargedByCovered(sql)}) c on true
   where i.usage_micros <> coalesce(c.total, 0)
      or i.usage_micros <> (select coalesce(sum(l.amount_micros), 0) from moat.invoice_lines l
                             where l.invoice_id = i.id and l.kind in ('usage', 'adjustment')) limit 100`;

/** It begins where the one before it ended, in both senses: so what is covered is covered once. */
const turns: Check = (sql) => sql`
  select format('invoice %s does not begin where the one before it ended', i.number) as finding
    from (select i.*, lag(covers_before) over turn as last_before, lag(covers_through) over turn as last_through, s.started_at, s.covered_id
            from moat.invoices i join moat.subscriptions s on s.id = i.subscription_id window turn as (partition by i.customer_id order by i.id)) i
   where (i.after_before, i.after_through) is distinct from (coalesce(i.last_before, i.started_at), coalesce(i.last_through, i.covered_id))
      or i.covers_before < i.after_before or i.covers_through < i.after_through limit 100`;

/** What is due, and its tax, is in the ledger. */
const dues: Check = (sql) => sql`
  select format('invoice %s is due with %s and taxed with %s, the ledger has %s and %s', i.number, i.due_micros, i.tax_micros,
                coalesce(e.due, 0), coalesce(e.tax, 0)) as finding
    from moat.invoices i left join (
      select e.transaction_id, sum(e.amount_micros) filter (where a.kind = 'receivable') as due,
             -sum(e.amount_micros) filter (where a.kind = 'tax-payable') as tax
        from moat.journal_entries e join moat.accounts a on a.id = e.account_id group by e.transaction_id) e on e.transaction_id = i.transaction_id
   where i.due_micros <> coalesce(e.due, 0) or i.tax_micros <> coalesce(e.tax, 0) limit 100`;

/** What a customer owes is the sum of what is still due. */
const owed: Check = (sql) => sql`
  select format('customer %s owes %s on his account, his open invoices sum to %s', a.customer_id, a.balance_micros, coalesce(o.due, 0)) as finding
    from moat.accounts a left join (
      select i.customer_id, sum(i.due_micros - coalesce((select sum(n.off_due_micros) from moat.credit_notes n where n.invoice_id = i.id), 0)) as due
        from moat.invoices i where i.state = 'open' group by i.customer_id) o on o.customer_id = a.customer_id
   where a.kind = 'receivable' and a.balance_micros <> coalesce(o.due, 0) limit 100`;

/** Numbers have no gap. */
const numbers: Check = (sql) => sql`
  select format('%s numbers of %s %s were given, %s documents have one, the last is %s', d.last, d.entity, d.year, coalesce(n.documents, 0),
                coalesce(n.highest, 0)) as finding
    from moat.document_numbers d left join (
      select series, entity, m[1]::int as year, count(distinct m[2]::int) as documents, max(m[2]::int) as highest from (
        select 'invoice' as series, i.seller->>'entity' as entity, regexp_match(i.number, '([0-9]{4})-([0-9]+)$') as m from moat.invoices i
        union all
        select 'credit-note', i.seller->>'entity', regexp_match(n.number, '([0-9]{4})-([0-9]+)$')
          from moat.credit_notes n join moat.invoices i on i.id = n.invoice_id
        union all
        select 'top-up', t.seller->>'entity', regexp_match(t.number, '([0-9]{4})-([0-9]+)$') from moat.top_ups t) x group by 1, 2, 3) n using (series, entity, year)
   where d.last is distinct from n.documents or d.last is distinct from n.highest limit 100`;

/** What was paid for credit is on its invoice, and the credit was opened once; none was opened for what was not paid. */
const topUps: Check = (sql) => sql`
  select format('top-up %s is %s with %s of credit for %s, its invoice is of %s and opened %s', t.number, t.state, t.amount_micros, t.due_micros,
                coalesce(i.due_micros, 0), coalesce(c.amount_micros, 0)) as finding
    from moat.top_ups t left join moat.invoices i on i.id = t.invoice_id left join moat.credits c on c.transaction_id = i.transaction_id
   where t.state = 'paid' and (i.due_micros is distinct from t.due_micros or c.amount_micros is distinct from t.amount_micros)
  union all
  select format('invoice %s is for credit that nobody asked for', i.number)
    from moat.invoices i where i.subscription_id is null and not exists (select 1 from moat.top_ups t where t.invoice_id = i.id) limit 100`;

/** What credit notes paid back left the cash. */
const refunds: Check = (sql) => sql`
  select format('credit note %s paid back %s, the ledger %s', n.number, n.refunded_micros, coalesce(e.paid, 0)) as finding
    from moat.credit_notes n left join (
      select e.transaction_id, -sum(e.amount_micros) as paid from moat.journal_entries e join moat.accounts a on a.id = e.account_id
       where a.kind = 'cash' group by e.transaction_id) e on e.transaction_id = n.transaction_id
   where n.refunded_micros <> coalesce(e.paid, 0) limit 100`;

export const INVOICE_CHECKS: readonly Check[] = [totals, coverage, turns, dues, owed, numbers, topUps, refunds];
