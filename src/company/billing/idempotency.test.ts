import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import type { Admission } from './admission.js';
import { hashOfKey } from './api-key.js';
import { type Books, createCustomer } from './customers.js';
import { createKey } from './keys.js';
import {
  type Claim,
  type ClaimResult,
  type Idempotency,
  KEPT_BYTES,
  LEASE_MS,
  createIdempotency,
} from './idempotency.js';
import { balanceOf, grantCredit } from './ledger.js';
import { type Meter, createMeter } from './meter.js';
import { setPrice } from './prices.js';
import { fingerprintOf } from './request-fingerprint.js';
import { usageOf } from './usage.js';

const DAY_MS = 24 * 3_600_000;
const clock = manualClock(1_750_000_000_000);
let project: ScratchProject;
let books: Books;
/** Two gateways over one database. */
let one: Idempotency;
let other: Idempotency;
let meter: Meter;
beforeAll(async () => {
  project = await openScratchProject();
  books = { database: project.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: `${project.directory}/unsettled` });
  one = createIdempotency({ ...books, leaseClock: clock, meter });
  other = createIdempotency({ ...books, leaseClock: clock, meter });
  await setPrice(books, { model: 'm', inputMicrosPerMillionTokens: 1_000_000n, outputMicrosPerMillionTokens: 0n });
  clock.advance(1);
});
afterAll(async () => {
  await one.close();
  await other.close();
  await meter.close();
  await project.close();
});

let keyHash: string;
let customerId: string;
let customers = 0;
async function newCustomer(): Promise<{ customerId: string; keyHash: string }> {
  const { id } = await createCustomer(books, { name: `customer ${customers++}` });
  await grantCredit(books, { customerId: id, amountMicros: 100n });
  const { secretKey } = await createKey(books, { customerId: id });
  return { customerId: id, keyHash: hashOfKey(secretKey) };
}
beforeEach(async () => {
  ({ customerId, keyHash } = await newCustomer());
});

const fingerprint = fingerprintOf('POST', '/v1/completions', { model: 'm', prompt: 'x' });
const answer = { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"a":"\u0000é"}') };
const begin = (by: Idempotency, more: object = {}): Promise<ClaimResult> =>
  by.begin({ keyHash, key: 'order 7', fingerprint, ...more });

async function claimed(by: Idempotency, more: object = {}): Promise<Claim> {
  const result = await begin(by, more);
  if (result.outcome !== 'claimed') throw new Error(`not claimed: ${result.outcome}`);
  return result;
}

test('of 32 requests with one key, one is answered; the others hear that it is, then get its bytes', async () => {
  const results = await Promise.all(Array.from({ length: 32 }, (_, at) => begin(at % 2 === 0 ? one : other)));
  const [mine, ...more] = results.filter((result) => result.outcome === 'claimed');
  expect(more).toEqual([]);
  expect(results.filter((result) => result.outcome === 'in-progress')).toHaveLength(31);
  await one.finish(mine as Claim, answer);
  const replays = await Promise.all(Array.from({ length: 32 }, () => begin(other)));
  for (const replay of replays) expect(replay).toEqual({ outcome: 'replay', answer });
});

test('other parameters are a mistake, while the first runs and after it; another customer’s key is another key', async () => {
  const changed = { fingerprint: fingerprintOf('POST', '/v1/completions', { model: 'm', prompt: 'y' }) };
  const mine = await claimed(one);
  expect(await begin(one, changed)).toEqual({ outcome: 'mismatch' });
  await one.finish(mine, answer);
  expect(await begin(one, changed)).toEqual({ outcome: 'mismatch' });
  const { keyHash: theirs } = await newCustomer();
  const theirClaim = await claimed(one, { keyHash: theirs });
  expect(theirClaim.requestId).not.toBe(mine.requestId);
  await one.free(theirClaim);
  expect(await begin(one, { keyHash: 'ab'.repeat(32) })).toEqual({ outcome: 'unknown-key' });
});

