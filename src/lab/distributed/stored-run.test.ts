/** Runs whose storage is an object store, against one on loopback, with a Ray that a script plays. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ScriptedJob, type ScriptedRay, startScriptedRay } from '../../../tests/scripted-ray.js';
import { type ScriptedStore, startScriptedStore } from '../../../tests/scripted-store.js';
import { manualClock, systemClock } from '../../base/clock.js';
import type { RunEvent } from '../../base/run-events.js';
import { checkpointDirectory } from '../checkpoint/run-checkpoints.js';
import { trainTokenizer } from '../tokenizer/train-tokenizer.js';
import { writeTokenShards } from '../tokenizer/shard-writer.js';
import { parseRunConfig } from '../train/run-config.js';
import { readEvents } from '../train/run-directory.js';
import { httpSend } from './http-send.js';
import { openStorage } from './open-storage.js';
import { createRayJobs } from './ray-jobs.js';
import { readClaim } from './run-claim.js';
import { type RayRunOptions, trainOnRay } from './train-on-ray.js';

let root: string;
let ray: ScriptedRay;
let store: ScriptedStore;
let events: RunEvent[];
let abort: AbortController;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-stored-'));
  [ray, store] = await Promise.all([startScriptedRay(), startScriptedStore()]);
  events = [];
  abort = new AbortController();
});
afterEach(async () => {
  await Promise.all([ray.close(), store.close()]);
  await rm(root, { recursive: true });
});

const config = parseRunConfig(
  {
    schemaVersion: 1,
    model: { model_type: 'qwen3' },
    loop: {
      batchSize: 1,
      sequenceLength: 8,
      gradientAccumulation: 1,
      maxSteps: 4,
      schedule: { kind: 'wsd', warmupSteps: 0, decayFraction: 0, finalScale: 1 },
      clipNorm: 0,
      evalEvery: 2,
      checkpointEvery: 2,
    },
    optimizer: {
      kind: 'sgd',
      learningRate: 1,
      embeddingLearningRate: 1,
      headLearningRate: 1,
      vectorLearningRate: 1,
      weightDecay: 0,
    },
    keepCheckpoints: 2,
    seed: 1,
    tokenizerHash: 'x',
  },
  'test',
);

const here = (): string => path.join(root, 'runs', 'first');
const storage = (wait: (ms: number) => Promise<void> = async () => {}) =>
  openStorage('s3://team/runs', here(), { env: store.env, send: httpSend, clock: systemClock, wait });

function optionsOf(more: Partial<RayRunOptions> = {}): RayRunOptions {
  const clock = manualClock();
  return {
    jobs: createRayJobs(new URL(ray.address.replace('ray', 'http')), { send: httpSend }),
    runDirectory: here(),
    storage: storage(),
    place: { on: ray.address, workers: 1, workerCpus: null, storage: 's3://team/runs', install: false },
    config,
    resume: undefined,
    checkpointBytes: 1000,
    async writeJob(folder) {
      await mkdir(folder, { recursive: true });
      await writeFile(path.join(folder, 'job.json'), '{}');
    },
    requirements: [],
    detach: false,
    clock,
    async wait(ms) {
      clock.advance(ms);
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
    signal: abort.signal,
    onEvent: (event) => events.push(event),
    onStatus: () => {},
    onNotice: () => {},
    ...more,
  };
}

const time = '2026-01-01T00:00:00.000Z';
const begun = (resumedFromStep = 0): RunEvent => ({
  type: 'start',
  time,
  runName: 'first',
  architecture: 'qwen3',
  parameterCount: 1,
  totalSteps: 4,
  tokensPerStep: 8,
  trainTokens: 100,
  device: 'ray',
  resumedFromStep,
});
const stepped = (step: number): RunEvent => ({
  type: 'step',
  time,
  step,
  loss: 1 / step,
  learningRateScale: 1,
  gradientNorm: 1,
  tokens: 8,
  tokensPerSecond: 8,
  elapsedSeconds: step,
  remainingSeconds: 4 - step,
});
const saved = (step: number): RunEvent => ({ type: 'checkpoint', time, step, path: 'x', bytes: 1, seconds: 0 });
const ended = (step: number, reason: 'finished' | 'stopped' = 'finished'): RunEvent => ({
  type: 'done',
  time,
  step,
  reason,
  loss: 1,
  elapsedSeconds: step,
  tokensSeen: 8 * step,
});
const whole = [begun(), stepped(1), stepped(2), saved(2), stepped(3), stepped(4), saved(4), ended(4)];

const objects = (): Map<string, Buffer> => store.buckets.get('team') as Map<string, Buffer>;
const put = (name: string, content: string): void => void objects().set(`runs/first/${name}`, Buffer.from(content));
const names = (): string[] => [...objects().keys()].map((key) => key.replace('runs/first/', '')).sort();
const folderOf = (step: number): string => `checkpoints/${path.basename(checkpointDirectory('', step))}`;

/** A checkpoint's files by their names; its manifest tells the truth about them. */
function checkpointFiles(step: number, attempt?: number): Record<string, string> {
  const files = { 'model.safetensors': `weights of ${step}`, 'trainer-state.json': JSON.stringify({ step, attempt }) };
  const records = Object.entries(files).map(([name, content]) => [
    name,
    { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') },
  ]);
  return { ...files, 'manifest.json': JSON.stringify({ step, files: Object.fromEntries(records) }) };
}

function putCheckpoint(step: number, attempt?: number): void {
  for (const [name, content] of Object.entries(checkpointFiles(step, attempt))) {
    put(`${folderOf(step)}/${name}`, content);
  }
}

async function writeCheckpoint(step: number): Promise<void> {
  const directory = checkpointDirectory(here(), step);
  await mkdir(directory, { recursive: true });
  for (const [name, content] of Object.entries(checkpointFiles(step))) {
    await writeFile(path.join(directory, name), content);
  }
}

/** What the workers do: they write the whole file of events again, with Python's spaces, and whole checkpoints. */
function work(job: ScriptedJob, added: readonly RunEvent[]): void {
  job.state = 'RUNNING';
  const before = objects().get('runs/first/events.jsonl')?.toString() ?? '';
  put('events.jsonl', before + added.map((each) => `${JSON.stringify(each).replaceAll('":', '": ')}\n`).join(''));
  for (const event of added) if (event.type === 'checkpoint') putCheckpoint(event.step);
  if (added.at(-1)?.type === 'done') job.state = 'SUCCEEDED';
}

const stepsHere = async (): Promise<string[]> => (await readdir(path.join(here(), 'checkpoints'))).sort();

describe('a run', () => {
  test('comes back whole, from the store alone', async () => {
    ray.onSubmit = (_id, job) => {
      expect(names()).toEqual(['ray-job.json']);
      work(job, whole);
    };
    await trainOnRay(optionsOf());
    expect(events).toEqual(whole);
    expect(await readEvents(here())).toEqual(whole);
    expect(await stepsHere()).toEqual(['step-00000002', 'step-00000004']);
    const weights = path.join(checkpointDirectory(here(), 4), 'model.safetensors');
    expect(await readFile(weights, 'utf8')).toBe('weights of 4');
    expect(JSON.parse(await readFile(path.join(here(), 'config.json'), 'utf8'))).toEqual(config);
    expect(names().filter((name) => !name.startsWith('checkpoints/'))).toEqual(['events.jsonl']);
    expect(await readClaim(here())).toBeUndefined();
  });

  test('is followed by what was added since the last look, through bad minutes of the store', async () => {
    let running: ScriptedJob | undefined;
    ray.onSubmit = (_id, job) => {
      running = job;
      work(job, whole.slice(0, 3));
    };
    let refusals = 0;
    store.intercept = (request) => {
      if (events.length < 3 || refusals === 9 || !request.includes('events.jsonl')) return undefined;
      if (++refusals === 9) work(running as ScriptedJob, whole.slice(3));
      return { status: 503, code: 'SlowDown' };
    };
    const notices: string[] = [];
    await trainOnRay(optionsOf({ onNotice: (text) => notices.push(text) }));
    expect(refusals).toBe(9);
    expect(events).toEqual(whole);
    expect(notices).toEqual([
      's3://team/runs/first is out of reach; the job goes on',
      's3://team/runs/first is there again',
    ]);
  });

  test('that was begun here goes on there, on what it had, and comes back', async () => {
    const before = [begun(), stepped(1), stepped(2), saved(2), ended(2, 'stopped')];
    await mkdir(here(), { recursive: true });
    await writeFile(path.join(here(), 'events.jsonl'), before.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await writeCheckpoint(2);
    const after = [begun(2), stepped(3), stepped(4), saved(4), ended(4)];
    ray.onSubmit = (_id, job) => {
      expect(
        objects()
          .get(`runs/first/${folderOf(2)}/manifest.json`)
          ?.toString(),
      ).toBe(checkpointFiles(2)['manifest.json']);
      work(job, after);
    };
    await trainOnRay(optionsOf({ resume: { fromStep: undefined } }));
    expect(events).toEqual(after);
    expect(await readEvents(here())).toEqual([...before, ...after]);
    expect(await stepsHere()).toEqual(['step-00000002', 'step-00000004']);
    // and again: what both have is not sent a second time
    store.requests.length = 0;
    await storage().sendCheckpoint(4);
    expect(store.requests.filter((each) => !each.startsWith('GET'))).toEqual([]);
  });

  test('is stopped by an object, which goes when it has ended', async () => {
    ray.onSubmit = (_id, job) => work(job, whole.slice(0, 4));
    // the workers look for it after their step
    let looks = 0;
    ray.intercept = () => {
      if (names().includes('stop') && ++looks === 3)
        work([...ray.jobs.values()][0] as ScriptedJob, [ended(2, 'stopped')]);
      return undefined;
    };
    const onEvent = (event: RunEvent): void => {
      events.push(event);
      if (event.type === 'checkpoint') abort.abort();
    };
    await trainOnRay(optionsOf({ onEvent }));
    expect(events.at(-1)).toEqual(ended(2, 'stopped'));
    expect(ray.requests.filter((each) => each.endsWith('/stop'))).toEqual([]);
    expect(names()).not.toContain('stop');
  });

  test('that another machine has sent there is not sent a second time', async () => {
    ray.jobs.set('other', { state: 'RUNNING', message: '', logs: '', request: {} });
    const submitter = { host: 'another', pid: 1 };
    const location = 's3://team/runs/first';
    put('ray-job.json', JSON.stringify({ address: ray.address, job: 'other', location, eventsBefore: 0, submitter }));
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({
      code: 'run-busy',
      fix: expect.stringMatching(
        / --storage s3:\/\/team\/runs; .*, remove s3:\/\/team\/runs\/first\/ray-job\.json, and /,
      ) as string,
    });
    (ray.jobs.get('other') as ScriptedJob).state = 'FAILED';
    ray.onSubmit = (_id, job) => work(job, whole);
    await trainOnRay(optionsOf());
    expect(names()).not.toContain('ray-job.json');
  });

  test('that never began leaves nothing there', async () => {
    ray.onSubmit = (_id, job) => {
      put('config.json', '{}');
      put('attempts/00000001', '{}');
      const said = { code: 'cluster-too-small', what: 'no room', fix: null };
      Object.assign(job, {
        state: 'FAILED',
        message: 'failed with exit code 1',
        logs: `MOAT_ERROR ${JSON.stringify(said)}\n`,
      });
    };
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({ code: 'cluster-too-small' });
    expect(names()).toEqual([]);
    expect(await readdir(path.join(root, 'runs'))).toEqual([]);
  });

  test('whose store refuses is refused before anything is sent', async () => {
    store.buckets.clear();
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({ code: 'store-no-bucket' });
    expect(ray.jobs.size).toBe(0);
    expect(await readdir(root)).toEqual([]);
  });
});

test.each(['s3:/team/runs', 'S3://Team/runs', 'gs:team'])('%s is not taken for a folder', (storage) => {
  const connection = { env: store.env, send: httpSend, clock: systemClock, wait: async () => {} };
  expect(() => openStorage(storage, here(), connection)).toThrow(`--storage: "${storage}" names no bucket`);
});

describe('checkpoints', () => {
  test('an upload that has not ended is none; what an overtaken attempt saved does not belong to the run', async () => {
    putCheckpoint(2, 1);
    putCheckpoint(4, 1);
    putCheckpoint(3, 2);
    put('attempts/00000001', '{"step": 0}');
    put('attempts/00000002', '{"step": 2}');
    put(`${folderOf(5)}/model.safetensors`, 'half of i');
    await storage().fetchCheckpoints(9);
    expect(await stepsHere()).toEqual(['step-00000002', 'step-00000003']);
  });

  test.each([
    ['checkpoint-truncated', 'weights'],
    ['checkpoint-corrupt', 'weightz of 2'],
  ])('one that is not what was saved: %s', async (code, content) => {
    putCheckpoint(2);
    put(`${folderOf(2)}/model.safetensors`, content);
    await expect(storage().fetchCheckpoints(9)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`s3://team/runs/first/${folderOf(2)}/model.safetensors: `) as string,
    });
    expect(await stepsHere()).toEqual([]);
  });

  test('a damaged one is not sent', async () => {
    await writeCheckpoint(2);
    await writeFile(path.join(checkpointDirectory(here(), 2), 'model.safetensors'), 'weightz of 2');
    await expect(storage().sendCheckpoint(undefined)).rejects.toMatchObject({ code: 'checkpoint-corrupt' });
    expect(names()).toEqual([]);
  });
});

