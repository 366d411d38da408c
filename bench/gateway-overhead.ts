/**
 * What the gateway adds to an answer with everything on: key check, price, reservation, and a settlement that is on
 * disk before the answer ends. A bare `node:http` server that asks the same mock engine is the other side, in turns.
 * Load generator, both servers and PostgreSQL share the machine.
 *
 * - paced: 16 connections, 250 requests a second in all at random times (Poisson, the same times for both sides), an
 *   engine that takes about 20 ms: answers overlap as real ones do and nothing queues. This is the added latency.
 * - saturated: 16 connections ask without a pause and the engine takes no time: the highest throughput. By Little's law
 *   latency is then 16 ÷ throughput, whatever the gateway does, so only the throughput is reported.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
import { type Child, startChild } from './child.js';
import type { LoadRequest } from './gateway-load.js';
import { median, quantile } from './result.js';

const CONNECTIONS = 16;
const REQUESTS_PER_SECOND = 250;
/** 8 tokens of 2 ms and what timers add. */
const TOKEN_MS = 2;
const WARM_UP_MS = 1500;
const TURN_MS = 2000;
export const TURNS = 7;

export interface GatewayOverhead {
  /** Of the paced rounds' differences between the gateway's quantile and the bare server's, the median. */
  readonly addedP50Ms: number;
  readonly addedP99Ms: number;
  /** Saturated. */
  readonly requestsPerSecond: number;
  readonly bareRequestsPerSecond: number;
}

/** Takes about a minute. @throws when an answer is not 200, or the books do not agree afterwards */
export async function gatewayOverhead(): Promise<GatewayOverhead> {
  const client: LoadGenerator = startChild(new URL('./gateway-load.ts', import.meta.url));
  try {
    const paced = await compareServers(client, TOKEN_MS, REQUESTS_PER_SECOND);
    const saturated = await compareServers(client, 0, undefined);
    const rate = (turns: readonly number[][]): number =>
      median(turns.map((latenciesMs) => (latenciesMs.length * 1000) / TURN_MS));
    return {
      addedP50Ms: addedMs(paced, 0.5),
      addedP99Ms: addedMs(paced, 0.99),
      requestsPerSecond: rate(saturated.gateway),
      bareRequestsPerSecond: rate(saturated.bare),
    };
  } finally {
    client.close();
  }
}

/** Latencies in milliseconds, a list a turn. */
interface Turns {
  readonly gateway: number[][];
  readonly bare: number[][];
}

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

function addedMs({ gateway, bare }: Turns, share: number): number {
  return median(gateway.map((ours, turn) => quantile(sorted(ours), share) - quantile(sorted(bare[turn] ?? []), share)));
}

type LoadGenerator = Child<LoadRequest, number[]>;

async function compareServers(
  client: LoadGenerator,
  tokenMs: number,
  requestsPerSecond: number | undefined,
): Promise<Turns> {
  const engine = scriptedEngine({ modelId: 'mock', tokenMs });
  const gateway = await openGateway(engine);
  const bare = await openBare(engine);
  const measure = (port: number, durationMs: number, seed: number): Promise<number[]> =>
    client.ask({
      port,
      key: gateway.secretKey,
      connections: CONNECTIONS,
      durationMs,
      seed,
      ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    });
  const turns: Turns = { gateway: [], bare: [] };
  try {
    await measure(gateway.port, WARM_UP_MS, 0);
    await measure(bare.port, WARM_UP_MS / 2, 0);
    for (let turn = 1; turn <= TURNS; turn++) {
      turns.bare.push(await measure(bare.port, TURN_MS, turn));
      turns.gateway.push(await measure(gateway.port, TURN_MS, turn));
    }
    await gateway.checkBooks();
  } finally {
    bare.close();
    await gateway.close();
  }
  return turns;
}

interface BenchGateway {
  readonly port: number;
  readonly secretKey: string;
  checkBooks(): Promise<void>;
  close(): Promise<void>;
}

async function openGateway(engine: TextEngine): Promise<BenchGateway> {
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
    // as `moat serve` does where the database is its own
    reserveAheadAfter: 8,
  });
  const customer = await createCustomer(books, { name: 'bench' });
  const { secretKey } = await createKey(books, { customerId: customer.id });
  await setPrice(books, {
    model: 'mock',
    inputMicrosPerMillionTokens: 100_000n,
    outputMicrosPerMillionTokens: 400_000n,
  });
  await grantCredit(books, { customerId: customer.id, amountMicros: 1_000_000_000n });
  return {
    port: gateway.port,
    secretKey,
    async checkBooks() {
      const report = await audit(books);
      if (!report.balanced) throw new Error(`the books do not agree: ${report.findings.join('; ')}`);
    },
    async close() {
      await gateway.close();
      await database.close();
      await rm(projectDirectory, { recursive: true, force: true });
    },
  };
}

/** The same engine behind nothing: no key, no price, no books. */
async function openBare(engine: TextEngine): Promise<{ port: number; close(): void }> {
  const promptTokens = engine.encode('Once upon a ');
  const answer = async (): Promise<string> => {
    let text = '';
    for await (const event of engine.generate({ promptTokens, maxTokens: 8 })) {
      if (event.type === 'text') text += event.text;
    }
    return JSON.stringify({ id: 'cmpl-0', choices: [{ index: 0, text }], usage: { total_tokens: 20 } });
  };
  const server = createServer((incoming, outgoing) => {
    incoming.resume().once('end', () => {
      const respond = async (): Promise<void> => {
        const body = await answer();
        outgoing.writeHead(200, { 'content-type': 'application/json' });
        outgoing.end(body);
      };
      void respond();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
