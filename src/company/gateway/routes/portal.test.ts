import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { createKey, revokeKey } from '../../billing/keys.js';
import type { CustomerAccount, KeySummary, UsageEventRow } from '../api-types.js';

let opened: ScratchGateway;
let one: Client;
let other: Client;
beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
  one = await opened.newClient(1_000_000n);
  other = await opened.newClient(2_000_000n);
  for (const { openai } of [one, one, other])
    await openai.completions.create({ model: 'quick', prompt: 'ab', max_tokens: 2 });
});
afterAll(async () => {
  expect(opened.problems).toEqual([]);
  expect(await opened.close()).toEqual([]);
});

const ask = (path: string, key: string): Promise<Response> =>
  fetch(`${opened.gateway.url}/portal/api/${path}`, { headers: { authorization: `Bearer ${key}` } });
async function read<T>(path: string, key: string): Promise<T> {
  const response = await ask(path, key);
  expect([path, response.status, response.headers.get('cache-control')]).toEqual([path, 200, 'no-store']);
  return (await response.json()) as T;
}
const PATHS = ['account', 'keys', 'credits', 'usage', 'usage/use_none'];

test('each key shows its own customer’s account and nobody else’s', async () => {
  for (const [mine, theirs, requests] of [
    [one, other, 2],
    [other, one, 1],
  ] as const) {
    const account = await read<CustomerAccount>('account', mine.secretKey);
    expect(account.id).toBe(mine.customerId);
    expect(account.days.at(-1)?.requests).toBe(requests);
    const { keys } = await read<{ keys: KeySummary[] }>('keys', mine.secretKey);
    const { events } = await read<{ events: UsageEventRow[] }>('usage', mine.secretKey);
    expect([keys.length, events.length]).toEqual([1, requests]);
    expect(events.every(({ keyId }) => keyId === keys[0]?.id)).toBe(true);
    const { event } = await read<{ event: UsageEventRow }>(`usage/${events[0]?.id}`, mine.secretKey);
    expect(event).toEqual(events[0]);
    expect((await ask(`usage/${events[0]?.id}`, theirs.secretKey)).status).toBe(404);
    // Whatever is asked along, the key alone says whose account it is.
    const bent = await read<CustomerAccount>(`account?customer=${theirs.customerId}`, mine.secretKey);
    expect(bent.id).toBe(mine.customerId);
    const all = JSON.stringify([account, keys, events, event, await read('credits', mine.secretKey)]);
    expect(all).not.toContain(theirs.customerId);
    expect(all).not.toContain(mine.secretKey);
  }
});

test('no key, a wrong one, a revoked one and the studio token open nothing; a limited key neither', async () => {
  const revoked = await createKey(opened.books, { customerId: one.customerId });
  await revokeKey(opened.books, revoked.key.id);
  const limited = await createKey(opened.books, { customerId: one.customerId, scopes: ['chat'] });
  for (const path of PATHS) {
    for (const key of ['', `moat_sk_${'A'.repeat(43)}`, revoked.secretKey, opened.gateway.studioToken])
      expect([path, (await ask(path, key)).status]).toEqual([path, 401]);
    const refused = await ask(path, limited.secretKey);
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'key_is_limited' } }]);
  }
});

test('what is no route is no page either, and nothing can be written', async () => {
  expect((await ask('users', one.secretKey)).status).toBe(404);
  for (const method of ['POST', 'DELETE']) {
    const headers = { authorization: `Bearer ${one.secretKey}` };
    expect((await fetch(`${opened.gateway.url}/portal/api/keys`, { method, headers })).status).toBe(404);
  }
});
