import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainingControl } from '../../company/gateway/training-control.js';
import { whileTraining } from '../../lab/train/run-lock.js';
import { loadProject } from '../config/project.js';
import { createTrainingControl } from './training-control.js';

let root: string;
let control: TrainingControl;
const env = { PATH: process.env['PATH'] };
const config = { model: { depth: 2 }, train: { steps: 50, learningRate: 0.01 } };

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-control-'));
  await writeFile(path.join(root, 'moat.config.json'), JSON.stringify(config));
  control = createTrainingControl(await loadProject(root, { env }), env);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const start = (name: string, settings = {}): Promise<void> => control.start({ name, fork: undefined, settings });

test('a form begins with what the project says now, not with what it said when the server started', async () => {
  expect(await control.values(undefined)).toMatchObject({
    name: 'run-1',
    settings: { 'model.depth': 2, 'train.steps': 50, 'train.learningRate': 0.01, 'train.optimizer': 'muon' },
    training: null,
  });
  await writeFile(path.join(root, 'moat.config.json'), JSON.stringify({ ...config, train: { steps: 60 } }));
  expect((await control.values(undefined)).settings['train.steps']).toBe(60);
});

test('what the process refuses is said in its own line, and leaves no run', async () => {
  await expect(start('first')).rejects.toMatchObject({
    code: 'training-refused',
    message: expect.stringMatching(/tokenizer.*moat tokenizer/),
  });
  expect(await readFile(path.join(root, '.moat', 'training', 'first.log'), 'utf8')).toContain('moat: ');
  expect(await control.values(undefined)).toMatchObject({ name: 'run-1', training: null });
  // the first having ended, there is room for another
  await expect(control.resume('first', undefined)).rejects.toMatchObject({ code: 'training-refused' });
});

test('a setting that is none is refused before a process starts', async () => {
  await expect(start('second', { 'train.batchSize': 'many' })).rejects.toMatchObject({
    code: 'bad-setting',
    message: 'train.batchSize: expected a whole number from 1 to 4096, found "many"',
  });
  await expect(start('../second')).rejects.toMatchObject({ code: 'bad-run-name' });
  await expect(readFile(path.join(root, '.moat', 'training', 'second.log'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('while one run trains, whoever started it, no other does; it can be stopped from here', async () => {
  const run = path.join(root, 'runs', 'other');
  await mkdir(run, { recursive: true });
  await expect(control.stop('other')).rejects.toMatchObject({ code: 'not-training' });
  const stop = new AbortController();
  await whileTraining(run, stop, async () => {
    expect((await control.values(undefined)).training).toBe('other');
    await expect(start('third')).rejects.toMatchObject({ code: 'training-busy', message: 'the run other is training' });
    await control.stop('other');
    await control.stop('other');
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  });
  expect((await control.values(undefined)).training).toBeNull();
});
