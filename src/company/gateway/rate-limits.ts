/**
 * How much may be asked for in a minute and at one time, in this process: token buckets, full at first, filled evenly. In any minute
 * a limit lets through at most twice its figure (what the bucket held, and what flowed in), over longer times its figure; N
 * processes allow N times that. Money needs no such limit: the reservation is exact whatever is asked here.
 */
import type { Clock } from '../../base/clock.js';
import { ApiProblem } from './api-problem.js';

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
   * @throws ApiProblem 429 `rate_limit_exceeded`, `too_many_concurrent_requests`; 400 `invalid_value` for more tokens than a minute has
   */
  take(limits: readonly AppliedLimit[], tokens: number): Taken;
}

interface Bucket {
  level: number;
  filledAtMs: number;
}

/** A figure a minute and what is left of it. */
interface Asked {
  readonly name: 'requests' | 'tokens';
  readonly who: string;
  readonly limit: number;
  readonly bucket: Bucket;
  readonly amount: number;
}

/** Buckets that are remembered of a kind; one that is forgotten begins full. */
const MOST_BUCKETS = 100_000;
const MINUTE_MS = 60_000;

export function createRateLimiter(clock: Pick<Clock, 'monotonic'>): RateLimiter {
  const buckets = { requests: new Map<string, Bucket>(), tokens: new Map<string, Bucket>() };
  const open = new Map<string, number>();
  return {
    take(limits, tokens) {
      const nowMs = clock.monotonic();
      const asked = limits.flatMap(({ id, who, requestsPerMinute, tokensPerMinute }) => {
        const ask = (name: Asked['name'], limit: number | null | undefined, amount: number): Asked[] =>
          limit == null ? [] : [{ name, who, limit, amount, bucket: filled(buckets[name], id, limit, nowMs) }];
        return [...ask('requests', requestsPerMinute, 1), ...ask('tokens', tokensPerMinute, tokens)];
      });
      for (const { who, limit, amount } of asked) if (amount > limit) throw tooMuch(who, amount, limit);
      for (const each of asked) if (each.bucket.level < each.amount) throw tooSoon(each);
      const counted = limits.filter(({ concurrentRequests }) => concurrentRequests != null);
      for (const { id, who, concurrentRequests } of counted)
        if ((open.get(id) ?? 0) >= (concurrentRequests ?? 0)) throw tooMany(who, concurrentRequests ?? 0);
      for (const { bucket, amount } of asked) bucket.level -= amount;
      for (const { id } of counted) open.set(id, (open.get(id) ?? 0) + 1);
      return {
        headers: headersOf(asked),
        giveBack(unused) {
          for (const { name, bucket, limit } of asked)
            if (name === 'tokens') bucket.level = Math.min(limit, bucket.level + Math.max(0, unused));
        },
        end() {
          for (const { id } of counted) {
            const left = (open.get(id) ?? 1) - 1;
            if (left === 0) open.delete(id);
            else open.set(id, left);
          }
        },
      };
    },
  };
}

/** The bucket with what has flowed in since it was last looked at; it becomes the youngest. */
function filled(buckets: Map<string, Bucket>, id: string, limit: number, nowMs: number): Bucket {
  const bucket = buckets.get(id) ?? { level: limit, filledAtMs: nowMs };
  bucket.level = Math.min(limit, bucket.level + ((nowMs - bucket.filledAtMs) * limit) / MINUTE_MS);
  bucket.filledAtMs = nowMs;
  buckets.delete(id);
  buckets.set(id, bucket);
  if (buckets.size > MOST_BUCKETS) buckets.delete(buckets.keys().next().value as string);
  return bucket;
}

/** Of each kind, the limit with the smallest share left. */
function headersOf(asked: readonly Asked[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const name of ['requests', 'tokens'] as const) {
    const nearest = asked
      .filter((each) => each.name === name)
      .reduce<Asked | undefined>((a, b) => (a !== undefined && shareLeft(a) <= shareLeft(b) ? a : b), undefined);
    if (nearest === undefined) continue;
    const { limit, bucket } = nearest;
    headers[`x-ratelimit-limit-${name}`] = `${limit}`;
    headers[`x-ratelimit-remaining-${name}`] = `${Math.floor(bucket.level)}`;
    headers[`x-ratelimit-reset-${name}`] = `${(((limit - bucket.level) * MINUTE_MS) / limit / 1000).toFixed(3)}s`;
  }
  return headers;
}

const shareLeft = ({ bucket, limit }: Asked): number => bucket.level / limit;

function tooSoon({ name, who, limit, bucket, amount }: Asked): ApiProblem {
  const seconds = Math.max(1, Math.ceil(((amount - bucket.level) * MINUTE_MS) / limit / 1000));
  return new ApiProblem(
    429,
    'rate_limit_exceeded',
    `${who} may use ${limit} ${name} a minute. Try again in ${seconds} s.`,
    { type: name, retryAfterSeconds: seconds },
  );
}

const tooMany = (who: string, limit: number): ApiProblem =>
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
