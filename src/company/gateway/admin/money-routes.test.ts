import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { runBilling } from '../../billing/billing-run.js';
import { parseSeller } from '../../billing/invoices/parties.js';
import { publishPlan } from '../../billing/plans.js';
import type { BudgetSummary, CustomerPlan, InvoiceDetail, InvoiceSummary, PlanSummary } from '../api-types.js';

let opened: ScratchGateway;
let one: Client;
let other: Client;
const seller = parseSeller({ name: 'Acme GmbH' }, 'test');
beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
  one = await opened.newClient(1_000_000n);
  other = await opened.newClient(1_000_000n);
  await publishPlan(opened.books, { name: 'pro', currency: 'USD', fee: '20.00', credit: '5.00' }, 'test');
});
afterAll(async () => {
  expect(opened.problems).toEqual([]);
  expect(await opened.close()).toEqual([]);
});

const authorization = (): string => `Bearer ${opened.gateway.studioToken}`;
const get = (route: string): Promise<Response> =>
  fetch(opened.gateway.url + route, { headers: { authorization: authorization() } });
const post = (route: string, body: object): Promise<Response> =>
  fetch(opened.gateway.url + route, {
    method: 'POST',
    headers: { authorization: authorization() },
    body: JSON.stringify(body),
  });
async function json<T>(response: Promise<Response>): Promise<T> {
  return (await (await response).json()) as T;
}
const of = ({ customerId }: Client, route: string): string => `/api/customers/${customerId}${route}`;

test('a customer begins a plan, is invoiced, and the invoice is his alone', async () => {
  const { plans } = await json<{ plans: PlanSummary[] }>(get('/api/plans'));
  expect(plans).toMatchObject([{ name: 'pro', feeMicros: '20000000', creditMicros: '5000000' }]);
  expect(await json(get(of(one, '/plan')))).toEqual({ plan: null, seats: 0, nextAt: null, endsAt: null });
  expect(await json<CustomerPlan>(post(of(one, '/plan'), { plan: 'pro' }))).toMatchObject({ plan: plans[0] });
  expect(await json(post(of(one, '/plan'), { plan: 'none' }))).toMatchObject({ error: { code: 'unknown_plan' } });
  await runBilling(opened.books, { seller });

  const { invoices } = await json<{ invoices: InvoiceSummary[] }>(get(of(one, '/invoices')));
  expect(invoices).toMatchObject([{ state: 'open', totalMicros: '20000000', currency: 'USD' }]);
  const number = invoices[0]?.number ?? '';
  const detail = await json<InvoiceDetail>(get(of(one, `/invoices/${number}?language=zh`)));
  expect(detail.title).toContain(number);
  expect(detail.seller[0]).toBe('Acme GmbH');
  expect(JSON.stringify(detail.headings)).toMatch(/[\u4e00-\u9fff]/);
  const pdf = await get(of(one, `/invoices/${number}/pdf`));
  expect([pdf.headers.get('content-type'), pdf.headers.get('cache-control')]).toEqual(['application/pdf', 'no-store']);
  expect(
    Buffer.from(await pdf.arrayBuffer())
      .subarray(0, 5)
      .toString(),
  ).toBe('%PDF-');

  const own = (path: string, { secretKey }: Client): Promise<Response> =>
    fetch(`${opened.gateway.url}/portal/api/${path}`, { headers: { authorization: `Bearer ${secretKey}` } });
  expect(await json(own('invoices', one))).toEqual({ invoices });
  expect(await json(own('invoices', other))).toEqual({ invoices: [] });
  for (const path of [`invoices/${number}`, `invoices/${number}/pdf`]) {
    expect((await own(path, one)).status).toBe(200);
    expect([path, (await own(path, other)).status]).toEqual([path, 404]);
    expect([path, (await get(of(other, `/${path}`))).status]).toEqual([path, 404]);
  }
  const ended = await json<CustomerPlan>(post(of(one, '/plan/cancel'), { when: 'period-end' }));
  expect(ended.endsAt).toBe(ended.nextAt);
});

test('a budget holds, shows what is spent, and ends through its own customer alone', async () => {
  const { budgets } = await json<{ budgets: BudgetSummary[] }>(
    post(of(one, '/budgets'), { amount: '0.00001', span: 'day' }),
  );
  expect(budgets).toMatchObject([{ span: 'day', limitMicros: '10', spentMicros: '0', keyId: null, model: null }]);
  const ask = (): Promise<unknown> =>
    one.openai.completions.create({ model: 'quick', prompt: 'ab', max_tokens: 2 }).then(
      () => 'answered',
      ({ status }: { status: number }) => status,
    );
  // 2 + 2 × 2 = 6 micro-units of 10; the next one would go beyond.
  expect([await ask(), await ask()]).toEqual(['answered', 429]);
  const end = `/budgets/${budgets[0]?.id}/end`;
  expect(await json(post(of(other, end), {}))).toMatchObject({ error: { code: 'unknown_budget' } });
  expect(await json(post(of(one, end), {}))).toEqual({ budgets: [] });
  expect(await ask()).toBe('answered');
});
