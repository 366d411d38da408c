import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ScratchProject } from '../../../tests/scratch-database.js';
import { type ScratchGateway, openScratchGateway, post as postTo } from '../../../tests/scratch-gateway.js';
import { queueFull, scriptedEngine } from '../../../tests/scripted-engine.js';
import type { TextEngine } from '../../lab/generate/engine.js';
import { audit } from '../billing/audit.js';
import type { Books } from '../billing/customers.js';
import { balanceOf } from '../billing/ledger.js';
import { usageOf } from '../billing/usage.js';
import type { Overview, RunSummary } from './api-types.js';
import type { Gateway } from './start-gateway.js';

let scratch: ScratchProject;
let books: Books;
let gateway: Gateway;
let problems: readonly unknown[];
let start: ScratchGateway['start'];
let newClient: ScratchGateway['newClient'];
let closeAll: ScratchGateway['close'];
const quick = scriptedEngine({ modelId: 'quick' });
const slow = scriptedEngine({ modelId: 'slow', tokenMs: 10, contextLength: 100_000 });
const engines: TextEngine[] = [
  quick,
  slow,
  scriptedEngine({ modelId: 'free-of-price' }),
  scriptedEngine({ modelId: 'full', failAt: { token: 0, error: queueFull() } }),
  scriptedEngine({ modelId: 'broken', failAt: { token: 3, error: new Error('secret internals') } }),
];

beforeAll(async () => {
  const opened = await openScratchGateway(engines, ['quick', 'slow', 'full', 'broken']);
  ({ scratch, books, gateway, problems, start, newClient } = opened);
  closeAll = opened.close;
});
afterAll(async () => {
  expect(await closeAll()).toEqual([]);
});

const post = (route: string, key: string, body: unknown, url = gateway.url): Promise<Response> =>
  postTo(`${url}${route}`, key, body);

async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const found = await read();
    if (found !== undefined) return found;
    await sleep(10);
  }
  throw new Error('it never came');
}

