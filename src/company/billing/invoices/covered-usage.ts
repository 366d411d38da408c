/**
 * Which of an account's transactions an invoice covers. A transaction is covered by the first invoice whose cut is after it in both
 * senses: used before the period's end, and booked up to the highest id when the invoice was made. So what is booked late falls into
 * the next one, and nothing into two.
 */
import type { Micros } from '../../../base/money.js';
import type { Books } from '../customers.js';
import { type MoneySql, lockAccount } from '../ledger.js';
import type { AdjustmentDetail, InvoiceLine, UsageDetail } from './invoice.js';

export interface Cut {
  readonly before: Date;
  readonly through: bigint;
}

/**
 * The highest transaction id of now. The account's lock is taken and let go: whoever writes to the account holds it before he draws an
 * id, so everything up to this id is there to be read, and all that comes has a higher one.
 */
export async function highestTransaction({ database }: Books, customerId: string): Promise<bigint> {
  return database.sql.begin(async (sql) => {
    await lockAccount(sql, customerId);
    const [row] = await sql<{ id: bigint }[]>`select coalesce(max(id), 0)::bigint as id from moat.journal_transactions`;
    return row?.id ?? 0n;
  });
}

export interface CoveredUsage {
  readonly lines: readonly InvoiceLine[];
  /** Σ of the lines: what the account was charged. */
  readonly micros: Micros;
  /** Booked up to the cut, and used after it. */
  readonly laterMicros: Micros;
  /** No uncovered transaction of the account has a lower id. */
  readonly resumeId: bigint;
}

/** Everything between two cuts, summed up by the database; nothing is locked. */
export async function coveredUsage(
  sql: MoneySql,
  accountId: bigint,
  { after, resumeId, cut }: { after: Cut; resumeId: bigint; cut: Cut },
): Promise<CoveredUsage> {
  await sql`set local work_mem = '64MB'`;
  // Read once: the sums and the lines are of the same rows.
  await sql`
    create temporary table covered on commit drop as
    select t.id, t.kind, t.usage_event_id, t.description, t.created_at, e.amount_micros, t.created_at < ${cut.before} as is_covered
      from moat.journal_entries e join moat.journal_transactions t on t.id = e.transaction_id
     where e.account_id = ${accountId} and e.transaction_id between ${resumeId} and ${cut.through} and t.kind in ('usage', 'adjustment')
       and not (t.created_at < ${after.before} and t.id <= ${after.through})`;
  await sql`analyze covered`;
  const [sums] = await sql<{ covered: bigint; later: bigint; resume: bigint }[]>`
    select coalesce(sum(amount_micros) filter (where is_covered), 0)::bigint as covered,
           coalesce(sum(amount_micros) filter (where not is_covered), 0)::bigint as later,
           coalesce(min(id) filter (where not is_covered), ${cut.through}::bigint + 1) as resume from covered`;
  const usage = await sql<{ detail: UsageDetail; amountMicros: Micros }[]>`
    select s.amount as "amountMicros", jsonb_build_object('model', s.model, 'isLate', s.is_late, 'requests', s.requests::text, 'inputTokens', s.input::text,
             'cachedTokens', s.cached::text, 'outputTokens', s.output::text, 'rates', case when p.charges is null then jsonb_build_object(
               'input', p.input_micros_per_million::text, 'cached', p.cached_micros_per_million::text, 'output', p.output_micros_per_million::text,
               'request', p.request_micros::text) end) as detail
      from (select u.model, u.price_id, c.created_at < ${after.before} as is_late, sum(c.amount_micros)::bigint as amount,
                   sum(case u.status when 'reversed' then -1 else 1 end) as requests, sum(u.input_tokens) as input,
                   sum(u.cached_input_tokens) as cached, sum(u.output_tokens + u.reasoning_tokens) as output
              from covered c join moat.usage_events u on u.id = c.usage_event_id where c.is_covered group by 1, 2, 3) s
      left join moat.prices p on p.id = s.price_id order by s.is_late, s.model, s.price_id`;
  const dropped = await sql<{ amountMicros: Micros }[]>`
    select sum(c.amount_micros)::bigint as "amountMicros" from covered c
     where c.is_covered and c.kind = 'usage' and not exists (select 1 from moat.usage_events u where u.id = c.usage_event_id) having count(*) > 0`;
  const adjustments = await sql<{ what: string | null; amountMicros: Micros }[]>`
    select description as what, amount_micros as "amountMicros" from covered where is_covered and kind = 'adjustment' order by id`;
  return {
    lines: [
      ...usage.map((row) => ({ kind: 'usage' as const, ...row })),
      ...dropped.map((row) => ({
        kind: 'adjustment' as const,
        detail: { what: 'usage whose events were dropped' },
        ...row,
      })),
      ...adjustments.map(({ what, amountMicros }) => ({
        kind: 'adjustment' as const,
        detail: adjustmentDetail(what ?? ''),
        amountMicros,
      })),
    ],
    micros: sums?.covered ?? 0n,
    laterMicros: sums?.later ?? 0n,
    resumeId: sums?.resume ?? cut.through + 1n,
  };
}

/** Volume prices say which model and month they are of, in `volumeDescription`'s words. */
function adjustmentDetail(what: string): AdjustmentDetail {
  const [, month, model] = /^volume price (\d{4}-\d{2}) (.+)$/.exec(what) ?? [];
  return month === undefined || model === undefined ? { what } : { model, month };
}

export const volumeDescription = (model: string, month: string): string => `volume price ${month} ${model}`;

/** What was booked to a locked account after the cut. */
export async function bookedSince(sql: MoneySql, accountId: bigint, through: bigint): Promise<Micros> {
  const [row] = await sql<{ micros: bigint }[]>`
    select coalesce(sum(e.amount_micros), 0)::bigint as micros from moat.journal_entries e
      join moat.journal_transactions t on t.id = e.transaction_id
     where e.account_id = ${accountId} and e.transaction_id > ${through} and t.kind in ('usage', 'adjustment')`;
  return row?.micros ?? 0n;
}
