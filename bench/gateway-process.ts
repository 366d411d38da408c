/**
 * Our gateway in a process of its own, with everything on: keys, rate limits, reservation, durable settlement, over an embedded PostgreSQL. Its one
 * model runs elsewhere.
 * The peers stand in processes of their own too.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../src/base/clock.js';
import { audit } from '../src/company/billing/audit.js';
import { type Books, createCustomer } from '../src/company/billing/customers.js';
import { createKey } from '../src/company/billing/keys.js';
import { grantCredit } from '../src/company/billing/ledger.js';
import { setPrice } from '../src/company/billing/prices.js';
import { startGateway } from '../src/company/gateway/start-gateway.js';
import { openDatabase } from '../src/company/store/database.js';
import { type UpstreamBackend, createUpstreamBackend } from '../src/company/gateway/upstream/upstream-backend.js';
import { readUpstreams } from '../src/company/gateway/upstream/upstream-file.js';
import { Rng } from '../src/base/rng.js';
import { answerQuestions } from './child.js';

export type GatewayQuestion =
  /**
   * @param upstreamPort the model runs elsewhere: at the engine that listens there
   * @param beside a gateway whose database and customer this one shares
   */
  | { readonly do: 'start'; readonly upstreamPort: number; readonly beside?: GatewayAnswer }
  | { readonly do: 'cpu' }
  /** Ends the gateway. @throws when the books do not agree */
  | { readonly do: 'close' };

export interface GatewayAnswer {
  readonly port: number;
  readonly key: string;
  readonly databaseUrl: string;
  /** Of the process since it began. */
  readonly cpuMs: number;
}

interface Running extends Omit<GatewayAnswer, 'cpuMs'> {
  close(): Promise<void>;
}

async function start(upstreamPort: number, beside: GatewayAnswer | undefined): Promise<Running> {
  const projectDirectory = await mkdtemp(path.join(tmpdir(), 'moat-bench-'));
  // Root's database server runs as a system user, who has to get in.
  await chmod(projectDirectory, 0o755);
  const database = await openDatabase({ projectDirectory, databaseUrl: beside?.databaseUrl });
  const books = { database, clock: systemClock };
  const upstream = await openUpstream(projectDirectory, upstreamPort);
  const gateway = await startGateway({
    database,
    projectDirectory,
    port: 0,
    engines: new Map(),
    upstreams: new Map([['mock', upstream]]),
    rateLimits: { requestsPerMinute: 1e9, tokensPerMinute: 1e12 },
    // as `moat serve` does where the database is its own
    reserveAheadAfter: beside === undefined ? 8 : undefined,
    onProblem: (error) => console.error(error),
  });
  const key = beside?.key ?? (await sellTo(books));
  return {
    port: gateway.port,
    key,
    databaseUrl: database.url,
    async close() {
      await gateway.close();
      upstream.close();
      const report = await audit(books);
      await database.close();
      await rm(projectDirectory, { recursive: true, force: true });
      if (!report.balanced) throw new Error(`the books do not agree: ${report.findings.join('; ')}`);
    },
  };
}

/** @returns the key of a customer with plenty of credit */
async function sellTo(books: Books): Promise<string> {
  const customer = await createCustomer(books, { name: 'bench' });
  const { secretKey } = await createKey(books, { customerId: customer.id });
  const price = { inputMicrosPerMillionTokens: 100_000n, outputMicrosPerMillionTokens: 400_000n };
  await setPrice(books, { model: 'mock', ...price });
  await grantCredit(books, { customerId: customer.id, amountMicros: 1_000_000_000_000n });
  return secretKey;
}

/** As a founder writes it: a file that names the engine. */
async function openUpstream(directory: string, port: number): Promise<UpstreamBackend> {
  const file = path.join(directory, 'upstreams.json');
  const target = { url: `http://127.0.0.1:${port}/v1`, model: 'mock', allowPrivate: true };
  await writeFile(file, JSON.stringify({ models: { mock: { targets: [target] } } }));
  const [model] = await readUpstreams(file, {});
  if (model === undefined) throw new Error(`${file} names no model`);
  const onProblem = (problem: unknown): void => console.error(problem);
  return createUpstreamBackend({ model, clock: systemClock, rng: Rng.fromSeed(1), onProblem });
}

let running: Running | undefined;

async function answer(question: GatewayQuestion): Promise<GatewayAnswer> {
  if (question.do === 'start') running = await start(question.upstreamPort, question.beside);
  if (running === undefined) throw new Error('the gateway was not started');
  if (question.do === 'close') await running.close();
  const { user, system } = process.cpuUsage();
  const { port, key, databaseUrl } = running;
  return { port, key, databaseUrl, cpuMs: (user + system) / 1000 };
}

answerQuestions(answer);
