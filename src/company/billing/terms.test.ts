import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import { type Admission, type Refusal, createAdmissions, type Scope } from './admission.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { type Books, createCustomer } from './customers.js';
import { newId } from './identifiers.js';
import { keyTermsOf, setRateLimit } from './key-terms.js';
import { createKey, listKeys, revokeKey, rotateKey } from './keys.js';
import { balanceOf, grantCredit } from './ledger.js';
import { createMeter, type Meter } from './meter.js';
import { setPrice } from './prices.js';
import { usageOf } from './usage.js';

// New York, the day before clocks go back: its 3 November 2030 has 25 hours.
const clock = manualClock(Date.UTC(2030, 10, 2, 12));
const HOUR_MS = 3_600_000;
let scratch: ScratchProject;
let books: Books;
let meter: Meter;

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  for (const model of ['m', 'other']) {
    await setPrice(books, {
      model,
      inputMicrosPerMillionTokens: 1_000_000n,
      cachedInputMicrosPerMillionTokens: 250_000n,
      outputMicrosPerMillionTokens: 3_000_000n,
      requestMicros: 10n,
    });
  }
});

afterAll(async () => {
  await meter.close();
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
  await scratch.close();
});

let customers = 0;
const newCustomer = async (creditMicros: bigint): Promise<string> => {
  const { id } = await createCustomer(books, { name: `customer ${customers++}` });
  if (creditMicros > 0n) await grantCredit(books, { customerId: id, amountMicros: creditMicros });
  return id;
};

/** 1 input token and `tokens` of output, at the most: 11 + 3 × tokens micro-units. */
const ask = (
  secretKey: string,
  tokens: number,
  { model = 'm', scope = 'chat' as Scope } = {},
): Promise<Admission | Refusal> =>
  meter.admit({
    requestId: newId('req', clock.now()),
    payer: { keyHash: hashOfKey(secretKey) },
    scope,
    model,
    inputTokens: 1,
    maxTokens: tokens,
  });

async function use(secretKey: string, tokens: number): Promise<string> {
  const admission = await ask(secretKey, tokens);
  if (admission.outcome !== 'admitted') return admission.outcome;
  await settle(admission, tokens);
  return admission.outcome;
}

const settle = (admission: Admission, outputTokens: number) =>
  meter.settle({
    admission,
    usage: { inputTokens: 1, cachedTokens: 0, outputTokens, reasoningTokens: 0, computeMs: 1, status: 'finished' },
    atMs: clock.now(),
  });

const budget = async (customerId: string, more: Record<string, string>, limitMicros: bigint): Promise<void> => {
  const row = { customer_id: customerId, time_zone: 'America/New_York', limit_micros: limitMicros.toString(), ...more };
  await scratch.database.sql`insert into moat.budgets ${scratch.database.sql(row)}`;
};

test('each token is in one class and priced by it; the request itself has a price too', async () => {
  const customerId = await newCustomer(1_000_000n);
  const { secretKey } = await createKey(books, { customerId });
  const admission = await meter.admit({
    requestId: newId('req', clock.now()),
    payer: { keyHash: hashOfKey(secretKey) },
    scope: 'chat',
    model: 'm',
    inputTokens: 100,
    maxTokens: 50,
  });
  if (admission.outcome !== 'admitted') throw new Error(admission.outcome);
  expect(admission.reservedMicros).toBe(100n + 150n + 10n);
  const usage = { inputTokens: 100, cachedTokens: 80, outputTokens: 40, reasoningTokens: 30, computeMs: 1 };
  const { chargedMicros } = await meter.settle({
    admission,
    usage: { ...usage, status: 'finished' },
    atMs: clock.now(),
  });
  // 20 × 1 + 80 × 0.25 + 40 × 3 + 10
  expect(chargedMicros).toBe(170n);
  expect(await usageOf(books, { customerId })).toMatchObject([usage]);
  const [row] = await scratch.database.sql`
    select input_tokens, cached_input_tokens, output_tokens, reasoning_tokens from moat.usage_events where customer_id = ${customerId}`;
  expect(row).toEqual({ input_tokens: 20, cached_input_tokens: 80, output_tokens: 10, reasoning_tokens: 30 });
});

