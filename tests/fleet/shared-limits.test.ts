/** Three gateway processes on one PostgreSQL keep a customer's limits together. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { type Books, createCustomer } from '../../src/company/billing/customers.js';
import { type LimitToSet, setRateLimit } from '../../src/company/billing/key-terms.js';
import { createKey } from '../../src/company/billing/keys.js';
import { grantCredit } from '../../src/company/billing/ledger.js';
import { setPrice } from '../../src/company/billing/prices.js';
import { type ChildFactory, type GatewayChild, UNDISTURBED, buildGatewayProcess } from '../faults/gateway-child.js';
import { type ScratchProject, openScratchProject } from '../scratch-database.js';
import { post } from '../scratch-gateway.js';

const GATEWAYS = 3;
/** Of a minute, at each gateway. */
const SHARE = 1 / 20;

let scratch: ScratchProject;
let books: Books;
let factory: ChildFactory;
let gateways: GatewayChild[];

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock: systemClock };
  for (const model of ['quick', 'slow'])
    await setPrice(books, { model, inputMicrosPerMillionTokens: 1_000_000n, outputMicrosPerMillionTokens: 2_000_000n });
  factory = await buildGatewayProcess();
  const config = { projectDirectory: scratch.directory, databaseUrl: scratch.database.url, ...UNDISTURBED };
  gateways = await Promise.all(Array.from({ length: GATEWAYS }, () => factory.start(config)));
});
afterAll(async () => {
  for (const gateway of gateways) expect(await gateway.close()).toBe(true);
  await factory.close();
  await scratch.close();
});

let customers = 0;
async function newKey(limit: Omit<LimitToSet, 'customerId'>): Promise<string> {
  const { id: customerId } = await createCustomer(books, { name: `limited ${customers++}` });
  await grantCredit(books, { customerId, amountMicros: 1_000_000_000n });
  await setRateLimit(books, { customerId, ...limit });
  return (await createKey(books, { customerId })).secretKey;
}

interface Wish {
  readonly model?: string;
  readonly max_tokens?: number;
  readonly stop?: string;
}

/** @param at which gateway @returns the status, and the code of a refusal */
async function ask(key: string, at: number, wish: Wish = {}): Promise<string> {
  const body = { model: 'quick', prompt: 'ab', max_tokens: 1, ...wish };
  const response = await post(`${gateways[at % GATEWAYS]?.url}/v1/completions`, key, body);
  const { error } = (await response.json()) as { error?: { code: string } };
  return error === undefined ? String(response.status) : `${response.status} ${error.code}`;
}

/** Each of some clients asks so often, one after the other, at another gateway each time. @returns how often each end came */
async function askAll(key: string, clients: number, times: number, wish: Wish = {}) {
  const counts: Record<string, number> = {};
  const client = async (_: unknown, at: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      const end = await ask(key, at + time, wish);
      counts[end] = (counts[end] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return counts;
}

test('requests a minute: what three gateways let through is the limit, and what flows in', async () => {
  const perMinute = 60;
  const key = await newKey({ requestsPerMinute: perMinute });
  const startedMs = performance.now();
  const counts = await askAll(key, 12, 20);
  const flowedIn = ((performance.now() - startedMs) * perMinute) / 60_000;
  const served = counts['200'] ?? 0;
  expect(served).toBeLessThanOrEqual(perMinute + Math.ceil(flowedIn));
  expect(served).toBeGreaterThanOrEqual(perMinute * (1 - (GATEWAYS - 1) * SHARE));
  expect(counts).toEqual({ 200: served, '429 rate_limit_exceeded': 240 - served });
});

test('a small limit is met exactly, wherever requests arrive', async () => {
  const key = await newKey({ requestsPerMinute: 5 });
  const ends = await Promise.all([0, 1, 2, 0, 1, 2, 0, 1, 2].map((at) => ask(key, at)));
  expect(ends.toSorted()).toEqual([...Array(5).fill('200'), ...Array(4).fill('429 rate_limit_exceeded')]);
});

test('tokens a minute: what answers did not use is there for the next, at another gateway too', async () => {
  const key = await newKey({ tokensPerMinute: 3000 });
  const startedMs = performance.now();
  // each asks for 100 and uses 7: "ab" and 5 numbers
  expect(await askAll(key, 6, 10, { max_tokens: 98, stop: '4' })).toEqual({ 200: 60 });
  const counts = await askAll(key, 6, 10, { max_tokens: 98 });
  const flowedIn = ((performance.now() - startedMs) * 3000) / 60_000;
  const tokens = 60 * 7 + (counts['200'] ?? 0) * 100;
  expect(tokens).toBeLessThanOrEqual(3000 + flowedIn);
  expect(tokens).toBeGreaterThanOrEqual(3000 * (1 - GATEWAYS * SHARE) - 100);
});

test('requests at one time: never more than the limit, and those who keep to it are never refused', async () => {
  const key = await newKey({ concurrentRequests: 4 });
  // each client waits for its answer: four at a time at most, over all gateways
  expect(await askAll(key, 4, 15)).toEqual({ 200: 60 });
  const counts = await askAll(key, 12, 1, { model: 'slow', max_tokens: 200 });
  expect(counts).toEqual({ 200: 4, '429 too_many_concurrent_requests': 8 });
});

test('what a gateway that was killed had open is free again when its reservations end', async () => {
  const key = await newKey({ concurrentRequests: 1 });
  const config = { projectDirectory: scratch.directory, databaseUrl: scratch.database.url, ...UNDISTURBED };
  const dying = await factory.start(config);
  const lost = post(`${dying.url}/v1/completions`, key, { model: 'slow', prompt: 'ab', max_tokens: 2000 }).catch(
    () => 'cut',
  );
  const isOpen = async (): Promise<boolean> =>
    (await books.database.sql`select 1 from moat.reservations where slots is not null`).length > 0;
  for (let tries = 0; tries < 500 && !(await isOpen()); tries++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await dying.kill();
  expect(await lost).toBe('cut');
  expect(await ask(key, 0)).toBe('429 too_many_concurrent_requests');
  await books.database.sql`update moat.reservations set expires_at = now()`;
  await books.database.sql`select moat.sweep(now())`;
  expect(await ask(key, 0)).toBe('200');
});
