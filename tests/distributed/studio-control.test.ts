/** What the studio's buttons do to runs that train elsewhere: by real torchrun, on a real Ray, with Moat as its users start it. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { loadProject } from '../../src/cli/config/project.js';
import { createTrainingControl } from '../../src/cli/stages/training-control.js';
import { createRunReader } from '../../src/company/gateway/run-reader.js';
import type { TrainingControl } from '../../src/company/gateway/training-control.js';
import { readClaim } from '../../src/lab/distributed/run-claim.js';
import { readEvents } from '../../src/lab/train/run-directory.js';
import { isTraining } from '../../src/lab/train/run-lock.js';
import { type RayCluster, startRay } from './ray-cluster.js';
import { countedSteps } from './small-run.js';

const PROGRAM = path.resolve('bin/moat.js');
const PATIENCE = { timeout: 300_000, interval: 200 };
const CONFIG = {
  schemaVersion: 1,
  name: 'shop',
  model: { layers: 1, hiddenSize: 32, heads: 2, headSize: 16, intermediateSize: 64, contextLength: 128 },
  tokenizer: { vocabularySize: 300 },
  train: { steps: 100_000, batchSize: 2, sequenceLength: 32, checkpointEvery: 20, evalEvery: 1000 },
  data: { nearDuplicates: 0, validationFraction: 0.1 },
};

let root: string;
let control: TrainingControl;
let cluster: RayCluster | undefined;
const addressOf = (of: RayCluster | undefined): string => `ray://${of?.base.host}`;
const runDirectory = (name: string): string => path.join(root, 'runs', name);
const moat = (...argv: string[]) => promisify(execFile)(process.execPath, [PROGRAM, ...argv], { cwd: root });

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-control-'));
  await writeFile(path.join(root, 'moat.config.json'), JSON.stringify(CONFIG));
  await mkdir(path.join(root, 'data'));
  for (let index = 0; index < 40; index++) {
    const text = Array.from({ length: 60 }, (_, word) => `word ${(index * 7 + word * 3) % 50} comes`).join(' ');
    await writeFile(path.join(root, 'data', `${index}.txt`), text);
  }
  for (const stage of ['data', 'tokenizer']) await moat(stage);
  control = createTrainingControl(await loadProject(root, { env: process.env }), process.env);
  cluster = await startRay(4);
}, 600_000);
afterAll(async () => {
  await cluster?.stop();
  await rm(root, { recursive: true, force: true });
});

const summary = async (name: string) =>
  (await createRunReader(path.join(root, 'runs'), systemClock).list()).find((run) => run.name === name);
const lastStep = async (name: string) => countedSteps(await readEvents(runDirectory(name))).at(-1)?.step ?? 0;
const untilStep = (name: string, step: number) => expect.poll(() => lastStep(name), PATIENCE).toBeGreaterThan(step);

/** The run has ended by a stop, with a checkpoint of its last step, and nobody holds it. */
async function expectStopped(name: string): Promise<number> {
  await expect.poll(async () => (await readEvents(runDirectory(name))).at(-1)?.type, PATIENCE).toBe('done');
  await expect.poll(() => isTraining(runDirectory(name)), PATIENCE).toBeUndefined();
  const events = await readEvents(runDirectory(name));
  const step = await lastStep(name);
  expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'stopped', step });
  expect(countedSteps(events).map((event) => event.step)).toEqual(Array.from({ length: step }, (_, at) => at + 1));
  expect(
    await readFile(
      path.join(runDirectory(name), 'checkpoints', `step-${`${step}`.padStart(8, '0')}`, 'manifest.json'),
      'utf8',
    ),
  ).toContain('sha256');
  expect(await summary(name)).toMatchObject({ state: 'stopped', place: { job: null, isLeft: false } });
  return step;
}

test('torchrun: stopped from the studio, resumed there, and stopped again', async () => {
  const child = spawn(process.execPath, [PROGRAM, 'train', '--name', 'local', '--on', 'torchrun', '--workers', '2'], {
    cwd: root,
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await untilStep('local', 5);
  expect(await summary('local')).toMatchObject({ state: 'running', place: { on: 'torchrun', workers: 2 } });
  await control.stop('local');
  expect(await ended).toBe(0);
  const stoppedAt = await expectStopped('local');
  await control.resume('local', undefined);
  await untilStep('local', stoppedAt + 5);
  expect((await readEvents(runDirectory('local'))).findLast(({ type }) => type === 'start')).toMatchObject({
    device: expect.stringContaining('torchrun: 2 workers'),
    resumedFromStep: stoppedAt,
  });
  await control.stop('local');
  expect(await expectStopped('local')).toBeGreaterThan(stoppedAt);
});

test('Ray: a run that was left alone is stopped and brought back, resumed there, followed and stopped', async () => {
  const address = addressOf(cluster);
  const storage = path.join(root, 'shared');
  await moat('train', '--name', 'far', '--on', address, '--workers', '2', '--storage', storage, '--detach');
  const place = { on: address, workers: 2, machines: 1, storage };
  expect(await summary('far')).toMatchObject({ state: 'running', place: { ...place, isLeft: true } });
  await control.stop('far');
  const stoppedAt = await expectStopped('far');
  expect(await readClaim(runDirectory('far'))).toBeUndefined();
  await control.resume('far', undefined);
  await untilStep('far', stoppedAt + 5);
  expect(await summary('far')).toMatchObject({ state: 'running', place: { ...place, isLeft: false } });
  expect((await control.values(undefined)).training).toBeNull();
  await control.stop('far');
  expect(await expectStopped('far')).toBeGreaterThan(stoppedAt);
});

test('Ray whose storage is not seen here: stopped by its Jobs API', async () => {
  const storage = `file://${path.join(root, 'theirs')}`;
  await mkdir(path.join(root, 'theirs'));
  await moat('train', '--name', 'unseen', '--on', addressOf(cluster), '--storage', storage, '--detach');
  await control.stop('unseen');
  await expect.poll(async () => (await readEvents(runDirectory('unseen'))).at(-1)?.type, PATIENCE).toBe('done');
  expect((await readEvents(runDirectory('unseen'))).at(-1)).toMatchObject({ reason: 'stopped' });
  await expect.poll(() => readClaim(runDirectory('unseen')), PATIENCE).toBeUndefined();
});
