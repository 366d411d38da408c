/**
 * A gateway over real books with something on every page of the studio: users, customers with keys, limits, credit and usage, a run, a
 * model elsewhere, prompts. Only the engines are scripted.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/base/clock.js';
import { renderReportPdf } from '../../src/cli/business-report/pdf/report-pdf.js';
import type { RunEvent } from '../../src/base/run-events.js';
import { auditAs } from '../../src/company/access/audit-log.js';
import { createPromptLog } from '../../src/company/access/prompt-log.js';
import { createUser } from '../../src/company/access/users.js';
import { runBilling } from '../../src/company/billing/billing-run.js';
import { setBudget } from '../../src/company/billing/budgets.js';
import { type Books, createCustomer } from '../../src/company/billing/customers.js';
import { parseSeller } from '../../src/company/billing/invoices/parties.js';
import { setRateLimit } from '../../src/company/billing/key-terms.js';
import { createKey, revokeKey } from '../../src/company/billing/keys.js';
import { grantCredit } from '../../src/company/billing/ledger.js';
import { publishPlan } from '../../src/company/billing/plans.js';
import { setPrice } from '../../src/company/billing/prices.js';
import { subscribe } from '../../src/company/billing/subscriptions.js';
import { payTopUp } from '../../src/company/billing/top-ups/pay-top-up.js';
import { requestTopUp } from '../../src/company/billing/top-ups/top-up.js';
import { type BusinessPicture, businessPicture } from '../../src/company/business/picture.js';
import type { Backend } from '../../src/company/gateway/backend.js';
import { localBackend } from '../../src/company/gateway/local-backend.js';
import { type Gateway, startGateway } from '../../src/company/gateway/start-gateway.js';
import type { TrainingControl } from '../../src/company/gateway/training-control.js';
import { checkpointDirectory } from '../../src/lab/checkpoint/run-checkpoints.js';
import { takeClaim } from '../../src/lab/distributed/run-claim.js';
import { writePlace } from '../../src/lab/distributed/run-place.js';
import { accessTo, addUser, quickPasswords } from '../back-office.js';
import { exampleFacts } from '../business-example.js';
import { openScratchProject } from '../scratch-database.js';
import { post } from '../scratch-gateway.js';
import { scriptedEngine } from '../scripted-engine.js';
import { seedLab } from './seeded-lab.js';
import { exampleScript } from './example-script.js';

export interface SeededGateway {
  /** With a slash at its end. */
  readonly url: string;
  readonly gateway: Gateway;
  readonly books: Books;
  /** A customer with a bit of everything. */
  readonly customerId: string;
  /** One of his keys, without limits. */
  readonly secretKey: string;
  /** What went wrong inside. */
  readonly problems: readonly unknown[];
  close(): Promise<void>;
}

const seller = parseSeller({ name: 'Acme GmbH', taxPercent: '19', payment: ['IBAN 1234'] }, 'company.json');

