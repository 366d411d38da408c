/**
 * OWASP API Security Top 10 (2023), what concerns who may do what: API1, API2, API3, API5. Routes are read from
 * `/openapi.json`, so that a new one is tested before anybody writes a test for it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listKeys, revokeKey } from '../../src/company/billing/keys.js';
import { balanceOf } from '../../src/company/billing/ledger.js';
import { usageOf } from '../../src/company/billing/usage.js';
import { type Client, type ScratchGateway, openScratchGateway, post } from '../scratch-gateway.js';
import { scriptedEngine } from '../scripted-engine.js';
import { postHead, rawRequest } from './raw-request.js';

let opened: ScratchGateway;
let url: string;
let mine: Client;
let other: Client;
let routes: { method: string; route: string }[];

beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
  url = opened.gateway.url;
  mine = await opened.newClient(1_000_000n);
  other = await opened.newClient(777_777_777_777n);
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
  routes = Object.entries(paths).flatMap(([route, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), route })),
  );
  expect(routes.map(({ route }) => route)).toContain('/v1/chat/completions');
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
});

const good = { model: 'quick', prompt: 'abcd', max_tokens: 3 };
const conversation = { model: 'quick', messages: [{ role: 'user', content: 'abcd' }], input: 'abcd', max_tokens: 3 };
const goodFor = (route: string): object => (route.includes('/v1/completions') ? good : conversation);
const headersOf = (key: string) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' });

async function call(method: string, route: string, headers: Record<string, string>, body: object = goodFor(route)) {
  const init =
    method === 'GET' || method === 'HEAD' ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const response = await fetch(`${url}${route}`, init);
  return { status: response.status, text: await response.text() };
}

test('API1 broken object level authorisation: no route shows or charges another tenant, whatever ids are sent', async () => {
  await other.openai.completions.create({ model: 'quick', prompt: 'ab', max_tokens: 2 });
  const [event] = await usageOf(opened.books, { customerId: other.customerId });
  const [key] = await listKeys(opened.books, other.customerId);
  const ids = [other.customerId, key?.id ?? '', event?.id ?? '', event?.id.replace('use_', 'req_') ?? ''];
  const before = await balanceOf(opened.books, other.customerId);
  for (const { method, route } of routes.filter(({ route }) => route.startsWith('/v1'))) {
    for (const id of ids) {
      const filled = route.replaceAll(/\{[^}]+\}/g, id);
      const names = [
        'customer',
        'customer_id',
        'customerId',
        'user',
        'account',
        'organization',
        'key_id',
        'request_id',
      ];
      const claims = Object.fromEntries(names.map((name) => [name, id]));
      const headers = {
        ...headersOf(mine.secretKey),
        'openai-organization': id,
        'x-customer-id': id,
        'x-request-id': id,
      };
      const query = new URLSearchParams({ ...claims, api_key: other.secretKey });
      const { status, text } = await call(method, `${filled}?${query}`, headers, { ...goodFor(route), ...claims });
      expect(status, `${method} ${filled}`).toBeLessThan(500);
      for (const secret of ['777777', key?.displayPrefix ?? '', 'client 1']) expect(text).not.toContain(secret);
      if (!filled.includes(id)) expect(text).not.toContain(id);
    }
  }
  expect(await balanceOf(opened.books, other.customerId)).toEqual(before);
  expect(await usageOf(opened.books, { customerId: other.customerId })).toHaveLength(1);
});

describe('API2 broken authentication', () => {
  const stranger = `moat_sk_${'s'.repeat(43)}`;
  const table: [string, string | undefined][] = [
    ['nothing', undefined],
    ['an empty header', ''],
    ['a scheme alone', 'Bearer'],
    ['an empty key', 'Bearer '],
    ['a key nobody has', `Bearer ${stranger}`],
    ['a key that is too short', 'Bearer moat_sk_x'],
    ['another scheme', `Basic ${Buffer.from(`user:${stranger}`).toString('base64')}`],
    ['SQL', "Bearer moat_sk_' OR 1=1; DROP TABLE moat.api_keys; --"],
    ['SQL in the shape of a key', `Bearer moat_sk_${"'||pg_sleep(9)||'".padEnd(43, '-')}`],
    ['a hash in the place of a key', `Bearer ${'ab'.repeat(32)}`],
    ['a wildcard', `Bearer moat_sk_${'%'.repeat(43)}`],
    ['letters beyond Latin', `Bearer moat_sk_${'\u00e9'.repeat(43)}`],
  ];
  test.each(table)('%s opens no route', async (_what, authorization) => {
    for (const { method, route } of routes.filter(({ route }) => /^\/(v1|api)/.test(route))) {
      const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
      const { status, text } = await call(method, route.replaceAll(/\{[^}]+\}/g, 'quick'), headers);
      expect([status, JSON.parse(text)]).toMatchObject([401, { error: { code: 'invalid_api_key' } }]);
    }
  });

  test('a revoked key and one that never was are told the same, whatever they ask', async () => {
    const { openai: _, ...client } = await opened.newClient(1000n);
    const [key] = await listKeys(opened.books, client.customerId);
    await revokeKey(opened.books, key?.id ?? '');
    for (const body of [good, { ...good, model: 'none' }, { ...good, max_tokens: -1 }, {}]) {
      const answers = [client.secretKey, stranger].map((secret) =>
        call('POST', '/v1/completions', headersOf(secret), body),
      );
      const [revoked, unknown] = await Promise.all(answers);
      expect(revoked).toEqual(unknown);
      expect(revoked?.status).toBe(401);
    }
  });

  test('a key in the address, in a cookie or in the body opens nothing', async () => {
    const { secretKey } = mine;
    const json = { 'content-type': 'application/json' };
    const tries = [
      call('POST', `/v1/completions?api_key=${secretKey}&key=${secretKey}&access_token=${secretKey}`, json),
      call('POST', '/v1/completions', { ...json, cookie: `api_key=${secretKey}`, 'x-api-key': secretKey }),
      call('POST', '/v1/completions', json, { ...good, api_key: secretKey }),
    ];
    for (const { status } of await Promise.all(tries)) expect(status).toBe(401);
  });

  test('a header of a megabyte is refused, and the server goes on', async () => {
    const key = `moat_sk_${'k'.repeat(1_000_000)}`;
    expect((await rawRequest(url, [postHead('/v1/completions', key), '\r\n'])).status).toBe(431);
    expect((await call('GET', '/v1/models', headersOf(mine.secretKey))).status).toBe(200);
  });
});

test('API3 broken object property level authorisation: fields that are nobody’s to set change nothing', async () => {
  const claims = {
    price: 0,
    price_id: 1,
    cost: 0,
    charged_micros: '0',
    kind: 'internal',
    status: 'failed',
    currency: 'XXX',
    account_id: 1,
    balance_micros: '-999999999',
    usage: { prompt_tokens: 0, completion_tokens: 0 },
    is_admin: true,
    __proto__: { kind: 'internal' },
    constructor: { prototype: { isAdmin: true } },
  };
  const { secretKey, customerId } = await opened.newClient(1000n);
  const body = `${JSON.stringify({ ...good, ...claims }).slice(0, -1)},"__proto__":{"model":"free"}}`;
  const response = await post(`${url}/v1/completions`, secretKey, body);
  const answer = (await response.json()) as Record<string, unknown>;
  expect(response.status).toBe(200);
  expect(await balanceOf(opened.books, customerId)).toMatchObject({ balanceMicros: 990n, currency: 'USD' });
  expect(await usageOf(opened.books, { customerId })).toMatchObject([
    { kind: 'paying', status: 'finished', chargedMicros: 10n },
  ]);
  // nothing of the books is in an answer
  expect(Object.keys(answer).toSorted()).toEqual(['choices', 'created', 'id', 'model', 'object', 'usage']);
  expect('isAdmin' in {}).toBe(false);
});

describe('API5 broken function level authorisation', () => {
  test('a customer’s key opens nothing of the owner’s', async () => {
    const paths = ['/api/overview', '/api/customers', '/api/runs', '/api/runs/first/events', '/api/none', '/metrics'];
    for (const path of paths) expect((await call('GET', path, headersOf(mine.secretKey))).status).toBe(401);
    for (const path of ['/api/playground', '/api/customers', '/api/keys'])
      expect((await call('POST', path, headersOf(mine.secretKey))).status).toBe(401);
  });
  test('other spellings of a path open nothing either', async () => {
    for (const path of [
      '//api/customers',
      '/API/customers',
      '/api//customers',
      '/v1/../api/customers',
      '/%61pi/customers',
      '/api/customers/',
      '/api/customers%00',
      '/api;/customers',
    ]) {
      const { status, text } = await rawRequest(url, [
        `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${mine.secretKey}\r\n\r\n`,
      ]);
      expect(text, path).not.toContain('balanceMicros');
      expect(status, path).not.toBe(500);
      expect(text.includes('200 OK') && text.includes('customers'), path).toBe(false);
    }
  });
  test('the owner’s token buys nothing', async () => {
    expect((await call('POST', '/v1/completions', headersOf(opened.gateway.studioToken))).status).toBe(401);
  });
});
