import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { seedLab } from '../../../../tests/studio/seeded-lab.js';
import { MoatError } from '../../../base/errors.js';
import type { TextEngine } from '../../../lab/generate/engine.js';
import { listAuditLog } from '../../access/audit-log.js';
import { createKey } from '../../billing/keys.js';
import { customersOfModel } from '../../billing/model-customers.js';
import { publishPlan } from '../../billing/plans.js';
import { parsePriceBook } from '../../billing/price-book.js';
import { setPrice } from '../../billing/prices.js';
import { publishPriceBook } from '../../billing/publish-prices.js';
import { subscribe } from '../../billing/subscriptions.js';
import type { ModelExportList, ModelList } from '../api-types.js';
import { localBackend } from '../local-backend.js';
import { SERVING_FILE } from '../model-source.js';
import type { Gateway } from '../start-gateway.js';

let opened: ScratchGateway;
let gateway: Gateway;
const closed: string[] = [];
/** What the next model is loaded as. */
let next: () => Promise<TextEngine>;

function engineNamed(label: string, tokenMs = 0, modelId = 'acme'): ReturnType<typeof scriptedEngine> {
  const engine = scriptedEngine({ modelId, tokenMs });
  engine.close = async () => void closed.push(label);
  return engine;
}

const first = engineNamed('first', 5);
beforeAll(async () => {
  opened = await openScratchGateway([], ['acme']);
  await seedLab(opened.scratch.directory);
  gateway = await opened.start({
    engines: new Map([['acme', first]]),
    upstreams: new Map([['far', localBackend(scriptedEngine({ modelId: 'far' }))]]),
    openModel: async () => ({ engine: await next(), facts: { size: 'new' } }),
    ownName: 'acme',
  });
});
afterAll(async () => {
  await gateway.close();
  expect(await opened.close()).toEqual([]);
  expect(opened.problems).toEqual([]);
});

const promote = (body: object, run = 'support-v2', to = gateway): Promise<Response> =>
  post(`${to.url}/api/models/${run}/promote`, to.studioToken, body);
const codeOf = async (answer: Response): Promise<string> =>
  ((await answer.json()) as { error: { code: string } }).error.code;

test('a promoted model answers from the next request on, the one before finishes what it was asked', async () => {
  const { openai, secretKey } = await opened.newClient(1_000_000n, gateway.url);
  const ask = (tokens: number) => openai.completions.create({ model: 'acme', prompt: 'x', max_tokens: tokens });
  const second = engineNamed('second');
  next = async () => second;
  const slow = ask(40);
  while (first.generatedTokens === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const answer = await promote({ name: 'acme' });
  expect([answer.status, await answer.json()]).toEqual([
    200,
    expect.objectContaining({
      id: 'acme',
      source: { run: 'support-v2', checkpoint: 'step-00000180' },
      isElsewhere: false,
    }),
  ]);
  expect(closed).toEqual([]);
  expect((await slow).usage?.completion_tokens).toBe(40);
  await expect.poll(() => closed).toEqual(['first']);
  await ask(3);
  expect([first.generatedTokens, second.generatedTokens]).toEqual([40, 3]);
  const facts = await fetch(`${gateway.url}/v1/models/acme`, { headers: { authorization: `Bearer ${secretKey}` } });
  expect(await facts.json()).toMatchObject({ id: 'acme', size: 'new' });
});

test('it stands in the file that the next start reads, and in the audit log', async () => {
  const file = path.join(opened.scratch.directory, SERVING_FILE);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    models: { acme: { run: 'support-v2', checkpoint: 'step-00000180' } },
  });
  const [entry] = await listAuditLog(opened.scratch.database, { before: undefined, limit: 1 });
  expect(entry).toMatchObject({
    actor: 'studio token',
    action: 'model.promoted',
    target: 'acme',
    details: { run: 'support-v2', checkpoint: 'step-00000180' },
  });
});

test('under a new name it is offered beside the others', async () => {
  next = async () => engineNamed('third', 0, 'acme-beta');
  expect((await promote({ name: 'acme-beta', checkpoint: 'step-00000180' })).status).toBe(200);
  const list = (await (
    await fetch(`${gateway.url}/api/models`, { headers: { authorization: `Bearer ${gateway.studioToken}` } })
  ).json()) as ModelList;
  expect(list.served.map(({ id }) => id).sort()).toEqual(['acme', 'acme-beta', 'far']);
  expect(list.canPromote).toBe(true);
  const speed = (name: string) => list.served.find(({ id }) => id === name)?.engineMsPerToken;
  expect(speed('acme')).toBeGreaterThan(0);
  expect(speed('acme-beta')).toBe(null);
  expect(list.stored.find(({ name }) => name === 'support-v2')?.checkpoints).toEqual(['step-00000180']);
});

test('what cannot be served changes nothing, and says why', async () => {
  next = async () => {
    throw new MoatError('other-weights', 'model.safetensors: no tensor "lm_head"');
  };
  const broken = await promote({ name: 'acme' });
  expect([broken.status, await codeOf(broken)]).toEqual([409, 'model_not_loaded']);
  for (const [body, run, status, code] of [
    [{ name: 'acme' }, 'none', 404, 'no_model'],
    [{ name: 'acme' }, '..', 404, undefined],
    [{ name: 'acme', checkpoint: 'step-00000001' }, 'support-v2', 404, 'no_model'],
    [{ name: 'acme', checkpoint: '../../x' }, 'support-v2', 400, 'invalid_value'],
    [{ name: 'two words' }, 'support-v2', 400, 'invalid_value'],
    [{ name: 'far' }, 'support-v2', 409, 'name_taken'],
  ] as const) {
    const answer = await promote(body, run);
    expect(answer.status, run).toBe(status);
    if (code !== undefined) expect(await codeOf(answer)).toBe(code);
  }
  const elsewhere = await promote({ name: 'acme' }, 'support-v2', opened.gateway);
  expect(await codeOf(elsewhere)).toBe('promotion_not_here');
  expect(closed).toEqual(['first']);
});

