/** OWASP API Security Top 10 (2023), what concerns the service itself: API4, API6, API7, API8, API9, API10. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { balanceOf } from '../../src/company/billing/ledger.js';
import { usageOf } from '../../src/company/billing/usage.js';
import type { TextEngine } from '../../src/lab/generate/engine.js';
import { type ScratchGateway, openScratchGateway, post } from '../scratch-gateway.js';
import { scriptedEngine } from '../scripted-engine.js';
import { postHead, rawRequest } from './raw-request.js';

let opened: ScratchGateway;
let url: string;
let key: string;

/** Says that it used what nobody asked for. */
function lyingEngine(): TextEngine {
  const honest = scriptedEngine({ modelId: 'lying' });
  return {
    ...honest,
    async *generate(asked, signal) {
      for await (const event of honest.generate(asked, signal)) {
        if (event.type === 'done')
          yield { ...event, inputTokens: 1e9, cachedTokens: 2e9, outputTokens: 1e9, computeMs: 1e6 };
        else yield event;
      }
    },
  };
}

beforeAll(async () => {
  const engines = [
    scriptedEngine({ modelId: 'quick' }),
    scriptedEngine({ modelId: 'slow', tokenMs: 5 }),
    lyingEngine(),
  ];
  opened = await openScratchGateway(engines, ['quick', 'slow', 'lying']);
  url = opened.gateway.url;
  key = (await opened.newClient(1_000_000_000n)).secretKey;
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
  expect(opened.problems).toEqual([]);
});

const good = { model: 'quick', prompt: 'abcd', max_tokens: 3 };
const ask = (body: unknown, route = '/v1/completions', base = url) => post(`${base}${route}`, key, body);

