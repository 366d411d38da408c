/**
 * How much a key may ask for in a minute, in this process: token buckets, full at first, filled evenly. In any minute a key gets at
 * most twice its limit (what the bucket held, and what flowed in), over longer times the limit; N processes allow N times that.
 * Money needs no such limit: the reservation is exact whatever is asked here.
 */
import type { Clock } from '../../base/clock.js';
import { ApiProblem } from './api-problem.js';

export interface RateLimits {
  /** Undefined: as many as come. */
  readonly requestsPerMinute: number | undefined;
  /** Of prompts and of the most that answers may have; what an answer did not use is given back. */
  readonly tokensPerMinute: number | undefined;
}

export interface Taken {
  /** `x-ratelimit-…`, as OpenAI names them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Tokens that were asked for and not used. */
  giveBack(tokens: number): void;
}

export interface RateLimiter {
  /** @throws ApiProblem 429 `rate_limit_exceeded`, 400 `invalid_value` for more tokens than a minute has */
  take(key: string, tokens: number): Taken;
}

interface Bucket {
  level: number;
  filledAtMs: number;
}

/** Keys whose buckets are remembered; one that is forgotten begins with a full bucket. */
const MOST_KEYS = 100_000;
const MINUTE_MS = 60_000;

export function createRateLimiter(limits: RateLimits, clock: Pick<Clock, 'monotonic'>): RateLimiter {
  const kinds = [
    { name: 'requests', limit: limits.requestsPerMinute, buckets: new Map<string, Bucket>() },
    { name: 'tokens', limit: limits.tokensPerMinute, buckets: new Map<string, Bucket>() },
  ].flatMap(({ limit, ...kind }) => (limit === undefined ? [] : [{ ...kind, limit }]));
  return {
    take(key, tokens) {
      const asked = kinds.map((kind) => {
        const bucket = filled(kind.buckets, key, kind.limit, clock.monotonic());
        return { ...kind, bucket, amount: kind.name === 'requests' ? 1 : tokens };
      });
      for (const { name, limit, bucket, amount } of asked) {
        if (amount > limit) throw tooMuch(amount, limit);
        if (bucket.level < amount) throw tooSoon(name, limit, ((amount - bucket.level) * MINUTE_MS) / limit);
      }
      for (const { bucket, amount } of asked) bucket.level -= amount;
      return {
        headers: Object.fromEntries(asked.flatMap((each) => headersOf(each))),
        giveBack(unused) {
          const kept = asked.find(({ name }) => name === 'tokens');
          if (kept !== undefined) kept.bucket.level = Math.min(kept.limit, kept.bucket.level + Math.max(0, unused));
        },
      };
    },
  };
}

/** The key's bucket with what has flowed in since it was last looked at; the key becomes the youngest. */
function filled(buckets: Map<string, Bucket>, key: string, limit: number, nowMs: number): Bucket {
  const bucket = buckets.get(key) ?? { level: limit, filledAtMs: nowMs };
  bucket.level = Math.min(limit, bucket.level + ((nowMs - bucket.filledAtMs) * limit) / MINUTE_MS);
  bucket.filledAtMs = nowMs;
  buckets.delete(key);
  buckets.set(key, bucket);
  if (buckets.size > MOST_KEYS) buckets.delete(buckets.keys().next().value as string);
  return bucket;
}

interface Asked {
  readonly name: string;
  readonly limit: number;
  readonly bucket: Bucket;
}

function headersOf({ name, limit, bucket }: Asked): (readonly [string, string])[] {
  const untilFull = ((limit - bucket.level) * MINUTE_MS) / limit / 1000;
  return [
    [`x-ratelimit-limit-${name}`, `${limit}`],
    [`x-ratelimit-remaining-${name}`, `${Math.floor(bucket.level)}`],
    [`x-ratelimit-reset-${name}`, `${untilFull.toFixed(3)}s`],
  ];
}

function tooSoon(name: string, limit: number, waitMs: number): ApiProblem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new ApiProblem(
    429,
    'rate_limit_exceeded',
    `This key may use ${limit} ${name} a minute. Try again in ${seconds} s.`,
    {
      type: name,
      retryAfterSeconds: seconds,
    },
  );
}

const tooMuch = (tokens: number, limit: number): ApiProblem =>
  new ApiProblem(
    400,
    'invalid_value',
    `The request may take ${tokens} tokens, more than the ${limit} that a key has in a minute. Lower max_tokens.`,
    { param: 'max_tokens' },
  );
