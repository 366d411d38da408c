import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Browser, addUser, openBrowser, quickPasswords } from '../../../../tests/back-office.js';
import { type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { listAuditLog, verifyAuditLog } from '../../access/audit-log.js';
import { PERMISSIONS, ROLES, type Role } from '../../access/permissions.js';
import { createPromptLog } from '../../access/prompt-log.js';
import { balanceOf } from '../../billing/ledger.js';
import type { AuditLogEntry } from '../api-types.js';
import type { Gateway } from '../start-gateway.js';
import { ADMIN_ROUTES } from './admin-app.js';

let opened: ScratchGateway;
let gateway: Gateway;
const browsers = new Map<Role, Browser>();
const as = (role: Role): Browser => browsers.get(role) ?? openBrowser(gateway.url);

beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
  const { database, clock } = opened.books;
  const promptLog = createPromptLog({ database, clock, retentionDays: 30 });
  gateway = await opened.start({ backOffice: { passwords: quickPasswords, promptLog } });
  for (const role of ROLES) {
    await addUser(database, `${role}@example.com`, role);
    browsers.set(role, openBrowser(gateway.url));
    expect((await as(role).logIn(`${role}@example.com`)).status).toBe(200);
  }
});
afterAll(async () => {
  await gateway.close();
  const { database } = opened.books;
  expect((await verifyAuditLog(database)).broken).toBeUndefined();
  expect(opened.problems).toEqual([]);
  expect(await opened.close()).toEqual([]);
});

const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code;
const json = async <T>(response: Response | Promise<Response>): Promise<T> => (await (await response).json()) as T;

/** No user, customer or run has this name, so that nothing changes. */
const NO_ONE = '00000000-0000-4000-8000-000000000000';
const concrete = (path: string): string => path.replaceAll(/:[a-z]+/g, NO_ONE);

// Signing out in the walk would end the session the walk is made with.
const walked = ADMIN_ROUTES.filter(({ path }) => !path.startsWith('/api/logout'));

test('every route × every role: what the table of permissions says, and nothing else', async () => {
  for (const { method, path, needs } of walked) {
    for (const role of ROLES) {
      const mayEnter = needs === 'anyone' || needs === 'signed-in' || PERMISSIONS[needs].includes(role);
      const response =
        method === 'GET' ? await as(role).get(concrete(path)) : await as(role).post(concrete(path), { none: 1 });
      const name = `${role}: ${method} ${path}: ${response.status}`;
      if (mayEnter) expect([200, 302, 400, 404], name).toContain(response.status);
      else expect([response.status, await codeOf(response)], name).toEqual([403, 'forbidden']);
      if (response.ok) expect(response.headers.get('cache-control'), name).toBe('no-store');
    }
  }
});

test('every route × a stranger, a wrong token, an ended session: 401, except where anyone may', async () => {
  const ended = openBrowser(gateway.url);
  await ended.logIn('viewer@example.com');
  const cookies = [...ended.cookies];
  expect((await ended.post('/api/logout')).status).toBe(200);
  for (const [name, value] of cookies) ended.cookies.set(name, value);
  for (const { method, path, needs } of ADMIN_ROUTES) {
    for (const browser of [openBrowser(gateway.url), ended]) {
      const response = await (method === 'GET'
        ? browser.get(concrete(path))
        : browser.post(concrete(path), { none: 1 }));
      if (needs === 'anyone') expect([200, 302, 400, 404], path).toContain(response.status);
      else expect([response.status, await codeOf(response)], path).toEqual([401, 'not_signed_in']);
    }
    const wrong = await as('owner').get(concrete(path), { authorization: 'Bearer moat_studio_wrong' });
    expect(wrong.status, path).toBe(401);
  }
});

test('the studio token is an owner’s, and needs neither origin nor CSRF token', async () => {
  const authorization = `Bearer ${gateway.studioToken}`;
  const stranger = openBrowser(gateway.url);
  expect(await json(stranger.get('/api/session', { authorization }))).toMatchObject({
    name: 'studio token',
    role: 'owner',
    user: null,
    permissions: Object.keys(PERMISSIONS),
  });
  const made = await stranger.post('/api/customers', { name: 'by token' }, { authorization, origin: '' });
  expect(made.status).toBe(201);
  const [entry] = await listAuditLog(opened.books.database, { limit: 1 });
  expect(entry).toMatchObject({ actor: 'studio token', action: 'customer.created', details: { name: 'by token' } });
});

