import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, type ScratchGateway, openScratchGateway, post } from '../../../../tests/scratch-gateway.js';
import { balanceOf } from '../../billing/ledger.js';
import { parseSeller } from '../../billing/invoices/parties.js';
import { signNotice } from '../../billing/top-ups/notice-signature.js';
import type { InvoiceSummary, PortalTopUps, TopUpSummary } from '../api-types.js';
import type { Gateway } from '../start-gateway.js';

const SECRET = 'a-secret-of-more-than-thirty-two-characters';
const seller = parseSeller({ name: 'Acme GmbH', taxPercent: '20', payment: ['IBAN DE00'] }, 'test');
let opened: ScratchGateway;
let gateway: Gateway;
let one: Client;
let other: Client;
beforeAll(async () => {
  opened = await openScratchGateway([], []);
  gateway = await opened.start({ seller, paymentSecret: SECRET });
  one = await opened.newClient(0n);
  other = await opened.newClient(0n);
});
afterAll(async () => {
  expect(opened.problems).toEqual([]);
  await gateway.close();
  expect(await opened.close()).toEqual([]);
});

const portal = async <T>(client: Client, path: string, body?: object): Promise<{ status: number; json: T }> => {
  const url = `${gateway.url}/portal/api/${path}`;
  const response = await (body === undefined
    ? fetch(url, { headers: { authorization: `Bearer ${client.secretKey}` } })
    : post(url, client.secretKey, body));
  return { status: response.status, json: (await response.json()) as T };
};
const ask = async (client: Client, amount: string): Promise<TopUpSummary> =>
  (await portal<TopUpSummary>(client, 'top-ups', { amount })).json;

interface Answer {
  readonly status: number;
  readonly json: { error?: { code: string }; state?: string; repeated?: boolean; invoice?: string };
}
async function send(body: string, signature: string, url = gateway.url): Promise<Answer> {
  const headers = { 'moat-signature': signature };
  const response = await fetch(`${url}/webhooks/payments`, { method: 'POST', headers, body });
  return { status: response.status, json: (await response.json()) as Answer['json'] };
}
const noticeOf = (id: string, { reference, dueMicros }: TopUpSummary): string =>
  JSON.stringify({
    id,
    type: 'top-up.paid',
    reference,
    amount: (Number(dueMicros) / 1e6).toFixed(2),
    currency: 'USD',
  });
const signed = (body: string, atMs = Date.now()): Promise<Answer> =>
  send(body, signNotice(body, { secret: SECRET, atMs }));
const balance = async ({ customerId }: Client): Promise<bigint> =>
  (await balanceOf(opened.books, customerId)).balanceMicros;

test('a customer asks for credit, a signed notice pays it, and its invoice is his', async () => {
  const { json: before } = await portal<PortalTopUps>(one, 'top-ups');
  expect(before).toEqual({
    topUps: [],
    offer: { minimumMicros: '5000000', maximumMicros: '10000000000', tax: { name: 'VAT', percent: '20' } },
  });
  const asked = await ask(one, '50.00');
  expect(asked).toMatchObject({ state: 'open', dueMicros: '60000000', payment: ['IBAN DE00'] });
  expect(await balance(one)).toBe(0n);
  expect(await signed(noticeOf('pay_1', asked))).toMatchObject({
    status: 200,
    json: { state: 'paid', repeated: false },
  });
  expect(await balance(one)).toBe(50_000_000n);
  const { json } = await portal<{ invoices: InvoiceSummary[] }>(one, 'invoices');
  expect(json.invoices).toMatchObject([{ kind: 'credit', state: 'paid', totalMicros: '60000000' }]);
  const { json: theirs } = await portal<PortalTopUps>(other, 'top-ups');
  expect(theirs.topUps).toEqual([]);
});

test('the same notice again, replayed, at once or under another id, books nothing', async () => {
  const body = noticeOf('pay_2', await ask(one, '10.00'));
  const before = await balance(one);
  const signature = signNotice(body, { secret: SECRET, atMs: Date.now() });
  const all = await Promise.all(Array.from({ length: 5 }, () => send(body, signature)));
  expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(all.filter(({ json }) => json.repeated === false)).toHaveLength(1);
  expect(await signed(body.replace('pay_2', 'pay_2b'))).toMatchObject({ json: { repeated: true } });
  expect((await balance(one)) - before).toBe(10_000_000n);
});