test('a claim that is freed is a first one again', async () => {
  const mine = await claimed(one);
  await one.free(mine);
  const next = await claimed(other);
  expect(next.requestId).not.toBe(mine.requestId);
});

test('a process dies between claim and end: after its lease, and not before, the request is answered again and billed once', async () => {
  const admit = async ({ requestId }: Claim): Promise<Admission> => {
    const result = await meter.admit({
      requestId,
      payer: { keyHash },
      scope: 'chat',
      model: 'm',
      inputTokens: 10,
      maxTokens: 5,
    });
    if (result.outcome !== 'admitted') throw new Error(result.outcome);
    return result;
  };
  const usage = {
    inputTokens: 10,
    cachedTokens: 0,
    outputTokens: 5,
    reasoningTokens: 0,
    computeMs: 1,
    status: 'finished' as const,
  };
  const dead = createIdempotency({ ...books, leaseClock: clock, meter });
  const lost = await claimed(dead);
  await admit(lost);
  clock.advance(LEASE_MS - 1);
  expect(await begin(one)).toEqual({ outcome: 'in-progress' });
  clock.advance(1);
  // its reservation still stands, and is not in the way
  const second = await claimed(one);
  expect([second.requestId, second.attempt]).toEqual([lost.requestId, 2]);
  await meter.settle({ admission: await admit(second), usage, atMs: clock.now() });
  // this one dies after the books were written, before the answer was kept
  clock.advance(LEASE_MS);
  const third = await claimed(other);
  await meter.settle({ admission: await admit(third), usage, atMs: clock.now() });
  await other.finish(third, answer);
  // those who lost the claim cannot change what the winner kept
  await dead.finish(lost, { ...answer, status: 500 });
  await one.free(second);
  await one.abandon(second);
  expect(await begin(one)).toEqual({ outcome: 'replay', answer });
  expect(await usageOf(books, { customerId })).toHaveLength(1);
  expect(await balanceOf(books, customerId)).toMatchObject({ balanceMicros: 90n, reservedMicros: 0n });
  await dead.close();
});

test('a long answer keeps its claim as long as its process lives', async () => {
  const mine = await claimed(one);
  for (let i = 0; i < 5; i++) {
    clock.advance(LEASE_MS - 1);
    await one.upkeep();
    expect(await begin(other)).toEqual({ outcome: 'in-progress' });
  }
  await one.abandon(mine);
  expect((await claimed(other)).requestId).toBe(mine.requestId);
});

test('after a day the answer is gone, and the key is free for anything', async () => {
  const mine = await claimed(one);
  await one.finish(mine, answer);
  clock.advance(DAY_MS - 1);
  await one.upkeep();
  expect(await begin(one)).toMatchObject({ outcome: 'replay' });
  clock.advance(1);
  const next = await claimed(one, { fingerprint: 'ab'.repeat(32) });
  expect(next.requestId).not.toBe(mine.requestId);
  await one.finish(next, answer);
  clock.advance(DAY_MS);
  await other.upkeep();
  const [left] = await project.database.sql<{ count: number }[]>`
    select count(*)::int as count from moat.idempotency_keys where customer_id = ${customerId}`;
  expect(left).toEqual({ count: 0 });
});

test('an answer that is too large is charged once and not kept', async () => {
  const mine = await claimed(one);
  await one.finish(mine, { ...answer, body: Buffer.alloc(KEPT_BYTES + 1) });
  expect(await begin(one)).toEqual({ outcome: 'not-kept' });
});

test('a fingerprint does not depend on the order of fields, and on everything else', () => {
  const of = (body: unknown, path = '/v1/a') => fingerprintOf('POST', path, body);
  expect(of({ a: 1, b: { c: [1, 2], d: null } })).toBe(of({ b: { d: null, c: [1, 2] }, a: 1 }));
  const all = [of({ a: [1, 2] }), of({ a: [2, 1] }), of({ a: 1 }), of({ a: '1' }), of({}), of({}, '/v1/b'), of([])];
  expect(new Set(all).size).toBe(all.length);
});
