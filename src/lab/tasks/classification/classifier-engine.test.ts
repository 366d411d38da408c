import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveFitted } from '../../../../tests/fitted-folder.js';
import { createClassifierEngine } from './classifier-engine.js';
import { classification } from './task.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-classifier-'));
});
afterAll(() => rm(root, { recursive: true }));

const comments = [
  'you are stupid',
  'stupid and ugly',
  'a stupid lie',
  'thank you',
  'a good answer',
  'good to know',
].map((text, at) => ({ text, label: at < 3 ? 'insult' : 'fine' }));

test('the thread answers as the model does, also while a long text runs, and the loop stays free', async () => {
  const folder = path.join(root, 'tone');
  const model = await saveFitted(folder, classification, comments);
  const engine = await createClassifierEngine({ modelId: 'tone', folder, queueLimit: 2 });
  expect(engine.labels).toEqual(['fine', 'insult']);
  const texts = ['how stupid', 'good', ''];
  let turns = 0;
  const watch = setInterval(() => turns++, 1);
  const long = engine.classify(['stupid '.repeat(100_000)]);
  const { outputs } = await engine.classify(texts);
  expect((await long).outputs[0]?.label).toBe('insult');
  clearInterval(watch);
  expect(turns).toBeGreaterThan(3);
  expect(outputs).toEqual(await model.predict(texts.map((text) => ({ text, label: '' }))));
  expect(outputs.map(({ label }) => label).slice(0, 2)).toEqual(['insult', 'fine']);
  const many = await Promise.allSettled(Array.from({ length: 5 }, () => engine.classify(texts)));
  expect(many.filter(({ status }) => status === 'rejected')).toHaveLength(2);
  await engine.close();
  await expect(engine.classify(texts)).rejects.toMatchObject({ code: 'engine-closed' });
});

test('what is no classifier is refused', async () => {
  const none = path.join(root, 'none');
  await expect(createClassifierEngine({ modelId: 'x', folder: none })).rejects.toMatchObject({ code: 'no-such-model' });
});