test('a wrong, old, future or missing signature books nothing, and is not read', async () => {
  const body = noticeOf('pay_3', await ask(one, '10.00'));
  const before = await balance(one);
  const now = Date.now();
  const good = signNotice(body, { secret: SECRET, atMs: now });
  const cases = [
    ['', 'malformed_signature'],
    [good.replace('v1=', 'v0='), 'malformed_signature'],
    [signNotice(body, { secret: SECRET, atMs: now - 301_000 }), 'stale_signature'],
    [signNotice(body, { secret: SECRET, atMs: now + 302_000 }), 'stale_signature'],
    [signNotice(body, { secret: `${SECRET}x`, atMs: now }), 'wrong_signature'],
    [signNotice(`${body} `, { secret: SECRET, atMs: now }), 'wrong_signature'],
    // The time is signed too: an old signature does not become young.
    [
      signNotice(body, { secret: SECRET, atMs: now - 60_000 }).replace(/t=\d+/, `t=${Math.floor(now / 1000)}`),
      'wrong_signature',
    ],
  ] as const;
  for (const [signature, code] of cases)
    expect([code, await send(body, signature)]).toMatchObject([code, { status: 401, json: { error: { code } } }]);
  expect(await balance(one)).toBe(before);
});

test('a notice for a void one, a wrong sum, an unknown number or with other words is refused', async () => {
  const [lost, kept] = [await ask(one, '10.00'), await ask(one, '10.00')];
  const { json: gone } = await portal<TopUpSummary>(one, `top-ups/${lost.number}/void`, {});
  expect(gone.state).toBe('void');
  const before = await balance(one);
  const good = noticeOf('pay_4', kept);
  const cases = [
    [noticeOf('pay_5', lost), 409, 'top_up_closed'],
    [good.replace('12.00', '10.00'), 409, 'payment_differs'],
    [good.replace('USD', 'EUR'), 409, 'payment_differs'],
    [good.replace(kept.reference, 'TU-1999-000001'), 404, 'unknown_top_up'],
    [good.replace('12.00', 'twelve'), 400, 'bad_amount'],
    ['{"id":1}', 400, 'invalid_value'],
    ['{', 400, 'invalid_json'],
  ] as const;
  for (const [body, status, code] of cases)
    expect(await signed(body)).toMatchObject({ status, json: { error: { code } } });
  expect(await balance(one)).toBe(before);
  expect((await signed(good)).status).toBe(200);
  expect(await signed(noticeOf('pay_4', await ask(one, '20.00')))).toMatchObject({
    status: 409,
    json: { error: { code: 'notice_changed' } },
  });
});

test('a customer’s top-ups are his alone, and bounded', async () => {
  const mine = await ask(one, '7.00');
  expect((await portal(other, `top-ups/${mine.number}/void`, {})).status).toBe(404);
  for (const amount of ['4.99', '10000.01', '-5', '7.001', 'much'])
    expect([amount, (await portal(one, 'top-ups', { amount })).status]).toEqual([amount, 400]);
  const limited = { ...one, secretKey: `moat_sk_${'A'.repeat(43)}` };
  expect((await portal(limited, 'top-ups', { amount: '7.00' })).status).toBe(401);
});

test('finance marks one paid, and pays back what is left', async () => {
  const { number } = await ask(other, '10.00');
  const base = `${gateway.url}/api/customers/${other.customerId}`;
  const act = async (path: string, body: object): Promise<Response> =>
    post(`${base}/${path}`, gateway.studioToken, body);
  const elsewhere = `${gateway.url}/api/customers/${one.customerId}/top-ups/${number}/paid`;
  expect((await post(elsewhere, gateway.studioToken, {})).status).toBe(404);
  const paid = (await (await act(`top-ups/${number}/paid`, {})).json()) as TopUpSummary;
  expect(paid).toMatchObject({ state: 'paid' });
  expect((await act(`top-ups/${number}/void`, {})).status).toBe(409);
  expect((await act(`invoices/${paid.invoice}/refund`, { reason: '' })).status).toBe(400);
  const back = await (await act(`invoices/${paid.invoice}/refund`, { reason: 'left' })).json();
  expect(back).toMatchObject({ amountMicros: '12000000', creditNote: expect.stringMatching(/^CN-/) });
  expect((await act(`invoices/${paid.invoice}/refund`, { reason: 'left' })).status).toBe(409);
  expect(await balance(other)).toBe(0n);
});

test('without a secret there is no such address, and without a seller nobody asks', async () => {
  const body = '{}';
  const plain = opened.gateway.url;
  const response = await fetch(`${plain}/webhooks/payments`, { method: 'POST', body });
  expect(response.status).toBe(404);
  expect((await post(`${plain}/portal/api/top-ups`, one.secretKey, { amount: '9.00' })).status).toBe(409);
});