describe('API4 unrestricted resource consumption', () => {
  const many = (count: number, item: unknown): unknown[] => Array.from({ length: count }, () => item);
  const nested = (depth: number): string =>
    `{"model":"quick","prompt":"a","x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const table: [string, unknown, number][] = [
    ['a body over the limit', 'x'.repeat(4 * 1024 * 1024 + 1), 413],
    ['more answers than are offered', { ...good, n: 17 }, 400],
    ['more tokens than the context has', { ...good, max_tokens: 1e15 }, 400],
    ['seventeen prompts', { ...good, prompt: many(17, 'a') }, 400],
    ['a prompt that fills the context', { ...good, prompt: 'a'.repeat(1_000_000) }, 400],
    ['a million token ids', { ...good, prompt: many(1_000_000, 1) }, 400],
    ['ten thousand and one messages', { ...good, messages: many(10_001, { role: 'user', content: 'a' }) }, 400],
    ['five stops', { ...good, stop: many(5, 'a') }, 400],
    ['a long stop', { ...good, stop: 'a'.repeat(1001) }, 400],
    ['more probabilities than are offered', { ...good, logprobs: 1000 }, 400],
    ['a negative number of tokens', { ...good, max_tokens: -1 }, 400],
    ['a number beyond numbers', '{"model":"quick","prompt":"a","max_tokens":1e999}', 400],
  ];
  test.each(table)('%s is refused, soon', async (what, body, status) => {
    const startedMs = performance.now();
    const response = await ask(body, what.includes('messages') ? '/v1/chat/completions' : undefined);
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code: expect.any(String) } }]);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  test('JSON nested a million times is neither a crash nor a hang', async () => {
    const response = await ask(nested(1_000_000));
    expect([200, 400]).toContain(response.status);
    await response.arrayBuffer();
  });

  test('a body over the limit in pieces without a length is cut off', async () => {
    const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const head = `${postHead('/v1/completions', key, 'transfer-encoding: chunked')}\r\n`;
    expect((await rawRequest(url, [head, ...Array.from({ length: 80 }, () => piece)])).status).toBe(413);
  });

  test('thousands of headers are refused', async () => {
    const headers = Array.from({ length: 5000 }, (_, index) => `x-${index}: y`);
    expect((await rawRequest(url, [postHead('/v1/completions', key, ...headers), '\r\n'])).status).toBe(431);
  });

  test('a body that trickles is ended in time, and holds no place for ever', async () => {
    const narrow = await opened.start({ maxBodyMs: 300, maxConcurrent: 1 });
    const head = `${postHead('/v1/completions', key, 'content-length: 1000')}\r\n`;
    const trickle = rawRequest(narrow.url, [head, ...'{'.padEnd(100, ' ')], { pauseMs: 20 });
    const answer = await trickle;
    expect([answer.status, answer.text]).toEqual([408, expect.stringContaining('"code":"body_too_slow"')]);
    expect(answer.elapsedMs).toBeLessThan(2000);
    expect((await ask(good, undefined, narrow.url)).status).toBe(200);
    await narrow.close();
  });

  test('who leaves before his body is read holds no place', async () => {
    const narrow = await opened.start({ maxConcurrent: 8 });
    const { port } = new URL(narrow.url);
    for (let time = 0; time < 40; time++) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.end(`${postHead('/v1/completions', key, 'content-length: 1000')}\r\n{`);
      await once(socket, 'finish');
      socket.resetAndDestroy();
    }
    await expect.poll(async () => (await ask(good, undefined, narrow.url)).status, { timeout: 5000 }).toBe(200);
    await narrow.close();
  });

  test('what strangers send takes nobody’s place', async () => {
    const narrow = await opened.start({ maxConcurrent: 1 });
    const head = `${postHead('/v1/completions', `moat_sk_${'s'.repeat(43)}`, 'content-length: 1000')}\r\n`;
    const strangers = Array.from({ length: 4 }, () => rawRequest(narrow.url, [head, '{']));
    const answers = await Promise.all(strangers);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect((await ask(good, undefined, narrow.url)).status).toBe(200);
    await narrow.close();
  });
});

test('API6 unrestricted access to sensitive flows: who leaves early, again and again, pays for what was generated', async () => {
  const client = await opened.newClient(1_000_000n);
  for (let time = 0; time < 5; time++) {
    const stream = await client.openai.completions.create({
      model: 'slow',
      prompt: 'abc',
      max_tokens: 200,
      stream: true,
    });
    for await (const _ of stream) break;
  }
  const reserved = async () => (await balanceOf(opened.books, client.customerId)).reservedMicros;
  await expect.poll(reserved, { timeout: 5000 }).toBe(0n);
  const events = await usageOf(opened.books, { customerId: client.customerId });
  expect(events).toHaveLength(5);
  for (const event of events) expect(event.chargedMicros).toBe(3n + 2n * BigInt(event.outputTokens));
  for (const event of events) expect(event.outputTokens).toBeGreaterThan(0);
});

test('API7 server side request forgery: no address in a request is ever visited', async () => {
  let visits = 0;
  const canary = createServer((_, response) => {
    visits++;
    response.end();
  });
  canary.listen(0, '127.0.0.1');
  await once(canary, 'listening');
  const address = canary.address();
  const bait = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/bait`;
  const bodies = [
    { ...good, prompt: bait, url: bait, callback: bait, webhook: bait, base_url: bait, upstream: bait },
    {
      ...good,
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { $ref: bait, $schema: bait } } },
    },
    { model: 'quick', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: bait } }] }] },
    { model: 'quick', messages: [{ role: 'user', content: bait }], tools: [{ type: 'mcp', server_url: bait }] },
    { ...good, model: bait },
  ];
  for (const body of bodies) {
    for (const route of ['/v1/completions', '/v1/chat/completions', '/v1/embeddings', '/v1/responses'])
      await (await ask(body, route)).arrayBuffer();
  }
  await fetch(`${url}/v1/models`, {
    headers: { authorization: `Bearer ${key}`, 'x-forwarded-host': bait, referer: bait },
  });
  canary.close();
  expect(visits).toBe(0);
});

