import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveFitted } from '../../../tests/fitted-folder.js';
import { readSentenceGolden, writeSentenceModel } from '../../../tests/golden/encoders/sentence-model.js';
import { classification } from '../../lab/tasks/classification/task.js';
import { loadProject } from '../config/project.js';
import { openSideModels } from './side-models.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-side-models-'));
  const lines = ['stupid lie', 'stupid man', 'thank you', 'good day'];
  const examples = lines.map((text, at) => ({ text, label: at < 2 ? 'insult' : 'fine' }));
  await saveFitted(path.join(root, 'models', 'tone'), classification, examples);
  await mkdir(path.join(root, 'encoder'));
  await writeSentenceModel(path.join(root, 'encoder'), await readSentenceGolden());
});
afterAll(() => rm(root, { recursive: true }));

async function openWith(serve: object) {
  await writeFile(path.join(root, 'moat.config.json'), JSON.stringify({ serve: { threads: 1, ...serve } }));
  return openSideModels(await loadProject(root, { env: {} }));
}

test('nothing is sold beside unless it is named', async () => {
  const { embedders, moderators, close } = await openWith({});
  expect([embedders.size, moderators.size]).toEqual([0, 0]);
  await close();
});

test('an encoder and a classifier have the names of their folders', async () => {
  const named = { embeddings: 'encoder', moderation: 'tone', moderationFlags: 'insult', moderationThreshold: 0.7 };
  const { embedders, moderators, close } = await openWith(named);
  expect(embedders.get('encoder')).toMatchObject({ modelId: 'encoder', dimensions: 12 });
  expect(moderators.get('tone')).toMatchObject({ flaggedLabels: ['insult'], threshold: 0.7 });
  await close();
});

test('which labels flag has to be said, and be true', async () => {
  const refused = { code: 'moderation-flags', fix: 'Name some of fine, insult, with commas between them.' };
  await expect(openWith({ moderation: 'tone' })).rejects.toMatchObject(refused);
  await expect(openWith({ moderation: 'tone', moderationFlags: 'insult, spam' })).rejects.toMatchObject(refused);
  await expect(openWith({ moderation: 'none', moderationFlags: 'x' })).rejects.toMatchObject({ code: 'no-such-model' });
});
