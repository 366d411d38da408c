/** The Vercel AI SDK against a gateway: texts, streams, objects and vectors, each with the usage that is on the books. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateText, streamText } from 'ai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usageOf } from '../src/company/billing/usage.js';
import type { Gateway } from '../src/company/gateway/start-gateway.js';
import { type EmbeddingEngine, createEmbeddingEngine } from '../src/lab/tasks/embedding/embedding-engine.js';
import { readSentenceGolden, writeSentenceModel } from './golden/encoders/sentence-model.js';
import { type ScratchGateway, openScratchGateway } from './scratch-gateway.js';
import { scriptedEngine } from './scripted-engine.js';

let folder: string;
let vectors: EmbeddingEngine;
let opened: ScratchGateway;
let gateway: Gateway;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-ai-sdk-'));
  await writeSentenceModel(folder, await readSentenceGolden());
  vectors = await createEmbeddingEngine({ modelId: 'vectors', folder, threads: 1 });
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick', 'vectors']);
  gateway = await opened.start({ embedders: new Map([['vectors', vectors]]) });
});
afterAll(async () => {
  await gateway.close();
  expect(await opened.close()).toEqual([]);
  await vectors.close();
  await rm(folder, { recursive: true });
});

async function newProvider() {
  const { secretKey: apiKey, customerId } = await opened.newClient(1000n, gateway.url);
  const baseURL = `${gateway.url}/v1`;
  return { moat: createOpenAICompatible({ name: 'moat', baseURL, apiKey, includeUsage: true }), customerId };
}

test('generateText', async () => {
  const { moat, customerId } = await newProvider();
  const { text, usage, finishReason } = await generateText({
    model: moat('quick'),
    system: 'ab',
    prompt: 'cd',
    maxOutputTokens: 3,
  });
  expect([text, finishReason]).toEqual(['0 1 2 ', 'length']);
  expect(usage).toMatchObject({ inputTokens: 5, outputTokens: 3, totalTokens: 8 });
  expect(await usageOf(opened.books, { customerId })).toMatchObject([{ inputTokens: 5, outputTokens: 3 }]);
});

test('streamText', async () => {
  const { moat, customerId } = await newProvider();
  const result = streamText({ model: moat('quick'), prompt: 'cd', maxOutputTokens: 3 });
  const pieces: string[] = [];
  for await (const piece of result.textStream) pieces.push(piece);
  expect(pieces).toEqual(['0 ', '1 ', '2 ']);
  expect(await result.usage).toMatchObject({ inputTokens: 2, outputTokens: 3, totalTokens: 5 });
  expect(await usageOf(opened.books, { customerId })).toMatchObject([{ inputTokens: 2, outputTokens: 3 }]);
});

test('embedMany', async () => {
  const { moat, customerId } = await newProvider();
  const values = ['one', 'two'];
  const { embeddings, usage } = await embedMany({ model: moat.textEmbeddingModel('vectors'), values });
  const { vectors: expected, inputTokens } = await vectors.embed(values);
  expect(embeddings).toEqual(expected.map((vector) => [...vector]));
  expect(usage.tokens).toBe(inputTokens);
  expect(await usageOf(opened.books, { customerId })).toMatchObject([{ inputTokens, outputTokens: 0 }]);
});

test('a refusal arrives with its message and is not tried again', async () => {
  const { moat } = await newProvider();
  const refused = generateText({ model: moat('quick'), prompt: 'cd', maxOutputTokens: 256, maxRetries: 0 });
  await expect(refused).rejects.toThrow(/context of 256 tokens/);
});
