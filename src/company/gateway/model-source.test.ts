import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pruneCheckpoints } from '../../lab/checkpoint/run-checkpoints.js';
import {
  findSource,
  folderOfSource,
  holdPromoted,
  promotedSource,
  readServing,
  sourceOfFolder,
  writePromotion,
  writeWithdrawal,
} from './model-source.js';

let project: string;
beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'serving-'));
  for (const step of ['step-00000010', 'step-00000020'])
    await mkdir(path.join(project, 'runs', 'first', 'checkpoints', step), { recursive: true });
  await mkdir(path.join(project, 'runs', 'qwen'), { recursive: true });
  await writeFile(path.join(project, 'runs', 'qwen', 'model.safetensors.index.json'), '{}');
});
afterAll(() => rm(project, { recursive: true }));
const runs = (): string => path.join(project, 'runs');

test('the newest checkpoint, a named one, or a model that was imported', async () => {
  expect(await findSource(runs(), 'first')).toEqual({ run: 'first', checkpoint: 'step-00000020' });
  expect(await findSource(runs(), 'first', 'step-00000010')).toEqual({ run: 'first', checkpoint: 'step-00000010' });
  expect(await findSource(runs(), 'qwen')).toEqual({ run: 'qwen', checkpoint: null });
  await expect(findSource(runs(), 'first', 'step-00000011')).rejects.toThrow('no checkpoint step-00000011');
  for (const name of ['none', '..', '../runs/first'])
    await expect(findSource(runs(), name)).rejects.toThrow('no trained');
});

test('a source and its folder say the same', async () => {
  for (const source of [
    { run: 'first', checkpoint: 'step-00000010' },
    { run: 'qwen', checkpoint: null },
  ])
    expect(sourceOfFolder(runs(), folderOfSource(runs(), source))).toEqual(source);
  for (const folder of [project, '/elsewhere', path.join(runs(), 'first', 'other', 'x')])
    expect(sourceOfFolder(runs(), folder)).toBeNull();
});

test('the checkpoint of a promoted name stays until no name has it; one that is gone is not promoted', async () => {
  const checkpoints = path.join(runs(), 'first', 'checkpoints');
  const held = async () => (await readdir(checkpoints)).filter((name) => name.includes('held')).sort();
  const [early, late] = ['step-00000010', 'step-00000020'].map((checkpoint) => ({ run: 'first', checkpoint }));
  if (early === undefined || late === undefined) throw new Error('there are two');
  await writePromotion(project, 'a', early);
  await writePromotion(project, 'b', early);
  await writePromotion(project, 'a', late);
  expect(await held()).toEqual(['step-00000010.held', 'step-00000020.held']);
  await pruneCheckpoints(path.join(runs(), 'first'), { keepLast: 1 });
  await expect(writePromotion(project, 'c', { run: 'first', checkpoint: 'step-00000011' })).rejects.toMatchObject({
    code: 'no-model',
  });
  expect(await promotedSource(project, 'b')).toEqual(early);
  await writeWithdrawal(project, 'b');
  expect(await held()).toEqual(['step-00000020.held']);
  await expect(promotedSource(project, 'b')).rejects.toThrow('nothing was promoted to this name');
  // Promoted by a version that held nothing.
  await rm(path.join(checkpoints, 'step-00000020.held'), { recursive: true });
  await holdPromoted(project);
  expect(await held()).toEqual(['step-00000020.held']);
  await writeWithdrawal(project, 'a');
  expect([await held(), [...(await readServing(project))]]).toEqual([[], []]);
});

test('promotions are kept by name; what is no such file is refused and not written over', async () => {
  expect([...(await readServing(project))]).toEqual([]);
  await writePromotion(project, 'acme', { run: 'first', checkpoint: 'step-00000010' });
  await writePromotion(project, 'large', { run: 'qwen', checkpoint: null });
  await writePromotion(project, 'acme', { run: 'first', checkpoint: 'step-00000020' });
  expect(Object.fromEntries(await readServing(project))).toEqual({
    acme: { run: 'first', checkpoint: 'step-00000020' },
    large: { run: 'qwen', checkpoint: null },
  });
  for (let index = 0; index < 14; index++)
    await writePromotion(project, `more-${index}`, { run: 'qwen', checkpoint: null });
  await expect(writePromotion(project, 'too-many', { run: 'qwen', checkpoint: null })).rejects.toThrow('at most 16');
  for (const text of [
    '{',
    '{"models":{"a":{"run":"../x","checkpoint":null}}}',
    '{"models":{"a b":{"run":"x","checkpoint":null}}}',
  ]) {
    await writeFile(path.join(project, 'serving.json'), text);
    await expect(readServing(project)).rejects.toMatchObject({ code: 'bad-serving' });
    await expect(writePromotion(project, 'acme', { run: 'qwen', checkpoint: null })).rejects.toThrow('serving.json');
  }
});
