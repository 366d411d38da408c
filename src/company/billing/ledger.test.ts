import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import { type Admission, createAdmissions, renewReservations, sweepReservations } from './admission.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { costOf } from './cost.js';
import { type Books, createCustomer, ensureInternalCustomer } from './customers.js';
import { createKey, revokeKey } from './keys.js';
import { newId } from './identifiers.js';
import { balanceOf, grantCredit, ledgerEntriesOf } from './ledger.js';
import { createMeter, type Meter } from './meter.js';
import { setPrice } from './prices.js';
import { createSettlements, toRecord } from './settlement.js';
import { totalsOf, usageByModel, usageOf } from './usage.js';

const clock = manualClock(Date.UTC(2030, 0, 1));
let scratch: ScratchProject;
let books: Books;
let meter: Meter;

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  await ensureInternalCustomer(books, 'USD');
  await setPrice(books, {
    model: 'm',
    inputMicrosPerMillionTokens: 1_000_000n,
    outputMicrosPerMillionTokens: 3_000_000n,
  });
});

afterAll(async () => {
  await meter.close();
  await scratch.close();
});

let customers = 0;
async function newCustomer(creditMicros: bigint): Promise<{ id: string; keyHash: string; keyId: string }> {
  const { id } = await createCustomer(books, { name: `customer ${customers++}` });
  if (creditMicros > 0n) await grantCredit(books, { customerId: id, amountMicros: creditMicros });
  const { secretKey, key } = await createKey(books, { customerId: id });
  return { id, keyHash: hashOfKey(secretKey), keyId: key.id };
}

const request = (keyHash: string, inputTokens: number, maxTokens: number) => ({
  requestId: newId('req', clock.now()),
  payer: { keyHash },
  scope: 'chat' as const,
  model: 'm',
  inputTokens,
  maxTokens,
});

async function admitted(keyHash: string, inputTokens: number, maxTokens: number): Promise<Admission> {
  const result = await meter.admit(request(keyHash, inputTokens, maxTokens));
  if (result.outcome !== 'admitted') throw new Error(result.outcome);
  return result;
}

/** As if the gateways that hold them had died a minute ago. */
const letReservationsEnd = () => scratch.database.sql`update moat.reservations set expires_at = now()`;

const usage = (inputTokens: number, outputTokens: number, status: 'finished' | 'aborted' | 'failed' = 'finished') => ({
  inputTokens,
  outputTokens,
  cachedTokens: 0,
  reasoningTokens: 0,
  computeMs: 1.5,
  status,
});

const priceFrom = ([input, cached, output, request]: readonly [bigint, bigint, bigint, bigint]) => ({
  inputMicrosPerMillionTokens: input,
  cachedInputMicrosPerMillionTokens: cached,
  outputMicrosPerMillionTokens: output,
  requestMicros: request,
});

test('the database computes the same cost as the program, rounded up once', async () => {
  const tokens = fc.integer({ min: 0, max: 100_000_000 });
  const price = fc.bigInt({ min: 0n, max: 10_000_000_000n });
  await fc.assert(
    fc.asyncProperty(fc.tuple(tokens, tokens, tokens), fc.tuple(price, price, price, price), async (counts, prices) => {
      const [row] = await scratch.database
        .sql`select moat.cost_micros(${counts[0]}, ${counts[1]}, ${counts[2]}, ${prices[0]}, ${prices[1]}, ${prices[2]}, ${prices[3]}) as cost`;
      const [inputTokens, cachedInputTokens, outputTokens] = counts;
      expect(row?.['cost']).toBe(costOf({ inputTokens, cachedInputTokens, outputTokens }, priceFrom(prices)));
    }),
    { numRuns: 200 },
  );
  expect(costOf({ inputTokens: 1, cachedInputTokens: 1, outputTokens: 1 }, priceFrom([1n, 1n, 1n, 0n]))).toBe(1n);
});

test('one answer: reserved at most, charged exactly, two balanced legs, the rest released', async () => {
  const customer = await newCustomer(1000n);
  const admission = await admitted(customer.keyHash, 10, 100);
  expect(admission.reservedMicros).toBe(310n);
  expect(await balanceOf(books, customer.id)).toMatchObject({ balanceMicros: 1000n, reservedMicros: 310n });
  const settled = await meter.settle({ admission, usage: usage(10, 7, 'aborted'), atMs: clock.now() });
  expect(settled.chargedMicros).toBe(31n);
  expect(await balanceOf(books, customer.id)).toMatchObject({ balanceMicros: 969n, reservedMicros: 0n });
  const entries = await ledgerEntriesOf(books, settled.eventId);
  expect(entries.map(({ account, amountMicros }) => [account, amountMicros])).toEqual([
    ['revenue', -31n],
    ['prepaid', 31n],
  ]);
  const [event] = await usageOf(books, { customerId: customer.id });
  expect(event).toMatchObject({
    id: settled.eventId,
    status: 'aborted',
    inputTokens: 10,
    outputTokens: 7,
    computeMs: 1.5,
  });
});

