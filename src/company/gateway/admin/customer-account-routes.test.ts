import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import type { ChargedEventDetail, CreditSummary, CustomerAccount, UsageEventRow } from '../api-types.js';
import type { BackendHealth } from '../backend.js';
import { localBackend } from '../local-backend.js';
import type { Gateway } from '../start-gateway.js';

let opened: ScratchGateway;
let gateway: Gateway;
let client: Client;
const health: BackendHealth = {
  isAvailable: false,
  targets: [
    {
      target: 'far',
      state: 'open',
      inFlight: 0,
      consecutiveFailures: 5,
      lastFailure: 'timeout',
      restsMs: 9000,
      unfit: null,
    },
  ],
};
beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
  const far = { ...localBackend(scriptedEngine({ modelId: 'far' })), health: () => health };
  gateway = await opened.start({ upstreams: new Map([['far', far]]) });
  client = await opened.newClient(5_000_000n, gateway.url);
  for (const prompt of ['ab', 'abc', 'abcd'])
    await client.openai.completions.create({ model: 'quick', prompt, max_tokens: 2 });
});
afterAll(async () => {
  await gateway.close();
  expect(opened.problems).toEqual([]);
  expect(await opened.close()).toEqual([]);
});

async function get<T>(route: string): Promise<T> {
  const headers = { authorization: `Bearer ${gateway.studioToken}` };
  return (await (await fetch(gateway.url + route, { headers })).json()) as T;
}
const of = (route: string): string => `/api/customers/${client.customerId}${route}`;

test('an account: balance, and thirty days of which the last is today', async () => {
  // 2, 3 and 4 tokens in, 2 out each: (2 + 3 + 4) × 1 + 3 × 2 × 2 micro-units
  const account = await get<CustomerAccount>(of(''));
  expect(account).toMatchObject({ balanceMicros: String(5_000_000 - 21), creditLineMicros: '0', currency: 'USD' });
  expect(account.days).toHaveLength(30);
  expect(account.days.at(-1)).toMatchObject({ requests: 3, inputTokens: 9, outputTokens: 6, chargedMicros: '21' });
  expect(account.days[0]).toMatchObject({ requests: 0, chargedMicros: '0' });
  const days = account.days.map(({ day }) => day);
  expect(days).toEqual([...new Set(days)].sort());
  expect(await get('/api/customers')).toMatchObject({ customers: [{ recentChargedMicros: '21', keyCount: 1 }] });
  expect(await get('/api/customers/internal')).toMatchObject({ error: { code: 'unknown_customer' } });
});

test('usage comes in pages, and each event says what it was priced at and where it was booked', async () => {
  type Page = { events: UsageEventRow[]; nextBefore: string | null };
  const first = await get<Page>(of('/usage?limit=2'));
  const rest = await get<Page>(of(`/usage?limit=2&before=${encodeURIComponent(first.nextBefore ?? '')}`));
  expect([...first.events, ...rest.events].map(({ inputTokens }) => inputTokens)).toEqual([4, 3, 2]);
  expect(rest.nextBefore).toBeNull();
  expect(await get(of('/usage?before=yesterday'))).toMatchObject({ error: { code: 'invalid_value' } });

  const [event] = first.events;
  const detail = await get<ChargedEventDetail>(of(`/usage/${event?.id}`));
  expect(detail.event).toEqual(event);
  expect(detail.price).toEqual({
    inputMicrosPerMillion: '1000000',
    cachedMicrosPerMillion: '1000000',
    outputMicrosPerMillion: '2000000',
    requestMicros: '0',
    isTiered: false,
  });
  expect(detail.entries.map(({ account, amountMicros }) => [account, amountMicros])).toEqual(
    expect.arrayContaining([
      ['prepaid', '8'],
      ['revenue', '-8'],
    ]),
  );
  const other = await opened.newClient(1n, gateway.url);
  expect(await get(`/api/customers/${other.customerId}/usage/${event?.id}`)).toMatchObject({
    error: { code: 'unknown_event' },
  });
});

test('credit that ends is booked with its end, and listed', async () => {
  const expiresAt = '2099-01-01T00:00:00.000Z';
  const headers = { authorization: `Bearer ${gateway.studioToken}` };
  const body = JSON.stringify({ amount: '2.50', kind: 'grant', expiresAt, reference: 'gift' });
  expect((await fetch(gateway.url + of('/credit'), { method: 'POST', headers, body })).status).toBe(200);
  const { credits } = await get<{ credits: CreditSummary[] }>(of('/credits'));
  expect(credits).toMatchObject([
    { kind: 'grant', reference: 'gift', expiresAt, amountMicros: '2500000' },
    { kind: 'payment', expiresAt: null, amountMicros: '5000000' },
  ]);
});

test('what the server is set to, and how the engines elsewhere are', async () => {
  expect(await get('/api/settings')).toMatchObject({
    currency: 'USD',
    timeZone: 'Asia/Shanghai',
    publicUrl: null,
    oidc: false,
    promptLog: false,
  });
  expect(await get('/api/upstreams')).toEqual({ upstreams: [{ model: 'far', ...health }] });
});
