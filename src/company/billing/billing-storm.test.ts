import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { useModel } from '../../../tests/use-model.js';
import { manualClock } from '../../base/clock.js';
import { Rng } from '../../base/rng.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { keepBilling } from './billing-upkeep.js';
import { correctUsage, recordLateUsage } from './corrections.js';
import { type Books, createCustomer } from './customers.js';
import { listInvoices } from './invoices/invoice.js';
import { parseSeller } from './invoices/parties.js';
import { creditInvoice, payInvoice, voidInvoice } from './invoices/settle-invoice.js';
import { createKey } from './keys.js';
import { grantCredit } from './ledger.js';
import { type Meter, createMeter } from './meter.js';
import { publishPlan } from './plans.js';
import { parsePriceBook } from './price-book.js';
import { publishPriceBook } from './publish-prices.js';
import { changePlan, subscribe } from './subscriptions.js';

const DAY = 86_400_000;
const clock = manualClock(Date.UTC(2030, 0, 1));
let scratch: ScratchProject;
let books: Books;
let meter: Meter;

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  const input = { kind: 'volume', tiers: [{ upTo: 5000, price: '3.00' }, { price: '1.00' }] };
  const output = { kind: 'graduated', tiers: [{ upTo: 900, price: '9.00' }, { price: '7.00' }], free: 50 };
  await publishPriceBook(
    books,
    parsePriceBook({ name: 'list', currency: 'USD', models: { poet: { input, output } } }, 'book'),
  );
  const plan = {
    name: 'p',
    currency: 'USD',
    fee: '5.00',
    credit: '0.02',
    minimum: '0.50',
    beyondCredit: { overage: '50.00' },
    suspendAfterDays: 300,
  };
  await publishPlan(books, plan, 'p');
  await publishPlan(books, { ...plan, name: 'q', fee: '7.00', seat: '1.00' }, 'q');
});
afterAll(async () => {
  await meter.close();
  await scratch.close();
});

/** What may be refused in a storm, because somebody else was faster. */
const EXPECTED = new Set([
  'invoice-closed',
  'billing-due',
  'bad-amount',
  'corrected-already',
  'insufficient-credit',
  'unknown-event',
]);

test('everything at once for four months: nobody waits for ever, nothing is lost, the books agree', async () => {
  const rng = Rng.fromSeed(7);
  const pick = (count: number): number => (count === 0 ? 0 : rng.below(count));
  const problems: unknown[] = [];
  const people = await Promise.all(
    Array.from({ length: 6 }, async (_, index) => {
      const { id } = await createCustomer(books, { name: `customer ${index}` });
      const { secretKey } = await createKey(books, { customerId: id });
      await subscribe(books, { customerId: id, plan: 'p' });
      return { id, keyHash: hashOfKey(secretKey), events: new Array<string>() };
    }),
  );
  const upkeep = () =>
    keepBilling(books, {
      seller: parseSeller({ name: 's', taxPercent: '19' }, 's'),
      onProblem: (error) => problems.push(error),
    });
  const counts = () => ({ inputTokens: pick(900), outputTokens: pick(90), cachedInputTokens: 0, reasoningTokens: 0 });
  let references = 0;
  const use = async (person: (typeof people)[number]): Promise<void> => {
    const { inputTokens, outputTokens } = counts();
    person.events.push(await useModel(meter, clock, { keyHash: person.keyHash, inputTokens, outputTokens }));
  };
  const act = async (): Promise<unknown> => {
    const person = people[pick(people.length)];
    if (person === undefined) return undefined;
    const [invoice] = await listInvoices(books, { customerId: person.id });
    const number = invoice?.number ?? '';
    const event = person.events[pick(person.events.length)] ?? '';
    switch (pick(10)) {
      case 0:
        return upkeep();
      case 1:
        return payInvoice(books, number, { fromCredit: pick(2) === 0 });
      case 2:
        return creditInvoice(books, { invoice: number, amountMicros: BigInt(1 + pick(900_000)), reason: 'storm' });
      case 3:
        return correctUsage(books, event, counts(), 'storm');
      case 4:
        return grantCredit(books, {
          customerId: person.id,
          amountMicros: BigInt(1 + pick(9000)),
          expiresAt: new Date(clock.now() + DAY * (1 + pick(20))),
        });
      case 5:
        return recordLateUsage(books, {
          customerId: person.id,
          model: 'poet',
          time: new Date(Math.max(Date.UTC(2030, 0, 1), clock.now() - pick(40) * DAY)),
          reference: `r${references++}`,
          ...counts(),
        });
      case 6:
        return pick(4) === 0
          ? voidInvoice(books, number)
          : changePlan(books, {
              customerId: person.id,
              plan: pick(2) === 0 ? 'p' : 'q',
              seats: pick(3),
              when: pick(2) === 0 ? 'now' : 'period-end',
            });
      default:
        return use(person);
    }
  };
  await upkeep();
  for (let round = 0; round < 19; round++) {
    const results = await Promise.allSettled(Array.from({ length: 14 }, act));
    for (const result of results)
      if (result.status === 'rejected' && !EXPECTED.has(result.reason.code)) problems.push(result.reason);
    clock.advance(5 * DAY);
    await Promise.all([upkeep(), upkeep(), upkeep(), ...people.map(use)]).catch((error: unknown) =>
      problems.push(error),
    );
  }
  await upkeep();
  expect(problems).toEqual([]);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
  expect((await listInvoices(books)).length).toBeGreaterThanOrEqual(6 * 4);
}, 60_000);