test('settling again, in any batch, changes nothing and answers the same', async () => {
  const customer = await newCustomer(1000n);
  const admission = await admitted(customer.keyHash, 10, 100);
  const settle = () => meter.settle({ admission, usage: usage(10, 5), atMs: clock.now() });
  const answers = [await settle(), ...(await Promise.all([settle(), settle(), settle()]))];
  expect(new Set(answers.map((answer) => answer.chargedMicros))).toEqual(new Set([25n]));
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(975n);
});

test('refusals: unknown and revoked keys, unpriced models, prices that begin later, too little credit', async () => {
  const customer = await newCustomer(100n);
  expect(await meter.admit(request(hashOfKey('nobody'), 1, 1))).toEqual({ outcome: 'unknown-key' });
  expect(await meter.admit({ ...request(customer.keyHash, 1, 1), model: 'other' })).toMatchObject({
    outcome: 'unpriced',
  });
  const startsAt = new Date(clock.now() + 1000);
  await setPrice(books, {
    model: 'later',
    inputMicrosPerMillionTokens: 0n,
    outputMicrosPerMillionTokens: 0n,
    startsAt,
  });
  expect(await meter.admit({ ...request(customer.keyHash, 1, 1), model: 'later' })).toMatchObject({
    outcome: 'unpriced',
  });
  clock.advance(1000);
  expect(await meter.admit({ ...request(customer.keyHash, 1, 1), model: 'later' })).toMatchObject({
    outcome: 'admitted',
  });
  expect(await meter.admit(request(customer.keyHash, 1, 34))).toMatchObject({
    outcome: 'insufficient-credit',
    neededMicros: 103n,
    availableMicros: 100n,
  });
  await revokeKey(books, customer.keyId);
  expect(await meter.admit(request(customer.keyHash, 1, 1))).toEqual({ outcome: 'unknown-key' });
});

test('requests racing over several connections never reserve more than there is', async () => {
  const customer = await newCustomer(20n * 40n + 39n);
  const doors = [1, 2, 3, 4].map(() => createAdmissions(scratch.database, clock));
  const racing = Array.from({ length: 64 }, (_, index) => doors[index % 4]?.submit(request(customer.keyHash, 10, 10)));
  const outcomes = (await Promise.all(racing)).map((result) => result?.outcome);
  expect(outcomes.filter((outcome) => outcome === 'admitted')).toHaveLength(20);
  expect(outcomes.filter((outcome) => outcome === 'insufficient-credit')).toHaveLength(44);
});

test('internal use is recorded and earns nothing', async () => {
  const before = totalsOf(await usageByModel(books, { currency: 'USD' }));
  const admission = await meter.admit({ ...request('', 5, 5), payer: 'internal', model: 'unpriced' });
  if (admission.outcome !== 'admitted') throw new Error(admission.outcome);
  const settled = await meter.settle({ admission, usage: usage(5, 5), atMs: clock.now() });
  expect(settled.chargedMicros).toBe(0n);
  expect(await ledgerEntriesOf(books, settled.eventId)).toEqual([]);
  const after = totalsOf(await usageByModel(books, { currency: 'USD' }));
  expect(after).toEqual({ ...before, computeMs: before.computeMs + 1.5 });
});

test('the reservation of a gateway that died is released, and one settled after that is still charged exactly', async () => {
  const customer = await newCustomer(100n);
  const admission = await admitted(customer.keyHash, 10, 30);
  await letReservationsEnd();
  expect(await sweepReservations(scratch.database)).toBeGreaterThanOrEqual(1);
  const other = await admitted(customer.keyHash, 10, 20);
  await meter.settle({ admission: other, usage: usage(10, 20), atMs: clock.now() });
  const late = await meter.settle({ admission, usage: usage(10, 30), atMs: clock.now() });
  const entries = await ledgerEntriesOf(books, late.eventId);
  expect(entries.map(({ account, amountMicros }) => [account, amountMicros])).toEqual([
    ['revenue', -100n],
    ['prepaid', 30n],
    ['write-offs', 70n],
  ]);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(0n);
});

