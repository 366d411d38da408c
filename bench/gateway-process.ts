/**
 * Our gateway in a process of its own, with everything on: keys, rate limits, reservation, durable settlement, over an embedded PostgreSQL.
 * The peers stand in processes of their own too.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../src/base/clock.js';
import { audit } from '../src/company/billing/audit.js';
import { createCustomer } from '../src/company/billing/customers.js';
import { createKey } from '../src/company/billing/keys.js';
import { grantCredit } from '../src/company/billing/ledger.js';
import { setPrice } from '../src/company/billing/prices.js';
import { startGateway } from '../src/company/gateway/start-gateway.js';
import { openDatabase } from '../src/company/store/database.js';
import type { TextEngine } from '../src/lab/generate/engine.js';
import { scriptedEngine } from '../tests/scripted-engine.js';
import { answerQuestions } from './child.js';
import { stampedEngine } from './stamped-engine.js';

export type GatewayQuestion =
  | { readonly do: 'start'; readonly stampedTokensPerSecond?: number }
  | { readonly do: 'cpu' }
  /** Ends the gateway. @throws when the books do not agree */
  | { readonly do: 'close' };

export interface GatewayAnswer {
  readonly port: number;
  readonly key: string;
  /** Of the process since it began. */
  readonly cpuMs: number;
}

interface Running {
  readonly port: number;
  readonly key: string;
  close(): Promise<void>;
}

async function start(engine: TextEngine): Promise<Running> {
  const projectDirectory = await mkdtemp(path.join(tmpdir(), 'moat-bench-'));
  // Root's database server runs as a system user, who has to get in.
  await chmod(projectDirectory, 0o755);
  const database = await openDatabase({ projectDirectory });
  const books = { database, clock: systemClock };
  const gateway = await startGateway({
    database,
    projectDirectory,
    port: 0,
    engines: new Map([['mock', engine]]),
    rateLimits: { requestsPerMinute: 1e9, tokensPerMinute: 1e12 },
    onProblem: (error) => console.error(error),
  });
  const customer = await createCustomer(books, { name: 'bench' });
  const { secretKey } = await createKey(books, { customerId: customer.id });
  const price = { inputMicrosPerMillionTokens: 100_000n, outputMicrosPerMillionTokens: 400_000n };
  await setPrice(books, { model: 'mock', ...price });
  await grantCredit(books, { customerId: customer.id, amountMicros: 1_000_000_000_000n });
  return {
    port: gateway.port,
    key: secretKey,
    async close() {
      await gateway.close();
      const report = await audit(books);
      await database.close();
      await rm(projectDirectory, { recursive: true, force: true });
      if (!report.balanced) throw new Error(`the books do not agree: ${report.findings.join('; ')}`);
    },
  };
}

let running: Running | undefined;

async function answer(question: GatewayQuestion): Promise<GatewayAnswer> {
  if (question.do === 'start') {
    const { stampedTokensPerSecond: rate } = question;
    running = await start(rate === undefined ? scriptedEngine({ modelId: 'mock' }) : stampedEngine(rate));
  }
  if (running === undefined) throw new Error('the gateway was not started');
  if (question.do === 'close') await running.close();
  const { user, system } = process.cpuUsage();
  return { port: running.port, key: running.key, cpuMs: (user + system) / 1000 };
}

answerQuestions(answer);
