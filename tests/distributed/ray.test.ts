/** Runs on a real Ray: followed, stopped, resumed on another number of workers, and gone on with after kills. */
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import type { RunEvent } from '../../src/base/run-events.js';
import { httpSend } from '../../src/lab/distributed/http-send.js';
import { type RayJobs, createRayJobs } from '../../src/lab/distributed/ray-jobs.js';
import { openStorage } from '../../src/lab/distributed/open-storage.js';
import { type RayRunOptions, trainOnRay } from '../../src/lab/distributed/train-on-ray.js';
import { readEvents } from '../../src/lab/train/run-directory.js';
import { type RayCluster, startRay } from './ray-cluster.js';
import { type SmallProject, losses, makeSmallProject } from './small-run.js';

let project: SmallProject;
let cluster: RayCluster;
let jobs: RayJobs;
/** The losses of the same run, trained here, without a break. */
let expected: number[];
const STEPS = 400;
const LIMIT_MS = 900_000;

const config = () =>
  project.config({
    loop: { maxSteps: STEPS, checkpointEvery: 10, evalEvery: STEPS },
    optimizer: {
      kind: 'adamw',
      learningRate: 1e-3,
      embeddingLearningRate: 1e-3,
      headLearningRate: 1e-3,
      vectorLearningRate: 1e-3,
    },
  });

beforeAll(async () => {
  project = await makeSmallProject();
  cluster = await startRay(4);
  jobs = createRayJobs(cluster.base, { send: httpSend });
  expected = losses(await project.trainHere('here', { config: config(), resume: undefined }));
}, LIMIT_MS);
afterAll(async () => {
  await cluster.stop();
  await project.remove();
});

interface RayTrial extends Partial<RayRunOptions> {
  readonly workers: number;
  readonly storagePlace?: string;
}

async function train(name: string, { workers, storagePlace, resume, ...more }: RayTrial) {
  const runDirectory = project.runDirectory(name);
  const storage = openStorage(storagePlace, runDirectory, {
    env: process.env,
    send: httpSend,
    clock: systemClock,
    wait,
  });
  return trainOnRay({
    jobs,
    runDirectory,
    storage,
    place: { on: jobs.address, workers, workerCpus: null, storage: storagePlace ?? null, install: false },
    config: config(),
    resume,
    checkpointBytes: 1_000_000,
    async writeJob(folder) {
      const made = await project.writeJob(`${name}-${workers}`, {
        config: config(),
        runName: name,
        runDirectory: storage.location,
        workers,
        travels: true,
        resume: resume === undefined ? null : { fromStep: resume.fromStep ?? null },
      });
      await cp(made, folder, { recursive: true });
    },
    requirements: [],
    detach: false,
    clock: systemClock,
    wait,
    signal: new AbortController().signal,
    onEvent: () => {},
    onStatus: () => {},
    onNotice: () => {},
    ...more,
  });
}

/** Each step's loss, with what was trained again after a restart in the place of what was lost. */
function trained(events: readonly RunEvent[]): number[] {
  const kept: number[] = [];
  for (const event of events) {
    if (event.type === 'start') {
      expect(event.resumedFromStep).toBeLessThanOrEqual(kept.length);
      kept.length = event.resumedFromStep;
    }
    if (event.type !== 'step') continue;
    expect(event.step).toBe(kept.length + 1);
    kept.push(event.loss);
  }
  return kept;
}

/** All of it, once, with the losses of an unbroken run. */
async function expectWhole(name: string): Promise<RunEvent[]> {
  const events = await readEvents(project.runDirectory(name));
  const found = trained(events);
  expect(found).toHaveLength(STEPS);
  const furthest = Math.max(...found.map((loss, index) => Math.abs(loss - (expected[index] ?? Number.NaN))));
  expect(furthest).toBeLessThan(1e-3);
  const tokensPerStep = events.find((event) => event.type === 'start')?.tokensPerStep ?? 0;
  expect(events.at(-1)).toMatchObject({
    type: 'done',
    reason: 'finished',
    step: STEPS,
    tokensSeen: STEPS * tokensPerStep,
  });
  return events;
}