test('what is in no route is 404 to a user and 401 to a stranger, whatever the method', async () => {
  for (const [method, path] of [
    ['GET', '/api/none'],
    ['DELETE', '/api/users'],
    ['PUT', '/api/customers'],
  ] as const) {
    const authorization = `Bearer ${gateway.studioToken}`;
    expect((await fetch(gateway.url + path, { method, headers: { authorization } })).status).toBe(404);
    expect((await fetch(gateway.url + path, { method })).status).toBe(401);
  }
});

test.each([
  ['as the page sends it', {}, 201],
  ['another page', { origin: 'https://evil.example' }, 'wrong_origin'],
  ['this host on another port', { origin: 'http://127.0.0.1:1' }, 'wrong_origin'],
  ['a sandboxed page', { origin: 'null' }, 'wrong_origin'],
  ['no page', { origin: '' }, 'wrong_origin'],
  ['no token', { 'x-csrf-token': '' }, 'wrong_csrf_token'],
  ['a wrong token', { 'x-csrf-token': 'x'.repeat(43) }, 'wrong_csrf_token'],
  ['another session’s token', { 'x-csrf-token': 'developer' }, 'wrong_csrf_token'],
])('a change with the owner’s cookie: %s', async (what, headers: Record<string, string>, expected) => {
  const borrowed =
    headers['x-csrf-token'] === 'developer' ? { 'x-csrf-token': as('developer').csrfToken ?? '' } : headers;
  const response = await as('owner').post('/api/customers', { name: `csrf: ${what}` }, borrowed);
  expect(expected === 201 ? response.status : await codeOf(response)).toBe(expected);
});