export async function openSeededGateway(): Promise<SeededGateway> {
  const scratch = await openScratchProject();
  const books: Books = { database: scratch.database, clock: systemClock };
  await setPrice(books, {
    model: 'acme-support',
    inputMicrosPerMillionTokens: 1_000_000n,
    outputMicrosPerMillionTokens: 8_000_000n,
  });
  await addUser(scratch.database, 'ann@acme.example', 'owner');
  await addUser(scratch.database, 'fay@acme.example', 'finance');
  const audit = auditAs('ann@acme.example', systemClock);
  await createUser(accessTo(scratch.database), { email: 'new@acme.example', role: 'viewer' }, audit);
  const problems: unknown[] = [];
  const gateway = await startGateway({
    database: scratch.database,
    engines: new Map([['acme-support', scriptedEngine({ modelId: 'acme-support', contextLength: 4096 })]]),
    upstreams: new Map([['acme-large', farBackend()]]),
    sources: new Map([['acme-support', { run: 'support-v1', checkpoint: 'step-00000120' }]]),
    ownName: 'acme-support',
    openModel: async (modelId) => ({ engine: scriptedEngine({ modelId, contextLength: 4096 }), facts: {} }),
    projectDirectory: scratch.directory,
    projectName: 'acme-support',
    studioDirectory: fileURLToPath(new URL('../../dist/studio', import.meta.url)),
    port: 0,
    timeZone: 'UTC',
    backOffice: {
      passwords: quickPasswords,
      promptLog: createPromptLog({ database: scratch.database, clock: systemClock, retentionDays: 30 }),
    },
    costFacts: async () => ({ hourlyMicros: 100_000n, trainingRuns: [{ name: 'support-v2', elapsedSeconds: 4000 }] }),
    businessOf: async () => lastMonth(),
    businessPdf: (_, { language }) => reportPdf(language),
    seller,
    training: idleTraining,
    onProblem: (error) => problems.push(error),
  });
  await seedRuns(scratch.directory);
  await seedLab(scratch.directory);
  const { customerId, secretKey } = await seedCustomers(books, gateway.url);
  return {
    url: `${gateway.url}/`,
    gateway,
    books,
    customerId,
    secretKey,
    problems,
    async close() {
      await gateway.close();
      await scratch.close();
    },
  };
}

/** The example's November, over the thirty days up to now, so that what is asked of this gateway lies in it. */
function lastMonth(): BusinessPicture {
  const endsAt = new Date(systemClock.now());
  const startsAt = new Date(endsAt.getTime() - 30 * 24 * 3_600_000);
  return businessPicture({ ...exampleFacts(), project: 'acme-support', now: endsAt, startsAt, endsAt });
}

async function reportPdf(language: 'en' | 'zh'): Promise<Uint8Array> {
  const books = { balanced: true, transactionCount: 12 };
  const facts = { picture: lastMonth(), market: null, scenario: null, buildOrBuy: null, books, timeZone: 'UTC' };
  return renderReportPdf(facts, language === 'zh' ? 'zh-CN' : 'en');
}

function farBackend(): Backend {
  const target = { inFlight: 0, consecutiveFailures: 0, lastFailure: null, restsMs: 0, unfit: null };
  return {
    ...localBackend(scriptedEngine({ modelId: 'acme-large' })),
    health: () => ({
      isAvailable: true,
      targets: [
        { ...target, target: 'north', state: 'closed', inFlight: 2 },
        { ...target, target: 'west', state: 'closed', unfit: 'it serves "llama3", not "acme-large"' },
        { ...target, target: 'south', state: 'open', consecutiveFailures: 5, lastFailure: 'timeout', restsMs: 9000 },
      ],
    }),
  };
}

/** The forms of training, and nothing behind them. */
const idleTraining: TrainingControl = {
  values: async (run) => ({
    name: 'run-1',
    training: null,
    checkpoints: [],
    settings: {
      ...(run === undefined ? { 'model.depth': 6 } : {}),
      'train.minutes': 10,
      'train.learningRate': 0.02,
      'train.batchSize': 8,
      'train.seed': 1,
      'train.gradientAccumulation': 1,
      'train.sequenceLength': 256,
      'train.optimizer': 'muon',
      'train.schedule': 'wsd',
      'train.sampleTokens': 32,
    },
  }),
  freeName: async () => 'run-1',
  start: async () => undefined,
  resume: async () => undefined,
  stop: async () => undefined,
};

