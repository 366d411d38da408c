/**
 * Answers that a customer may ask for again by a key of his own. The first request claims the key; repeats get its answer, byte
 * for byte, for a day. A claim is a lease: what a process that died had claimed is taken over under the same request id, and
 * since the usage event's id is derived from that, it can never be charged twice.
 */
import type { PendingQuery, Row } from 'postgres';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { Database } from '../store/database.js';
import { newId } from './identifiers.js';
import { type KeyTerms, keyTermsOf } from './key-terms.js';
import type { Meter } from './meter.js';

export interface ClaimRequest {
  readonly keyHash: string;
  /** The customer's own: 1 to 255 printable ASCII characters. */
  readonly key: string;
  /** @see fingerprintOf */
  readonly fingerprint: string;
}

/** The right to answer a request, until the lease ends. */
export interface Claim {
  readonly outcome: 'claimed';
  readonly customerId: string;
  readonly key: string;
  /** The one to admit and settle under; of a claim that was taken over, the first one's. */
  readonly requestId: string;
  readonly attempt: number;
}

export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export type ClaimResult =
  | Claim
  | { readonly outcome: 'replay'; readonly answer: KeptAnswer }
  /** The first request is being answered now. */
  | { readonly outcome: 'in-progress' }
  /** The key belongs to a request with other parameters. */
  | { readonly outcome: 'mismatch' }
  /** The first answer was charged and is too large to be kept. */
  | { readonly outcome: 'not-kept' }
  | { readonly outcome: 'unknown-key' };

export interface Idempotency {
  begin(request: ClaimRequest): Promise<ClaimResult>;
  /** The answer is settled: repeats get it. Without effect for a claim that somebody else has taken over. */
  finish(claim: Claim, answer: KeptAnswer): Promise<void>;
  /** Nothing was charged: the next request with this key is a first one. */
  free(claim: Claim): Promise<void>;
  /** Something was charged and there is no answer: the next one answers under the same request id. */
  abandon(claim: Claim): Promise<void>;
  /** Renews the leases of what is being answered and forgets what is older than a day; a timer calls it. */
  upkeep(): Promise<void>;
  /** Ends the timer. */
  close(): Promise<void>;
}

export interface IdempotencyOptions {
  readonly database: Database;
  readonly clock: Clock;
  /**
   * By what leases and days are counted. Default: the database's own clock, which all processes share: one whose clock is ahead would
   * forget for all of them what was answered today.
   */
  readonly leaseClock?: Clock;
  /** Gives back what a dead process had reserved for a request. */
  readonly meter: Pick<Meter, 'release'>;
  /** Called with what went wrong in the background. */
  readonly onProblem?: (error: unknown) => void;
}

/** Larger answers are not kept. */
export const KEPT_BYTES = 2 * 1024 * 1024;
const KEPT_MS = 24 * 3_600_000;
export const LEASE_MS = 60_000;
const UPKEEP_INTERVAL_MS = 15_000;
const SWEPT_AT_ONCE = 1000;
const CLAIM_ATTEMPTS = 5;

export const isIdempotencyKey = (text: string): boolean => /^[\x20-\x7e]{1,255}$/.test(text);

export function createIdempotency(options: IdempotencyOptions): Idempotency {
  const { database, clock, leaseClock, meter, onProblem } = options;
  const { sql } = database;
  const moment: Moment = (ms) =>
    leaseClock === undefined
      ? sql`now() + ${ms}::float8 * interval '1 millisecond'`
      : sql`${new Date(leaseClock.now() + ms)}::timestamptz`;
  const open = new Map<string, Claim>();
  const close = async (claim: Claim, write: () => Promise<unknown>): Promise<void> => {
    open.delete(claim.requestId);
    await write();
  };
  const upkeep = async (): Promise<void> => {
    await renew(database, [...open.values()], moment);
    await sweep(database, moment);
  };
  let upkeeping = Promise.resolve();
  const timer = setInterval(() => {
    upkeeping = upkeeping.then(upkeep).catch((error: unknown) => onProblem?.(error));
  }, UPKEEP_INTERVAL_MS);
  timer.unref();
  return {
    upkeep,
    async begin(request) {
      const payer = await keyTermsOf({ database, clock }, request.keyHash);
      if (payer === undefined) return { outcome: 'unknown-key' };
      for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
        const result =
          (await claim(database, payer, request, newId('req', clock.now()), moment)) ??
          (await look(database, payer, request));
        if (result?.outcome === 'claimed') {
          // What a dead process had reserved may still stand, and a request has one reservation at most.
          if (result.attempt > 1) await meter.release(result);
          open.set(result.requestId, result);
        }
        if (result !== undefined) return result;
      }
      throw new MoatError('idempotency-contended', `the key ${JSON.stringify(request.key)} is freed again and again`);
    },
    finish: (mine, { status, headers, body }) =>
      close(
        mine,
        () => sql`
        update moat.idempotency_keys
           set state = 'finished', lease_until = ${moment(0)}, status = ${status},
               headers = ${JSON.stringify(headers)}::text::jsonb, body = ${body.length > KEPT_BYTES ? null : body}
         where request_id = ${mine.requestId} and attempt = ${mine.attempt} and state = 'running'`,
      ),
    free: (mine) =>
      close(
        mine,
        () => sql`
        delete from moat.idempotency_keys
         where request_id = ${mine.requestId} and attempt = ${mine.attempt} and state = 'running'`,
      ),
    abandon: (mine) =>
      close(
        mine,
        () => sql`
        update moat.idempotency_keys set lease_until = ${moment(0)}
         where request_id = ${mine.requestId} and attempt = ${mine.attempt} and state = 'running'`,
      ),
    async close() {
      clearInterval(timer);
      await upkeeping;
    },
  };
}