test('signing in from another page is refused, and a cookie is never readable or sent along from elsewhere', async () => {
  const browser = openBrowser(gateway.url);
  const body = { email: 'viewer@example.com', password: 'correct horse battery staple' };
  const foreign = await browser.post('/api/login', body, { origin: 'https://evil.example' });
  expect(await codeOf(foreign)).toBe('wrong_origin');
  const response = await browser.logIn('viewer@example.com');
  const [line] = response.headers.getSetCookie();
  expect(line).toMatch(/^moat_session=moat_session_[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/);
  expect(JSON.stringify(await response.json())).not.toContain('moat_session_');
});

test('behind https the cookie is __Host- and Secure, and the origin is the public one', async () => {
  const publicUrl = 'https://studio.example.com';
  const behind = await opened.start({ backOffice: { passwords: quickPasswords, publicUrl } });
  const browser = openBrowser(behind.url);
  const body = { email: 'viewer@example.com', password: 'correct horse battery staple' };
  expect(await codeOf(await browser.post('/api/login', body))).toBe('wrong_origin');
  const response = await browser.post('/api/login', body, { origin: publicUrl });
  expect(response.headers.getSetCookie()[0]).toMatch(
    /^__Host-moat=moat_session_[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure$/,
  );
  expect((await browser.get('/api/session')).status).toBe(200);
  await behind.close();
});

test('a planted cookie is replaced at sign-in; sessions are listed, and end one by one or all at once', async () => {
  const [phone, laptop] = [openBrowser(gateway.url), openBrowser(gateway.url)];
  const planted = `moat_session_${'A'.repeat(43)}`;
  phone.cookies.set('moat_session', planted);
  await phone.logIn('finance@example.com');
  expect(phone.cookies.get('moat_session')).not.toBe(planted);
  await laptop.logIn('finance@example.com');
  const { sessions } = await json<{ sessions: { isThisOne: boolean; address: string }[] }>(laptop.get('/api/sessions'));
  expect(sessions.length).toBeGreaterThanOrEqual(3);
  expect(sessions.filter(({ isThisOne }) => isThisOne)).toHaveLength(1);
  expect(sessions[0]?.address).toBe('127.0.0.1');
  expect(await json(phone.post('/api/logout'))).toEqual({ ended: 1 });
  expect((await laptop.get('/api/session')).status).toBe(200);
  await laptop.post('/api/logout-everywhere');
  expect((await as('finance').get('/api/session')).status).toBe(401);
  await as('finance').logIn('finance@example.com');
});

test('a wrong password and an unknown user get the same answer; too many of them get a wait', async () => {
  const browser = openBrowser(gateway.url);
  await addUser(opened.books.database, 'target@example.com', 'viewer');
  const answers = [];
  for (const email of ['target@example.com', 'nobody@example.com']) {
    const response = await browser.logIn(email, 'a wrong password, quite long');
    answers.push([response.status, await response.text()]);
  }
  expect(answers[0]).toEqual(answers[1]);
  expect(JSON.stringify(answers)).not.toContain('a wrong password, quite long');
  expect(answers[0]).toMatchObject([401, expect.stringContaining('wrong_credentials')]);
  let last = await browser.logIn('target@example.com', 'wrong');
  for (let count = 0; count < 5; count++) last = await browser.logIn('target@example.com', 'wrong');
  expect([last.status, last.headers.get('retry-after'), await codeOf(last)]).toEqual([429, '1', 'too_many_attempts']);
});

test('one’s own password: the old one is asked for, and the cookie goes', async () => {
  await addUser(opened.books.database, 'self@example.com', 'viewer');
  const browser = openBrowser(gateway.url);
  await browser.logIn('self@example.com');
  const next = 'quiet rivers meet at noon';
  expect(await codeOf(await browser.post('/api/password', { current: 'wrong', next }))).toBe('wrong_credentials');
  const current = 'correct horse battery staple';
  expect((await browser.post('/api/password', { current, next })).status).toBe(200);
  expect([...browser.cookies.keys()]).toEqual([]);
  expect((await browser.logIn('self@example.com', next)).status).toBe(200);
});

test('an invited user sets his password by the link; the last owner stays', async () => {
  const { user, setupToken } = await json<{ user: { id: string }; setupToken: string }>(
    as('owner').post('/api/users', { email: 'new@example.com', name: 'New', role: 'viewer' }),
  );
  const browser = openBrowser(gateway.url);
  expect((await browser.logIn('new@example.com')).status).toBe(401);
  const weak = await browser.post('/api/setup', { token: setupToken, password: 'password1234' });
  expect(await codeOf(weak)).toBe('weak_password');
  expect((await browser.post('/api/setup', { token: setupToken, password: 'quiet rivers meet at noon' })).status).toBe(
    200,
  );
  expect((await browser.logIn('new@example.com', 'quiet rivers meet at noon')).status).toBe(200);
  expect((await as('owner').post(`/api/users/${user.id}/role`, { role: 'finance' })).status).toBe(200);
  expect(await json(browser.get('/api/session'))).toMatchObject({ role: 'finance' });
  const { setupToken: again } = await json<{ setupToken: string }>(
    as('owner').post(`/api/users/${user.id}/reset-password`),
  );
  expect(again).toMatch(/^moat_setup_/);
  expect((await browser.get('/api/session')).status).toBe(401);
  expect((await as('owner').post(`/api/users/${user.id}/disable`)).status).toBe(200);
  expect((await as('owner').post(`/api/users/${user.id}/enable`)).status).toBe(200);
  const { users } = await json<{ users: { id: string; email: string }[] }>(as('owner').get('/api/users'));
  const owner = users.find(({ email }) => email === 'owner@example.com')?.id ?? '';
  expect(await codeOf(await as('owner').post(`/api/users/${owner}/disable`))).toBe('last_owner');
  expect(await codeOf(await as('owner').post('/api/users', { email: 'new@example.com', role: 'viewer' }))).toBe(
    'user_exists',
  );
});

test('customers, keys and credit: each change is in the audit log, and no key is', async () => {
  const { customer } = await json<{ customer: { id: string } }>(
    as('developer').post('/api/customers', { name: 'Acme' }),
  );
  const route = `/api/customers/${customer.id}`;
  type Made = { key: { id: string }; secretKey: string };
  const first = await json<Made>(as('developer').post(`${route}/keys`, { name: 'first' }));
  const rotated = await json<Made>(as('developer').post(`${route}/keys/${first.key.id}/rotate`, { overlapHours: 0 }));
  const credit = { amount: '25.00', reference: 'transfer 1' };
  for (let time = 0; time < 2; time++)
    expect(await json(as('finance').post(`${route}/credit`, credit))).toEqual({
      balanceMicros: '25000000',
      currency: 'USD',
    });
  const complete = (secretKey: string): Promise<Response> =>
    fetch(`${gateway.url}/v1/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secretKey}` },
      body: JSON.stringify({ model: 'quick', prompt: 'ab', max_tokens: 2 }),
    });
  expect([(await complete(first.secretKey)).status, (await complete(rotated.secretKey)).status]).toEqual([401, 200]);
  expect((await as('developer').post(`${route}/keys/${rotated.key.id}/revoke`)).status).toBe(200);
  expect((await complete(rotated.secretKey)).status).toBe(401);
  expect(await codeOf(await as('developer').post(`${route}/keys/${first.key.id}/rotate`))).toBe('unknown_key');
  const { entries } = await json<{ entries: { actor: string; action: string; target: string }[] }>(
    as('owner').get('/api/audit-log?limit=5'),
  );
  expect(entries.map(({ actor, action, target }) => [actor, action, target])).toEqual([
    ['developer@example.com', 'key.revoked', rotated.key.id],
    ['finance@example.com', 'credit.added', customer.id],
    ['developer@example.com', 'key.rotated', first.key.id],
    ['developer@example.com', 'key.created', first.key.id],
    ['developer@example.com', 'customer.created', customer.id],
  ]);
  const all = JSON.stringify(
    await opened.books.database.sql`select actor, action, target, details from moat.audit_log`,
  );
  for (const secret of [first.secretKey, rotated.secretKey, 'moat_session_', 'moat_setup_', '$scrypt$', 'horse'])
    expect(all).not.toContain(secret);
});