test('a key has an end, a scope and models; what it is not for is refused before anything is reserved', async () => {
  const customerId = await newCustomer(1000n);
  const expiresAt = new Date(clock.now() + HOUR_MS);
  const { secretKey } = await createKey(books, { customerId, expiresAt, scopes: ['chat'], models: ['m'] });
  expect((await ask(secretKey, 1, { scope: 'embeddings' })).outcome).toBe('forbidden');
  expect((await ask(secretKey, 1, { model: 'other' })).outcome).toBe('forbidden');
  expect(await use(secretKey, 1)).toBe('admitted');
  clock.advance(HOUR_MS);
  expect((await ask(secretKey, 1)).outcome).toBe('expired-key');
  expect((await balanceOf(books, customerId)).reservedMicros).toBe(0n);
  const options = { customerId, scopes: ['everything' as Scope] };
  await expect(createKey(books, options)).rejects.toMatchObject({ code: 'bad-scope' });
  await expect(createKey(books, { customerId, expiresAt })).rejects.toMatchObject({ code: 'bad-expiry' });
});

test('a rotated key stays the same key: the old secret works until the overlap ends, revoking ends both', async () => {
  const customerId = await newCustomer(1000n);
  const first = await createKey(books, { customerId, name: 'server' });
  const second = await rotateKey(books, first.key.id, HOUR_MS);
  expect(second.key).toMatchObject({ id: first.key.id, name: 'server' });
  expect(second.key.displayPrefix).not.toBe(first.key.displayPrefix);
  expect([await use(first.secretKey, 1), await use(second.secretKey, 1)]).toEqual(['admitted', 'admitted']);
  const events = await usageOf(books, { customerId });
  expect(events.map(({ keyId }) => keyId)).toEqual([first.key.id, first.key.id]);
  clock.advance(HOUR_MS);
  expect([await use(first.secretKey, 1), await use(second.secretKey, 1)]).toEqual(['expired-key', 'admitted']);
  await revokeKey(books, first.key.id);
  expect(await use(second.secretKey, 1)).toBe('unknown-key');
  await expect(rotateKey(books, first.key.id)).rejects.toMatchObject({ code: 'unknown-key' });
});

test('when a key was last used is known, without any request waiting for it', async () => {
  const customerId = await newCustomer(1000n);
  const { secretKey } = await createKey(books, { customerId });
  const own = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  const request = { requestId: newId('req', clock.now()), model: 'm', inputTokens: 1, maxTokens: 1 };
  await own.admit({ ...request, payer: { keyHash: hashOfKey(secretKey) }, scope: 'chat' });
  expect((await listKeys(books, customerId))[0]?.lastUsedAt).toBeNull();
  await own.close();
  expect((await listKeys(books, customerId))[0]?.lastUsedAt).toEqual(new Date(clock.now()));
});

test('a suspended customer is refused, and served again afterwards', async () => {
  const customerId = await newCustomer(1000n);
  const { secretKey } = await createKey(books, { customerId });
  const { sql } = scratch.database;
  await sql`update moat.customers set suspended_at = now() where id = ${customerId}`;
  expect(await use(secretKey, 1)).toBe('suspended');
  await sql`update moat.customers set suspended_at = null where id = ${customerId}`;
  expect(await use(secretKey, 1)).toBe('admitted');
});

test('a credit line lets a customer owe so much and no more', async () => {
  const customerId = await newCustomer(20n);
  const { secretKey } = await createKey(books, { customerId });
  await scratch.database.sql`update moat.accounts set credit_line_micros = 50 where customer_id = ${customerId}`;
  expect(await use(secretKey, 13)).toBe('admitted');
  expect((await balanceOf(books, customerId)).balanceMicros).toBe(-30n);
  expect(await ask(secretKey, 4)).toMatchObject({ outcome: 'insufficient-credit', availableMicros: 20n });
  expect(await use(secretKey, 3)).toBe('admitted');
  await expect(
    scratch.database.sql`update moat.accounts set credit_line_micros = 0 where customer_id = ${customerId}`,
  ).rejects.toThrow('prepaid_never_overdrawn');
});

