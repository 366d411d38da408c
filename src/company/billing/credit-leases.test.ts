import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import type { Admission } from './admission.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { type Books, createCustomer, ensureInternalCustomer } from './customers.js';
import { createKey, revokeKey } from './keys.js';
import { newId } from './identifiers.js';
import { balanceOf, grantCredit } from './ledger.js';
import { createMeter, type Meter } from './meter.js';
import { setPrice } from './prices.js';
import { usageOf } from './usage.js';

const clock = manualClock(Date.UTC(2030, 0, 1));
let scratch: ScratchProject;
let books: Books;

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  await ensureInternalCustomer(books, 'USD');
  const price = { inputMicrosPerMillionTokens: 1_000_000n, outputMicrosPerMillionTokens: 3_000_000n };
  await setPrice(books, { model: 'm', ...price, requestMicros: 5n });
});
afterAll(() => scratch.close());

const open = async (directory?: string): Promise<Meter> =>
  createMeter({
    ...books,
    unsettledDirectory: directory ?? (await mkdtemp(path.join(scratch.directory, 'unsettled-'))),
    reserveAheadAfter: 3,
  });

let customers = 0;
async function newCustomer(creditMicros: bigint) {
  const { id } = await createCustomer(books, { name: `customer ${customers++}` });
  if (creditMicros > 0n) await grantCredit(books, { customerId: id, amountMicros: creditMicros });
  const { secretKey, key } = await createKey(books, { customerId: id });
  return { id, keyHash: hashOfKey(secretKey), keyId: key.id };
}

const ask = (meter: Meter, keyHash: string, inputTokens = 10, maxTokens = 10) =>
  meter.admit({
    requestId: newId('req', clock.now()),
    payer: { keyHash },
    scope: 'chat',
    model: 'm',
    inputTokens,
    maxTokens,
  });

async function admitted(meter: Meter, keyHash: string, inputTokens = 10, maxTokens = 10): Promise<Admission> {
  const result = await ask(meter, keyHash, inputTokens, maxTokens);
  if (result.outcome !== 'admitted') throw new Error(result.outcome);
  return result;
}

const usage = (inputTokens: number, outputTokens: number, cachedTokens = 0) => ({
  inputTokens,
  outputTokens,
  cachedTokens,
  reasoningTokens: 0,
  computeMs: 1,
  status: 'finished' as const,
});

/** Asks until requests are let in ahead; gives all back. */
async function warm(meter: Meter, keyHash: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const admission = await admitted(meter, keyHash);
    await meter.release(admission);
    if (admission.ahead !== undefined) return;
    await sleep(1);
  }
  throw new Error('nothing was reserved ahead');
}

const chargedTo = async (customerId: string) => {
  const events = await usageOf(books, { customerId, limit: 10_000 });
  return { requests: events.length, chargedMicros: events.reduce((sum, event) => sum + event.chargedMicros, 0n) };
};

const balanced = async (): Promise<void> => expect((await audit(books)).findings).toEqual([]);

test('who asks often is let in without the database, charged the same, and on the books a moment later', async () => {
  const customer = await newCustomer(1_000_000n);
  const meter = await open();
  await warm(meter, customer.keyHash);
  const admission = await admitted(meter, customer.keyHash);
  expect(admission).toMatchObject({ customerId: customer.id, keyId: customer.keyId, reservedMicros: 45n });
  expect(admission.ahead).toBeDefined();
  const settled = await meter.settle({ admission, usage: usage(10, 7, 4), atMs: clock.now() });
  expect(settled.chargedMicros).toBe(36n);
  await meter.close();
  expect(await usageOf(books, { customerId: customer.id })).toMatchObject([
    { id: settled.eventId, chargedMicros: 36n, inputTokens: 10, outputTokens: 7 },
  ]);
  expect(await balanceOf(books, customer.id)).toMatchObject({ balanceMicros: 999_964n, reservedMicros: 0n });
  await balanced();
});

test('what is reserved ahead is reserved in the books, and shrinks with what is settled', async () => {
  const customer = await newCustomer(1_000_000n);
  const meter = await open();
  await warm(meter, customer.keyHash);
  const running = await Promise.all(Array.from({ length: 5 }, () => admitted(meter, customer.keyHash)));
  expect(running.every(({ ahead }) => ahead !== undefined)).toBe(true);
  const { reservedMicros } = await balanceOf(books, customer.id);
  expect(reservedMicros).toBeGreaterThanOrEqual(5n * 45n);
  // a second later nobody asked again: what was promised to nobody is given back, what runs stays reserved
  clock.advance(1_001);
  await expect.poll(async () => (await balanceOf(books, customer.id)).reservedMicros).toBe(5n * 45n);
  for (const admission of running.slice(1)) await meter.settle({ admission, usage: usage(10, 1), atMs: clock.now() });
  await expect.poll(async () => (await balanceOf(books, customer.id)).reservedMicros).toBe(45n);
  await meter.release(running[0] as Admission);
  await expect.poll(async () => (await balanceOf(books, customer.id)).reservedMicros).toBe(0n);
  await balanced();
  await meter.close();
});

