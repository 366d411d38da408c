/** `/v1/embeddings` over the tiny sentence model of tests/golden/encoders/sentences.json, with OpenAI's own client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSentenceGolden, writeSentenceModel } from '../../../../tests/golden/encoders/sentence-model.js';
import { type ScratchGateway, openScratchGateway, post } from '../../../../tests/scratch-gateway.js';
import { MoatError } from '../../../base/errors.js';
import { type EmbeddingEngine, createEmbeddingEngine } from '../../../lab/tasks/embedding/embedding-engine.js';
import { createKey } from '../../billing/keys.js';
import { balanceOf } from '../../billing/ledger.js';
import { usageOf } from '../../billing/usage.js';
import { ANSWERS } from '../openapi-answers.js';
import type { Gateway } from '../start-gateway.js';

const golden = await readSentenceGolden();
/** Those that are neither empty nor too long. */
let texts: string[];
let expected: number[][];
let folder: string;
let opened: ScratchGateway;
let engine: EmbeddingEngine;
let gateway: Gateway;
/** Set for one test: what happens in place of embedding. */
let instead: EmbeddingEngine['embed'] | undefined;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-embeddings-'));
  await writeSentenceModel(folder, golden);
  engine = await createEmbeddingEngine({ modelId: 'vectors', folder, threads: 1 });
  const counts = await engine.count(golden.texts);
  const rows = [...golden.texts.keys()].filter((row) => golden.texts[row] !== '' && (counts[row] ?? 0) <= 9);
  texts = rows.map((row) => golden.texts[row] as string);
  expected = rows.map((row) => golden.mean[row] as number[]);
  opened = await openScratchGateway([], ['vectors']);
  const watched = {
    ...engine,
    embed: (...given: Parameters<typeof engine.embed>) => (instead ?? engine.embed)(...given),
  };
  gateway = await opened.start({
    embedders: new Map([
      ['vectors', watched],
      ['unpriced', { ...watched, modelId: 'unpriced' }],
    ]),
  });
});
afterAll(async () => {
  await gateway.close();
  expect(await opened.close()).toEqual([]);
  await engine.close();
  await rm(folder, { recursive: true });
});

const newClient = (credit = 1000n) => opened.newClient(credit, gateway.url);

test('the official client gets the vectors of the reference, as it asks by default and as numbers', async () => {
  const { openai, customerId } = await newClient();
  const input = texts;
  const counts = await engine.count(input);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const byDefault = await openai.embeddings.create({ model: 'vectors', input });
  const asNumbers = await openai.embeddings.create({
    model: 'vectors',
    input,
    encoding_format: 'float',
    dimensions: 12,
  });
  for (const answer of [byDefault, asNumbers]) {
    expect(answer).toMatchObject({ object: 'list', model: 'vectors' });
    expect(answer.usage).toEqual({ prompt_tokens: total, total_tokens: total });
    expect(answer.data.map(({ index }) => index)).toEqual([...input.keys()]);
    for (const { index, embedding } of answer.data) {
      expect(embedding).toHaveLength(12);
      for (const [place, value] of expected[index]?.entries() ?? []) expect(embedding[place]).toBeCloseTo(value, 5);
    }
  }
  const raw = { model: 'vectors', input, encoding_format: 'base64' };
  const { secretKey } = await newClient();
  ANSWERS.Embeddings.parse(asNumbers);
  ANSWERS.Embeddings.parse(await (await post(`${gateway.url}/v1/embeddings`, secretKey, raw)).json());
  const single = await openai.embeddings.create({ model: 'vectors', input: input[0] as string });
  expect(single.data).toHaveLength(1);
  expect(await usageOf(opened.books, { customerId })).toMatchObject([
    { inputTokens: counts[0], outputTokens: 0, status: 'finished' },
    { inputTokens: total },
    { inputTokens: total },
  ]);
  const charged = BigInt(2 * total + (counts[0] as number));
  expect(await balanceOf(opened.books, customerId)).toMatchObject({
    balanceMicros: 1000n - charged,
    reservedMicros: 0n,
  });
});

