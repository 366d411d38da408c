import type { Currency, Micros } from '../../base/money.js';
import type { Books } from './customers.js';
import type { UsageStatus } from './settlement.js';

export interface UsageEvent {
  readonly id: string;
  readonly time: Date;
  readonly customerId: string;
  readonly customerName: string;
  readonly keyId: string | null;
  readonly model: string;
  readonly inputTokens: number;
  /** Part of the input tokens. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Part of the output tokens. */
  readonly reasoningTokens: number;
  readonly computeMs: number;
  /** Below 0 where it takes back, and where a correction makes other events of the month cheaper by more than it costs. */
  readonly chargedMicros: Micros;
  readonly currency: Currency;
  readonly kind: 'paying' | 'internal';
  /** `reversed` takes an event back, with negative counts; `corrected` stands in its place. */
  readonly status: UsageStatus | 'reversed' | 'corrected';
  /** Of a reversal or a correction, the event it is about. */
  readonly corrects: string | null;
}

/**
 * Usage events, newest first.
 * @param filter `customerId`: one customer's; undefined: everybody's, internal use included. `limit`: default 100, at most 10,000
 */
export async function usageOf(
  { database }: Books,
  filter: { customerId?: string; limit?: number } = {},
): Promise<UsageEvent[]> {
  const { sql } = database;
  return sql<UsageEvent[]>`
    select u.id, u.time, u.customer_id as "customerId", c.name as "customerName", u.key_id as "keyId", u.model,
           u.input_tokens + u.cached_input_tokens as "inputTokens", u.cached_input_tokens as "cachedTokens",
           u.output_tokens + u.reasoning_tokens as "outputTokens", u.reasoning_tokens as "reasoningTokens",
           u.compute_us / 1000.0::float8 as "computeMs", u.charged_micros as "chargedMicros", u.currency, u.kind, u.status, u.corrects
      from moat.usage_events u join moat.customers c on c.id = u.customer_id
     ${filter.customerId === undefined ? sql`` : sql`where u.customer_id = ${filter.customerId}`}
     order by u.time desc, u.id desc limit ${Math.min(filter.limit ?? 100, 10_000)}`;
}

export interface UsageTotals {
  /** Requests of paying customers; internal use is in `computeMs` alone, because it costs but earns nothing. */
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly revenueMicros: Micros;
  /** Engine milliseconds, internal use included. */
  readonly computeMs: number;
  /** Engine milliseconds of paying customers' requests. */
  readonly payingComputeMs: number;
}

export interface ModelUsage extends UsageTotals {
  readonly model: string;
  /** Internal use included, as `computeMs`. */
  readonly allInputTokens: number;
  readonly allOutputTokens: number;
}

/** Σ of models. Pure. */
export function totalsOf(models: readonly UsageTotals[]): UsageTotals {
  const sum = (count: (row: UsageTotals) => number): number => models.reduce((total, row) => total + count(row), 0);
  return {
    requests: sum(({ requests }) => requests),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    revenueMicros: models.reduce((total, { revenueMicros }) => total + revenueMicros, 0n),
    computeMs: sum(({ computeMs }) => computeMs),
    payingComputeMs: sum(({ payingComputeMs }) => payingComputeMs),
  };
}

/**
 * What was used of each model, in one currency, from `from` (inclusive) on, or of all time: of whole hours from their sums, of a part of
 * one from its events.
 */
export async function usageByModel(
  { database }: Books,
  options: { currency: Currency; from?: Date },
): Promise<ModelUsage[]> {
  const from = options.from ?? new Date(0);
  return database.sql<ModelUsage[]>`
    select model, coalesce(sum(requests) filter (where customer_id <> 'internal'), 0)::float8 as requests,
           coalesce(sum(input_tokens + cached_input_tokens) filter (where customer_id <> 'internal'), 0)::float8 as "inputTokens",
           coalesce(sum(output_tokens + reasoning_tokens) filter (where customer_id <> 'internal'), 0)::float8 as "outputTokens",
           sum(input_tokens + cached_input_tokens)::float8 as "allInputTokens",
           sum(output_tokens + reasoning_tokens)::float8 as "allOutputTokens",
           coalesce(sum(charged_micros), 0)::bigint as "revenueMicros",
           coalesce(sum(compute_us), 0)::float8 / 1000 as "computeMs",
           coalesce(sum(compute_us) filter (where customer_id <> 'internal'), 0)::float8 / 1000 as "payingComputeMs"
      from (
        select customer_id, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, compute_us, charged_micros
          from moat.usage_hours where hour >= ${from} and currency = ${options.currency}
        union all
        select customer_id, model, case status when 'reversed' then -1 else 1 end, input_tokens, cached_input_tokens, output_tokens,
               reasoning_tokens, compute_us, charged_micros
          from moat.usage_events
         where time >= ${from} and time < ${firstFullHour(from)} and currency = ${options.currency}) used
     group by model order by model`;
}

const HOUR_MS = 3_600_000;
const firstFullHour = (from: Date): Date => new Date(Math.ceil(from.getTime() / HOUR_MS) * HOUR_MS);

/** What one customer used of one model in one month of the project's time zone. */
export interface MonthOfUsage {
  readonly customerId: string;
  readonly customerName: string;
  /** `2030-01`. */
  readonly month: string;
  readonly model: string;
  readonly requests: bigint;
  /** Without those that a cache had. */
  readonly inputTokens: bigint;
  readonly cachedTokens: bigint;
  readonly outputTokens: bigint;
  readonly chargedMicros: Micros;
}

/**
 * Paying usage of one currency, month by month: a row for each customer and model, made by the database.
 * @param options `from` (inclusive) and `to` (exclusive); `timeZone`: an IANA name, in which months begin
 */
export async function usageByMonth(
  { database }: Books,
  { currency, from, to, timeZone }: { currency: Currency; from: Date; to: Date; timeZone: string },
): Promise<MonthOfUsage[]> {
  return database.sql<MonthOfUsage[]>`
    select u.customer_id as "customerId", c.name as "customerName", to_char(u.time at time zone ${timeZone}, 'YYYY-MM') as month,
           u.model, sum(case u.status when 'reversed' then -1 else 1 end)::bigint as requests, sum(u.input_tokens)::bigint as "inputTokens",
           sum(u.cached_input_tokens)::bigint as "cachedTokens", sum(u.output_tokens + u.reasoning_tokens)::bigint as "outputTokens",
           sum(u.charged_micros)::bigint as "chargedMicros"
      from moat.usage_events u join moat.customers c on c.id = u.customer_id
     where u.kind = 'paying' and u.currency = ${currency} and u.time >= ${from} and u.time < ${to}
     group by 1, 2, 3, 4 order by 2, 1, 3, 4`;
}
