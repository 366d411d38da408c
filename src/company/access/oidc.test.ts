import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PASSWORD, accessTo, addUser } from '../../../tests/back-office.js';
import { type OidcProvider, openOidcProvider } from '../../../tests/oidc-provider.js';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock, systemClock } from '../../base/clock.js';
import { auditAs, listAuditLog } from './audit-log.js';
import { type OidcSettings, createOidcClient } from './oidc.js';
import { findSession } from './sessions.js';
import { signIn } from './sign-in.js';
import { disableUser, findUser } from './users.js';

const REDIRECT = 'http://127.0.0.1:6628/api/oidc/callback';
const device = { address: '10.0.0.1', agent: 'Browser' };
let scratch: ScratchProject;
let provider: OidcProvider;
beforeAll(async () => {
  [scratch, provider] = await Promise.all([openScratchProject(), openOidcProvider()]);
});
afterAll(async () => {
  await provider.close();
  await scratch.close();
});
beforeEach(() => {
  provider.claims = { sub: 'ann-1', email: 'ann@acme.com', email_verified: true, name: 'Ann' };
  provider.forge = false;
});

const client = (more: Partial<OidcSettings> = {}, clock = systemClock) =>
  createOidcClient({ ...accessTo(scratch.database), clock }, { ...provider, allowedDomains: ['ACME.com'], ...more });

/** The whole way: to the provider, back with its code, to a session. */
async function enter(more: Partial<OidcSettings> = {}): Promise<Awaited<ReturnType<typeof findSession>>> {
  const oidc = client(more);
  const { url, flow } = await oidc.begin(REDIRECT);
  const token = await oidc.complete(await provider.authorize(url), flow, device, undefined);
  return findSession(accessTo(scratch.database), token);
}

test('somebody new of an allowed domain becomes a viewer, and is himself the next time', async () => {
  const first = await enter();
  expect(first).toMatchObject({ email: 'ann@acme.com', name: 'Ann', role: 'viewer' });
  provider.claims = { ...provider.claims, email: 'ann.new@acme.com' };
  expect((await enter())?.userId).toBe(first?.userId);
  const entries = await listAuditLog(scratch.database);
  expect(entries.map(({ action, details }) => [action, details['by'] ?? details['isNew']])).toEqual([
    ['session.started', 'oidc'],
    ['session.started', 'oidc'],
    ['user.linked', true],
  ]);
});

test('a user of this project keeps his role, and his account is tied to the subject that came first', async () => {
  const id = await addUser(scratch.database, 'Finn@acme.com', 'finance');
  provider.claims = { sub: 'finn-1', email: 'finn@acme.com', email_verified: true };
  expect(await enter({ newUserRole: null })).toMatchObject({ userId: id, role: 'finance' });
  provider.claims = { ...provider.claims, sub: 'finn-2' };
  await expect(enter()).rejects.toMatchObject({
    code: 'oidc-refused',
    message: expect.stringContaining('another account'),
  });
});

test('after a change of provider, the verified address is tied to the new one', async () => {
  const before = await enter();
  await scratch.database
    .sql`update moat.users set oidc_issuer = 'https://earlier.example' where id = ${before?.userId ?? ''}`;
  expect((await enter())?.userId).toBe(before?.userId);
  const [row] = await scratch.database.sql`select oidc_issuer from moat.users where id = ${before?.userId ?? ''}`;
  expect(row).toEqual({ oidc_issuer: provider.issuer });
});

test.each([
  ['another domain', { email: 'ann@acme.com.evil.example' }, 'addresses at acme.com.evil.example are not allowed'],
  ['an address nobody verified', { email_verified: false }, 'has not verified'],
  ['a verification in words', { email_verified: 'true' }, 'has not verified'],
  ['no address', { email: undefined }, 'no email address'],
])('%s is refused', async (_, claims, why) => {
  provider.claims = { ...provider.claims, ...claims };
  await expect(enter()).rejects.toMatchObject({ code: 'oidc-refused', message: expect.stringContaining(why) });
});

test('where new ones may not in, or a user is disabled, none gets in', async () => {
  provider.claims = { sub: 'new-1', email: 'new@acme.com', email_verified: true };
  await expect(enter({ newUserRole: null })).rejects.toMatchObject({ code: 'oidc-refused' });
  await expect(findUser(accessTo(scratch.database), 'new@acme.com')).rejects.toMatchObject({ code: 'unknown-user' });
  const session = await enter({ newUserRole: 'developer' });
  expect(session?.role).toBe('developer');
  await disableUser(accessTo(scratch.database), session?.userId ?? '', auditAs('test', systemClock));
  await expect(enter()).rejects.toMatchObject({ code: 'oidc-refused', message: 'this user is disabled' });
});

test.each([
  ['a token with another nonce', { nonce: 'replayed' }],
  ['a token for another client', { aud: 'somebody' }],
  ['a token of another issuer', { iss: 'https://evil.example' }],
  ['a token of yesterday', { exp: 1_700_000_000 }],
  ['a forged token', 'forge'],
])('%s does not hold', async (_, claims) => {
  if (claims === 'forge') provider.forge = true;
  else provider.claims = { ...provider.claims, ...(claims as object) };
  await expect(enter()).rejects.toMatchObject({ code: 'oidc-failed' });
});

test('the browser that comes back has to be the one that left, soon, and once', async () => {
  const clock = manualClock(Date.now());
  const oidc = client({}, clock);
  const [mine, theirs] = [await oidc.begin(REDIRECT), await oidc.begin(REDIRECT)];
  const failed = { code: 'oidc-failed' };
  const back = await provider.authorize(mine.url);
  for (const flow of [theirs.flow, '', 'x', `${Date.now()}.${'A'.repeat(43)}`])
    await expect(oidc.complete(back, flow, device, undefined)).rejects.toMatchObject(failed);
  expect(await oidc.complete(back, mine.flow, device, undefined)).toMatch(/^moat_session_/);
  await expect(oidc.complete(back, mine.flow, device, undefined)).rejects.toMatchObject(failed);
  const late = await provider.authorize(theirs.url);
  clock.advance(600_001);
  await expect(oidc.complete(late, theirs.flow, device, undefined)).rejects.toMatchObject(failed);
});

test('a provider that is away, or on plain http elsewhere, is a failure in one line, and is asked again', async () => {
  const asked: string[] = [];
  const away = client({
    issuer: 'http://accounts.example.com',
    fetch: async (url) => {
      asked.push(url);
      throw new Error('no network');
    },
  });
  await expect(away.begin(REDIRECT)).rejects.toMatchObject({ code: 'oidc-failed' });
  expect(asked).toEqual([]);
  let isUp = false;
  const flaky = client({
    fetch: (url, { body = null, ...init }) =>
      isUp ? fetch(url, { ...init, body }) : Promise.reject(new Error('down')),
  });
  await expect(flaky.begin(REDIRECT)).rejects.toMatchObject({ code: 'oidc-failed' });
  isUp = true;
  expect((await flaky.begin(REDIRECT)).url.searchParams.get('code_challenge_method')).toBe('S256');
  expect(JSON.stringify(await flaky.begin(REDIRECT))).not.toContain(provider.clientSecret);
});

test('a password goes on working beside it', async () => {
  const access = accessTo(scratch.database);
  const credentials = { email: 'finn@acme.com', password: PASSWORD };
  expect((await signIn(access, credentials, device, undefined)).kind).toBe('signed-in');
});