type Payer = Pick<KeyTerms, 'customerId'>;

/** So many milliseconds from now, as SQL. */
type Moment = (ms: number) => Fragment;
type Fragment = PendingQuery<Row[]>;

/**
 * One statement: whoever inserts the row, or takes over one that nobody holds, has the claim.
 * @returns undefined where the row is somebody's
 */
async function claim(
  { sql }: Database,
  { customerId }: Payer,
  { key, fingerprint }: ClaimRequest,
  newest: string,
  moment: Moment,
): Promise<Claim | undefined> {
  const [row] = await sql<{ requestId: string; attempt: number }[]>`
    insert into moat.idempotency_keys as k
      (customer_id, key, fingerprint, request_id, attempt, state, lease_until, created_at, expires_at)
    values (${customerId}, ${key}, decode(${fingerprint}, 'hex'), ${newest}, 1, 'running', ${moment(LEASE_MS)}, ${moment(0)}, ${moment(KEPT_MS)})
    on conflict (customer_id, key) do update
       set attempt = k.attempt + 1, state = 'running', lease_until = excluded.lease_until, fingerprint = excluded.fingerprint,
           request_id = case when k.expires_at <= ${moment(0)} then excluded.request_id else k.request_id end,
           created_at = case when k.expires_at <= ${moment(0)} then excluded.created_at else k.created_at end,
           expires_at = excluded.expires_at, status = null, headers = null, body = null
     where k.lease_until <= ${moment(0)}
       and (k.expires_at <= ${moment(0)} or (k.state = 'running' and k.fingerprint = excluded.fingerprint))
    returning request_id as "requestId", attempt`;
  return row === undefined ? undefined : { outcome: 'claimed', customerId, key, ...row };
}

interface KeyRow {
  state: 'running' | 'finished';
  isSame: boolean;
  status: number | null;
  headers: Record<string, string> | null;
  body: Buffer | null;
}

/** @returns undefined when the row was freed in the meantime */
async function look(
  { sql }: Database,
  { customerId }: Payer,
  { key, fingerprint }: ClaimRequest,
): Promise<Exclude<ClaimResult, Claim> | undefined> {
  const [row] = await sql<KeyRow[]>`
    select state, fingerprint = decode(${fingerprint}, 'hex') as "isSame", status, headers, body
      from moat.idempotency_keys where customer_id = ${customerId} and key = ${key}`;
  if (row === undefined) return undefined;
  if (!row.isSame) return { outcome: 'mismatch' };
  const { status, headers, body } = row;
  if (row.state === 'running') return { outcome: 'in-progress' };
  if (status === null || headers === null || body === null) return { outcome: 'not-kept' };
  return { outcome: 'replay', answer: { status, headers, body } };
}

async function renew({ sql }: Database, claims: readonly Claim[], moment: Moment): Promise<void> {
  if (claims.length === 0) return;
  const held = JSON.stringify(claims.map(({ requestId, attempt }) => ({ request_id: requestId, attempt })));
  await sql`
    update moat.idempotency_keys k set lease_until = ${moment(LEASE_MS)}
      from jsonb_to_recordset(${held}::text::jsonb) as h(request_id text, attempt integer)
     where k.request_id = h.request_id and k.attempt = h.attempt and k.state = 'running'`;
}

async function sweep({ sql }: Database, moment: Moment): Promise<void> {
  await sql`
    delete from moat.idempotency_keys where (customer_id, key) in (
      select customer_id, key from moat.idempotency_keys
       where expires_at <= ${moment(0)} and lease_until <= ${moment(0)} order by expires_at limit ${SWEPT_AT_ONCE} for update skip locked)`;
}
