import { expect, test } from 'vitest';
import { memoryLeases } from '../../../tests/memory-leases.js';
import { type AppliedLimit, type Taken, createRateLimiter } from './rate-limits.js';

type Limits = Omit<AppliedLimit, 'id' | 'who'>;

function limiterAt(limits: Limits) {
  let nowMs = 0;
  const leases = memoryLeases(() => nowMs);
  const limiter = createRateLimiter(leases, { monotonic: () => nowMs });
  const take = (id: string, tokens: number): Promise<Taken> =>
    limiter.take([{ id, who: 'This key', ...limits }], tokens);
  return { limiter, take, leases, wait: (ms: number) => (nowMs += ms), now: () => nowMs };
}

test('a full bucket, then one every so often; another key has its own', async () => {
  const { take, wait } = limiterAt({ requestsPerMinute: 3 });
  expect((await take('a', 1)).headers).toEqual({
    'x-ratelimit-limit-requests': '3',
    'x-ratelimit-remaining-requests': '2',
    'x-ratelimit-reset-requests': '20.000s',
  });
  await take('a', 1);
  await take('a', 1);
  const refused = (key: string): Promise<unknown> =>
    take(key, 1).then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(await refused('a')).toMatchObject({ status: 429, code: 'rate_limit_exceeded', retryAfterSeconds: 20 });
  expect(await refused('b')).toBeUndefined();
  wait(19_999);
  expect(await refused('a')).toMatchObject({ retryAfterSeconds: 1 });
  wait(1);
  expect(await refused('a')).toBeUndefined();
});

test('a refusal takes nothing, and what an answer did not use comes back', async () => {
  const { take } = limiterAt({ requestsPerMinute: 10, tokensPerMinute: 100 });
  const first = await take('a', 80);
  await expect(take('a', 30)).rejects.toThrow('100 tokens a minute');
  first.giveBack(70);
  expect((await take('a', 90)).headers).toMatchObject({
    'x-ratelimit-remaining-requests': '8',
    'x-ratelimit-remaining-tokens': '0',
  });
  await expect(take('a', 101)).rejects.toThrow('more than the 100 that this key has in a minute');
});

test('without limits nothing is refused and nothing is said', async () => {
  const { take, leases } = limiterAt({});
  for (let i = 0; i < 1000; i++) expect((await take('a', 1e9)).headers).toEqual({});
  expect(leases.asks).toBe(0);
});

test('most requests ask the database nothing, nor does a flood of refused ones', async () => {
  const { take, leases } = limiterAt({ requestsPerMinute: 1000 });
  for (let i = 0; i < 1000; i++) await take('a', 1);
  expect(leases.asks).toBeLessThan(120);
  const asked = leases.asks;
  for (let i = 0; i < 1000; i++) await expect(take('a', 1)).rejects.toMatchObject({ status: 429 });
  expect(leases.asks - asked).toBeLessThan(5);
});

test('a database that is away is said to be, and what another limit had given is there again', async () => {
  const { leases } = limiterAt({});
  let isAway = true;
  const limiter = createRateLimiter(
    {
      ...leases,
      lease: (ask) =>
        isAway && ask.id === 'far'
          ? Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }))
          : leases.lease(ask),
    },
    { monotonic: () => 0 },
  );
  const near: AppliedLimit = { id: 'near', who: 'This key', requestsPerMinute: 1 };
  const far: AppliedLimit = { id: 'far', who: 'This customer', requestsPerMinute: 1, concurrentRequests: 1 };
  await expect(limiter.take([near, far], 1)).rejects.toMatchObject({ status: 503, code: 'books_unavailable' });
  isAway = false;
  (await limiter.take([near, far], 1)).end();
  await expect(limiter.take([near, far], 1)).rejects.toMatchObject({ status: 429 });
  await limiter.close();
});

test('several limits: all or none are taken from, and the headers are those of the nearest', async () => {
  const { limiter } = limiterAt({});
  const key: AppliedLimit = { id: 'key', who: 'This key', requestsPerMinute: 10 };
  const customer: AppliedLimit = { id: 'customer', who: 'This customer', requestsPerMinute: 2, tokensPerMinute: 100 };
  expect((await limiter.take([key, customer], 10)).headers).toMatchObject({
    'x-ratelimit-limit-requests': '2',
    'x-ratelimit-remaining-requests': '1',
    'x-ratelimit-remaining-tokens': '90',
  });
  await expect(limiter.take([key, customer], 95)).rejects.toThrow('This customer may use 100 tokens a minute');
  await limiter.take([key, customer], 10);
  await expect(limiter.take([key, customer], 1)).rejects.toThrow('This customer may use 2 requests a minute');
  expect((await limiter.take([key], 1)).headers).toMatchObject({ 'x-ratelimit-remaining-requests': '7' });
});

test('so many at one time, and one more when one has ended', async () => {
  const { take } = limiterAt({ concurrentRequests: 2 });
  const first = await take('a', 1);
  await take('a', 1);
  await expect(take('a', 1)).rejects.toThrow('2 requests open at one time');
  await take('b', 1);
  first.end();
  await take('a', 1);
});
