import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../src/base/clock.js';
import { audit } from '../src/company/billing/audit.js';
import { createCustomer, createKey } from '../src/company/billing/customers.js';
import { grantCredit } from '../src/company/billing/ledger.js';
import { setPrice } from '../src/company/billing/prices.js';
import { startGateway } from '../src/company/gateway/start-gateway.js';
import { openDatabase } from '../src/company/store/database.js';
import { scriptedEngine } from '../tests/scripted-engine.js';

/**
 * What the gateway adds to an answer with everything on: key check, price, reservation, and a settlement that is on
 * disk before the answer ends. 16 connections ask without a pause, first a bare `node:http` server that sends the same
 * bytes, then the gateway over a mock engine, in turns; load generator, both servers and PostgreSQL share the machine.
 */

const CONNECTIONS = 16;
const WARM_UP_MS = 1000;
const TURN_MS = 1500;
const TURNS = 3;

export interface GatewayOverhead {
  /** Median latency added to the bare mock's, at 16 connections. */
  p50Ms: number;
  p99Ms: number;
  requestsPerSecond: number;
  bareRequestsPerSecond: number;
}

/** Takes about 12 seconds. @throws when an answer is not 200, or the books do not agree afterwards */
export async function gatewayOverhead(): Promise<GatewayOverhead> {
  const projectDirectory = await mkdtemp(path.join(tmpdir(), 'moat-bench-'));
  // Root's database server runs as a system user, who has to get in.
  await chmod(projectDirectory, 0o755);
  const database = await openDatabase({ projectDirectory });
  const books = { database, clock: systemClock };
  const engine = scriptedEngine({ modelId: 'mock' });
  const gateway = await startGateway({ database, projectDirectory, port: 0, engines: new Map([['mock', engine]]) });
  const customer = await createCustomer(books, { name: 'bench' });
  const { secretKey } = await createKey(books, { customerId: customer.id });
  await setPrice(books, {
    model: 'mock',
    inputMicrosPerMillionTokens: 100_000n,
    outputMicrosPerMillionTokens: 400_000n,
  });
  await grantCredit(books, { customerId: customer.id, amountMicros: 1_000_000_000n });
  const example = JSON.stringify({
    id: 'cmpl-0',
    choices: [{ index: 0, text: '0 1 2 3 4 5 6 7 ' }],
    usage: { total_tokens: 21 },
  });
  const bare = createServer((incoming, outgoing) => {
    incoming.resume().once('end', () => {
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.end(example);
    });
  });
  await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
  const barePort = (bare.address() as AddressInfo).port;
  try {
    await measure(gateway.port, secretKey, WARM_UP_MS);
    await measure(barePort, secretKey, WARM_UP_MS / 2);
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      theirs.push(...(await measure(barePort, secretKey, TURN_MS)));
      ours.push(...(await measure(gateway.port, secretKey, TURN_MS)));
    }
    const report = await audit(books);
    if (!report.balanced) throw new Error(`the books do not agree: ${report.findings.join('; ')}`);
    return {
      p50Ms: quantile(ours, 0.5) - quantile(theirs, 0.5),
      p99Ms: quantile(ours, 0.99) - quantile(theirs, 0.99),
      requestsPerSecond: (ours.length * 1000) / (TURNS * TURN_MS),
      bareRequestsPerSecond: (theirs.length * 1000) / (TURNS * TURN_MS),
    };
  } finally {
    bare.close();
    await gateway.close();
    await database.close();
    await rm(projectDirectory, { recursive: true, force: true });
  }
}

const BODY = JSON.stringify({ model: 'mock', prompt: 'Once upon a ', max_tokens: 8 });

/** Latencies in milliseconds of every answer that 16 connections got within `durationMs`. */
async function measure(port: number, key: string, durationMs: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const latencies: number[] = [];
  const end = performance.now() + durationMs;
  const connection = async (): Promise<void> => {
    while (performance.now() < end) {
      const started = performance.now();
      await ask(agent, port, key);
      latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
  return latencies;
}

function ask(agent: Agent, port: number, key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'content-length': BODY.length,
    };
    const outgoing = request(
      { agent, port, host: '127.0.0.1', method: 'POST', path: '/v1/completions', headers },
      (incoming) => {
        incoming.resume();
        if (incoming.statusCode !== 200) reject(new Error(`the gateway answered ${incoming.statusCode}`));
        incoming.once('end', resolve);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(BODY);
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