test('first weights that are too large to travel lie beside the run until its job has ended', async () => {
  await writeFile(path.join(root, 'start.safetensors'), 'drawn here');
  expect(await storage().sendStart?.(path.join(root, 'start.safetensors'))).toBe(
    's3://team/runs/first/start.safetensors',
  );
  expect(objects().get('runs/first/start.safetensors')?.toString()).toBe('drawn here');
  await storage().clear();
  expect(names()).toEqual([]);
});

test('shards are sent once, and sent on where sending them was broken off', async () => {
  const shards = path.join(root, 'shards');
  const texts = Array.from({ length: 40 }, (_, index) => ({ id: `${index}`, text: `the rule ${index} of the shop` }));
  const tokenizer = await trainTokenizer(path.join(root, 'tokenizer'), [texts.map(({ text }) => text).join(' ')], {
    vocabularySize: 300,
  });
  await writeTokenShards(shards, { train: texts }, tokenizer, { shardTokens: 60 });
  const files = (await readdir(shards)).filter((name) => name.endsWith('.bin'));
  expect(files.length).toBeGreaterThan(2);
  // the third of them is refused
  let refused = 0;
  store.intercept = (request) =>
    request.startsWith('PUT') && store.requests.filter((each) => each.startsWith('PUT')).length > 2 && refused++ < 4
      ? { status: 503 }
      : undefined;
  await expect(storage().placeShards(shards)).rejects.toMatchObject({ code: 'store-unreachable' });
  expect(objects().size).toBe(2);
  store.requests.length = 0;
  const sent: number[] = [];
  const there = await storage().placeShards(shards, (sentBytes, allBytes) => sent.push(sentBytes / allBytes));
  expect(there).toMatch(/^s3:\/\/team\/runs\/shards-[0-9a-f]{12}$/);
  expect(sent.at(-1)).toBe(1);
  // all but those two, and their manifest
  expect(store.requests.filter((each) => each.startsWith('PUT'))).toHaveLength(files.length - 2 + 1);
  for (const name of files) {
    const key = `${there?.slice('s3://team/'.length)}/${name}`;
    expect(
      objects()
        .get(key)
        ?.equals(await readFile(path.join(shards, name))),
    ).toBe(true);
  }
  store.requests.length = 0;
  await storage().placeShards(shards);
  expect(store.requests.filter((each) => each.startsWith('PUT'))).toEqual([]);
  // other content under the same counts is another folder
  await writeTokenShards(shards, { train: [...texts].reverse() }, tokenizer, { shardTokens: 60 });
  expect(await storage().placeShards(shards)).not.toBe(there);
});
