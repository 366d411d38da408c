/** Usage that was counted wrong, or counted elsewhere: by events and entries of their own, never by changing any. */
import { createHash } from 'node:crypto';
import { MoatError } from '../../base/errors.js';
import { type Micros, formatMicros } from '../../base/money.js';
import type { AuditWriter } from '../access/audit-log.js';
import type { Books } from './customers.js';
import { type MoneySql, lockAccount } from './ledger.js';

/** Disjoint, as events keep them. */
export interface UsageCounts {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface Correction {
  readonly reversalId: string;
  readonly correctedId: string;
  readonly chargedBeforeMicros: Micros;
  /** Below 0 where other events of the month cost too much for its tokens. */
  readonly chargedMicros: Micros;
}

function storedCounts(counts: UsageCounts): Record<'input' | 'cachedInput' | 'output' | 'reasoning', number> {
  const {
    inputTokens: input,
    cachedInputTokens: cachedInput,
    outputTokens: output,
    reasoningTokens: reasoning,
  } = counts;
  const stored = { input, cachedInput, output, reasoning };
  for (const [name, count] of Object.entries(stored)) {
    if (!Number.isInteger(count) || count < 0 || count > 100_000_000)
      throw new MoatError('bad-counts', `${name}: ${count} is not a number of tokens`, {
        fix: 'Give whole numbers from 0 to 100,000,000.',
      });
  }
  return stored;
}

/**
 * Takes an event back and puts the right one in its place, with their ledger entries, hours, tiers and budgets, in one transaction. The
 * same correction again changes nothing. Under tiers, packages and free units it costs what the month's bill changes by, also below zero.
 * What comes back is prepaid credit; what is missing and no credit covers is written off.
 * @throws MoatError `unknown-event`, `corrected-already`, `bad-counts`
 */
export async function correctUsage(
  books: Books,
  eventId: string,
  counts: UsageCounts,
  reason: string,
  audit?: AuditWriter,
): Promise<Correction> {
  const stored = storedCounts(counts);
  const at = new Date(books.clock.now());
  return books.database.sql.begin(async (sql) => {
    const [event] = await sql<{ customerId: string; kind: string; status: string; charged: Micros }[]>`
      select customer_id as "customerId", kind, status, charged_micros as charged from moat.usage_events where id = ${eventId}`;
    if (event === undefined || event.status === 'reversed' || event.kind === 'internal')
      throw new MoatError('unknown-event', `there is no usage event "${eventId}" that could be corrected`, {
        fix: 'List them with: moat usage list CUSTOMER.',
      });
    await lockAccount(sql, event.customerId);
    const [before] = await sql<{ isSame: boolean }[]>`
      select counts = ${JSON.stringify(stored)}::text::jsonb as "isSame" from moat.usage_corrections where event_id = ${eventId}`;
    if (before === undefined)
      await sql`select moat.correct_usage(${eventId}, ${JSON.stringify(stored)}::text::jsonb, ${reason}, ${at})`;
    else if (!before.isSame)
      throw new MoatError('corrected-already', `event ${eventId} was corrected to other counts`, {
        fix: `Correct ${eventId}-c instead.`,
      });
    const [corrected] = await sql<
      { charged: Micros }[]
    >`select charged_micros as charged from moat.usage_events where id = ${`${eventId}-c`}`;
    if (before === undefined) await audit?.(sql, { action: 'usage.corrected', target: eventId, details: { reason } });
    return {
      reversalId: `${eventId}-r`,
      correctedId: `${eventId}-c`,
      chargedBeforeMicros: event.charged,
      chargedMicros: corrected?.charged ?? 0n,
    };
  });
}

export interface LateUsage extends UsageCounts {
  readonly customerId: string;
  readonly model: string;
  /** When it was used. */
  readonly time: Date;
  /** The caller's own name for it: the same one counts once. */
  readonly reference: string;
  readonly keyId?: string;
}

/**
 * Books usage that was measured elsewhere, at the price that was in force at its time.
 * @throws MoatError `bad-time` for one to come, `unpriced`, `insufficient-credit`, `reference-taken`, `bad-counts`, `unknown-customer`
 */
export async function recordLateUsage(
  books: Books,
  usage: LateUsage,
  audit?: AuditWriter,
): Promise<{ eventId: string; chargedMicros: Micros }> {
  const counts = storedCounts(usage);
  const now = new Date(books.clock.now());
  if (usage.time > now) throw new MoatError('bad-time', `usage of ${usage.time.toISOString()} is still to come`);
  const suffix = createHash('sha256')
    .update(JSON.stringify([usage.customerId, usage.reference]))
    .digest('hex')
    .slice(0, 20);
  const requestId = `req_${usage.time.getTime().toString(16).padStart(12, '0')}${suffix}`;
  const eventId = `use_${requestId.slice(4)}`;
  return books.database.sql.begin(async (sql) => {
    const { available, accountId, currency } = await lockForCharge(sql, usage.customerId);
    const [taken] = await sql`
      insert into moat.late_usage values (${usage.customerId}, ${usage.reference}, ${eventId}) on conflict do nothing returning event_id`;
    if (taken === undefined) return repeated(sql, usage, eventId);
    const [price] = await sql<{ id: bigint; isRated: boolean; isWithdrawn: boolean }[]>`
      select p.id, p.charges is not null as "isRated", p.is_withdrawn as "isWithdrawn" from moat.prices p join moat.customers c on c.book = p.book
       where c.id = ${usage.customerId} and p.model = ${usage.model} and p.currency = ${currency} and p.starts_at <= ${usage.time}
       order by p.starts_at desc limit 1`;
    if (price === undefined || price.isWithdrawn)
      throw new MoatError('unpriced', `${usage.model} was not for sale at ${usage.time.toISOString()}`);
    const record = {
      request_id: requestId,
      at: usage.time.toISOString(),
      customer_id: usage.customerId,
      key_id: usage.keyId ?? null,
      kind: 'paying',
      currency,
      account_id: accountId.toString(),
      model: usage.model,
      price_id: price.id.toString(),
      is_rated: price.isRated,
      is_limited: true,
      input_tokens: counts.input,
      cached_input_tokens: counts.cachedInput,
      output_tokens: counts.output,
      reasoning_tokens: counts.reasoning,
      compute_us: 0,
      status: 'finished',
    };
    const [settled] = await sql<{ charged: Micros }[]>`
      select charged_micros as charged from moat.settle(${JSON.stringify([record])}::text::jsonb, ${now})`;
    const chargedMicros = settled?.charged ?? 0n;
    if (chargedMicros > available)
      throw new MoatError(
        'insufficient-credit',
        `it costs ${formatMicros(chargedMicros)}, and ${formatMicros(available)} are free`,
        {
          fix: 'Add credit first: moat keys credit.',
        },
      );
    const details = { reference: usage.reference, model: usage.model, chargedMicros: `${chargedMicros}` };
    await audit?.(sql, { action: 'usage.added', target: usage.customerId, details });
    return { eventId, chargedMicros };
  });
}

/** Holds before accounts, as everywhere. */
async function lockForCharge(
  sql: MoneySql,
  customerId: string,
): Promise<{ accountId: bigint; currency: string; available: Micros }> {
  const [hold] = await sql<{ reserved: Micros }[]>`
    select h.reserved_micros as reserved from moat.holds h join moat.accounts a on a.id = h.account_id
     where a.customer_id = ${customerId} and a.kind = 'prepaid' for no key update of h`;
  const { id, currency, balanceMicros } = await lockAccount(sql, customerId);
  const [line] = await sql<
    { micros: Micros }[]
  >`select credit_line_micros as micros from moat.accounts where id = ${id}`;
  return { accountId: id, currency, available: (line?.micros ?? 0n) - balanceMicros - (hold?.reserved ?? 0n) };
}

async function repeated(
  sql: MoneySql,
  usage: LateUsage,
  eventId: string,
): Promise<{ eventId: string; chargedMicros: Micros }> {
  const [same] = await sql<{ charged: Micros }[]>`
    select charged_micros as charged from moat.usage_events
     where id = ${eventId} and model = ${usage.model} and input_tokens = ${usage.inputTokens} and cached_input_tokens = ${usage.cachedInputTokens}
       and output_tokens = ${usage.outputTokens} and reasoning_tokens = ${usage.reasoningTokens}`;
  if (same !== undefined) return { eventId, chargedMicros: same.charged };
  throw new MoatError('reference-taken', `reference "${usage.reference}" belongs to other usage`, {
    fix: 'Use a new reference.',
  });
}

/**
 * Drops usage events by whole months (UTC), for good. Charges stay in the ledger, hours and invoices keep their sums.
 * @param month `2025-01`: everything before it; months that a running subscription has not been billed for stay
 * @returns how many events went
 * @throws MoatError `bad-month`, `not-billed-yet`
 */
export async function dropUsageBefore(books: Books, month: string, audit?: AuditWriter): Promise<bigint> {
  const before = /^\d{4}-(0[1-9]|1[0-2])$/.test(month) ? new Date(`${month}-01T00:00:00Z`) : undefined;
  const now = new Date(books.clock.now());
  if (before === undefined || before > now)
    throw new MoatError('bad-month', `"${month}" is not a month that has begun`, { fix: 'Write it as 2025-01.' });
  return books.database.sql.begin(async (sql) => {
    const [open] = await sql`
      select 1 from moat.subscriptions s where s.ended_at is null and coalesce(
        (select max(i.covers_before) from moat.invoices i where i.subscription_id = s.id), s.started_at) < ${before} limit 1`;
    if (open !== undefined)
      throw new MoatError('not-billed-yet', `usage before ${month} is not billed yet`, {
        fix: 'Run first: moat invoices run.',
      });
    const [dropped] = await sql<{ events: bigint }[]>`select moat.drop_usage(${before}, ${now}) as events`;
    const events = dropped?.events ?? 0n;
    await audit?.(sql, { action: 'usage.dropped', target: month, details: { events: `${events}` } });
    return events;
  });
}
