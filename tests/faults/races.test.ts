/** Money that many want at once is spent once, by one gateway and by three on one database. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { audit } from '../../src/company/billing/audit.js';
import { type Books, createCustomer } from '../../src/company/billing/customers.js';
import { createKey } from '../../src/company/billing/keys.js';
import { balanceOf, grantCredit } from '../../src/company/billing/ledger.js';
import { setPrice } from '../../src/company/billing/prices.js';
import { usageOf } from '../../src/company/billing/usage.js';
import { type ScratchProject, openScratchProject } from '../scratch-database.js';
import { post } from '../scratch-gateway.js';
import { type ChildFactory, type GatewayChild, UNDISTURBED, buildGatewayProcess } from './gateway-child.js';

const [PROMPT, MAX_TOKENS] = ['ab', 5];
/** 2 micro-units of prompt and 5 × 2 of answer: what each request reserves is what it uses. */
const COST_MICROS = 12n;

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
  gateways = await Promise.all([1, 2, 3].map(() => factory.start(config)));
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  await factory.close();
  expect((await audit(books)).findings).toEqual([]);
  await scratch.close();
});

let customers = 0;
async function newCustomer(creditMicros: bigint, keyCount = 1): Promise<{ id: string; keys: string[] }> {
  const { id } = await createCustomer(books, { name: `racer ${customers++}` });
  await grantCredit(books, { customerId: id, amountMicros: creditMicros });
  const keys = await Promise.all(Array.from({ length: keyCount }, () => createKey(books, { customerId: id })));
  return { id, keys: keys.map(({ secretKey }) => secretKey) };
}

async function ask(gateway: GatewayChild | undefined, key: string | undefined, model = 'quick'): Promise<number> {
  const body = { model, prompt: PROMPT, max_tokens: MAX_TOKENS };
  const response = await post(`${gateway?.url}/v1/completions`, key ?? '', body);
  await response.arrayBuffer();
  return response.status;
}

/** 64 clients at once, each three times in a row, wherever `gatewayOf` sends it. @returns how often each status came */
async function race(keys: readonly string[], gatewayOf: (client: number) => GatewayChild | undefined, model?: string) {
  const statuses = await Promise.all(
    Array.from({ length: 64 }, async (_, client) => {
      const own: number[] = [];
      for (let time = 0; time < 3; time++)
        own.push(await ask(gatewayOf(client + time), keys[client % keys.length], model));
      return own;
    }),
  );
  const counts: Record<number, number> = {};
  for (const status of statuses.flat()) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

async function expectSpentOnce(customerId: string, leftMicros: bigint): Promise<void> {
  expect(await balanceOf(books, customerId)).toMatchObject({ balanceMicros: leftMicros, reservedMicros: 0n });
  expect(await usageOf(books, { customerId, limit: 1000 })).toHaveLength(100);
}

test('64 clients on credit for 100 requests, one gateway: exactly 100 are served', async () => {
  const { id, keys } = await newCustomer(100n * COST_MICROS + COST_MICROS - 1n);
  expect(await race(keys, () => gateways[0])).toEqual({ 200: 100, 402: 92 });
  await expectSpentOnce(id, COST_MICROS - 1n);
});

test('64 clients on credit for 100 requests, three gateways and four keys: exactly 100 are served', async () => {
  const { id, keys } = await newCustomer(100n * COST_MICROS, 4);
  expect(await race(keys, (client) => gateways[client % 3])).toEqual({ 200: 100, 402: 92 });
  await expectSpentOnce(id, 0n);
});

test('the same while answers take time, so that reservations of several gateways stand beside one another', async () => {
  const { id, keys } = await newCustomer(100n * COST_MICROS, 4);
  expect(await race(keys, (client) => gateways[client % 3], 'slow')).toEqual({ 200: 100, 402: 92 });
  await expectSpentOnce(id, 0n);
});

test('two gateways race for credit that covers one request, fifty times: one is served, and never both', async () => {
  for (let time = 0; time < 50; time++) {
    const { id, keys } = await newCustomer(2n * COST_MICROS - 1n);
    const statuses = await Promise.all([ask(gateways[time % 3], keys[0]), ask(gateways[(time + 1) % 3], keys[0])]);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 402]);
    expect((await balanceOf(books, id)).balanceMicros).toBe(COST_MICROS - 1n);
  }
});
