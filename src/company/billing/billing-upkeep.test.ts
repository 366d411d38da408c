import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import { hashOfKey } from './api-key.js';
import { audit } from './audit.js';
import { keepBilling } from './billing-upkeep.js';
import { endBudget, listBudgets, setBudget } from './budgets.js';
import { type Books, createCustomer } from './customers.js';
import { newId } from './identifiers.js';
import { listInvoices } from './invoices/invoice.js';
import { parseSeller } from './invoices/parties.js';
import { payInvoice } from './invoices/settle-invoice.js';
import { createKey } from './keys.js';
import { balanceOf, grantCredit } from './ledger.js';
import { type Meter, createMeter } from './meter.js';
import { publishPlan } from './plans.js';
import { setPrice } from './prices.js';
import { listSpendAlerts } from './spend-alerts.js';
import { subscribe } from './subscriptions.js';

const DAY = 86_400_000;
const clock = manualClock(Date.UTC(2030, 0, 1));
let scratch: ScratchProject;
let books: Books;
let meter: Meter;

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  await setPrice(books, { model: 'poet', inputMicrosPerMillionTokens: 1_000_000n, outputMicrosPerMillionTokens: 0n });
  const plan = {
    name: 'strict',
    currency: 'USD',
    fee: '10.00',
    credit: '10.00',
    alertPercents: [50, 100],
    suspendAfterDays: 7,
    dueDays: 3,
  };
  await publishPlan(books, plan, 'plan');
});
afterAll(async () => {
  await meter.close();
  await scratch.close();
});

const problems: unknown[] = [];
const told: string[] = [];
const keep = () =>
  keepBilling(books, {
    seller: parseSeller({ name: 'Small Models' }, 'test'),
    onProblem: (error) => problems.push(error),
    deliver: async ({ subject, percent }) => {
      if (told.length === 0 && problems.length === 0) throw new Error('the mail server is away');
      told.push(`${subject.split(' ')[0]} ${percent}`);
    },
  });

async function newCustomer(name: string): Promise<{ id: string; keyHash: string; keyId: string }> {
  const { id } = await createCustomer(books, { name });
  const { secretKey, key } = await createKey(books, { customerId: id });
  return { id, keyHash: hashOfKey(secretKey), keyId: key.id };
}
async function use(keyHash: string, inputTokens: number): Promise<string> {
  const admission = await meter.admit({
    requestId: newId('req', clock.now()),
    payer: { keyHash },
    scope: 'chat',
    model: 'poet',
    inputTokens,
    maxTokens: 1,
  });
  if (admission.outcome !== 'admitted') return admission.outcome;
  const usage = {
    inputTokens,
    outputTokens: 0,
    cachedTokens: 0,
    reasoningTokens: 0,
    computeMs: 1,
    status: 'finished' as const,
  };
  await meter.settle({ admission, usage, atMs: clock.now() });
  return 'served';
}

test('credit that expires goes, thresholds are told once, a mail server that is away is asked again', async () => {
  const customer = await newCustomer('Budgeted');
  await grantCredit(books, {
    customerId: customer.id,
    amountMicros: 20_000_000n,
    expiresAt: new Date(clock.now() + DAY),
  });
  await use(customer.keyHash, 1_000_000);
  const id = await setBudget(books, {
    customerId: customer.id,
    keyId: customer.keyId,
    span: 'month',
    timeZone: 'Asia/Shanghai',
    limitMicros: 10_000_000n,
  });
  expect(await listBudgets(books, customer.id)).toMatchObject([
    { id, spentMicros: 1_000_000n, limitMicros: 10_000_000n },
  ]);
  await keep();
  expect(await listSpendAlerts(books)).toEqual([]);
  await use(customer.keyHash, 7_000_000);
  await keep();
  expect(problems.splice(0)).toMatchObject([{ message: 'the mail server is away' }]);
  told.push('');
  await Promise.all([keep(), keep()]);
  await use(customer.keyHash, 2_000_000);
  await keep();
  await keep();
  expect(told).toEqual(['', 'budget 80', 'budget 100']);
  expect(await use(customer.keyHash, 1_000_000)).toBe('over-budget');
  await setBudget(books, {
    customerId: customer.id,
    keyId: customer.keyId,
    span: 'month',
    timeZone: 'Asia/Shanghai',
    limitMicros: 10_500_000n,
  });
  expect(await listBudgets(books)).toMatchObject([{ id, spentMicros: 10_000_000n, limitMicros: 10_500_000n }]);
  await endBudget(books, id);
  await expect(endBudget(books, id)).rejects.toMatchObject({ code: 'unknown-budget' });
  clock.advance(DAY);
  await keep();
  expect((await balanceOf(books, customer.id)).balanceMicros).toBe(0n);
  expect(problems).toEqual([]);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('included credit tells; an overdue invoice suspends, and its payment lifts it', async () => {
  told.length = 0;
  told.push('');
  const customer = await newCustomer('Late payer');
  await subscribe(books, { customerId: customer.id, plan: 'strict' });
  await keep();
  await use(customer.keyHash, 5_000_000);
  await keep();
  expect(told).toEqual(['', 'credit 50']);
  clock.advance(9 * DAY);
  await keep();
  expect(await use(customer.keyHash, 1)).toBe('served');
  clock.advance(DAY);
  await keep();
  expect(await use(customer.keyHash, 1)).toBe('suspended');
  const [invoice] = await listInvoices(books, { customerId: customer.id, state: 'open' });
  await payInvoice(books, invoice?.number ?? '');
  expect(await use(customer.keyHash, 1)).toBe('served');
  clock.advance(21 * DAY);
  await keep();
  await use(customer.keyHash, 10_000_000);
  await keep();
  expect(told).toEqual(['', 'credit 50', 'credit 50', 'credit 100']);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});
