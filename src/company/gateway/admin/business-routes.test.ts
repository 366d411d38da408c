import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, type Browser } from '../../../../tests/back-office.js';
import { emptyFacts, exampleFacts } from '../../../../tests/business-example.js';
import { post, openScratchGateway, type ScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { MoatError } from '../../../base/errors.js';
import type { PictureFacts } from '../../business/picture-facts.js';
import { businessPicture } from '../../business/picture.js';
import type { BusinessReplay, BusinessReport, BusinessScenario } from '../business-types.js';
import type { Gateway } from '../start-gateway.js';

let opened: ScratchGateway;
let gateway: Gateway;
let facts: PictureFacts = exampleFacts();
const asked: (string | undefined)[] = [];
const owner = (): Browser => openBrowser(gateway.url);
const token = () => ({ authorization: `Bearer ${gateway.studioToken}` });

beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
  gateway = await opened.start({
    timeZone: 'UTC',
    businessOf: async (month) => {
      asked.push(month);
      if (month === 'never') throw new MoatError('bad-month', '"never" is not a month');
      if (month === 'broken') throw new MoatError('bad-business-file', 'business.yaml: cash.amount: not an amount');
      return businessPicture(facts);
    },
  });
});
afterAll(async () => {
  await gateway.close();
  expect(opened.problems).toEqual([]);
  expect(await opened.close()).toEqual([]);
});

const report = async (query = ''): Promise<BusinessReport> =>
  (await (await owner().get(`/api/business${query}`, token())).json()) as BusinessReport;
const send = async <T>(path: string, body: object): Promise<{ status: number; json: T }> => {
  const response = await owner().post(`/api/business/${path}`, body, token());
  return { status: response.status, json: (await response.json()) as T };
};
const valueOf = ({ facts: all }: BusinessReport, id: string) => all.find((fact) => fact.id === id);

test('the month as the business room has it: money in micro-units, intervals, the months to choose from', async () => {
  const november = await report('?month=2026-11');
  expect(asked.at(-1)).toBe('2026-11');
  expect(november).toMatchObject({ month: '2026-11', isOver: true, currency: 'USD' });
  expect(november.months).toEqual(['2026-12', '2026-11', '2026-10', '2026-09']);
  expect(valueOf(november, 'revenue.total')).toMatchObject({ value: '280000000', unit: 'money', state: null });
  expect(valueOf(november, 'margin.result')?.value).toBe('-167059000');
  expect(valueOf(november, 'cost.fixed')?.isStated).toBe(true);
  expect(november.otherRevenue).toEqual([{ name: 'advertising', micros: '30000000' }]);
  expect(november.margins.plan.map(({ name, marginMicros }) => [name, marginMicros])).toEqual([
    ['pro', '120000000'],
    [null, '95000000'],
  ]);
  expect(november.load.curve?.points.map(({ concurrency, decode }) => [concurrency, decode.value])).toEqual([
    [1, 120],
    [2, 200],
    [4, 320],
    [8, 400],
  ]);
  expect(november.load.actual).toBeCloseTo(120_000_000 / (720 * 3600), 9);
  expect(november.load.breakEven?.utilisation.high).toBeGreaterThan(november.load.breakEven?.utilisation.value ?? 1);
  expect(november.canvas?.value.map(({ standing, fact }) => [standing, fact])).toEqual([
    ['fact', 'quality.own'],
    ['claim', null],
  ]);
  expect(november.market?.points.map(({ name }) => name)).toEqual(['shop', 'Giant-XL', 'Open-7B at a host']);
  expect(november.scenario.result?.tornado.length).toBeGreaterThan(1);
  expect(november.choice?.rows).toHaveLength(4);
});

test('what is missing is null with what would measure it, never 0; a point measured once has no upper end', async () => {
  facts = emptyFacts();
  const empty = await report();
  for (const id of ['margin.gross', 'load.utilisation', 'customers.cac', 'outlook.runway', 'price.outputMillion'])
    expect([id, valueOf(empty, id)?.value]).toEqual([id, null]);
  expect(valueOf(empty, 'load.utilisation')?.command).toBe('moat bench serve');
  expect(valueOf(empty, 'customers.churn')?.command).toBeNull();
  expect(empty).toMatchObject({ canvas: null, market: null, choice: null, channels: null });
  expect(empty.load).toEqual({ curve: null, actual: null, hours: null, breakEven: null, breakEvenTokens: null });
  expect(empty.scenario.result).toBeNull();
  expect(empty.scenario.missing).toContain('price');

  const { curve } = exampleFacts();
  if (curve === null) throw new Error('the example has a curve');
  const points = curve.points.map(({ concurrency, rounds }) => ({ concurrency, rounds: rounds.slice(0, 1) }));
  facts = { ...exampleFacts(), curve: { ...curve, points } };
  expect((await report()).load.curve?.points[0]?.decode).toEqual({ value: 114, low: 0, high: null });
  facts = exampleFacts();
});