test('what cannot be done is refused before anything runs, each with its code', async () => {
  const { openai, customerId } = await newClient(5n);
  const ask = (body: object) =>
    openai.embeddings.create({ model: 'vectors', input: 'a', ...body }).catch((error: unknown) => error);
  const invalid = { status: 400, code: 'invalid_value' };
  expect(await ask({ dimensions: 6 })).toMatchObject({ ...invalid, param: 'dimensions' });
  expect(await ask({ input: [[1, 2]] })).toMatchObject({ ...invalid, message: expect.stringContaining('token ids') });
  expect(await ask({ input: [1, 2] })).toMatchObject({ ...invalid, message: expect.stringContaining('token ids') });
  expect(await ask({ input: ['a', ''] })).toMatchObject({ ...invalid, message: expect.stringContaining('input.1') });
  expect(await ask({ input: Array(2049).fill('a') })).toMatchObject(invalid);
  expect(await ask({ input: ['a', 'word '.repeat(20)] })).toMatchObject({
    status: 400,
    code: 'context_length_exceeded',
    message: expect.stringMatching(/input\.1: it has \d+ tokens; vectors reads at most 9/),
  });
  expect(await ask({ model: 'none' })).toMatchObject({ status: 404, code: 'model_not_found' });
  expect(await ask({ model: 'unpriced' })).toMatchObject({ status: 404, code: 'model_not_found' });
  expect(await ask({ input: ['a b', 'c d'] })).toMatchObject({ status: 402, code: 'insufficient_credit' });
  const { secretKey: chatOnly } = await createKey(opened.books, { customerId, scopes: ['chat'] });
  const forbidden = await post(`${gateway.url}/v1/embeddings`, chatOnly, { model: 'vectors', input: 'a' });
  expect([forbidden.status, await forbidden.json()]).toMatchObject([403, { error: { code: 'key_not_allowed' } }]);
  expect((await post(`${gateway.url}/v1/embeddings`, `moat_sk_${'x'.repeat(43)}`, {})).status).toBe(401);
  expect(await usageOf(opened.books, { customerId })).toEqual([]);
});

test('an engine that is full gives the reservation back; one that breaks is free of charge', async () => {
  const { openai, customerId } = await newClient();
  const ask = () => openai.embeddings.create({ model: 'vectors', input: 'a' }).catch((error: unknown) => error);
  instead = async () => Promise.reject(new MoatError('queue-full', 'full'));
  expect(await ask()).toMatchObject({ status: 429, code: 'queue_full' });
  expect(await usageOf(opened.books, { customerId })).toEqual([]);
  instead = async () => Promise.reject(new Error('secret internals'));
  const broken = await ask();
  expect(broken).toMatchObject({ status: 500, code: 'internal_error' });
  expect(String(broken)).not.toContain('secret');
  expect(await usageOf(opened.books, { customerId })).toMatchObject([{ status: 'failed', chargedMicros: 0n }]);
  expect(await balanceOf(opened.books, customerId)).toMatchObject({ balanceMicros: 1000n, reservedMicros: 0n });
  instead = undefined;
});

test('a client that leaves pays for the vectors that were made', async () => {
  const { openai, customerId } = await newClient();
  const leaving = new AbortController();
  instead = async (given, signal) => {
    leaving.abort();
    await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    return engine.embed(given.slice(0, 1));
  };
  const [paid = 0] = await engine.count(['first']);
  await openai.embeddings
    .create({ model: 'vectors', input: ['first', 'second'] }, { signal: leaving.signal })
    .catch(() => undefined);
  for (let i = 0; i < 100 && (await usageOf(opened.books, { customerId })).length === 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await usageOf(opened.books, { customerId })).toMatchObject([
    { status: 'aborted', inputTokens: paid, chargedMicros: BigInt(paid) },
  ]);
  instead = undefined;
});

test('it is listed, and 40 clients at once each get their own', async () => {
  const { openai, secretKey } = await newClient(100_000n);
  const headers = { authorization: `Bearer ${secretKey}` };
  const models = await (await fetch(`${gateway.url}/v1/models`, { headers })).json();
  expect(models).toMatchObject({ data: [{ id: 'vectors', object: 'model' }, { id: 'unpriced' }] });
  const asked = Array.from({ length: 40 }, (_, i) => i % texts.length);
  const answers = await Promise.all(
    asked.map((i) => openai.embeddings.create({ model: 'vectors', input: texts[i] as string })),
  );
  for (const [at, { data }] of answers.entries())
    expect(data[0]?.embedding[0]).toBeCloseTo(expected[asked[at] as number]?.[0] as number, 5);
});
