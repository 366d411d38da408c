/** `Idempotency-Key` over HTTP: repeats, races, readers who leave, failures, and a gateway that dies. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway } from '../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import { balanceOf } from '../billing/ledger.js';
import { usageOf } from '../billing/usage.js';
import type { Database, Sql } from '../store/database.js';

let opened: ScratchGateway;
const slow = scriptedEngine({ modelId: 'slow', tokenMs: 10, contextLength: 100_000 });
const large = scriptedEngine({ modelId: 'large', contextLength: 1_000_000 });
let isBroken = false;
const whole = scriptedEngine({ modelId: 'frail' });
const broken = scriptedEngine({ modelId: 'frail', failAt: { token: 2, error: new Error('broken') } });
const frail: typeof whole = { ...whole, generate: (...given) => (isBroken ? broken : whole).generate(...given) };
beforeAll(async () => {
  const engines = [scriptedEngine({ modelId: 'quick' }), slow, large, frail];
  opened = await openScratchGateway(engines, ['quick', 'slow', 'large', 'frail']);
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
});

interface Asking {
  readonly key: string;
  readonly idempotencyKey?: string;
  readonly body?: object | string;
  readonly signal?: AbortSignal;
  readonly url?: string;
}

const ask = ({ key, idempotencyKey = 'order 7', body = {}, signal, url = opened.gateway.url }: Asking) =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: typeof body === 'string' ? body : JSON.stringify({ model: 'quick', prompt: 'ab', max_tokens: 3, ...body }),
    ...(signal === undefined ? {} : { signal }),
  });

/** The answer is sent before it is kept: a repeat may hear for a moment that the first one runs. */
async function askUntilReplayed(asking: Asking): Promise<Response> {
  for (let i = 0; i < 200; i++) {
    const response = await ask(asking);
    if (response.status !== 409) return response;
    await response.text();
    await sleep(10);
  }
  throw new Error('it runs for ever');
}

const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { error: { code: string } }).error.code;

test.each([false, true])('a repeat gets the first answer’s bytes and is not charged (stream: %s)', async (stream) => {
  const { secretKey: key, customerId } = await opened.newClient(1000n);
  const asking = { key, body: { stream, stream_options: stream ? { include_usage: true } : undefined } };
  const first = await ask(asking);
  const bytes = await first.text();
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  for (let i = 0; i < 2; i++) {
    const again = await askUntilReplayed(asking);
    expect(again.status).toBe(200);
    expect(await again.text()).toBe(bytes);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    for (const name of ['content-type', 'x-request-id']) expect(again.headers.get(name)).toBe(first.headers.get(name));
  }
  expect(await usageOf(opened.books, { customerId })).toHaveLength(1);
  expect(await balanceOf(opened.books, customerId)).toMatchObject({ balanceMicros: 992n, reservedMicros: 0n });
});

