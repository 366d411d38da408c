/** The engine in its thread, over the tiny sentence model of tests/golden/encoders/sentences.json. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSentenceGolden, writeSentenceModel } from '../../../../tests/golden/encoders/sentence-model.js';
import { saveFitted } from '../../../../tests/fitted-folder.js';
import { classification } from '../classification/task.js';
import { createEmbeddingEngine } from './embedding-engine.js';
import { embedding } from './task.js';

const golden = await readSentenceGolden();
let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-embedding-'));
  await writeSentenceModel(root, golden);
});
afterAll(() => rm(root, { recursive: true }));

test('many callers get the vectors of the reference, with their tokens', async () => {
  const engine = await createEmbeddingEngine({ modelId: 'tiny', folder: root, threads: 1 });
  expect(engine).toMatchObject({ modelId: 'tiny', dimensions: 12, maxTokens: 9 });
  const counts = await engine.count(golden.texts);
  expect(await engine.count([golden.texts[0]?.repeat(20) as string])).not.toEqual([9]);
  const asked = Array.from({ length: 40 }, (_, i) => i % golden.texts.length);
  const answers = await Promise.all(asked.map((i) => engine.embed([golden.texts[i] as string])));
  for (const [at, { vectors, inputTokens, computeMs }] of answers.entries()) {
    const i = asked[at] as number;
    expect(inputTokens).toBe(counts[i]);
    expect(computeMs).toBeGreaterThan(0);
    for (const [place, value] of golden.mean[i]?.entries() ?? []) expect(vectors[0]?.[place]).toBeCloseTo(value, 5);
  }
  await engine.close();
  await expect(engine.embed(['a'])).rejects.toMatchObject({ code: 'engine-closed' });
});

const reviews = ['good', 'bad'].flatMap((label) => [
  { text: `a ${label} day`, label },
  { text: `so ${label}`, label },
]);

test('a model of moat task embedding is an engine too; one of another task, and no folder, are refused', async () => {
  const pairs = Array.from({ length: 20 }, (_, i) => ({
    source: `question ${i} about cats`,
    target: `answer ${i} cats`,
  }));
  const folder = path.join(root, 'pairs');
  const model = await saveFitted(folder, embedding, pairs, { epochs: 1, width: 8, batchSize: 8 });
  const engine = await createEmbeddingEngine({ modelId: 'pairs', folder });
  expect(engine).toMatchObject({ dimensions: 8, maxTokens: 96 });
  expect(await engine.count(['question cats', 'zzz', 'cats '.repeat(200)])).toEqual([2, 0, 200]);
  const [expected] = await model.predict([{ source: 'question 3 cats', target: 'x' }]);
  const { vectors } = await engine.embed(['question 3 cats']);
  expect(vectors).toEqual([expected?.source]);
  await engine.close();
  const other = path.join(root, 'other');
  await saveFitted(other, classification, reviews);
  await expect(createEmbeddingEngine({ modelId: 'x', folder: other })).rejects.toMatchObject({
    code: 'not-an-encoder',
  });
  await expect(createEmbeddingEngine({ modelId: 'x', folder: path.join(root, 'none') })).rejects.toMatchObject({
    code: 'bad-model-config',
  });
});