test('refusals come in the form of OpenAI’s, each with its code', async () => {
  const { openai, secretKey } = await newClient(30n);
  const chat = (model: string, more: object = {}) =>
    openai.chat.completions
      .create({ model, messages: [{ role: 'user', content: 'x' }], max_tokens: 1, ...more })
      .catch((error: unknown) => error);
  const stranger = new OpenAI({ apiKey: `moat_sk_${'x'.repeat(43)}`, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  expect(await stranger.models.list().catch((error: unknown) => error)).toMatchObject({
    status: 401,
    code: 'invalid_api_key',
  });
  expect(
    await stranger.completions.create({ model: 'none', prompt: '' }).catch((error: unknown) => error),
  ).toMatchObject({ status: 401 });
  expect(await chat('none')).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  expect(await chat('free-of-price')).toMatchObject({ status: 404, code: 'model_not_found' });
  expect(await chat('quick', { max_tokens: 100 })).toMatchObject({
    status: 402,
    code: 'insufficient_credit',
    type: 'insufficient_quota',
  });
  expect(await chat('quick', { max_tokens: 256 })).toMatchObject({
    status: 400,
    code: 'context_length_exceeded',
    message: expect.stringMatching(
      /context of 256 tokens; asked were 1 tokens of prompt and max_tokens 256; at most max_tokens 255/,
    ),
  });
  expect(await chat('quick', { n: 17 })).toMatchObject({
    status: 400,
    param: 'n',
    message: expect.stringContaining('at most 16 answers'),
  });
  expect(await chat('quick', { temperature: 3 })).toMatchObject({ status: 400, param: 'temperature' });
  expect(await chat('quick', { tools: [{ type: 'function', function: { name: 'f' } }] })).toMatchObject({
    status: 400,
    param: 'tools',
  });
  expect(await chat('full')).toMatchObject({ status: 429, code: 'queue_full' });
  const malformed = await post('/v1/completions', secretKey, '{"model":');
  expect([malformed.status, await malformed.json()]).toMatchObject([400, { error: { code: 'invalid_json' } }]);
  const large = await post('/v1/completions', secretKey, 'x'.repeat(4 * 1024 * 1024 + 1));
  expect([large.status, await large.json()]).toMatchObject([413, { error: { code: 'request_too_large' } }]);
  expect((await post('/v1/completions', '', {})).status).toBe(401);
});

test('the metrics count what was admitted, what was refused and nobody’s name', async () => {
  const { openai, secretKey, customerId } = await newClient(1_000_000n);
  const read = async (): Promise<(line: string) => number> => {
    const authorization = `Bearer ${gateway.studioToken}`;
    const response = await fetch(`${gateway.url}/metrics`, { headers: { authorization } });
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    expect(text).not.toContain(secretKey);
    expect(text).not.toContain(customerId);
    const lines = text.split('\n');
    return (line) => Number(lines.find((each) => each.startsWith(`${line} `))?.split(' ')[1] ?? 0);
  };
  const before = await read();
  const answer = await openai.completions.create({ model: 'quick', prompt: 'ab', max_tokens: 5 });
  await openai.completions.create({ model: 'none', prompt: 'ab' }).catch(() => undefined);
  const after = await read();
  const grew = (line: string): number => after(line) - before(line);
  expect(grew('moat_requests_total{model="quick",kind="paying",status="finished"}')).toBe(1);
  expect(grew('moat_tokens_total{model="quick",class="input"}')).toBe(answer.usage?.prompt_tokens);
  expect(grew('moat_tokens_total{model="quick",class="output"}')).toBe(answer.usage?.completion_tokens);
  expect(grew('moat_request_duration_seconds_count{model="quick"}')).toBe(1);
  expect(grew('moat_time_to_first_text_seconds_count{model="quick"}')).toBe(1);
  expect(grew('moat_refusals_total{code="model_not_found"}')).toBe(1);
  expect(after('moat_requests_in_flight')).toBe(0);
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401);
});

test('a key that asks too often waits, with headers that say how long; others do not, and unused tokens come back', async () => {
  const narrow = await start({ rateLimits: { requestsPerMinute: 3, tokensPerMinute: 40 } });
  const [one, other] = [await newClient(1_000_000n), await newClient(1_000_000n)];
  const ask = (key: string, more: object = {}) =>
    post('/v1/completions', key, { model: 'quick', prompt: 'ab', max_tokens: 20, ...more }, narrow.url);
  const first = await ask(one.secretKey);
  const { usage } = (await first.json()) as { usage: { total_tokens: number } };
  expect([first.status, first.headers.get('x-ratelimit-remaining-requests')]).toEqual([200, '2']);
  expect(first.headers.get('x-ratelimit-remaining-tokens')).toBe('18');
  const second = await ask(one.secretKey, { stream: true, max_tokens: 1 });
  await second.text();
  // what the first was given and did not use is there again
  expect(Number(second.headers.get('x-ratelimit-remaining-tokens'))).toBeGreaterThanOrEqual(
    40 - usage.total_tokens - 3,
  );
  expect((await ask(one.secretKey, { max_tokens: 39 })).status).toBe(400);
  await (await ask(one.secretKey, { max_tokens: 1 })).text();
  const refused = await ask(one.secretKey, { max_tokens: 1 });
  expect([refused.status, await refused.json()]).toMatchObject([429, { error: { code: 'rate_limit_exceeded' } }]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10);
  expect((await ask(other.secretKey)).status).toBe(200);
  await narrow.close();
});

test('64 clients race for credit that covers 20 answers: 20 are served', async () => {
  const { openai, customerId } = await newClient(20n * 12n + 11n);
  const ask = () => openai.completions.create({ model: 'quick', prompt: 'ab', max_tokens: 5 });
  const outcomes = await Promise.allSettled(Array.from({ length: 64 }, ask));
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(20);
  expect(outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason.status)).toEqual(
    Array(44).fill(402),
  );
  expect(await balanceOf(books, customerId)).toMatchObject({ balanceMicros: 11n, reservedMicros: 0n });
});

test('a client that leaves in mid-stream pays exactly what was generated until then', async () => {
  const { openai, customerId } = await newClient(1_000_000n);
  const before = slow.generatedTokens;
  const stream = await openai.completions.create({ model: 'slow', prompt: 'abc', max_tokens: 50_000, stream: true });
  let seen = 0;
  for await (const _chunk of stream) if (++seen === 5) break;
  const [event] = await until(async () => {
    const events = await usageOf(books, { customerId });
    return events.length > 0 ? events : undefined;
  });
  const generated = slow.generatedTokens - before;
  expect(event).toMatchObject({
    status: 'aborted',
    inputTokens: 3,
    outputTokens: generated,
    chargedMicros: 3n + 2n * BigInt(generated),
  });
  expect(generated).toBeGreaterThanOrEqual(5);
  expect(generated).toBeLessThan(50);
});

