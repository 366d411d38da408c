/** What a customer sees of his terms: limits, scopes, budgets, ends, kept answers; each with its status and code. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post } from '../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import { createKey, revokeKey, rotateKey } from '../billing/keys.js';
import { setRateLimit } from '../billing/key-terms.js';
import { usageOf } from '../billing/usage.js';
import type { Gateway } from './start-gateway.js';

let opened: ScratchGateway;
const quick = scriptedEngine({ modelId: 'quick' });
const slow = scriptedEngine({ modelId: 'slow', tokenMs: 20 });
beforeAll(async () => {
  opened = await openScratchGateway([quick, slow], ['quick', 'slow']);
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
  expect(opened.problems).toEqual([]);
});

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly headers: Headers;
}

async function ask(key: string, more: object = {}, gateway: Gateway = opened.gateway): Promise<Answer> {
  const body = { model: 'quick', prompt: 'ab', max_tokens: 4, ...more };
  const response = await post(`${gateway.url}/v1/completions`, key, body);
  const { error } = (await response.json()) as { error?: { code: string } };
  return { status: response.status, code: error?.code, headers: response.headers };
}

test('a key for chats alone, a key for one model, a key past its end', async () => {
  const { customerId } = await opened.newClient(1_000_000n);
  const chat = await createKey(opened.books, { customerId, scopes: ['chat'] });
  const other = await createKey(opened.books, { customerId, models: ['slow'] });
  expect(await ask(chat.secretKey)).toMatchObject({ status: 403, code: 'key_not_allowed' });
  expect(await ask(other.secretKey)).toMatchObject({ status: 403, code: 'key_not_allowed' });
  expect(await ask(other.secretKey, { model: 'slow' })).toMatchObject({ status: 200 });
  const messages = [{ role: 'user', content: 'hi' }];
  const chatted = await post(`${opened.gateway.url}/v1/chat/completions`, chat.secretKey, { model: 'quick', messages });
  expect(chatted.status).toBe(200);
  const expiresAt = new Date(Date.now() + 300);
  const short = await createKey(opened.books, { customerId, expiresAt });
  expect((await ask(short.secretKey)).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect(await ask(short.secretKey)).toMatchObject({ status: 401, code: 'invalid_api_key' });
});

test('a rotated secret works at once; a revoked key is refused from the next request on', async () => {
  const { customerId } = await opened.newClient(1_000_000n);
  const first = await createKey(opened.books, { customerId });
  expect((await ask(first.secretKey)).status).toBe(200);
  const second = await rotateKey(opened.books, first.key.id);
  expect([(await ask(first.secretKey)).status, (await ask(second.secretKey)).status]).toEqual([200, 200]);
  await revokeKey(opened.books, first.key.id);
  expect([(await ask(first.secretKey)).status, (await ask(second.secretKey)).status]).toEqual([401, 401]);
});

test('limits of a customer hold over all of his keys, and a place that is left is free again', async () => {
  const { customerId, secretKey } = await opened.newClient(1_000_000n);
  const other = await createKey(opened.books, { customerId });
  await setRateLimit(opened.books, { customerId, concurrentRequests: 2, requestsPerMinute: 5 });
  const open = [secretKey, other.secretKey].map((key) => ask(key, { model: 'slow', max_tokens: 20 }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const refused = await ask(secretKey);
  expect(refused).toMatchObject({ status: 429, code: 'too_many_concurrent_requests' });
  expect(refused.headers.get('retry-after')).toBe('1');
  expect((await Promise.all(open)).map(({ status }) => status)).toEqual([200, 200]);
  const answers = [];
  for (let i = 0; i < 5; i++) answers.push(await ask(i % 2 === 0 ? secretKey : other.secretKey));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
  expect(answers[4]).toMatchObject({ code: 'rate_limit_exceeded' });
  expect(answers[2]?.headers.get('x-ratelimit-limit-requests')).toBe('5');
});

test('a spent budget says what is left and when it begins anew', async () => {
  const { customerId, secretKey } = await opened.newClient(1_000_000n);
  await opened.scratch.database.sql`
    insert into moat.budgets (customer_id, span, time_zone, limit_micros) values (${customerId}, 'day', 'Asia/Shanghai', 25)`;
  expect([(await ask(secretKey)).status, (await ask(secretKey)).status]).toEqual([200, 200]);
  const response = await post(`${opened.gateway.url}/v1/completions`, secretKey, {
    model: 'quick',
    prompt: 'ab',
    max_tokens: 4,
  });
  expect(response.status).toBe(429);
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  expect(error.code).toBe('budget_exceeded');
  expect(error.message).toMatch(
    /of the 0\.000025 USD a day that this customer may spend, 0\.000005 USD is left\. It begins anew at \d{4}-\d\d-\d\dT16:00:00\.000Z/,
  );
});

test('with a response cache the same question costs the engine once, and is metered each time', async () => {
  const caching = await opened.start({ responseCache: { maxBytes: 1e6, maxAgeMs: 60_000 } });
  const [one, two] = [await opened.newClient(1_000_000n), await opened.newClient(1_000_000n)];
  const before = quick.generatedTokens;
  for (const { secretKey } of [one, one, two]) await ask(secretKey, { temperature: 0 }, caching);
  expect(quick.generatedTokens - before).toBe(8);
  const events = await usageOf(opened.books, { customerId: one.customerId });
  expect(events.map(({ cachedTokens, outputTokens }) => [cachedTokens, outputTokens])).toEqual([
    [2, 4],
    [0, 4],
  ]);
  await caching.close();
});