test('a budget a day begins anew at midnight of its zone, also on the day of 25 hours', async () => {
  clock.setWall(Date.UTC(2030, 10, 3, 4)); // midnight in New York, still summer time
  const customerId = await newCustomer(100_000n);
  const { secretKey } = await createKey(books, { customerId });
  await budget(customerId, { span: 'day' }, 100n);
  expect(await use(secretKey, 20)).toBe('admitted');
  expect(await ask(secretKey, 20)).toMatchObject({
    outcome: 'over-budget',
    neededMicros: 71n,
    availableMicros: 29n,
    limitMicros: 100n,
    span: 'day',
    on: 'customer',
    resetsAt: new Date(Date.UTC(2030, 10, 4, 5)),
  });
  clock.setWall(Date.UTC(2030, 10, 4, 4, 59, 59));
  expect(await use(secretKey, 20)).toBe('over-budget');
  clock.setWall(Date.UTC(2030, 10, 4, 5));
  expect(await use(secretKey, 20)).toBe('admitted');
  // a clock set back finds the day before as it was
  clock.setWall(Date.UTC(2030, 10, 4, 4));
  expect(await use(secretKey, 20)).toBe('over-budget');
  clock.setWall(Date.UTC(2030, 10, 4, 6));
});

test('budgets of a key and of a model hold for those alone, and what is reserved counts until it is settled', async () => {
  const customerId = await newCustomer(100_000n);
  const limited = await createKey(books, { customerId });
  const free = await createKey(books, { customerId });
  await budget(customerId, { span: 'month', key_id: limited.key.id }, 50n);
  await budget(customerId, { span: 'total', model: 'other' }, 20n);
  const first = await ask(limited.secretKey, 10);
  expect(first.outcome).toBe('admitted');
  expect(await ask(limited.secretKey, 1)).toMatchObject({ outcome: 'over-budget', on: 'key', availableMicros: 9n });
  expect(await use(free.secretKey, 10)).toBe('admitted');
  expect(await ask(free.secretKey, 4, { model: 'other' })).toMatchObject({ on: 'model', resetsAt: null });
  if (first.outcome === 'admitted') await settle(first, 2);
  expect((await ask(limited.secretKey, 7)).outcome).toBe('admitted');
});

test('whoever races for a budget, what is charged and reserved never goes beyond it', async () => {
  const customerId = await newCustomer(1_000_000n);
  const { secretKey } = await createKey(books, { customerId });
  await budget(customerId, { span: 'day' }, 10n * 41n + 40n);
  const doors = [1, 2, 3].map(() => createAdmissions(scratch.database, clock));
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      doors[index % 3]?.submit({
        requestId: newId('req', clock.now()),
        payer: { keyHash: hashOfKey(secretKey) },
        scope: 'chat',
        model: 'm',
        inputTokens: 1,
        maxTokens: 10,
      }),
    ),
  );
  expect(outcomes.filter((result) => result?.outcome === 'admitted')).toHaveLength(10);
});