test('a slider: what is tried stands in for what is stated, and the range stretches to hold it', async () => {
  const stated = (await report()).scenario;
  const { json: same } = await send<BusinessScenario>('scenario', { assumptions: {} });
  expect(same).toEqual(stated);
  const { json: dear } = await send<BusinessScenario>('scenario', { assumptions: { price: 4, churn: 0.01 } });
  expect(dear.ranges.price).toEqual({ low: 1.5, base: 4, high: 4 });
  expect(dear.ranges.churn).toEqual({ low: 0.01, base: 0.01, high: 0.15 });
  expect(dear.result?.base.estimatedProfit).toBeGreaterThan(stated.result?.base.estimatedProfit ?? Infinity);
  for (const assumptions of [{ churn: 1 }, { price: -1 }, { capacity: 0 }, { luck: 1 }, { price: '4' }])
    expect((await send('scenario', { assumptions })).status).toBe(400);
});

test('another price book on the usage of the month: who pays more, what is sold under cost, what is not sold', async () => {
  const client = await opened.newClient(1_000_000n, gateway.url);
  const answer = await post(`${gateway.url}/v1/completions`, client.secretKey, {
    model: 'quick',
    prompt: 'abcd',
    max_tokens: 4,
  });
  expect(answer.status).toBe(200);
  await answer.text();
  const now = new Date();
  const startsAt = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
  const endsAt = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
  const curve = exampleFacts().curve;
  // the month is over: how much of it the machine has cost does not depend on today
  facts = { ...exampleFacts(), now: endsAt, startsAt, endsAt, curve };
  const flat = (price: string) => ({ kind: 'flat', price });
  const same = { input: flat('1.00'), output: flat('2.00') };
  const book = (models: object) => ({ name: 'next', currency: 'USD', models });
  const { json: unchanged } = await send<BusinessReplay>('replay', { book: book({ quick: same }) });
  // 4 × $1 and 4 × $2 a million: 12 micro-units
  expect(unchanged).toMatchObject({ paidMicros: '12', wouldPayMicros: '12', unpriced: [] });
  const { json: cheap } = await send<BusinessReplay>('replay', {
    book: book({ quick: { ...same, output: flat('0.10') }, other: { output: flat('0.30') } }),
  });
  expect(cheap.customers.map(({ paidMicros, wouldPayMicros }) => [paidMicros, wouldPayMicros])).toEqual([['12', '5']]);
  expect(cheap.fullLoadCostMicros).toBe('250000');
  expect(cheap.lowest.map(({ model, under }) => [model, under])).toEqual([
    ['quick', 'full-load'],
    ['other', 'load'],
  ]);
  expect((await send<BusinessReplay>('replay', { book: book({}) })).json.unpriced).toEqual(['quick']);
  facts = exampleFacts();
});

test('what is wrong is said: the month, the book, its currency, a server without a project', async () => {
  expect((await owner().get('/api/business?month=never', token())).status).toBe(400);
  const broken = await owner().get('/api/business?month=broken', token());
  expect(broken.status).toBe(409);
  expect(await broken.text()).toContain('business.yaml: cash.amount');
  for (const book of [{}, { name: 'x', currency: 'EUR', models: {} }, { name: 'x', currency: 'USD', models: { a: 1 } }])
    expect(await send('replay', { book })).toMatchObject({ status: 400, json: { error: { code: 'bad_price_book' } } });
  const without = await openBrowser(opened.gateway.url).get('/api/business', {
    authorization: `Bearer ${opened.gateway.studioToken}`,
  });
  expect(without.status).toBe(404);
});

test('a book is brought into force from the studio, below cost only where the loss is accepted', async () => {
  const costs = new Map([['quick', { inputMicros: null, outputMicros: 2_000_000n, source: 'moat bench serve' }]]);
  const gateway = await opened.start({ servingCosts: async () => costs });
  const publish = async (body: object): Promise<{ status: number; json: unknown }> => {
    const response = await post(`${gateway.url}/api/prices`, gateway.studioToken, body);
    return { status: response.status, json: await response.json() };
  };
  const book = (price: string) => ({
    name: 'studio',
    currency: 'USD',
    models: { quick: { output: { kind: 'flat', price } } },
  });
  expect(await publish({ book: book('1.50') })).toMatchObject({
    status: 409,
    json: {
      error: {
        code: 'below_cost',
        message: expect.stringContaining('quick output at 1.50 costs 2.00 USD a million (moat bench serve)'),
      },
    },
  });
  expect(await publish({ book: book('1.50'), acceptLoss: true })).toMatchObject({ status: 201, json: { version: 1 } });
  expect(await publish({ book: { ...book('3.00'), currency: 'EUR' } })).toMatchObject({ status: 400 });
  await gateway.close();
});
