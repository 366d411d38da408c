import { MoatError } from '../../base/errors.js';
import type { AuditWriter } from '../access/audit-log.js';
import type { Books } from './customers.js';

/** How fast a customer may ask: with all of his keys or one, for all models or one. */
export interface RateLimit {
  readonly id: string;
  readonly keyId: string | null;
  readonly model: string | null;
  readonly requestsPerMinute: number | null;
  /** Of prompts and of the most that answers may have. */
  readonly tokensPerMinute: number | null;
  /** Answers being made at one time. */
  readonly concurrentRequests: number | null;
}

/** What is known of a key beside whether it opens. */
export interface KeyTerms {
  readonly keyId: string;
  readonly customerId: string;
  /** Of its customer: those that are about another key are left out. */
  readonly limits: readonly RateLimit[];
}

/** @returns undefined for a key that is unknown, revoked or past its end */
export async function keyTermsOf({ database, clock }: Books, keyHash: string): Promise<KeyTerms | undefined> {
  const rows = await database.sql<(RateLimit & { key: string; customerId: string; limited: boolean })[]>`
    select k.id as key, k.customer_id as "customerId", l.id is not null as limited, coalesce(l.id, 0)::text as id, l.key_id as "keyId", l.model,
           l.requests_per_minute as "requestsPerMinute", l.tokens_per_minute::float8 as "tokensPerMinute",
           l.concurrent_requests as "concurrentRequests"
      from moat.key_secrets s join moat.api_keys k on k.id = s.key_id left join moat.rate_limits l on l.customer_id = k.customer_id and (l.key_id is null or l.key_id = k.id)
     where s.hash = decode(${keyHash}, 'hex') and k.revoked_at is null and least(k.expires_at, s.expires_at, 'infinity') > ${new Date(clock.now())}
     order by l.id`;
  const [first] = rows;
  if (first === undefined) return undefined;
  const limits = rows
    .filter(({ limited }) => limited)
    .map(({ id, keyId, model, requestsPerMinute, tokensPerMinute, concurrentRequests }) => ({
      id,
      keyId,
      model,
      requestsPerMinute,
      tokensPerMinute,
      concurrentRequests,
    }));
  return { keyId: first.key, customerId: first.customerId, limits };
}

export interface LimitToSet {
  readonly customerId: string;
  readonly keyId?: string;
  readonly model?: string;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly concurrentRequests?: number;
}

/**
 * Sets a customer's limit (of one key, for one model) in the place of an earlier one; without figures it is taken off. Gateways
 * follow within ten seconds.
 * @param audit written in the same transaction
 * @throws MoatError `bad-limit`
 */
export async function setRateLimit({ database }: Books, limit: LimitToSet, audit?: AuditWriter): Promise<void> {
  const { customerId, keyId = null, model = null } = limit;
  const { requestsPerMinute = null, tokensPerMinute = null, concurrentRequests = null } = limit;
  const figures = { requestsPerMinute, tokensPerMinute, concurrentRequests };
  for (const [name, value] of Object.entries(figures)) {
    if (value === null || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new MoatError('bad-limit', `${name}: ${value} is not a whole number above 0`, {
      fix: 'Leave it out for no limit.',
    });
  }
  await database.sql.begin(async (sql) => {
    if (requestsPerMinute === null && tokensPerMinute === null && concurrentRequests === null) {
      await sql`
        delete from moat.rate_limits
         where customer_id = ${customerId} and key_id is not distinct from ${keyId} and model is not distinct from ${model}`;
    } else {
      await sql`
        insert into moat.rate_limits (customer_id, key_id, model, requests_per_minute, tokens_per_minute, concurrent_requests)
        values (${customerId}, ${keyId}, ${model}, ${requestsPerMinute}, ${tokensPerMinute}, ${concurrentRequests})
        on conflict (customer_id, key_id, model) do update set requests_per_minute = excluded.requests_per_minute,
          tokens_per_minute = excluded.tokens_per_minute, concurrent_requests = excluded.concurrent_requests`;
    }
    const words = Object.entries(figures).map(
      ([name, value]) => [name, value === null ? null : String(value)] as const,
    );
    const details = { keyId, model, ...Object.fromEntries(words) };
    await audit?.(sql, { action: 'limit.set', target: customerId, details });
  });
}

/** @returns the limits of a customer, oldest first */
export async function listRateLimits({ database }: Books, customerId: string): Promise<RateLimit[]> {
  return database.sql<RateLimit[]>`
    select id::text, key_id as "keyId", model, requests_per_minute as "requestsPerMinute", tokens_per_minute::float8 as "tokensPerMinute",
           concurrent_requests as "concurrentRequests"
      from moat.rate_limits where customer_id = ${customerId} order by id`;
}
