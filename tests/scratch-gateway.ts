/** A gateway on a free port over a database of its own, with customers to ask it. */
import OpenAI from 'openai';
import { systemClock } from '../src/base/clock.js';
import { audit } from '../src/company/billing/audit.js';
import { type Books, createCustomer } from '../src/company/billing/customers.js';
import { createKey } from '../src/company/billing/keys.js';
import { grantCredit } from '../src/company/billing/ledger.js';
import { setPrice } from '../src/company/billing/prices.js';
import { type Gateway, type GatewayOptions, startGateway } from '../src/company/gateway/start-gateway.js';
import type { TextEngine } from '../src/lab/generate/engine.js';
import { type ScratchProject, openScratchProject } from './scratch-database.js';

export interface ScratchGateway {
  readonly scratch: ScratchProject;
  readonly books: Books;
  readonly gateway: Gateway;
  /** What went wrong inside. */
  readonly problems: readonly unknown[];
  /** Another gateway over the same database. */
  start(more?: Partial<GatewayOptions>): Promise<Gateway>;
  newClient(creditMicros: bigint, url?: string): Promise<Client>;
  /** @returns what an audit of the books finds wrong */
  close(): Promise<readonly unknown[]>;
}

export interface Client {
  readonly openai: OpenAI;
  readonly customerId: string;
  readonly secretKey: string;
}

/** @param priced models that are for sale: 1 micro-unit an input token, 2 an output token */
export async function openScratchGateway(
  engines: readonly TextEngine[],
  priced: readonly string[],
): Promise<ScratchGateway> {
  const scratch = await openScratchProject();
  const books: Books = { database: scratch.database, clock: systemClock };
  for (const model of priced) {
    await setPrice(books, { model, inputMicrosPerMillionTokens: 1_000_000n, outputMicrosPerMillionTokens: 2_000_000n });
  }
  const problems: unknown[] = [];
  const start = (more: Partial<GatewayOptions> = {}): Promise<Gateway> =>
    startGateway({
      database: scratch.database,
      engines: new Map(engines.map((engine) => [engine.modelId, engine])),
      projectDirectory: scratch.directory,
      port: 0,
      timeZone: 'Asia/Shanghai',
      costFacts: async () => ({ hourlyMicros: 3_600_000n, trainingRuns: [{ name: 'first', elapsedSeconds: 100 }] }),
      onProblem: (error) => problems.push(error),
      ...more,
    });
  const gateway = await start();
  let customers = 0;
  return {
    scratch,
    books,
    gateway,
    problems,
    start,
    async newClient(creditMicros, url = gateway.url) {
      const { id } = await createCustomer(books, { name: `client ${customers++}` });
      if (creditMicros > 0n) await grantCredit(books, { customerId: id, amountMicros: creditMicros, kind: 'payment' });
      const { secretKey } = await createKey(books, { customerId: id });
      const openai = new OpenAI({ apiKey: secretKey, baseURL: `${url}/v1`, maxRetries: 0 });
      return { openai, customerId: id, secretKey };
    },
    async close() {
      await gateway.close();
      const { findings } = await audit(books);
      await scratch.close();
      return findings;
    },
  };
}

export const post = (url: string, key: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
