import type { Clock } from '../../base/clock.js';
import { invariant } from '../../base/errors.js';
import type { Currency, Micros } from '../../base/money.js';
import type { Database, Sql } from '../store/database.js';
import { type Batcher, createBatcher } from './batcher.js';

/** Who asks: a customer by his key's hash, or the project itself (the studio's playground), which is never charged. */
export type Payer = { readonly keyHash: string } | 'internal';

export interface AdmissionRequest {
  readonly requestId: string;
  readonly payer: Payer;
  readonly model: string;
  readonly inputTokens: number;
  readonly maxTokens: number;
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
  readonly inputTokens: number;
  readonly maxTokens: number;
  readonly reservedMicros: Micros;
}

export type Refusal =
  | { readonly outcome: 'unknown-key' }
  | { readonly outcome: 'unpriced'; readonly currency: Currency }
  | {
      readonly outcome: 'insufficient-credit';
      readonly currency: Currency;
      readonly neededMicros: Micros;
      readonly availableMicros: Micros;
    };

interface AdmitRow {
  place: number;
  outcome: 'admitted' | 'unknown-key' | 'unpriced' | 'insufficient-credit';
  customer_id: string;
  key_id: string | null;
  kind: 'paying' | 'internal';
  currency: string;
  account_id: bigint | null;
  price_id: bigint | null;
  reserved_micros: bigint;
  available_micros: bigint | null;
}

/** A live gateway renews what it serves well before this; what is older belonged to one that died. */
export const RESERVATION_LIFETIME_MS = 60_000;
const MAX_BATCH = 64;

export type Admissions = Batcher<AdmissionRequest, Admission | Refusal>;

/** The one door: authenticate, price known, maximum cost reserved, for every request of a batch in one round trip. */
export function createAdmissions(database: Database, clock: Clock): Admissions {
  const lane = database.lane();
  return createBatcher((requests) => admit(lane, clock, requests), MAX_BATCH);
}

async function admit(sql: Sql, clock: Clock, requests: readonly AdmissionRequest[]): Promise<(Admission | Refusal)[]> {
  const batch = JSON.stringify(
    requests.map(({ requestId, payer, model, inputTokens, maxTokens }) => ({
      request_id: requestId,
      hash: payer === 'internal' ? null : payer.keyHash,
      model,
      input_tokens: inputTokens,
      max_tokens: maxTokens,
    })),
  );
  const rows = await sql<AdmitRow[]>`
    select * from moat.admit(${batch}::text::jsonb, ${new Date(clock.now())}, ${`${RESERVATION_LIFETIME_MS} ms`}::text::interval)`;
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
      return { outcome: row.outcome };
    case 'unpriced':
      return { outcome: row.outcome, currency: row.currency };
    case 'insufficient-credit':
      return {
        outcome: row.outcome,
        currency: row.currency,
        neededMicros: row.reserved_micros,
        availableMicros: row.available_micros ?? 0n,
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
        inputTokens: request.inputTokens,
        maxTokens: request.maxTokens,
        reservedMicros: row.reserved_micros,
      };
  }
}

/** Keeps the reservations of requests that are still being served. */
export async function renewReservations(
  database: Database,
  clock: Clock,
  requestIds: readonly string[],
): Promise<void> {
  const until = new Date(clock.now() + RESERVATION_LIFETIME_MS);
  await database.sql`
    update moat.reservations set expires_at = ${until}
     where request_id in (select jsonb_array_elements_text(${JSON.stringify(requestIds)}::text::jsonb))`;
}

/** Releases the reservations of gateways that died; returns how many. */
export async function sweepReservations(database: Database, clock: Clock): Promise<number> {
  const [row] = await database.sql<{ swept: number }[]>`select moat.sweep(${new Date(clock.now())}) as swept`;
  return row?.swept ?? 0;
}

/** Gives back what was reserved for a request that was never served. Safe to repeat. */
export async function releaseReservation(database: Database, requestId: string): Promise<void> {
  await database.sql`
    with gone as (delete from moat.reservations where request_id = ${requestId} returning account_id, amount_micros)
    update moat.accounts a set reserved_micros = a.reserved_micros - gone.amount_micros from gone where a.id = gone.account_id`;
}
