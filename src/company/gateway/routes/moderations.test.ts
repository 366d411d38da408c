/** `/v1/moderations` over a classifier fitted to a few lines, with OpenAI's own client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveFitted } from '../../../../tests/fitted-folder.js';
import { type ScratchGateway, openScratchGateway, post } from '../../../../tests/scratch-gateway.js';
import { type ClassifierEngine, createClassifierEngine } from '../../../lab/tasks/classification/classifier-engine.js';
import { classification } from '../../../lab/tasks/classification/task.js';
import { setPrice } from '../../billing/prices.js';
import { usageOf } from '../../billing/usage.js';
import { moderationOf } from '../moderation.js';
import { ANSWERS } from '../openapi-answers.js';
import type { Gateway } from '../start-gateway.js';

let folder: string;
let opened: ScratchGateway;
let engine: ClassifierEngine;
let gateway: Gateway;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-moderations-'));
  const lines = [
    ['you are stupid', 'insult'],
    ['a stupid lie', 'insult'],
    ['thank you', 'fine'],
    ['good to know', 'fine'],
    ['buy cheap pills', 'spam'],
    ['cheap pills here', 'spam'],
  ].map(([text = '', label = '']) => ({ text, label }));
  await saveFitted(path.join(folder, 'tone'), classification, lines);
  engine = await createClassifierEngine({ modelId: 'tone', folder: path.join(folder, 'tone') });
  opened = await openScratchGateway([], ['sold']);
  const price = { inputMicrosPerMillionTokens: 0n, outputMicrosPerMillionTokens: 0n };
  await setPrice(opened.books, { model: 'tone', ...price });
  const moderator = { engine, flaggedLabels: ['insult', 'spam'], threshold: 0.4 };
  gateway = await opened.start({ moderators: new Map([['tone', moderator]]) });
});
afterAll(async () => {
  await gateway.close();
  expect(await opened.close()).toEqual([]);
  await engine.close();
  await rm(folder, { recursive: true });
});

test('the official client hears of each text whether it is flagged, by which label and how surely', async () => {
  const { openai, customerId } = await opened.newClient(0n, gateway.url);
  const answer = await openai.moderations.create({ input: ['so stupid', 'thank you', 'cheap pills'], model: 'tone' });
  expect(answer).toMatchObject({ id: expect.stringMatching(/^modr-[0-9a-f]+$/), model: 'tone' });
  expect(answer.results.map(({ flagged, categories }) => [flagged, categories])).toEqual([
    [true, { fine: false, insult: true, spam: false }],
    [false, { fine: false, insult: false, spam: false }],
    [true, { fine: false, insult: false, spam: true }],
  ]);
  ANSWERS.Moderation.parse(answer);
  for (const { category_scores: scores } of answer.results)
    expect(Object.values(scores).reduce((sum, score) => sum + score, 0)).toBeCloseTo(1);
  // the one model need not be named; parts are of one text; all of it is on the books, at a price of 0
  const parts = await post(`${gateway.url}/v1/moderations`, (await opened.newClient(0n)).secretKey, {
    input: [
      { type: 'text', text: 'thank' },
      { type: 'text', text: 'you' },
    ],
  });
  expect(await parts.json()).toMatchObject({ results: [{ flagged: false }] });
  expect(await usageOf(opened.books, { customerId })).toMatchObject([
    { model: 'tone', inputTokens: 6, outputTokens: 0, chargedMicros: 0n, status: 'finished' },
  ]);
});

test('what is too much, not text or without a price is refused', async () => {
  const { openai } = await opened.newClient(100n, gateway.url);
  const ask = (body: object) =>
    openai.moderations.create({ model: 'tone', input: 'x', ...body }).catch((error: unknown) => error);
  expect(await ask({ input: 'x'.repeat(100_001) })).toMatchObject({ status: 400, param: 'input' });
  expect(await ask({ input: Array(33).fill('x') })).toMatchObject({ status: 400, param: 'input' });
  expect(await ask({ input: [{ type: 'image_url', image_url: { url: 'x' } }] })).toMatchObject({ status: 400 });
  expect(await ask({ model: 'omni-moderation-latest' })).toMatchObject({ status: 404, code: 'model_not_found' });
  const unpriced = { ...engine, modelId: 'unpriced' };
  const other = await opened.start({
    moderators: new Map([['unpriced', { engine: unpriced, flaggedLabels: ['spam'], threshold: 0.5 }]]),
  });
  const { openai: elsewhere } = await opened.newClient(100n, other.url);
  const refused = await elsewhere.moderations.create({ input: 'x' }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: 404, code: 'model_not_found' });
  await other.close();
});

test('a label flags from its threshold on, and only if it is one that flags', () => {
  const output = { label: 'spam', probabilities: { fine: 0.2, spam: 0.5, odd: 0.3 } };
  const flagged = (flaggedLabels: string[], threshold: number) => moderationOf({ flaggedLabels, threshold }, output);
  expect(flagged(['spam'], 0.5)).toMatchObject({ flagged: true, categories: { spam: true, fine: false, odd: false } });
  expect(flagged(['spam'], 0.51)).toMatchObject({ flagged: false, categories: { spam: false } });
  expect(flagged(['odd'], 0.3)).toMatchObject({ flagged: true, categories: { spam: false, odd: true } });
  expect(flagged([], 0.01)).toMatchObject({ flagged: false });
});