test('an engine that breaks in mid-stream ends the stream with an error, free of charge', async () => {
  const { secretKey, customerId } = await newClient(1000n);
  const streamed = await post('/v1/completions', secretKey, {
    model: 'broken',
    prompt: 'a',
    max_tokens: 9,
    stream: true,
  });
  const text = await streamed.text();
  expect(text).toContain('"code":"internal_error"');
  expect(text).not.toContain('[DONE]');
  expect(text).not.toContain('secret internals');
  const whole = await post('/v1/completions', secretKey, { model: 'broken', prompt: 'a', max_tokens: 9 });
  expect(whole.status).toBe(500);
  const events = await usageOf(books, { customerId });
  expect(events).toMatchObject([{ status: 'failed', outputTokens: 3, chargedMicros: 0n }, { status: 'failed' }]);
  expect(await balanceOf(books, customerId)).toMatchObject({ balanceMicros: 1000n, reservedMicros: 0n });
});

test('the playground passes the same door, under the internal customer, and earns nothing', async () => {
  const response = await post('/api/playground', gateway.studioToken, {
    model: 'free-of-price',
    prompt: 'a',
    max_tokens: 2,
  });
  const text = await response.text();
  expect(text).toContain('"completion_tokens":2');
  const [event] = await usageOf(books, { limit: 1 });
  expect(event).toMatchObject({ customerId: 'internal', kind: 'internal', chargedMicros: 0n, outputTokens: 2 });
  expect((await post('/api/playground', 'wrong', {})).status).toBe(401);
});

test('the studio’s pages: overview, customers, runs with a torn line, followed live', async () => {
  const api = (route: string, signal?: AbortSignal) =>
    fetch(`${gateway.url}/api/${route}`, {
      headers: { authorization: `Bearer ${gateway.studioToken}` },
      ...(signal ? { signal } : {}),
    });
  const overview: Overview = JSON.parse(await (await api('overview')).text());
  expect(overview.models.map((model) => model.id)).toEqual(engines.map((engine) => engine.modelId));
  expect(overview.total.trainingCostMicros).toBe('100000');
  expect(BigInt(overview.today.revenueMicros)).toBeGreaterThan(0n);
  expect(overview.recentUsage.length).toBeGreaterThan(0);
  const { customers } = JSON.parse(await (await api('customers')).text());
  expect(customers[0]).toMatchObject({ currency: 'USD', keyCount: 1 });

  const folder = path.join(scratch.directory, 'runs', 'first');
  await mkdir(folder, { recursive: true });
  const time = new Date().toISOString();
  const begin = {
    type: 'start',
    time,
    runName: 'first',
    architecture: 'qwen3',
    parameterCount: 5,
    tokensPerStep: 8,
    trainTokens: 9,
    device: 'cpu',
    resumedFromStep: 0,
  };
  const step = {
    type: 'step',
    time,
    step: 1,
    loss: 2.5,
    learningRateScale: 1,
    gradientNorm: 1,
    tokens: 8,
    tokensPerSecond: 80,
    elapsedSeconds: 1,
    remainingSeconds: 9,
  };
  const file = path.join(folder, 'events.jsonl');
  const [whole, torn] = [JSON.stringify(step), JSON.stringify({ ...step, step: 2 })];
  await writeFile(file, `${JSON.stringify(begin)}\n${whole}\n${torn.slice(0, 20)}`);
  const { runs }: { runs: RunSummary[] } = JSON.parse(await (await api('runs')).text());
  expect(runs).toMatchObject([
    { name: 'first', state: 'running', step: 1, loss: 2.5, totalSteps: null, bitsPerByte: null },
  ]);
  const leaving = new AbortController();
  const events = await api('runs/first/events?from=1', leaving.signal);
  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const readUntil = async (part: string) => {
    while (!text.includes(part)) text += (await reader?.read())?.value ?? '';
  };
  await readUntil(`id: 1\ndata: ${whole}\n\n`);
  expect(text).not.toContain('id: 0');
  await writeFile(file, torn.slice(20) + '\n', { flag: 'a' });
  await readUntil(`id: 2\ndata: ${torn}\n\n`);
  leaving.abort();
  expect((await api('runs/..%2F..%2Fetc/events')).status).toBe(404);
});

