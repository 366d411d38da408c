import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findSource, folderOfSource, readServing, sourceOfFolder, writePromotion } from './model-source.js';

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
