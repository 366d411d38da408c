import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Browser, openBrowser, quickPasswords } from '../../../../tests/back-office.js';
import { type OidcProvider, openOidcProvider } from '../../../../tests/oidc-provider.js';
import { type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import type { Gateway } from '../start-gateway.js';

let opened: ScratchGateway;
let provider: OidcProvider;
let gateway: Gateway;
beforeAll(async () => {
  [opened, provider] = await Promise.all([openScratchGateway([], []), openOidcProvider()]);
  const oidc = { ...provider, allowedDomains: ['acme.com'] };
  gateway = await opened.start({ backOffice: { passwords: quickPasswords, oidc } });
  provider.claims = { sub: 'ann-1', email: 'ann@acme.com', email_verified: true, name: 'Ann' };
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
  expect(opened.problems).toEqual([]);
  expect(await opened.close()).toEqual([]);
});

/** @returns the address the provider sends the browser back to */
async function leave(browser: Browser): Promise<URL> {
  const response = await browser.get('/api/oidc/start');
  expect(response.status).toBe(302);
  expect(response.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^moat_flow=\d+\.[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/),
  ]);
  return provider.authorize(new URL(response.headers.get('location') ?? ''));
}

const pathOf = ({ pathname, search }: URL): string => pathname + search;

test('a browser goes to the provider and comes back signed in; its flow ends there', async () => {
  const browser = openBrowser(gateway.url);
  expect(await (await browser.get('/api/login')).json()).toEqual({ password: true, oidc: true, signedIn: false });
  const back = await leave(browser);
  const response = await browser.get(pathOf(back));
  expect([response.status, response.headers.get('location')]).toEqual([302, '/']);
  expect([...browser.cookies.keys()]).toEqual(['moat_session']);
  expect(await (await browser.get('/api/session')).json()).toMatchObject({
    user: { email: 'ann@acme.com' },
    role: 'viewer',
  });
});

test('another browser cannot use the answer, and whoever is refused reads why in the studio', async () => {
  const [victim, attacker] = [openBrowser(gateway.url), openBrowser(gateway.url)];
  const back = await leave(attacker);
  await leave(victim);
  const planted = await victim.get(pathOf(back));
  expect(planted.headers.get('location')).toMatch(/^\/\?sign-in-problem=/);
  expect((await victim.get('/api/session')).status).toBe(401);
  provider.claims = { sub: 'eve-1', email: 'eve@evil.example', email_verified: true };
  const refused = await attacker.get(pathOf(await leave(attacker)));
  expect(new URL(refused.headers.get('location') ?? '', gateway.url).searchParams.get('sign-in-problem')).toBe(
    'addresses at evil.example are not allowed here. Ask an owner of this project to let you in.',
  );
  expect((await attacker.get('/api/session')).status).toBe(401);
});

test('where no provider is set up, there is none', async () => {
  const browser = openBrowser(opened.gateway.url);
  expect(await (await browser.get('/api/login')).json()).toEqual({ password: true, oidc: false, signedIn: false });
  for (const route of ['/api/oidc/start', '/api/oidc/callback?code=x&state=y'])
    expect((await browser.get(route)).status).toBe(404);
});