test('a name is withdrawn while the server runs, but not unasked from customers who have it', async () => {
  const { books, scratch } = opened;
  const withdraw = (name: string, body: object = {}) =>
    post(`${gateway.url}/api/served/${name}/withdraw`, gateway.studioToken, body);
  const { openai, customerId } = await opened.newClient(1_000_000n, gateway.url);
  const ask = () => openai.completions.create({ model: 'acme-beta', prompt: 'x', max_tokens: 2 });
  await setPrice(books, { model: 'acme-beta', inputMicrosPerMillionTokens: 1n, outputMicrosPerMillionTokens: 1n });
  await ask();
  await publishPlan(books, { name: 'pro', currency: 'USD' }, 'plan');
  await subscribe(books, { customerId, plan: 'pro' });
  const refused = await withdraw('acme-beta');
  expect([refused.status, await refused.json()]).toMatchObject([
    409,
    { error: { code: 'model_in_use', message: expect.stringMatching(/client \d+ \(plan pro\)\. Promote another/) } },
  ]);
  const customers = await fetch(`${gateway.url}/api/served/acme-beta/customers`, {
    headers: { authorization: `Bearer ${gateway.studioToken}` },
  });
  expect(await customers.json()).toMatchObject({ customers: [{ id: customerId, plan: 'pro' }] });
  await ask();
  expect((await withdraw('acme-beta', { force: true })).status).toBe(200);
  await expect(ask()).rejects.toMatchObject({ status: 404 });
  await expect.poll(() => closed).toContain('third');
  expect(Object.keys(JSON.parse(await readFile(path.join(scratch.directory, SERVING_FILE), 'utf8')).models)).toEqual([
    'acme',
  ]);
  const [entry] = await listAuditLog(scratch.database, { before: undefined, limit: 1 });
  expect(entry).toMatchObject({ action: 'model.withdrawn', target: 'acme-beta', details: { isForced: true } });
  for (const [name, status, code] of [
    ['acme', 409, 'own_name'],
    ['acme-beta', 404, 'model_not_found'],
    ['far', 404, 'model_not_found'],
  ] as const) {
    const answer = await withdraw(name, { force: true });
    expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
  }
});

test('who counts on a model: subscribers whose prices in force name it, and keys made for it', async () => {
  const { books } = opened;
  const book = (models: object) => parsePriceBook({ name: 'vip', currency: 'USD', models }, 'book');
  const flat = { output: { kind: 'flat', price: '1.00' } };
  await publishPriceBook(books, book({ gem: flat, stone: flat }));
  await publishPlan(books, { name: 'vip', currency: 'USD', book: 'vip' }, 'plan');
  const { customerId } = await opened.newClient(0n);
  await subscribe(books, { customerId, plan: 'vip' });
  await createKey(books, { customerId, name: 'one', models: ['pearl'] });
  const of = async (model: string) => (await customersOfModel(books, model)).map(({ id, plan }) => [id, plan]);
  expect([await of('gem'), await of('pearl'), await of('none')]).toEqual([
    [[customerId, 'vip']],
    [[customerId, null]],
    [],
  ]);
  await publishPriceBook(books, book({ stone: flat }));
  expect([await of('gem'), await of('stone')]).toEqual([[], [[customerId, 'vip']]]);
});

test('an export begins at once and stands in the audit log; one that fails says why', async () => {
  const ask = (at: string) =>
    fetch(`${gateway.url}/api/exports${at}`, { headers: { authorization: `Bearer ${gateway.studioToken}` } });
  const begun = await post(`${gateway.url}/api/models/support-v2/export`, gateway.studioToken, { kind: 'q4_0' });
  expect([begun.status, await begun.json()]).toEqual([
    202,
    expect.objectContaining({ name: 'support-v2-step-00000180-q4_0.gguf', state: 'running' }),
  ]);
  const [entry] = await listAuditLog(opened.scratch.database, { before: undefined, limit: 1 });
  expect(entry).toMatchObject({ action: 'model.exported', target: 'support-v2', details: { kind: 'q4_0' } });
  await expect
    .poll(async () => ((await (await ask('')).json()) as ModelExportList).job, { timeout: 20_000 })
    .toMatchObject({ state: 'failed', problem: expect.stringContaining('support-v2') });
  expect((await ask('/support-v2-step-00000180-q4_0.gguf')).status).toBe(404);
});

test('one at a time; a file that cannot be read is not written over, and the new model goes again', async () => {
  let load: (engine: TextEngine) => void = () => undefined;
  next = () => new Promise((resolve) => (load = resolve));
  const waiting = promote({ name: 'acme' });
  await expect.poll(() => gateway.models.isPromoting()).toBe(true);
  expect(await codeOf(await promote({ name: 'acme' }))).toBe('promotion_under_way');
  await writeFile(path.join(opened.scratch.directory, SERVING_FILE), '{"models": []}');
  load(engineNamed('unwanted'));
  expect(await codeOf(await waiting)).toBe('bad_serving');
  expect(closed).toEqual(['first', 'third', 'unwanted']);
  expect(gateway.models.isPromoting()).toBe(false);
  const [entry] = await listAuditLog(opened.scratch.database, { before: undefined, limit: 1 });
  expect(entry?.action).toBe('model.exported');
});