const starts = (events: readonly RunEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'start' ? [event.resumedFromStep] : []));

test('one worker: the losses of the local trainer, and how long the way there is', { timeout: LIMIT_MS }, async () => {
  const begun = performance.now();
  const at: Record<string, number> = {};
  const mark = (what: string): void => void (at[what] ??= (performance.now() - begun) / 1000);
  await train('one', {
    workers: 1,
    onStatus: ({ state }) => mark(state),
    onEvent: ({ type }) => mark(type),
  });
  await expectWhole('one');
  console.log(`seconds from the call: job ${JSON.stringify(at)}`);
});

test('two workers: one is killed, the run is stopped, and one worker ends it', { timeout: LIMIT_MS }, async () => {
  const stop = new AbortController();
  let killed = false;
  let begun = 0;
  await train('two', {
    workers: 2,
    signal: stop.signal,
    onEvent(event) {
      if (event.type === 'start') begun++;
      if (event.type !== 'step') return;
      if (!killed && event.step >= 25) {
        cluster.killWorker();
        killed = true;
      }
      if (begun === 2) stop.abort();
    },
  });
  const stopped = await readEvents(project.runDirectory('two'));
  expect(stopped.at(-1)).toMatchObject({ type: 'done', reason: 'stopped' });
  const again = starts(stopped);
  expect(again[0]).toBe(0);
  expect(again[1]).toBeGreaterThanOrEqual(20);
  await train('two', { workers: 1, resume: { fromStep: undefined } });
  const events = await expectWhole('two');
  expect(starts(events)).toHaveLength(3);
});

test('the head is killed and started anew: the job is sent again and goes on', { timeout: LIMIT_MS }, async () => {
  const notices: string[] = [];
  let anew: Promise<void> | undefined;
  await train('head', {
    workers: 2,
    storagePlace: path.join(project.folder, 'shared'),
    onNotice: (text) => notices.push(text),
    onEvent(event) {
      if (event.type === 'step' && event.step >= 25) anew ??= cluster.killHead().then(() => cluster.startHead());
    },
  });
  await anew;
  const events = await expectWhole('head');
  expect(starts(events).at(-1)).toBeGreaterThanOrEqual(20);
  expect(notices.some((text) => text.includes('submitting it again, from its last checkpoint'))).toBe(true);
  expect(await readdir(path.join(project.runDirectory('head'), 'checkpoints'))).toContain(
    `step-${String(STEPS).padStart(8, '0')}`,
  );
});

test(
  'storage that this machine does not see: followed and stopped through Ray alone',
  { timeout: LIMIT_MS },
  async () => {
    const stop = new AbortController();
    const there = path.join(project.folder, 'theirs');
    await mkdir(there);
    await train('unseen', {
      workers: 1,
      storagePlace: pathToFileURL(there).href,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.step >= 5) stop.abort();
      },
    });
    const events = await readEvents(project.runDirectory('unseen'));
    expect(events).toEqual(await readEvents(path.join(there, 'unseen')));
    expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'stopped' });
    trained(events);
  },
);

test('storage that the cluster does not see', { timeout: LIMIT_MS }, async () => {
  // stands for a folder of the same name on another disk: what the job reads back is not what was written
  const elsewhere: RayJobs = {
    ...jobs,
    async submit(request) {
      await writeFile(request.environment['MOAT_PROBE_FILE'] ?? '', 'another disk');
      await jobs.submit(request);
    },
  };
  await expect(train('apart', { workers: 1, jobs: elsewhere })).rejects.toMatchObject({ code: 'storage-not-shared' });
  await expect(readdir(project.runDirectory('apart'))).rejects.toMatchObject({ code: 'ENOENT' });
});
