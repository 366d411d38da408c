import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AppliedLimit, createRateLimiter } from './rate-limits.js';

type Limits = Omit<AppliedLimit, 'id' | 'who'>;

function limiterAt(limits: Limits) {
  let nowMs = 0;
  const limiter = createRateLimiter({ monotonic: () => nowMs });
  const take = (id: string, tokens: number) => limiter.take([{ id, who: 'This key', ...limits }], tokens);
  return { limiter, take, wait: (ms: number) => (nowMs += ms), now: () => nowMs };
}

test('a full bucket, then one every so often; another key has its own', () => {
  const { take, wait } = limiterAt({ requestsPerMinute: 3 });
  expect(take('a', 1).headers).toEqual({
    'x-ratelimit-limit-requests': '3',
    'x-ratelimit-remaining-requests': '2',
    'x-ratelimit-reset-requests': '20.000s',
  });
  take('a', 1);
  take('a', 1);
  const refused = (key: string): unknown => {
    try {
      take(key, 1);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  expect(refused('a')).toMatchObject({ status: 429, code: 'rate_limit_exceeded', retryAfterSeconds: 20 });
  expect(refused('b')).toBeUndefined();
  wait(19_999);
  expect(refused('a')).toMatchObject({ retryAfterSeconds: 1 });
  wait(1);
  expect(refused('a')).toBeUndefined();
});

test('a refusal takes nothing, and what an answer did not use comes back', () => {
  const { take } = limiterAt({ requestsPerMinute: 10, tokensPerMinute: 100 });
  const first = take('a', 80);
  expect(() => take('a', 30)).toThrow('100 tokens a minute');
  first.giveBack(70);
  expect(take('a', 90).headers).toMatchObject({
    'x-ratelimit-remaining-requests': '8',
    'x-ratelimit-remaining-tokens': '0',
  });
  expect(() => take('a', 101)).toThrow('more than the 100 that this key has in a minute');
});

test('without limits nothing is refused and nothing is said', () => {
  const { take } = limiterAt({});
  for (let i = 0; i < 1000; i++) expect(take('a', 1e9).headers).toEqual({});
});

test('in any minute at most twice the limit, in many at most the limit a minute and one bucket', () => {
  const step = fc.record({ waitMs: fc.integer({ min: 0, max: 20_000 }), tokens: fc.integer({ min: 1, max: 50 }) });
  fc.assert(
    fc.property(fc.integer({ min: 50, max: 500 }), fc.array(step, { maxLength: 200 }), (limit, steps) => {
      const { take, wait, now } = limiterAt({ tokensPerMinute: limit });
      const taken: { atMs: number; tokens: number }[] = [];
      for (const { waitMs, tokens } of steps) {
        wait(waitMs);
        try {
          take('a', tokens);
          taken.push({ atMs: now(), tokens });
        } catch {
          // refused: nothing was taken
        }
      }
      for (const { atMs } of taken) {
        const minute = taken.filter((each) => each.atMs >= atMs && each.atMs < atMs + 60_000);
        expect(minute.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(2 * limit);
      }
      const total = taken.reduce((sum, { tokens }) => sum + tokens, 0);
      expect(total).toBeLessThanOrEqual(limit + (limit * now()) / 60_000 + 1e-6);
    }),
  );
});

test('several limits: all or none are taken from, and the headers are those of the nearest', () => {
  const { limiter } = limiterAt({});
  const key: AppliedLimit = { id: 'key', who: 'This key', requestsPerMinute: 10 };
  const customer: AppliedLimit = { id: 'customer', who: 'This customer', requestsPerMinute: 2, tokensPerMinute: 100 };
  expect(limiter.take([key, customer], 10).headers).toMatchObject({
    'x-ratelimit-limit-requests': '2',
    'x-ratelimit-remaining-requests': '1',
    'x-ratelimit-remaining-tokens': '90',
  });
  expect(() => limiter.take([key, customer], 95)).toThrow('This customer may use 100 tokens a minute');
  limiter.take([key, customer], 10);
  expect(() => limiter.take([key, customer], 1)).toThrow('This customer may use 2 requests a minute');
  expect(limiter.take([key], 1).headers).toMatchObject({ 'x-ratelimit-remaining-requests': '7' });
});

test('so many at one time, and one more when one has ended', () => {
  const { take } = limiterAt({ concurrentRequests: 2 });
  const first = take('a', 1);
  take('a', 1);
  expect(() => take('a', 1)).toThrow('2 requests open at one time');
  expect(() => take('b', 1)).not.toThrow();
  first.end();
  expect(() => take('a', 1)).not.toThrow();
});