async function seedRuns(directory: string): Promise<void> {
  const { events } = exampleScript();
  const slower = events.map((event) => ('loss' in event ? { ...event, loss: (event.loss ?? 0) * 1.2 } : event));
  for (const [name, of] of [
    ['support-v1', [...slower.slice(0, 120), stoppedAt(112)]],
    ['support-v2', events],
  ] as const) {
    const run = path.join(directory, 'runs', name);
    await mkdir(run, { recursive: true });
    await writeFile(path.join(run, 'events.jsonl'), of.map((event) => `${JSON.stringify(event)}\n`).join(''));
  }
  const there = { on: 'ray://10.0.0.5:8265', workers: 8, workerCpus: null, storage: '/mnt/team/runs', install: false };
  await writePlace(path.join(directory, 'runs', 'support-v1'), there);
  await writePlace(path.join(directory, 'runs', 'support-v2'), there);
  const claim = { address: there.on, job: 'moat-support-v2-1', location: '/mnt/team/runs/support-v2', eventsBefore: 0 };
  const submitter = { host: 'another', pid: 1 };
  await takeClaim(path.join(directory, 'runs', 'support-v2'), { ...claim, submitter }, undefined);
  for (const step of [80, 112])
    await mkdir(checkpointDirectory(path.join(directory, 'runs', 'support-v1'), step), { recursive: true });
}

function stoppedAt(step: number): RunEvent {
  const time = '2026-03-02T08:31:00Z';
  return {
    type: 'done',
    time,
    step,
    reason: 'stopped',
    loss: 3.1,
    elapsedSeconds: step * 0.42,
    tokensSeen: step * 2048,
  };
}

async function seedCustomers(books: Books, url: string): Promise<{ customerId: string; secretKey: string }> {
  const audit = auditAs('ann@acme.example', systemClock);
  const { id: customerId } = await createCustomer(books, { name: 'Northwind' }, audit);
  const credit = { customerId, kind: 'payment', amountMicros: 50_000_000n, reference: 'INV-2041' } as const;
  await grantCredit(books, credit, audit);
  const expiresAt = new Date(systemClock.now() + 60 * 24 * 3_600_000);
  await grantCredit(books, { customerId, kind: 'grant', amountMicros: 5_000_000n, expiresAt }, audit);
  const { secretKey, key } = await createKey(books, { customerId, name: 'web shop' }, audit);
  await createKey(books, { customerId, name: 'partner', scopes: ['chat'], models: ['acme-support'], expiresAt }, audit);
  const old = await createKey(books, { customerId, name: 'old laptop' }, audit);
  await revokeKey(books, old.key.id, { customerId, audit });
  const terms = { name: 'pro', currency: 'USD', fee: '20.00', seat: '5.00', credit: '15.00' };
  await publishPlan(books, terms, 'plan.json', audit);
  await subscribe(books, { customerId, plan: 'pro', seats: 3 }, audit);
  await runBilling(books, { seller });
  const paid = await requestTopUp(books, { customerId, amountMicros: 100_000_000n, seller }, audit);
  await payTopUp(books, paid.number, { audit });
  await requestTopUp(books, { customerId, amountMicros: 25_000_000n, seller }, audit);
  await setBudget(books, { customerId, span: 'month', timeZone: 'UTC', limitMicros: 50_000n }, audit);
  await setBudget(books, { customerId, keyId: key.id, span: 'day', timeZone: 'UTC', limitMicros: 20_000n }, audit);
  await setRateLimit(books, { customerId, requestsPerMinute: 600, tokensPerMinute: 200_000 }, audit);
  await setRateLimit(books, { customerId, keyId: key.id, model: 'acme-support', concurrentRequests: 4 }, audit);
  for (const name of ['Harbor Café', 'Lindqvist & Co', 'Orchard Books']) {
    const { id } = await createCustomer(books, { name }, audit);
    await createKey(books, { customerId: id }, audit);
    if (name !== 'Orchard Books') await grantCredit(books, { customerId: id, amountMicros: 12_000_000n }, audit);
  }
  for (let length = 20; length < 260; length += 20) {
    const body = { model: 'acme-support', prompt: 'x'.repeat(length), max_tokens: length };
    await (await post(`${url}/v1/completions`, secretKey, body)).text();
  }
  return { customerId, secretKey };
}