test('the studio’s files come with a strict policy, and a clear line when there are none', async () => {
  const missing = await fetch(gateway.url);
  expect([missing.status, await missing.text()]).toEqual([503, expect.stringContaining('npm run build')]);
  const studioDirectory = path.join(scratch.directory, 'studio');
  await mkdir(path.join(studioDirectory, 'assets'), { recursive: true });
  await writeFile(path.join(studioDirectory, 'index.html'), '<!doctype html>');
  await writeFile(path.join(studioDirectory, 'assets/a.js'), 'export {}');
  const other = await start({ studioDirectory });
  const index = await fetch(`${other.url}/customers`);
  expect(await index.text()).toBe('<!doctype html>');
  expect(index.headers.get('content-security-policy')).toMatch(/^default-src 'self'/);
  expect((await fetch(`${other.url}/assets/a.js`)).headers.get('content-type')).toMatch('text/javascript');
  expect((await fetch(`${other.url}/assets/none.js`)).status).toBe(404);
  await other.close();
});

test('a taken port is named, with what to do', async () => {
  await expect(start({ port: gateway.port })).rejects.toMatchObject({
    code: 'port-taken',
    fix: expect.stringContaining('--port 0'),
  });
});

test('the studio token is the project’s own and readable by its owner alone', async () => {
  const file = path.join(scratch.directory, '.moat/studio-token');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await readFile(file, 'utf8')).trim()).toBe(gateway.studioToken);
});

test('beyond its limit of requests the server says 429 with Retry-After', async () => {
  const narrow = await start({ maxConcurrent: 1 });
  const { secretKey } = await newClient(1_000_000n);
  const ask = (maxTokens: number) =>
    post('/v1/completions', secretKey, { model: 'slow', prompt: 'a', max_tokens: maxTokens }, narrow.url);
  const first = ask(30);
  await sleep(100);
  const second = await ask(1);
  expect([second.status, second.headers.get('retry-after')]).toEqual([429, '1']);
  expect((await first).status).toBe(200);
  await narrow.close();
});

test('closing refuses new requests, cuts long answers off after the grace time, and settles them', async () => {
  const other = await start();
  const { secretKey, customerId } = await newClient(1_000_000n);
  const keptAlive = httpRequest(`${other.url}/readyz`);
  keptAlive.end();
  const [ready] = await once(keptAlive, 'response');
  expect(ready.statusCode).toBe(200);
  ready.resume();
  const streamed = await post(
    '/v1/completions',
    secretKey,
    { model: 'slow', prompt: 'a', max_tokens: 50_000, stream: true },
    other.url,
  );
  const text = streamed.text();
  await other.close(100);
  expect(await text).toContain('"code":"shutting_down"');
  const [event] = await usageOf(books, { customerId });
  expect(event).toMatchObject({ status: 'aborted', chargedMicros: 1n + 2n * BigInt(event?.outputTokens ?? 0) });
  await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
});

test('kill -9 while serving: what was answered is on the books once, the rest is released by the sweep', async () => {
  const { secretKey, customerId } = await newClient(1_000_000n);
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'tests/serving-process.ts', scratch.directory, scratch.database.url],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = await once(child.stdout, 'data');
  const url = String(line).trim();
  let answered = 0;
  const ask = async (): Promise<void> => {
    const response = await post('/v1/completions', secretKey, { model: 'quick', prompt: 'abcd', max_tokens: 3 }, url);
    await response.text();
    answered++;
    await ask();
  };
  const clients = Array.from({ length: 16 }, () => ask().catch(() => undefined));
  await until(async () => (answered > 200 ? true : undefined));
  child.kill('SIGKILL');
  await Promise.all([...clients, once(child, 'exit')]);
  // the database may still be committing what the dead process had sent: until the books no longer move
  const { events, balance } = await until(async () => {
    const before = await usageOf(books, { customerId, limit: 10_000 });
    const settled = await balanceOf(books, customerId);
    await sleep(50);
    const after = await usageOf(books, { customerId, limit: 10_000 });
    return before.length === after.length ? { events: before, balance: settled } : undefined;
  });
  expect(events.length).toBeGreaterThanOrEqual(answered);
  expect(events.length).toBeLessThanOrEqual(answered + 16);
  expect(balance.balanceMicros).toBe(1_000_000n - 10n * BigInt(events.length));
  expect((await audit(books)).findings).toEqual([]);
});

test('nothing that went wrong inside mentions a key', () => {
  expect(JSON.stringify(problems.map((problem) => String(problem)))).not.toContain('moat_sk_');
});
