/**
 * How much may be asked for in a minute and at one time. What a minute has is shared by all gateways of a database: a bucket there, full
 * at first and filled evenly, from which each gateway leases shares ahead of need. In any minute N gateways let through at most twice
 * a limit's figure (what the bucket held, and what flowed in) and N twentieths of it (what they held), over longer times its figure.
 * How many there are at one time is counted here for a quick refusal, and by admission for all gateways together. Money needs no
 * such limit: the reservation is exact whatever is asked here.
 */
import type { Clock } from '../../base/clock.js';
import type { RateLeases } from '../billing/rate-leases.js';
import { ApiProblem } from './api-problem.js';
import { askBooks } from './ask-books.js';
import { type RateKind, RateShare } from './rate-share.js';

/** One limit that a request falls under. */
export interface AppliedLimit {
  /** Whose buckets they are. */
  readonly id: string;
  /** How a refusal names it: "This key", "This customer", "This model". */
  readonly who: string;
  readonly requestsPerMinute?: number | null | undefined;
  /** Of prompts and of the most that answers may have; what an answer did not use is given back. */
  readonly tokensPerMinute?: number | null | undefined;
  readonly concurrentRequests?: number | null | undefined;
}

export interface Taken {
  /** `x-ratelimit-…`, as OpenAI names them, of the limit that is nearest. */
  readonly headers: Readonly<Record<string, string>>;
  /** Tokens that were asked for and not used. */
  giveBack(tokens: number): void;
  /** The request is over. Once. */
  end(): void;
}

export interface RateLimiter {
  /**
   * Takes from all limits or from none.
   * @throws ApiProblem 429 `rate_limit_exceeded`, `too_many_concurrent_requests`; 400 `invalid_value` for more tokens than a minute
   *   has; 503 `books_unavailable`
   */
  take(limits: readonly AppliedLimit[], tokens: number): Promise<Taken>;
  /** Gives back what this gateway holds, and ends the timers. */
  close(): Promise<void>;
}

/** What a request takes of one figure a minute. */
interface Asked {
  readonly who: string;
  readonly share: RateShare;
  readonly amount: number;
}

const SETTLE_MS = 250;
const SWEEP_MS = 60_000;
const MINUTE_MS = 60_000;

export function createRateLimiter(leases: RateLeases, clock: Pick<Clock, 'monotonic'>): RateLimiter {
  const shares = new Map<string, RateShare>();
  const open = new Map<string, number>();
  const shareOf = (id: string, kind: RateKind, perMinute: number): RateShare => {
    const key = `${kind} ${perMinute} ${id}`;
    const share = shares.get(key) ?? new RateShare({ id, kind, perMinute }, leases, clock);
    shares.set(key, share);
    return share;
  };
  const askedOf = ({ id, who, requestsPerMinute, tokensPerMinute }: AppliedLimit, tokens: number): Asked[] => {
    const ask = (kind: RateKind, perMinute: number | null | undefined, amount: number): Asked[] =>
      perMinute == null ? [] : [{ who, amount, share: shareOf(id, kind, perMinute) }];
    return [...ask('requests', requestsPerMinute, 1), ...ask('tokens', tokensPerMinute, tokens)];
  };
  const settle = async (all: boolean): Promise<void> => {
    await Promise.allSettled([...shares.values()].map((share) => share.settle(all)));
    for (const [key, share] of shares) if (share.isForgettable()) shares.delete(key);
  };
  const timers = [
    setInterval(() => void settle(false), SETTLE_MS).unref(),
    setInterval(() => void leases.sweep().catch(() => undefined), SWEEP_MS).unref(),
  ];
  return {
    async take(limits, tokens) {
      const asked = limits.flatMap((limit) => askedOf(limit, tokens));
      for (const { who, amount, share } of asked)
        if (amount > share.perMinute) throw tooMuch(who, amount, share.perMinute);
      const end = openOne(open, limits);
      try {
        await takeAll(asked);
      } catch (error) {
        end();
        throw error;
      }
      return {
        headers: headersOf(asked),
        giveBack(unused) {
          for (const { share } of asked) if (share.kind === 'tokens') share.put(Math.max(0, unused));
        },
        end,
      };
    },
    async close() {
      timers.forEach(clearInterval);
      await settle(true);
    },
  };
}

/** @returns what ends it @throws ApiProblem 429 */
function openOne(open: Map<string, number>, limits: readonly AppliedLimit[]): () => void {
  const counted = limits.filter(({ concurrentRequests }) => concurrentRequests != null);
  for (const { id, who, concurrentRequests } of counted)
    if ((open.get(id) ?? 0) >= (concurrentRequests ?? 0)) throw tooManyOpen(who, concurrentRequests ?? 0);
  for (const { id } of counted) open.set(id, (open.get(id) ?? 0) + 1);
  return () => {
    for (const { id } of counted) {
      const left = (open.get(id) ?? 1) - 1;
      if (left === 0) open.delete(id);
      else open.set(id, left);
    }
  };
}

/** All or none. @throws ApiProblem 429, 503 */
async function takeAll(asked: readonly Asked[]): Promise<void> {
  const taking = asked.map(({ share, amount }) => share.take(amount));
  if (taking.every((taken) => taken === true)) return;
  const results = await Promise.allSettled(taking);
  const isTaken = results.map((result) => result.status === 'fulfilled' && result.value);
  if (isTaken.every(Boolean)) return;
  for (const [index, { share, amount }] of asked.entries()) if (isTaken[index] === true) share.put(amount);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) await askBooks(Promise.reject(failed.reason));
  const short = asked.find((_, index) => isTaken[index] !== true);
  if (short !== undefined) throw tooSoon(short);
}

/** Of each kind, the limit with the smallest share left. */
function headersOf(asked: readonly Asked[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const kind of ['requests', 'tokens'] as const) {
    const nearest = asked
      .filter(({ share }) => share.kind === kind)
      .reduce<Asked | undefined>((a, b) => (a !== undefined && partLeft(a) <= partLeft(b) ? a : b), undefined);
    if (nearest === undefined) continue;
    const { perMinute } = nearest.share;
    const left = nearest.share.left;
    headers[`x-ratelimit-limit-${kind}`] = `${perMinute}`;
    headers[`x-ratelimit-remaining-${kind}`] = `${Math.floor(left)}`;
    headers[`x-ratelimit-reset-${kind}`] = `${(((perMinute - left) * MINUTE_MS) / perMinute / 1000).toFixed(3)}s`;
  }
  return headers;
}

const partLeft = ({ share }: Asked): number => share.left / share.perMinute;

function tooSoon({ who, share: { kind, perMinute, left }, amount }: Asked): ApiProblem {
  const seconds = Math.max(1, Math.ceil(((amount - left) * MINUTE_MS) / perMinute / 1000));
  return new ApiProblem(
    429,
    'rate_limit_exceeded',
    `${who} may use ${perMinute} ${kind} a minute. Try again in ${seconds} s.`,
    { type: kind, retryAfterSeconds: seconds },
  );
}

export const tooManyOpen = (who: string, limit: number): ApiProblem =>
  new ApiProblem(
    429,
    'too_many_concurrent_requests',
    `${who} may have ${limit} requests open at one time. Try again when one has ended.`,
    { type: 'requests', retryAfterSeconds: 1 },
  );

const tooMuch = (who: string, tokens: number, limit: number): ApiProblem =>
  new ApiProblem(
    400,
    'invalid_value',
    `The request may take ${tokens} tokens, more than the ${limit} that ${who.toLowerCase()} has in a minute. Lower max_tokens.`,
    { param: 'max_tokens' },
  );