test('a gateway whose clock is days ahead or behind neither takes what lives for dead nor keeps what is dead', async () => {
  const { database } = scratch;
  const customer = await newCustomer(100n);
  const prices = { inputMicrosPerMillionTokens: 1_000_000n, outputMicrosPerMillionTokens: 3_000_000n };
  await setPrice(books, { model: 'always', startsAt: new Date(0), ...prices });
  for (const days of [-3, 3]) {
    const skewed = manualClock(clock.now() + days * 86_400_000);
    const door = createAdmissions(database, skewed);
    const ask = { ...request(customer.keyHash, 10, 30), model: 'always' };
    expect((await door.submit(ask)).outcome).toBe('admitted');
    const sweeper = await createMeter({ database, clock: skewed, unsettledDirectory: `${scratch.directory}/skewed` });
    await sweeper.close();
    await sweepReservations(database);
    // a version that still says what time it has
    await database.sql`select moat.sweep(${new Date(skewed.now() + 86_400_000)})`;
    expect((await balanceOf(books, customer.id)).reservedMicros).toBe(100n);
    await letReservationsEnd();
    await renewReservations(database, [ask.requestId]);
    await sweepReservations(database);
    expect((await balanceOf(books, customer.id)).reservedMicros).toBe(100n);
    await letReservationsEnd();
    await sweepReservations(database);
    expect((await balanceOf(books, customer.id)).reservedMicros).toBe(0n);
    await door.close();
  }
});

test('so many requests at one time, whichever gateways they are at; one that is settled has ended', async () => {
  const customer = await newCustomer(10_000n);
  const doors = [1, 2, 3].map(() => createAdmissions(scratch.database, clock));
  const slots = [
    { id: 'key', most: 4 },
    { id: 'customer', most: 100 },
  ];
  const ask = () => ({ ...request(customer.keyHash, 1, 1), slots });
  const results = await Promise.all(Array.from({ length: 30 }, (_, index) => doors[index % 3]?.submit(ask())));
  const open = results.filter((result) => result?.outcome === 'admitted');
  expect(open).toHaveLength(4);
  const refused = { outcome: 'too-many-open', slotId: 'key', most: 4 };
  expect(results.filter((result) => result?.outcome !== 'admitted')).toEqual(Array.from({ length: 26 }, () => refused));
  // settled, and its reservation not yet given back
  const [first] = open;
  if (first?.outcome !== 'admitted') throw new Error('nothing was admitted');
  await createSettlements(scratch.database, clock).submit(
    toRecord({ admission: first, usage: usage(1, 1), atMs: clock.now() }),
  );
  expect((await meter.admit(ask())).outcome).toBe('admitted');
  expect(await meter.admit(ask())).toEqual(refused);
  expect((await meter.admit({ ...ask(), slots: [{ id: 'other', most: 1 }] })).outcome).toBe('admitted');
  await letReservationsEnd();
  await sweepReservations(scratch.database);
  expect((await meter.admit(ask())).outcome).toBe('admitted');
  for (const door of doors) await door.close();
});

test('where nothing is left to pay a late settlement with, it is written off whole', async () => {
  const customer = await newCustomer(70n);
  const admission = await admitted(customer.keyHash, 10, 20);
  await letReservationsEnd();
  await sweepReservations(scratch.database);
  const other = await admitted(customer.keyHash, 10, 20);
  await meter.settle({ admission: other, usage: usage(10, 20), atMs: clock.now() });
  const late = await meter.settle({ admission, usage: usage(10, 20), atMs: clock.now() });
  const entries = await ledgerEntriesOf(books, late.eventId);
  expect(entries.map(({ account, amountMicros }) => [account, amountMicros])).toEqual([
    ['revenue', -70n],
    ['write-offs', 70n],
  ]);
});

test('a settlement the database could not take waits in a file and is booked once', async () => {
  const customer = await newCustomer(100n);
  const admission = await admitted(customer.keyHash, 10, 10);
  const record = toRecord({ admission, usage: usage(10, 10), atMs: clock.now() });
  const unsettledDirectory = path.join(scratch.directory, 'unsettled');
  await writeFile(path.join(unsettledDirectory, `${admission.requestId}.json`), JSON.stringify(record));
  await writeFile(path.join(unsettledDirectory, 'req_00.json'), '{"torn":');
  const problems: unknown[] = [];
  const next = await createMeter({ ...books, unsettledDirectory, onProblem: (error) => problems.push(error) });
  await next.close();
  expect(await readdir(unsettledDirectory)).toEqual(['req_00.json']);
  expect(problems).toMatchObject([{ code: 'unsettled-usage' }]);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(60n);
});