test('32 at once: one is served, the others hear 409 or get its bytes; other bodies and bad keys are refused', async () => {
  const { secretKey: key, customerId } = await opened.newClient(1000n);
  const answers = await Promise.all(Array.from({ length: 32 }, () => ask({ key })));
  const bodies = new Set<string>();
  for (const answer of answers) {
    if (answer.status === 200) bodies.add(await answer.text());
    else {
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'idempotency_in_progress']);
      expect(answer.headers.get('retry-after')).toBe('1');
    }
  }
  expect(bodies.size).toBe(1);
  const other = await ask({ key, body: { max_tokens: 4 } });
  expect([other.status, await codeOf(other)]).toEqual([400, 'idempotency_mismatch']);
  const badKey = await ask({ key, idempotencyKey: 'x'.repeat(256) });
  expect([badKey.status, await codeOf(badKey)]).toEqual([400, 'invalid_value']);
  const deep = `{"model":"quick","prompt":"a","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
  const nested = await ask({ key, idempotencyKey: 'deep', body: deep });
  expect([nested.status, await codeOf(nested)]).toEqual([400, 'invalid_json']);
  expect(await usageOf(opened.books, { customerId })).toHaveLength(1);
  const neighbour = await opened.newClient(1000n);
  const theirs = await ask({ key: neighbour.secretKey });
  expect([theirs.status, theirs.headers.get('idempotent-replayed')]).toEqual([200, null]);
  await theirs.text();
});

test('repeats are free, and count as requests', async () => {
  const narrow = await opened.start({ rateLimits: { requestsPerMinute: 2 } });
  const { secretKey: key } = await opened.newClient(1000n);
  await (await ask({ key, url: narrow.url })).text();
  const counted = await ask({ key, url: narrow.url });
  expect([200, 409]).toContain(counted.status);
  await counted.text();
  const refused = await ask({ key, url: narrow.url });
  expect([refused.status, await codeOf(refused)]).toEqual([429, 'rate_limit_exceeded']);
  await narrow.close();
});

test('a reader who leaves finds the whole answer when he asks again, charged once', async () => {
  const { secretKey: key, customerId } = await opened.newClient(1000n);
  const leaving = new AbortController();
  const body = { model: 'slow', max_tokens: 20, stream: true };
  const first = await ask({ key, body, signal: leaving.signal });
  await first.body?.getReader().read();
  leaving.abort();
  const again = await askUntilReplayed({ key, body });
  const text = await again.text();
  expect(text).toContain('"text":"19 "');
  expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  expect(await usageOf(opened.books, { customerId })).toMatchObject([{ status: 'finished', outputTokens: 20 }]);
});

test('what was refused, or failed and is free, may be tried again with the same key', async () => {
  const { secretKey: key, customerId } = await opened.newClient(100n);
  const refused = await ask({ key, body: { max_tokens: 200 } });
  expect([refused.status, await codeOf(refused)]).toEqual([402, 'insufficient_credit']);
  expect((await ask({ key, body: { max_tokens: 1 } })).status).toBe(200);
  const frailBody = { model: 'frail', stream: true, max_tokens: 3 };
  const asking = { key, idempotencyKey: 'frail', body: frailBody };
  isBroken = true;
  expect(await (await ask(asking)).text()).toContain('internal_error');
  isBroken = false;
  const tried = await askUntilReplayed(asking);
  expect(tried.headers.get('idempotent-replayed')).toBeNull();
  expect(await tried.text()).toContain('[DONE]');
  const events = await usageOf(opened.books, { customerId });
  expect(events.map(({ status, chargedMicros }) => [status, chargedMicros])).toEqual([
    ['finished', 8n],
    ['failed', 0n],
    ['finished', 4n],
  ]);
});

test('an answer that is too large to keep is charged once, and said to be gone', async () => {
  const { secretKey: key, customerId } = await opened.newClient(1_000_000_000n);
  const asking = { key, body: { model: 'large', max_tokens: 400_000 } };
  expect((await (await ask(asking)).text()).length).toBeGreaterThan(2 * 1024 * 1024);
  for (let i = 0; i < 200; i++) {
    const again = await ask(asking);
    const code = await codeOf(again);
    if (code === 'idempotency_not_kept') break;
    expect(code).toBe('idempotency_in_progress');
    await sleep(10);
  }
  expect(await codeOf(await ask(asking))).toBe('idempotency_not_kept');
  expect(await usageOf(opened.books, { customerId })).toHaveLength(1);
});

test('a gateway that shuts down in between: the next one gives the whole answer under the one charge', async () => {
  const { secretKey: key, customerId } = await opened.newClient(10_000n);
  const dying = await opened.start();
  const body = { model: 'slow', max_tokens: 50, stream: true };
  const first = await ask({ key, body, url: dying.url });
  const reading = first.text().catch(() => '');
  await sleep(50);
  await dying.close(0);
  expect(await reading).not.toContain('[DONE]');
  const again = await ask({ key, body });
  expect(await again.text()).toContain('"text":"49 "');
  const events = await usageOf(opened.books, { customerId });
  expect(events).toMatchObject([{ status: 'aborted' }]);
  expect(events[0]?.outputTokens).toBeLessThan(50);
});

/** Books that take every settlement and whose answer never arrives. */
function deafTo(database: Database): Database {
  const lane = (): Sql =>
    new Proxy(database.lane(), {
      apply(target, self, given: unknown[]) {
        const asked: unknown = Reflect.apply(target, self, given);
        if (!String(given[0]).includes('moat.settle')) return asked;
        return Promise.resolve(asked).then(() => Promise.reject(new Error('the answer was lost')));
      },
    });
  return { ...database, lane };
}

test('where nobody knows whether an answer was charged, the repeat is answered under the same request and charged once', async () => {
  const { secretKey: key, customerId } = await opened.newClient(1000n);
  const projectDirectory = await mkdtemp(path.join(tmpdir(), 'moat-deaf-'));
  await mkdir(path.join(projectDirectory, '.moat'));
  // no folder: nothing can be kept in it
  await writeFile(path.join(projectDirectory, '.moat', 'unsettled'), '');
  const deaf = await opened.start({ database: deafTo(opened.scratch.database), projectDirectory });
  const first = await ask({ key, url: deaf.url });
  expect([first.status, await codeOf(first)]).toEqual([503, 'settlement_unknown']);
  await deaf.close();
  const again = await askUntilReplayed({ key });
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, null]);
  await again.text();
  expect(await usageOf(opened.books, { customerId })).toHaveLength(1);
  expect(await balanceOf(opened.books, customerId)).toMatchObject({ balanceMicros: 992n, reservedMicros: 0n });
  await rm(projectDirectory, { recursive: true, force: true });
});
