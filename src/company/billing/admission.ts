import type { Clock } from '../../base/clock.js';
import { invariant } from '../../base/errors.js';
import type { Currency, Micros } from '../../base/money.js';
import type { Database, Sql } from '../store/database.js';
import { createBatcher } from './batcher.js';
import type { Price } from './cost.js';

/** What a key can be limited to. */
export const SCOPES = ['chat', 'completions', 'responses', 'embeddings', 'moderations'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who asks: a customer by his key's hash, or the project itself (the studio's playground), which is never charged. */
export type Payer = { readonly keyHash: string } | 'internal';

export interface AdmissionRequest {
  readonly requestId: string;
  readonly payer: Payer;
  /** What the key must allow. */
  readonly scope: Scope;
  readonly model: string;
  readonly inputTokens: number;
  readonly maxTokens: number;
  /** Limits of requests at one time that it counts under, in every gateway of the database together. Default: none. */
  readonly slots?: readonly Slot[] | undefined;
}

export interface Slot {
  /** Of the limit; those of one customer are told apart by it. */
  readonly id: string;
  /** Requests at one time. */
  readonly most: number;
}

/** What settlement needs to know about an admitted request. */
export interface Admission {
  readonly outcome: 'admitted';
  readonly requestId: string;
  readonly model: string;
  readonly customerId: string;
  readonly keyId: string | null;
  readonly kind: 'paying' | 'internal';
  readonly currency: Currency;
  readonly accountId: bigint | null;
  readonly priceId: bigint | null;
  /** Whether the price has tiers, packages or free units: what it costs depends on what the month had before. */
  readonly isRated: boolean;
  /** Whether a budget limits it. */
  readonly isLimited: boolean;
  readonly inputTokens: number;
  readonly maxTokens: number;
  readonly reservedMicros: Micros;
  /** Where its credit was reserved ahead of it, together with that of others. */
  readonly ahead?: CreditShare | undefined;
}

export interface CreditShare {
  readonly leaseId: string;
  readonly price: Price;
  readonly reservedMicros: Micros;
}

export type Refusal =
  | { readonly outcome: 'unknown-key' | 'expired-key' | 'suspended' | 'forbidden' }
  | { readonly outcome: 'unpriced'; readonly currency: Currency }
  | { readonly outcome: 'too-many-open'; readonly slotId: string; readonly most: number }
  | {
      readonly outcome: 'insufficient-credit';
      readonly customerId: string;
      readonly currency: Currency;
      readonly neededMicros: Micros;
      readonly availableMicros: Micros;
    }
  | {
      readonly outcome: 'over-budget';
      readonly currency: Currency;
      readonly neededMicros: Micros;
      readonly availableMicros: Micros;
      readonly limitMicros: Micros;
      readonly span: 'day' | 'month' | 'total';
      readonly on: 'customer' | 'key' | 'model';
      /** When the next span begins; null for a limit on everything. */
      readonly resetsAt: Date | null;
    };

interface AdmitRow {
  place: number;
  outcome: 'admitted' | Refusal['outcome'];
  customer_id: string;
  key_id: string | null;
  kind: 'paying' | 'internal';
  currency: string;
  account_id: bigint | null;
  price_id: bigint | null;
  is_rated: boolean;
  is_limited: boolean;
  reserved_micros: bigint;
  missing: Missing | null;
}

/** What stood in the way, as the database says it. */
interface Missing {
  readonly available: string;
  readonly limit?: string;
  readonly span?: 'day' | 'month' | 'total';
  readonly on?: 'customer' | 'key' | 'model';
  readonly resets?: string | null;
  readonly slot?: string;
}

/** A live gateway renews what it serves well before this; what is older belonged to one that died. */
export const RESERVATION_LIFETIME_MS = 60_000;
const MAX_BATCH = 64;
/** Settled requests whose reservations are given back together, and after how long at the latest. */
const MOST_OVER = 64;
const OVER_MS = 50;

/** Something for the admissions' connection: a request to admit, or some whose reservations are over. */
type Errand = AdmissionRequest | { readonly over: readonly string[] };

export interface Admissions {
  submit(request: AdmissionRequest): Promise<Admission | Refusal>;
  /** Gives the reservation of a request that was never served back, before any request that comes later. Safe to repeat. */
  release(requestId: string): Promise<void>;
  /**
   * The request is settled, so what it reserved is of no use any more: given back together with others, in a moment. Whoever needs
   * the credit before is not refused for it: the database finds it out.
   */
  settled(requestId: string): void;
  /** The same, and waits for it. */
  flush(): Promise<void>;
  /** Gives back what is left to give back, and waits for what is on its way. */
  close(): Promise<void>;
}