test('expired credit is gone at its moment, but for what open requests hold of it', async () => {
  const customerId = await newCustomer(100n);
  const { secretKey } = await createKey(books, { customerId });
  const expiresAt = new Date(clock.now() + HOUR_MS);
  await grantCredit(books, { customerId, amountMicros: 200n, expiresAt, priority: 10 });
  expect(await use(secretKey, 13)).toBe('admitted'); // 50, of the credit that comes first
  const open = await ask(secretKey, 23); // 80 held of the 150 that are left of it
  clock.advance(HOUR_MS);
  // 70 expire: what is left can be used is the 100 that never do
  expect((await ask(secretKey, 30)).outcome).toBe('insufficient-credit');
  expect((await balanceOf(books, customerId)).balanceMicros).toBe(180n);
  const other = await ask(secretKey, 29);
  expect(other.outcome).toBe('admitted');
  if (open.outcome === 'admitted') await settle(open, 0);
  if (other.outcome === 'admitted') await settle(other, 0);
  // 11 + 11 were used; of the 80 held 58 came back after their end, and go
  clock.advance(15_000);
  await ask(secretKey, 1000);
  expect((await balanceOf(books, customerId)).balanceMicros).toBe(100n);
  const late = grantCredit(books, { customerId, amountMicros: 1n, expiresAt });
  await expect(late).rejects.toMatchObject({ code: 'bad-expiry' });
});

test('credits never sum to less than the balance, in whatever order they come, expire and are used', async () => {
  const step = fc.oneof(
    fc.record({ grant: fc.bigInt({ min: 1n, max: 500n }), hours: fc.integer({ min: 0, max: 3 }), priority: fc.nat(3) }),
    fc.record({ use: fc.nat(60) }),
    fc.record({ wait: fc.integer({ min: 1, max: 2 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const customerId = await newCustomer(0n);
      const { secretKey } = await createKey(books, { customerId });
      const lots: { left: bigint; endsMs: number; priority: number }[] = [];
      for (const step of steps) {
        if ('wait' in step) clock.advance(step.wait * HOUR_MS);
        else if ('grant' in step) {
          const endsMs = step.hours === 0 ? Number.POSITIVE_INFINITY : clock.now() + step.hours * HOUR_MS;
          const expiry = step.hours === 0 ? {} : { expiresAt: new Date(endsMs) };
          await grantCredit(books, { customerId, amountMicros: step.grant, priority: step.priority, ...expiry });
          lots.push({ left: step.grant, endsMs, priority: step.priority });
        } else if ((await use(secretKey, step.use)) === 'admitted') {
          let cost = 11n + 3n * BigInt(step.use);
          const order = lots.filter(({ endsMs }) => endsMs > clock.now());
          for (const lot of order.sort((a, b) => a.priority - b.priority || a.endsMs - b.endsMs)) {
            const taken = lot.left < cost ? lot.left : cost;
            lot.left -= taken;
            cost -= taken;
          }
          expect(cost).toBe(0n);
        }
        await ask(secretKey, 1_000_000); // expires what is due, and reserves nothing
        const alive = lots.filter(({ endsMs }) => endsMs > clock.now());
        const expected = alive.reduce((sum, { left }) => sum + left, 0n);
        expect((await balanceOf(books, customerId)).balanceMicros).toBe(expected);
      }
    }),
    { numRuns: 30 },
  );
});

test('limits of customer, key and model, set, changed and taken off', async () => {
  const customerId = await newCustomer(0n);
  const { key, secretKey } = await createKey(books, { customerId });
  const other = await createKey(books, { customerId });
  await setRateLimit(books, { customerId, requestsPerMinute: 10 });
  await setRateLimit(books, { customerId, keyId: key.id, model: 'm', tokensPerMinute: 1000, concurrentRequests: 2 });
  await setRateLimit(books, { customerId, requestsPerMinute: 20 });
  expect(await keyTermsOf(books, hashOfKey(secretKey))).toMatchObject({
    customerId,
    keyId: key.id,
    limits: [
      { keyId: null, model: null, requestsPerMinute: 20, tokensPerMinute: null },
      { keyId: key.id, model: 'm', tokensPerMinute: 1000, concurrentRequests: 2 },
    ],
  });
  await setRateLimit(books, { customerId });
  expect((await keyTermsOf(books, hashOfKey(other.secretKey)))?.limits).toEqual([]);
  await expect(setRateLimit(books, { customerId, requestsPerMinute: 0 })).rejects.toMatchObject({ code: 'bad-limit' });
});