describe('API8 security misconfiguration', () => {
  test('errors are JSON in one form and tell nothing of the inside', async () => {
    const bodies = [
      '{',
      '[]',
      'null',
      '""',
      '{}',
      { ...good, model: 'none' },
      { ...good, temperature: 'hot' },
      { ...good, max_tokens: 1e9 },
    ];
    for (const body of bodies) {
      const response = await ask(body);
      const text = await response.text();
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      expect(Object.keys(JSON.parse(text).error).toSorted()).toEqual(['code', 'message', 'param', 'type']);
      expect(text).not.toMatch(/node_modules|\.ts|\.js|\n\s+at |select |moat\.|postgres|ECONN|stack/i);
      for (const header of ['x-powered-by', 'server', 'via']) expect(response.headers.get(header)).toBeNull();
    }
  });
  test('no other site’s page may use it, and the studio’s may not be framed', async () => {
    const origin = { origin: 'https://evil.example', authorization: `Bearer ${key}` };
    const preflight = {
      ...origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    for (const route of ['/v1/models', '/v1/completions', '/api/customers', '/healthz', '/']) {
      for (const [method, headers] of [
        ['OPTIONS', preflight],
        ['GET', origin],
      ] as const) {
        const response = await fetch(`${url}${route}`, { method, headers });
        expect(response.headers.get('access-control-allow-origin')).toBeNull();
        expect(response.status).not.toBe(500);
        await response.arrayBuffer();
      }
    }
    const page = await fetch(url);
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  });
  test('two lengths, a length and pieces, a torn request line: refused, never guessed at', async () => {
    const body = JSON.stringify(good);
    const heads = [
      postHead('/v1/completions', key, `content-length: ${body.length}`, 'content-length: 1'),
      postHead('/v1/completions', key, `content-length: ${body.length}`, 'transfer-encoding: chunked'),
      postHead('/v1/completions HTTP/1.1\r\nx: y', key),
      `POST\r\n`,
    ];
    for (const head of heads) expect((await rawRequest(url, [`${head}\r\n${body}`])).status).toBe(400);
  });
});

describe('API9 improper inventory management', () => {
  test('what is not described is not there', async () => {
    const paths = [
      '/v1',
      '/v2/models',
      '/v1/admin',
      '/v1/engines',
      '/v1/files',
      '/debug',
      '/.env',
      '/.git/config',
      '/.moat/studio-token',
      '/moat.config.ts',
      '/server-status',
      '/actuator',
      '/openapi.yaml',
    ];
    for (const path of paths) {
      const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${key}` } });
      const text = await response.text();
      expect([404, 503], `${path}: ${text.slice(0, 80)}`).toContain(response.status);
      expect(text).not.toContain(opened.gateway.studioToken);
    }
  });
  test('no method that is not offered does anything', async () => {
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const headers = { authorization: `Bearer ${key}` };
    for (const [path, offered] of Object.entries(paths)) {
      for (const method of ['PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS', 'PROPFIND', 'POST', 'GET']) {
        if (method.toLowerCase() in offered) continue;
        const asked = request(`${url}${path.replaceAll(/\{[^}]+\}/g, 'quick')}`, { method, headers });
        asked.end();
        const [response] = await once(asked, 'response');
        response.resume();
        expect([400, 401, 404, 405, 503], `${method} ${path}`).toContain(response.statusCode);
      }
    }
  });
});

test('API10 unsafe consumption of APIs: whatever an engine says it used, nobody pays for more than he asked', async () => {
  const { secretKey, customerId } = await opened.newClient(1000n);
  const response = await post(`${url}/v1/completions`, secretKey, { ...good, model: 'lying' });
  await response.arrayBuffer();
  const [event] = await usageOf(opened.books, { customerId });
  expect(event?.chargedMicros).toBeLessThanOrEqual(4n + 2n * 3n);
  expect(event).toMatchObject({ inputTokens: 4, outputTokens: 3 });
});
