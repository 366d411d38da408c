/** Admission and settlement without HTTP, in a process of its own: many calls at once, each admitted and then settled. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../src/base/clock.js';
import { hashOfKey } from '../src/company/billing/api-key.js';
import { audit } from '../src/company/billing/audit.js';
import { type Books, createCustomer } from '../src/company/billing/customers.js';
import { createKey } from '../src/company/billing/keys.js';
import { newId } from '../src/company/billing/identifiers.js';
import { grantCredit } from '../src/company/billing/ledger.js';
import { type Meter, createMeter } from '../src/company/billing/meter.js';
import { setPrice } from '../src/company/billing/prices.js';
import { openDatabase } from '../src/company/store/database.js';
import { answerQuestions } from './child.js';

export type MeteringQuestion =
  | { readonly do: 'start'; readonly databaseUrl?: string | undefined; readonly customers: number }
  | { readonly do: 'run'; readonly customers: number; readonly atOnce: number; readonly durationMs: number }
  /** @throws when the books do not agree */
  | { readonly do: 'close' };

export interface MeteringAnswer {
  readonly settledPerSecond: number;
  /** Of every settlement, from its call until it was on disk. */
  readonly settleMs: readonly number[];
}

interface Running {
  readonly meter: Meter;
  readonly keyHashes: readonly string[];
  close(): Promise<void>;
}

const price = { model: 'mock', inputMicrosPerMillionTokens: 100_000n, outputMicrosPerMillionTokens: 400_000n };
const usage = { inputTokens: 12, cachedTokens: 0, outputTokens: 8, reasoningTokens: 0, computeMs: 1 };

async function start(customers: number, databaseUrl: string | undefined): Promise<Running> {
  const directory = await mkdtemp(path.join(tmpdir(), 'moat-bench-'));
  // Root's database server runs as a system user, who has to get in.
  await chmod(directory, 0o755);
  const database = await openDatabase({ projectDirectory: directory, databaseUrl });
  const books: Books = { database, clock: systemClock };
  await setPrice(books, price);
  const keyHashes: string[] = [];
  for (let i = 0; i < customers; i++) {
    const { id } = await createCustomer(books, { name: `customer ${i}` });
    await grantCredit(books, { customerId: id, amountMicros: 1_000_000_000_000n });
    keyHashes.push(hashOfKey((await createKey(books, { customerId: id })).secretKey));
  }
  const meter = await createMeter({ ...books, unsettledDirectory: path.join(directory, 'unsettled') });
  return {
    meter,
    keyHashes,
    async close() {
      await meter.close();
      const report = await audit(books);
      await database.close();
      await rm(directory, { recursive: true, force: true });
      if (!report.balanced) throw new Error(`the books do not agree: ${report.findings.join('; ')}`);
    },
  };
}

async function measure(
  { meter, keyHashes }: Running,
  question: MeteringQuestion & { do: 'run' },
): Promise<MeteringAnswer> {
  const settleMs: number[] = [];
  const started = performance.now();
  let asked = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() - started < question.durationMs) {
      const now = Date.now();
      const keyHash = keyHashes[asked++ % question.customers] ?? '';
      const admission = await meter.admit({
        requestId: newId('req', now),
        payer: { keyHash },
        scope: 'chat',
        model: price.model,
        inputTokens: 12,
        maxTokens: 8,
      });
      if (admission.outcome !== 'admitted') throw new Error(`a request was refused: ${admission.outcome}`);
      const settling = performance.now();
      await meter.settle({ admission, usage: { ...usage, status: 'finished' }, atMs: now });
      settleMs.push(performance.now() - settling);
    }
  };
  await Promise.all(Array.from({ length: question.atOnce }, caller));
  return { settledPerSecond: (settleMs.length * 1000) / (performance.now() - started), settleMs };
}

let running: Running | undefined;
const NOTHING: MeteringAnswer = { settledPerSecond: 0, settleMs: [] };

async function answer(question: MeteringQuestion): Promise<MeteringAnswer> {
  if (question.do === 'start') {
    running = await start(question.customers, question.databaseUrl);
    return NOTHING;
  }
  if (running === undefined) throw new Error('the meter was not started');
  if (question.do === 'run') return measure(running, question);
  await running.close();
  return NOTHING;
}

answerQuestions(answer);