/** The one door: authenticate, price known, maximum cost reserved, for every request of a batch in one round trip. */
export function createAdmissions(database: Database, clock: Clock): Admissions {
  const lane = database.lane();
  const batcher = createBatcher<Errand, Admission | Refusal | undefined>(
    (errands) => run(lane, clock, errands),
    MAX_BATCH,
  );
  let over: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const release = async (requestIds: readonly string[]): Promise<void> => {
    await batcher.submit({ over: requestIds });
  };
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const due = over;
    over = [];
    if (due.length > 0) await release(due);
  };
  return {
    async submit(request) {
      const counts = [request.inputTokens, request.maxTokens];
      invariant(
        counts.every((count) => Number.isSafeInteger(count) && count >= 0),
        'a request uses a whole number of tokens',
      );
      const result = await batcher.submit(request);
      invariant(result !== undefined, 'a request to admit is answered');
      return result;
    },
    release: (requestId) => release([requestId]),
    settled(requestId) {
      over.push(requestId);
      // A release that fails is swept later, like those of a gateway that died.
      if (over.length >= MOST_OVER) void flush().catch(() => undefined);
      else timer ??= setTimeout(() => void flush().catch(() => undefined), OVER_MS).unref();
    },
    flush,
    async close() {
      await flush();
      await batcher.idle();
    },
  };
}

async function run(sql: Sql, clock: Clock, errands: readonly Errand[]): Promise<(Admission | Refusal | undefined)[]> {
  const over = errands.flatMap((errand) => ('over' in errand ? errand.over : []));
  const requests = errands.flatMap((errand) => ('over' in errand ? [] : [errand]));
  const results = await admit(sql, clock, requests, over);
  let next = 0;
  return errands.map((errand) => ('over' in errand ? undefined : results[next++]));
}

async function admit(
  sql: Sql,
  clock: Clock,
  requests: readonly AdmissionRequest[],
  over: readonly string[],
): Promise<(Admission | Refusal)[]> {
  const batch = JSON.stringify(
    requests.map(({ requestId, payer, scope, model, inputTokens, maxTokens, slots = [] }) => ({
      request_id: requestId,
      hash: payer === 'internal' ? null : payer.keyHash,
      scope,
      model,
      input_tokens: inputTokens,
      max_tokens: maxTokens,
      ...(slots.length > 0 && { slots }),
    })),
  );
  const rows = await sql<AdmitRow[]>`
    select * from moat.admit(${batch}::text::jsonb, ${JSON.stringify(over)}::text::jsonb, ${new Date(clock.now())}, ${`${RESERVATION_LIFETIME_MS} ms`}::text::interval)`;
  invariant(rows.length === requests.length, 'admission answers every request once');
  return requests.map((request, index) => {
    const row = rows[index];
    invariant(row?.place === index, 'admission answers in order');
    return toResult(request, row);
  });
}

function toResult(request: AdmissionRequest, row: AdmitRow): Admission | Refusal {
  switch (row.outcome) {
    case 'unknown-key':
    case 'expired-key':
    case 'suspended':
    case 'forbidden':
      return { outcome: row.outcome };
    case 'unpriced':
      return { outcome: row.outcome, currency: row.currency };
    case 'too-many-open':
      return { outcome: row.outcome, slotId: row.missing?.slot ?? '', most: Number(row.missing?.limit ?? 0) };
    case 'insufficient-credit':
      return {
        outcome: row.outcome,
        customerId: row.customer_id,
        currency: row.currency,
        neededMicros: row.reserved_micros,
        availableMicros: BigInt(row.missing?.available ?? 0),
      };
    case 'over-budget':
      return {
        outcome: row.outcome,
        currency: row.currency,
        neededMicros: row.reserved_micros,
        availableMicros: BigInt(row.missing?.available ?? 0),
        limitMicros: BigInt(row.missing?.limit ?? 0),
        span: row.missing?.span ?? 'total',
        on: row.missing?.on ?? 'customer',
        resetsAt: row.missing?.resets == null ? null : new Date(row.missing.resets),
      };
    case 'admitted':
      return {
        outcome: row.outcome,
        requestId: request.requestId,
        model: request.model,
        customerId: row.customer_id,
        keyId: row.key_id,
        kind: row.kind,
        currency: row.currency,
        accountId: row.account_id,
        priceId: row.price_id,
        isRated: row.is_rated,
        isLimited: row.is_limited,
        inputTokens: request.inputTokens,
        maxTokens: request.maxTokens,
        reservedMicros: row.reserved_micros,
      };
  }
}

/** Keeps the reservations of requests that are still being served. They end by the database's clock, which all gateways share. */
export async function renewReservations({ sql }: Database, requestIds: readonly string[]): Promise<void> {
  await sql`
    update moat.reservations set expires_at = now() + ${`${RESERVATION_LIFETIME_MS} ms`}::text::interval
     where request_id in (select jsonb_array_elements_text(${JSON.stringify(requestIds)}::text::jsonb))`;
}

/** Releases the reservations of gateways that died; returns how many. */
export async function sweepReservations({ sql }: Database): Promise<number> {
  const [row] = await sql<{ swept: number }[]>`select moat.sweep(now()) as swept`;
  return row?.swept ?? 0;
}
