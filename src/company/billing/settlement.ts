import { z } from 'zod';
import type { Clock } from '../../base/clock.js';
import { invariant } from '../../base/errors.js';
import type { Micros } from '../../base/money.js';
import type { Database, Sql } from '../store/database.js';
import type { Admission } from './admission.js';
import { type Batcher, createBatcher } from './batcher.js';
import { usageEventIdOf } from './identifiers.js';

export type UsageStatus = 'finished' | 'aborted' | 'failed';

/** What an admitted request really used. */
export interface Usage {
  /** All of the prompt's. */
  readonly inputTokens: number;
  /** Those of them that a cache had. */
  readonly cachedTokens: number;
  /** Exactly the tokens generated, also when the client left in between. */
  readonly outputTokens: number;
  /** Those of them that were thought and not said. */
  readonly reasoningTokens: number;
  readonly computeMs: number;
  readonly status: UsageStatus;
}

export interface SettlementRequest {
  readonly admission: Admission;
  readonly usage: Usage;
  /** Milliseconds since the epoch: the time on the usage event. */
  readonly atMs: number;
}

export interface Settlement {
  readonly eventId: string;
  readonly chargedMicros: Micros;
}

/** One settlement as the database and the spool file know it. */
export type SettlementRecord = Readonly<Record<string, string | number | boolean | null>>;
export const settlementRecordSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

const MAX_BATCH = 64;

export type Settlements = Batcher<SettlementRecord, Settlement>;

/**
 * Usage event, balanced ledger entry and closed reservation, in one transaction that is on disk when `submit`
 * resolves. Settling a request again changes nothing and answers as the first time.
 */
export function createSettlements(database: Database, clock: Clock): Settlements {
  const lane = database.lane();
  return createBatcher((records) => settle(lane, clock, records), MAX_BATCH);
}

/** Nobody pays for more than was admitted, whatever an engine reports; a part is not more than its whole. */
export function withinAdmission(usage: Usage, admission: Admission): Usage {
  const inputTokens = Math.min(usage.inputTokens, admission.inputTokens);
  const outputTokens = Math.min(usage.outputTokens, admission.maxTokens);
  return {
    ...usage,
    inputTokens,
    cachedTokens: Math.min(usage.cachedTokens, inputTokens),
    outputTokens,
    reasoningTokens: Math.min(usage.reasoningTokens, outputTokens),
  };
}

/** Each token is in one class. */
export function toRecord({ admission, usage, atMs }: SettlementRequest): SettlementRecord {
  const { inputTokens, cachedTokens, outputTokens, reasoningTokens } = withinAdmission(usage, admission);
  return {
    request_id: admission.requestId,
    at: new Date(atMs).toISOString(),
    customer_id: admission.customerId,
    key_id: admission.keyId,
    kind: admission.kind,
    currency: admission.currency,
    account_id: admission.accountId?.toString() ?? null,
    model: admission.model,
    price_id: admission.priceId?.toString() ?? null,
    is_rated: admission.isRated,
    is_limited: admission.isLimited,
    input_tokens: inputTokens - cachedTokens,
    cached_input_tokens: cachedTokens,
    output_tokens: outputTokens - reasoningTokens,
    reasoning_tokens: reasoningTokens,
    compute_us: Math.round(usage.computeMs * 1000),
    status: usage.status,
  };
}

async function settle(sql: Sql, clock: Clock, records: readonly SettlementRecord[]): Promise<Settlement[]> {
  const rows = await sql<{ request_id: string; charged_micros: bigint }[]>`
    select * from moat.settle(${JSON.stringify(records)}::text::jsonb, ${new Date(clock.now())})`;
  const charged = new Map(rows.map((row) => [row.request_id, row.charged_micros]));
  return records.map((record) => {
    const requestId = String(record['request_id']);
    const chargedMicros = charged.get(requestId);
    invariant(chargedMicros !== undefined, `${requestId} was settled`);
    return { eventId: usageEventIdOf(requestId), chargedMicros };
  });
}