test('near the end of the credit everything is asked of the database: exactly what there is gets served', async () => {
  const customer = await newCustomer(45n * 3000n);
  const meter = await open();
  let [served, refused, ahead] = [0, 0, 0];
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (;;) {
        const result = await ask(meter, customer.keyHash);
        if (result.outcome !== 'admitted') return void refused++;
        if (result.ahead !== undefined) ahead++;
        await meter.settle({ admission: result, usage: usage(10, 10), atMs: clock.now() });
        served++;
      }
    }),
  );
  expect([served, refused]).toEqual([3000, 64]);
  expect(ahead).toBeGreaterThan(100);
  await meter.close();
  expect(await balanceOf(books, customer.id)).toMatchObject({ balanceMicros: 0n, reservedMicros: 0n });
  await balanced();
});

test('nobody is refused for credit that is reserved ahead of his own requests, or used and not yet in the books', async () => {
  const customer = await newCustomer(45n * 400n);
  const meter = await open();
  await warm(meter, customer.keyHash);
  const admission = await admitted(meter, customer.keyHash);
  await meter.settle({ admission, usage: usage(10, 0), atMs: clock.now() });
  // all that is left after the 15 that this one came to
  const all = await ask(meter, customer.keyHash, 45 * 400 - 15 - 5 - 30, 10);
  expect(all).toMatchObject({ outcome: 'admitted', reservedMicros: 45n * 400n - 15n });
  await meter.close();
});

test('a key that is revoked, or a price that changes, is known within a second', async () => {
  const customer = await newCustomer(1_000_000n);
  const meter = await open();
  await warm(meter, customer.keyHash);
  await revokeKey(books, customer.keyId);
  clock.advance(1_000);
  expect((await ask(meter, customer.keyHash)).outcome).toBe('unknown-key');

  const other = await newCustomer(1_000_000n);
  const startsAt = new Date(clock.now() + 300);
  const price = { inputMicrosPerMillionTokens: 2_000_000n, outputMicrosPerMillionTokens: 3_000_000n };
  await setPrice(books, { model: 'm', ...price, requestMicros: 5n, startsAt });
  await warm(meter, other.keyHash);
  clock.advance(299);
  expect(await admitted(meter, other.keyHash)).toMatchObject({ reservedMicros: 45n });
  clock.advance(1);
  expect(await admitted(meter, other.keyHash)).toMatchObject({ reservedMicros: 55n });
  await meter.close();
  clock.advance(1_000);
  await setPrice(books, { model: 'm', ...price, inputMicrosPerMillionTokens: 1_000_000n, requestMicros: 5n });
});

test('whoever has a budget, or a number of requests at one time, is asked about every time', async () => {
  const customer = await newCustomer(1_000_000n);
  const meter = await open();
  for (let count = 0; count < 30; count++) {
    const result = await meter.admit({
      requestId: newId('req', clock.now()),
      payer: { keyHash: customer.keyHash },
      scope: 'chat',
      model: 'm',
      inputTokens: 1,
      maxTokens: 1,
      slots: [{ id: 'few', most: 100 }],
    });
    expect(result).toMatchObject({ outcome: 'admitted' });
    expect(result).not.toHaveProperty('ahead');
  }
  await meter.close();
});

test('what was answered by a process that died is charged by the next, and what it had reserved ends', async () => {
  const customer = await newCustomer(1_000_000n);
  const directory = await mkdtemp(path.join(scratch.directory, 'unsettled-'));
  const dying = await open(directory);
  await warm(dying, customer.keyHash);
  const admissions = await Promise.all(Array.from({ length: 4 }, () => admitted(dying, customer.keyHash)));
  // in the journal, and with luck not yet in the books
  await Promise.all(admissions.map((admission) => dying.settle({ admission, usage: usage(10, 2), atMs: clock.now() })));
  await scratch.database.sql`update moat.reservations set expires_at = now()`;
  const next = await open(directory);
  expect(await chargedTo(customer.id)).toMatchObject({ requests: 4, chargedMicros: 4n * 21n });
  expect(await balanceOf(books, customer.id)).toMatchObject({ balanceMicros: 1_000_000n - 84n, reservedMicros: 0n });
  await dying.close();
  await next.close();
  expect(await chargedTo(customer.id)).toMatchObject({ requests: 4 });
  await balanced();
});

test('property: whatever is asked, served, given back and waited for, books balance and everything is charged once', async () => {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('serve' as const),
        tokens: fc.integer({ min: 1, max: 40 }),
        used: fc.nat(40),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('release' as const), tokens: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 300, 1100, 6000) }) },
  );
  const meter = await open();
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 80 }),
      fc.bigInt(0n, 200_000n),
      async (steps, credit) => {
        const customer = await newCustomer(credit);
        let charged = 0n;
        let served = 0;
        await Promise.all(
          steps.map(async (each, index) => {
            await sleep(index / 4);
            if (each.do === 'wait') return clock.advance(each.ms);
            const result = await ask(meter, customer.keyHash, each.tokens, each.tokens);
            if (result.outcome !== 'admitted') return;
            if (each.do === 'release') return meter.release(result);
            const spent = usage(each.tokens, Math.min(each.used, each.tokens));
            const settled = await meter.settle({ admission: result, usage: spent, atMs: clock.now() });
            charged += settled.chargedMicros;
            served++;
          }),
        );
        clock.advance(1_001);
        await expect
          .poll(() => balanceOf(books, customer.id))
          .toMatchObject({
            balanceMicros: credit - charged,
            reservedMicros: 0n,
          });
        expect(await chargedTo(customer.id)).toMatchObject({
          requests: served,
          chargedMicros: charged,
        });
        await balanced();
      },
    ),
    { numRuns: 15 },
  );
  await meter.close();
});