test('one customer’s keys are not reached through another’s address', async () => {
  const [one, other] = [await opened.newClient(1_000_000n), await opened.newClient(1_000_000n)];
  const keysOf = async (customerId: string): Promise<string[]> =>
    (await json<{ keys: { id: string }[] }>(as('developer').get(`/api/customers/${customerId}/keys`))).keys.map(
      ({ id }) => id,
    );
  const [mine] = await keysOf(one.customerId);
  expect(await keysOf(other.customerId)).not.toContain(mine);
  for (const action of ['revoke', 'rotate']) {
    const response = await as('developer').post(`/api/customers/${other.customerId}/keys/${mine}/${action}`);
    expect([response.status, await codeOf(response)]).toEqual([404, 'unknown_key']);
  }
  const limits = `/api/customers/${other.customerId}/limits`;
  expect(await codeOf(await as('developer').post(limits, { keyId: mine, requestsPerMinute: 1 }))).toBe('unknown_key');
  const own = { keyId: (await keysOf(other.customerId))[0], requestsPerMinute: 9 };
  expect(await json(as('developer').post(limits, own))).toMatchObject({ limits: [{ ...own, model: null }] });
  expect(await json(as('developer').get(`/api/customers/${one.customerId}/limits`))).toEqual({ limits: [] });
  expect(await json(as('developer').post(limits, { keyId: own.keyId }))).toEqual({ limits: [] });
  const written = (await listAuditLog(opened.books.database, { limit: 2 })).map(({ action, details }) => [
    action,
    details['requestsPerMinute'],
  ]);
  expect(written).toEqual([
    ['limit.set', null],
    ['limit.set', '9'],
  ]);
  expect((await one.openai.models.list()).data).toHaveLength(1);
  expect((await as('developer').get('/api/customers/internal/keys')).status).toBe(200);
  expect(await codeOf(await as('developer').post('/api/customers/internal/keys', {}))).toBe('unknown_customer');
});

