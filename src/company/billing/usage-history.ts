/** What one customer used and was charged: by day, event by event, and down to the price of an event. */
import type { Currency, Micros } from '../../base/money.js';
import type { Books } from './customers.js';
import { type LedgerEntry, ledgerEntriesOf } from './ledger.js';
import type { UsageEvent } from './usage.js';

/** A usage event in the disjoint classes it was priced by, without its customer: these functions have one. */
export interface PricedEvent extends Pick<
  UsageEvent,
  'id' | 'time' | 'keyId' | 'model' | 'computeMs' | 'chargedMicros' | 'currency' | 'status' | 'corrects'
> {
  readonly keyName: string | null;
  /** Tokens of the prompt that no cache had. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  /** Tokens that are read. */
  readonly outputTokens: number;
  /** Tokens thought before them, at the price of output. */
  readonly reasoningTokens: number;
}

/** Where a page ends: what is older than this event comes next. */
export interface UsageCursor {
  readonly time: Date;
  readonly id: string;
}

const eventColumns = (sql: Books['database']['sql']) => sql`
  u.id, u.time, u.key_id as "keyId", k.name as "keyName", u.model, u.input_tokens as "inputTokens", u.cached_input_tokens as "cachedTokens",
  u.output_tokens as "outputTokens", u.reasoning_tokens as "reasoningTokens", u.compute_us / 1000.0::float8 as "computeMs",
  u.charged_micros as "chargedMicros", u.currency, u.status, u.corrects`;

/** One customer's events, newest first; at most 200. */
export async function usagePage(
  { database: { sql } }: Books,
  { customerId, before, limit }: { customerId: string; before?: UsageCursor | undefined; limit: number },
): Promise<PricedEvent[]> {
  return sql<PricedEvent[]>`
    select ${eventColumns(sql)} from moat.usage_events u left join moat.api_keys k on k.id = u.key_id
     where u.customer_id = ${customerId}
       ${before === undefined ? sql`` : sql`and (u.time, u.id) < (${before.time}, ${before.id})`}
     order by u.time desc, u.id desc limit ${Math.min(limit, 200)}`;
}

/** What an event was priced at: micro-units for a million tokens of each class, and for the request itself. */
export interface EventPrice {
  readonly inputMicrosPerMillion: Micros;
  readonly cachedMicrosPerMillion: Micros;
  readonly outputMicrosPerMillion: Micros;
  readonly requestMicros: Micros;
  /** Tiers, packages or free units: then the figures above are the most it can cost, and the month decides. */
  readonly isTiered: boolean;
}

export interface ChargedEvent {
  readonly event: PricedEvent;
  /** Null for use that has no price: the project's own. */
  readonly price: EventPrice | null;
  /** Both sides of the charge; none where nothing was charged. */
  readonly entries: readonly LedgerEntry[];
}

/** Why a customer was charged what he was. @returns undefined where the customer has no such event */
export async function chargedEvent(
  books: Books,
  customerId: string,
  eventId: string,
): Promise<ChargedEvent | undefined> {
  const { sql } = books.database;
  const [row] = await sql<(PricedEvent & Omit<EventPrice, 'isTiered'> & { isTiered: boolean | null })[]>`
    select ${eventColumns(sql)}, p.input_micros_per_million as "inputMicrosPerMillion", p.cached_micros_per_million as "cachedMicrosPerMillion",
           p.output_micros_per_million as "outputMicrosPerMillion", p.request_micros as "requestMicros",
           case when p.id is not null then p.charges is not null end as "isTiered"
      from moat.usage_events u left join moat.api_keys k on k.id = u.key_id left join moat.prices p on p.id = u.price_id
     where u.id = ${eventId} and u.customer_id = ${customerId}`;
  if (row === undefined) return undefined;
  const { inputMicrosPerMillion, cachedMicrosPerMillion, outputMicrosPerMillion, requestMicros, isTiered, ...event } =
    row;
  const rates = { inputMicrosPerMillion, cachedMicrosPerMillion, outputMicrosPerMillion, requestMicros };
  const price = isTiered === null ? null : { ...rates, isTiered };
  return { event, price, entries: await ledgerEntriesOf(books, eventId) };
}

/** What a customer used on one day of a time zone. */
export interface DayOfUsage {
  /** `2030-01-31`. */
  readonly day: string;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly chargedMicros: Micros;
}

/**
 * A customer's use by day, oldest first, days without any left out. Made from hours of UTC: in a zone whose offset is not whole hours,
 * an hour counts to the day it begins in.
 */
export async function usageByDay(
  { database: { sql } }: Books,
  options: { customerId: string; currency: Currency; from: Date; timeZone: string },
): Promise<DayOfUsage[]> {
  return sql<DayOfUsage[]>`
    select to_char(hour at time zone ${options.timeZone}, 'YYYY-MM-DD') as day, sum(requests)::float8 as requests,
           sum(input_tokens + cached_input_tokens)::float8 as "inputTokens",
           sum(output_tokens + reasoning_tokens)::float8 as "outputTokens", sum(charged_micros)::bigint as "chargedMicros"
      from moat.usage_hours
     where customer_id = ${options.customerId} and currency = ${options.currency} and hour >= date_trunc('hour', ${options.from}::timestamptz, 'UTC')
     group by 1 order by 1`;
}

/** What was charged from `from` (a full hour of UTC) on, by customer; those who were charged nothing are left out. */
export async function chargedByCustomer({ database: { sql } }: Books, from: Date): Promise<Map<string, Micros>> {
  const rows = await sql<{ customerId: string; chargedMicros: Micros }[]>`
    select customer_id as "customerId", sum(charged_micros)::bigint as "chargedMicros" from moat.usage_hours
     where hour >= date_trunc('hour', ${from}::timestamptz, 'UTC') group by customer_id`;
  return new Map(rows.map(({ customerId, chargedMicros }) => [customerId, chargedMicros]));
}
