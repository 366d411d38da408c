import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRateLimiter } from './rate-limits.js';

function limiterAt(limits: { requestsPerMinute?: number; tokensPerMinute?: number }) {
  let nowMs = 0;
  const limiter = createRateLimiter(
    { requestsPerMinute: limits.requestsPerMinute, tokensPerMinute: limits.tokensPerMinute },
    { monotonic: () => nowMs },
  );
  return { limiter, wait: (ms: number) => (nowMs += ms), now: () => nowMs };
}

test('a full bucket, then one every so often; another key has its own', () => {
  const { limiter, wait } = limiterAt({ requestsPerMinute: 3 });
  expect(limiter.take('a', 1).headers).toEqual({
    'x-ratelimit-limit-requests': '3',
    'x-ratelimit-remaining-requests': '2',
    'x-ratelimit-reset-requests': '20.000s',
  });
  limiter.take('a', 1);
  limiter.take('a', 1);
  const refused = (key: string): unknown => {
    try {
      limiter.take(key, 1);
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
  const { limiter } = limiterAt({ requestsPerMinute: 10, tokensPerMinute: 100 });
  const first = limiter.take('a', 80);
  expect(() => limiter.take('a', 30)).toThrow('100 tokens a minute');
  first.giveBack(70);
  expect(limiter.take('a', 90).headers).toMatchObject({
    'x-ratelimit-remaining-requests': '8',
    'x-ratelimit-remaining-tokens': '0',
  });
  expect(() => limiter.take('a', 101)).toThrow('more than the 100 that a key has in a minute');
});

test('without limits nothing is refused and nothing is said', () => {
  const { limiter } = limiterAt({});
  for (let i = 0; i < 1000; i++) expect(limiter.take('a', 1e9).headers).toEqual({});
});

test('in any minute at most twice the limit, in many at most the limit a minute and one bucket', () => {
  const step = fc.record({ waitMs: fc.integer({ min: 0, max: 20_000 }), tokens: fc.integer({ min: 1, max: 50 }) });
  fc.assert(
    fc.property(fc.integer({ min: 50, max: 500 }), fc.array(step, { maxLength: 200 }), (limit, steps) => {
      const { limiter, wait, now } = limiterAt({ tokensPerMinute: limit });
      const taken: { atMs: number; tokens: number }[] = [];
      for (const { waitMs, tokens } of steps) {
        wait(waitMs);
        try {
          limiter.take('a', tokens);
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