test('one impossible settlement does not take its batch with it', async () => {
  const customer = await newCustomer(1000n);
  const admissions = await Promise.all([1, 2, 3].map(() => admitted(customer.keyHash, 10, 10)));
  const outcomes = await Promise.allSettled(
    admissions.map((admission, index) =>
      meter.settle({
        admission: index === 1 ? { ...admission, customerId: 'cus_nobody' } : admission,
        usage: usage(10, 10),
        atMs: clock.now(),
      }),
    ),
  );
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('the journal refuses what does not balance, changes and deletions, whoever writes', async () => {
  const { sql } = scratch.database;
  const accounts = await sql<
    { id: bigint }[]
  >`select id from moat.accounts where kind in ('cash', 'revenue') and currency = 'USD' order by id`;
  const [first, second] = accounts.map((account) => account.id);
  if (first === undefined || second === undefined) throw new Error('no accounts');
  const post = (legs: [bigint, bigint][], legCount = legs.length) =>
    sql.begin(async (step) => {
      const [row] =
        await step`insert into moat.journal_transactions (kind, leg_count, created_at) values ('grant', ${legCount}, now()) returning id`;
      const rows = legs.map(([account, amount], index) => ({
        transaction_id: row?.['id'],
        leg: index + 1,
        account_id: account,
        amount_micros: amount,
      }));
      await step`insert into moat.journal_entries ${step(rows)}`;
    });
  await expect(
    post([
      [first, 5n],
      [second, -4n],
    ]),
  ).rejects.toThrow('does not balance');
  await expect(
    post(
      [
        [first, 5n],
        [second, -5n],
      ],
      3,
    ),
  ).rejects.toThrow('does not balance');
  await expect(sql`update moat.journal_entries set amount_micros = 1`).rejects.toThrow('append-only');
  await expect(sql`delete from moat.journal_transactions`).rejects.toThrow('append-only');
  await expect(sql`truncate moat.usage_events`).rejects.toThrow('append-only');
  const euro = await createCustomer(books, { name: 'euro', currency: 'EUR' });
  const [account] = await sql<{ id: bigint }[]>`select id from moat.accounts where customer_id = ${euro.id}`;
  await expect(
    post([
      [first, 5n],
      [account?.id ?? 0n, -5n],
    ]),
  ).rejects.toThrow('does not balance');
});

test('a payment with the same reference books once, and never as something else', async () => {
  const customer = await newCustomer(0n);
  const credit = { customerId: customer.id, amountMicros: 500n, kind: 'payment', reference: 'invoice 1' } as const;
  await Promise.all([grantCredit(books, credit), grantCredit(books, credit)]);
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(500n);
  await expect(grantCredit(books, { ...credit, amountMicros: 600n })).rejects.toMatchObject({
    code: 'reference-taken',
  });
  await expect(grantCredit(books, { ...credit, amountMicros: 0n })).rejects.toMatchObject({ code: 'bad-amount' });
});

test('whatever the order of grants, requests, aborts, repeats and sweeps, the books agree', async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('grant' as const), amount: fc.bigInt({ min: 1n, max: 300n }) }),
    fc.record({
      type: fc.constant('admit' as const),
      input: fc.integer({ min: 1, max: 30 }),
      max: fc.integer({ min: 1, max: 60 }),
    }),
    fc.record({
      type: fc.constant('settle' as const),
      share: fc.integer({ min: 0, max: 100 }),
      times: fc.integer({ min: 1, max: 2 }),
    }),
    fc.record({ type: fc.constant('crash' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const customer = await newCustomer(0n);
      let expected = 0n;
      const open: Admission[] = [];
      for (const step of steps) {
        if (step.type === 'grant') {
          expected += step.amount;
          await grantCredit(books, { customerId: customer.id, amountMicros: step.amount });
        } else if (step.type === 'admit') {
          const result = await meter.admit(request(customer.keyHash, step.input, step.max));
          if (result.outcome === 'admitted') open.push(result);
        } else if (step.type === 'crash') {
          await letReservationsEnd();
          await sweepReservations(scratch.database);
          open.length = 0;
        } else {
          const admission = open.shift();
          if (admission === undefined) continue;
          const used = usage(admission.inputTokens, Math.floor((admission.maxTokens * step.share) / 100));
          expected -= BigInt(used.inputTokens + 3 * used.outputTokens);
          const again = Array.from({ length: step.times }, () =>
            meter.settle({ admission, usage: used, atMs: clock.now() }),
          );
          await Promise.all(again);
        }
        const { balanceMicros, reservedMicros } = await balanceOf(books, customer.id);
        expect(balanceMicros).toBe(expected);
        expect(reservedMicros).toBe(open.reduce((sum, admission) => sum + admission.reservedMicros, 0n));
        expect(balanceMicros - reservedMicros).toBeGreaterThanOrEqual(0n);
      }
    }),
    { numRuns: 25 },
  );
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [], journalSumMicros: 0n });
});

test('the audit finds what was tampered with', async () => {
  const { sql } = scratch.database;
  const customer = await newCustomer(100n);
  await sql`update moat.accounts set balance_micros = -99 where customer_id = ${customer.id} and kind = 'prepaid'`;
  const report = await audit(books);
  expect(report.balanced).toBe(false);
  expect(report.findings).toEqual([expect.stringMatching(/shows -99, its entries sum to -100/)]);
  await sql`update moat.accounts set balance_micros = -100 where customer_id = ${customer.id} and kind = 'prepaid'`;
});
