import type { Micros } from '../../base/money.js';
import { AUDIT_CHECKS } from './audit-checks.js';
import type { Books } from './customers.js';
import { chargedByCovered } from './invoices/invoice-checks.js';

export interface Audit {
  /** True when nothing is listed in `findings`. */
  readonly balanced: boolean;
  /** Every breach, in words; at most 100. */
  readonly findings: readonly string[];
  readonly transactionCount: number;
  readonly usageEventCount: number;
  /** Sum over the whole journal; 0 in sound books. */
  readonly journalSumMicros: Micros;
  /** Sum of what usage events charged, and of what the ledger took for them; equal in sound books. */
  readonly usageChargedMicros: Micros;
  readonly ledgerChargedMicros: Micros;
  readonly invoiceCount: number;
  /** Usage on all invoices, and the ledger entries that they cover; equal in sound books. */
  readonly invoicedMicros: Micros;
  readonly coveredMicros: Micros;
}

const MOST_FINDINGS = 100;

interface Sums {
  transactions: number;
  events: number;
  journal: bigint;
  charged: bigint;
  booked: bigint;
  invoices: number;
  invoiced: bigint;
  covered: bigint;
}

/**
 * Recomputes everything from the journal and the usage events, in one snapshot: every transaction sums to zero and is
 * complete, every charge is booked once and every booking has its event, balances and reservations equal their sums,
 * no prepaid account is overdrawn, each invoice is what it covers, and no transaction is covered twice.
 */
export async function audit({ database }: Books): Promise<Audit> {
  return database.sql.begin('isolation level repeatable read read only', async (sql) => {
    const [sums] = await sql<Sums[]>`
      select (select count(*) from moat.journal_transactions)::int as transactions,
             (select count(*) from moat.usage_events)::int as events,
             (select coalesce(sum(amount_micros), 0) from moat.journal_entries)::bigint as journal,
             ((select coalesce(sum(charged_micros), 0) from moat.usage_events)
               + (select coalesce(sum(charged_micros), 0) from moat.usage_dropped))::bigint as charged,
             (select coalesce(-sum(e.amount_micros), 0) from moat.journal_entries e join moat.accounts a on a.id = e.account_id
               join moat.journal_transactions t on t.id = e.transaction_id where a.kind = 'revenue' and t.kind = 'usage')::bigint as booked,
             (select count(*) from moat.invoices)::int as invoices,
             (select coalesce(sum(usage_micros), 0) from moat.invoices)::bigint as invoiced,
             (select coalesce(sum(c.total), 0) from moat.invoices i cross join lateral (${chargedByCovered(sql)}) c)::bigint as covered`;
    const found: string[] = [];
    for (const check of AUDIT_CHECKS) found.push(...(await check(sql)).map(({ finding }) => finding));
    if (sums !== undefined && sums.journal !== 0n) found.unshift(`the journal sums to ${sums.journal}`);
    return {
      balanced: found.length === 0,
      findings: found.slice(0, MOST_FINDINGS),
      transactionCount: sums?.transactions ?? 0,
      usageEventCount: sums?.events ?? 0,
      journalSumMicros: sums?.journal ?? 0n,
      usageChargedMicros: sums?.charged ?? 0n,
      ledgerChargedMicros: sums?.booked ?? 0n,
      invoiceCount: sums?.invoices ?? 0,
      invoicedMicros: sums?.invoiced ?? 0n,
      coveredMicros: sums?.covered ?? 0n,
    };
  });
}
