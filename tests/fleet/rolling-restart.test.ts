/** Three `moat serve` behind a balancer are replaced one by one under load: nobody notices, and the books balance. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { audit } from '../../src/company/billing/audit.js';
import { type Books, createCustomer } from '../../src/company/billing/customers.js';
import { createKey } from '../../src/company/billing/keys.js';
import { balanceOf, grantCredit } from '../../src/company/billing/ledger.js';
import { setPrice } from '../../src/company/billing/prices.js';
import { type ScratchProject, openScratchProject } from '../scratch-database.js';
import { post } from '../scratch-gateway.js';
import { type ScriptedUpstream, openScriptedUpstream } from '../scripted-upstream.js';
import { type LoopbackBalancer, openLoopbackBalancer } from './loopback-balancer.js';

const MOAT = fileURLToPath(new URL('../../bin/moat.js', import.meta.url));
const CREDIT = 1_000_000_000n;

let folder: string;
let scratch: ScratchProject;
let books: Books;
let upstream: ScriptedUpstream;
let balancer: LoopbackBalancer;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock: systemClock };
  const prices = { inputMicrosPerMillionTokens: 1_000_000n, outputMicrosPerMillionTokens: 2_000_000n };
  await setPrice(books, { model: 'far', ...prices });
  // whoever asks for many tokens gets them slowly
  upstream = await openScriptedUpstream(({ body }) => ({
    kind: 'answer',
    tokenMs: Number(body['max_tokens']) > 50 ? 40 : 2,
  }));
  balancer = await openLoopbackBalancer();
  folder = await mkdtemp(path.join(tmpdir(), 'moat-fleet-'));
  await writeFile(
    path.join(folder, 'moat.config.json'),
    JSON.stringify({ name: 'fleet', database: { url: scratch.database.url } }),
  );
  const target = { url: upstream.url, model: 'there', allowPrivate: true };
  await writeFile(path.join(folder, 'upstreams.json'), JSON.stringify({ models: { far: { targets: [target] } } }));
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await balancer.close();
  await upstream.close();
  await scratch.close();
  await rm(folder, { recursive: true, force: true });
});

interface Served {
  readonly child: ChildProcess;
  readonly url: string;
}

async function serve(): Promise<Served> {
  const args = [MOAT, 'serve', '--json', '--port', '0', '--drain-notice', '2', '--drain-grace', '60'];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    const { url } = JSON.parse(line) as { url: string };
    balancer.add(url);
    return { child, url };
  }
  throw new Error('moat serve ended before it was ready');
}

/** As an operator does: the next one first, then the old one is told to end, and is heard of until it has. */
async function replace(old: Served): Promise<Served> {
  const next = await serve();
  const exited = once(old.child, 'exit');
  old.child.kill('SIGTERM');
  const [code] = (await exited) as [number];
  balancer.remove(old.url);
  expect(code).toBe(0);
  return next;
}

/** Asks until it is told to end. @returns how each answer ended */
async function client(
  key: string,
  body: object,
  isOver: () => boolean,
  isWhole: (text: string) => boolean,
): Promise<string[]> {
  const ends: string[] = [];
  while (!isOver()) {
    const end = await post(`${balancer.url}/v1/chat/completions`, key, body)
      .then(async (response) => {
        const text = await response.text();
        return response.status === 200 && isWhole(text) ? 'whole' : `${response.status} ${text.slice(-300)}`;
      })
      .catch((error: unknown) => String(error));
    ends.push(end);
  }
  return ends;
}

test(
  'every request is answered whole, long streams too, and each is on the books once',
  { timeout: 300_000 },
  async () => {
    const { id: customerId } = await createCustomer(books, { name: 'fleet' });
    await grantCredit(books, { customerId, amountMicros: CREDIT });
    const { secretKey } = await createKey(books, { customerId });
    const first = await Promise.all([serve(), serve(), serve()]);
    const served: Served[] = [];
    let isOver = false;
    const messages = [{ role: 'user', content: 'hello' }];
    const short = { model: 'far', messages, max_tokens: 5 };
    // about four seconds each: longer than a replacement's notice
    const long = { model: 'far', messages, max_tokens: 100, stream: true };
    const clients = Array.from({ length: 12 }, (_, index) =>
      index % 2 === 0
        ? client(
            secretKey,
            short,
            () => isOver,
            (text) => text.includes('"0 1 2 3 4 "'),
          )
        : client(
            secretKey,
            long,
            () => isOver,
            (text) => text.includes('"99 "') && text.trimEnd().endsWith('data: [DONE]'),
          ),
    );
    await sleep(1000);
    for (const old of first) served.push(await replace(old));
    await sleep(500);
    isOver = true;
    const ends = (await Promise.all(clients)).flat();
    expect(ends.filter((end) => end !== 'whole')).toEqual([]);
    expect(ends.length).toBeGreaterThan(100);
    for (const { child } of served) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    const [counted] = await books.database.sql<{ events: number; charged: bigint }[]>`
    select count(*)::int as events, sum(charged_micros)::bigint as charged from moat.usage_events where status = 'finished'`;
    expect(counted?.events).toBe(ends.length);
    expect(await balanceOf(books, customerId)).toMatchObject({
      balanceMicros: CREDIT - (counted?.charged ?? 0n),
      reservedMicros: 0n,
    });
    expect((await audit(books)).findings).toEqual([]);
  },
);