test('a rotated key keeps its terms, and its old secret works until the overlap ends', async () => {
  const { customerId } = await opened.newClient(1_000_000n);
  const route = `/api/customers/${customerId}/keys`;
  const terms = { name: 'narrow', scopes: ['completions'], models: ['quick'], expiresAt: '2099-01-01T00:00:00.000Z' };
  const first = await json<{ key: { id: string }; secretKey: string }>(as('developer').post(route, terms));
  const second = await json<{ key: object; secretKey: string }>(
    as('developer').post(`${route}/${first.key.id}/rotate`, { overlapHours: 1 }),
  );
  expect(second.key).toMatchObject({ ...terms, id: first.key.id });
  const status = async (secretKey: string): Promise<number> =>
    (await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${secretKey}` } })).status;
  expect([await status(first.secretKey), await status(second.secretKey)]).toEqual([200, 200]);
  await as('developer').post(`${route}/${first.key.id}/rotate`, { overlapHours: 0 });
  expect([await status(first.secretKey), await status(second.secretKey)]).toEqual([401, 401]);
  for (const [body, code] of [
    [{ scopes: ['everything'] }, 'invalid_value'],
    [{ scopes: [] }, 'bad_scope'],
    [{ expiresAt: '2001-01-01T00:00:00Z' }, 'bad_expiry'],
    [{ expiresAt: 'tomorrow' }, 'invalid_value'],
  ] as const)
    expect(await codeOf(await as('developer').post(route, body))).toBe(code);
});

test('a change that fails leaves no entry, and bodies are checked', async () => {
  const last = async (): Promise<bigint | undefined> =>
    (await listAuditLog(opened.books.database, { limit: 1 }))[0]?.id;
  const client = await opened.newClient(0n);
  const before = await last();
  const credit = `/api/customers/${client.customerId}/credit`;
  for (const [route, body, code] of [
    ['/api/customers', { name: '' }, 'bad_customer'],
    ['/api/customers', { name: 'a\0b' }, 'invalid_value'],
    ['/api/customers', { name: 'by token' }, 'customer_exists'],
    ['/api/customers', { name: 'x', currency: 'usd' }, 'bad_currency'],
    ['/api/customers', { name: 'x', kind: 'internal' }, 'invalid_value'],
    [credit, { amount: '-1' }, 'bad_amount'],
    [credit, { amount: '1e9' }, 'bad_amount'],
    [credit, { amount: 1 }, 'invalid_value'],
    [credit, { amount: '3.00', reference: 'transfer 1' }, 'reference_taken'],
    ['/api/customers/cus_none/credit', { amount: '1' }, 'unknown_customer'],
    ['/api/users', { email: 'x@y.z', role: 'god' }, 'invalid_value'],
    [`/api/users/${NO_ONE}/disable`, {}, 'unknown_user'],
    ['/api/users/x%00y/disable', {}, 'invalid_value'],
    ['/api/users/%F0%9F/disable', {}, 'unknown_user'],
  ] as const)
    expect(await codeOf(await as('owner').post(route, body)), `${route} ${JSON.stringify(body)}`).toBe(code);
  expect(await last()).toBe(before);
  expect((await balanceOf(opened.books, client.customerId)).balanceMicros).toBe(0n);
});

test('logged prompts are the owner’s alone, and who reads them is written down; the audit log comes in pages', async () => {
  expect(await json(as('owner').get('/api/prompts?customer=cus_x'))).toEqual({ prompts: [], nextBefore: null });
  const [entry] = await listAuditLog(opened.books.database, { limit: 1 });
  expect(entry).toMatchObject({ actor: 'owner@example.com', action: 'prompts.read', target: 'cus_x' });
  type Page = { entries: AuditLogEntry[]; nextBefore: string | null };
  const entries: AuditLogEntry[] = [];
  let page = await json<Page>(as('owner').get('/api/audit-log?limit=7'));
  while (page.nextBefore !== null) {
    entries.push(...page.entries);
    page = await json<Page>(as('owner').get(`/api/audit-log?limit=7&before=${page.nextBefore}`));
  }
  entries.push(...page.entries);
  const ids = entries.map(({ id }) => id);
  // What the ids in an entry stand for comes along.
  const user = entries.find(({ action }) => action === 'user.created');
  expect(user?.names[user.target]).toMatchObject({ kind: 'user', name: expect.stringContaining('@'), currency: null });
  const limit = entries.find(({ action, details }) => action === 'limit.set' && details['keyId'] !== null);
  expect(limit?.names[limit.target]).toMatchObject({ kind: 'customer', customerId: limit?.target, currency: 'USD' });
  expect(limit?.names[String(limit.details['keyId'])]).toMatchObject({ kind: 'key', customerId: limit?.target });
  expect(ids).toEqual(Array.from({ length: ids.length }, (_, index) => String(ids.length - index)));
  expect(await json(as('owner').get('/api/audit-log/verification'))).toEqual({
    entryCount: ids.length,
    broken: null,
    head: { id: ids[0], hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
});
