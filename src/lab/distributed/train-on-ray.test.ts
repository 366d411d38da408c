import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ScriptedJob, type ScriptedRay, startScriptedRay } from '../../../tests/scripted-ray.js';
import { manualClock } from '../../base/clock.js';
import type { RunEvent } from '../../base/run-events.js';
import { checkpointDirectory } from '../checkpoint/run-checkpoints.js';
import { runConfigSchema } from '../train/run-config.js';
import { readEvents } from '../train/run-directory.js';
import { httpSend } from './http-send.js';
import { createRayJobs } from './ray-jobs.js';
import { readClaim, takeClaim } from './run-claim.js';
import { folderStorage, unseenStorage } from './run-storage.js';
import { type RayRunOptions, trainOnRay } from './train-on-ray.js';

let root: string;
let ray: ScriptedRay;
let events: RunEvent[];
let notices: string[];
let abort: AbortController;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-ray-'));
  ray = await startScriptedRay();
  events = [];
  notices = [];
  abort = new AbortController();
});
afterEach(async () => {
  await ray.close();
  await rm(root, { recursive: true });
});

const config = runConfigSchema.parse({
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
});

const here = (): string => path.join(root, 'runs', 'first');
const there = (): string => path.join(root, 'shared', 'first');

/** A run whose time goes by in its pauses. */
function optionsOf(more: Partial<RayRunOptions> = {}): RayRunOptions {
  const clock = manualClock();
  return {
    jobs: createRayJobs(new URL(ray.address.replace('ray', 'http')), { send: httpSend }),
    runDirectory: here(),
    storage: folderStorage(path.join(root, 'shared'), here()),
    place: { on: ray.address, workers: 1, workerCpus: null, storage: null, install: false },
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
    onNotice: (text) => notices.push(text),
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
const saved = (step: number): RunEvent => ({
  type: 'checkpoint',
  time,
  step,
  path: `checkpoints/${step}`,
  bytes: 1,
  seconds: 0,
});
const ended = (step: number, reason: 'finished' | 'stopped' = 'finished'): RunEvent => ({
  type: 'done',
  time,
  step,
  reason,
  loss: 1,
  elapsedSeconds: step,
  tokensSeen: 8 * step,
});

/** Python's spaces are not JavaScript's. */
const line = (event: RunEvent): string => JSON.stringify(event).replaceAll('":', '": ');

/** What the workers do: events on their output and, where there is a folder, in their file. */
async function work(job: ScriptedJob, folder: string | undefined, added: readonly RunEvent[]): Promise<void> {
  job.state = 'RUNNING';
  job.logs += added.map((event) => `(RayTrainWorker pid=7) MOAT_EVENT ${line(event)}\n`).join('');
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  const lines = added.map((event) => `${line(event)}\n`).join('');
  await writeFile(path.join(folder, 'events.jsonl'), lines, { flag: 'a' });
  for (const event of added) if (event.type === 'checkpoint') await writeCheckpoint(folder, event.step);
}

async function writeCheckpoint(folder: string, step: number): Promise<void> {
  const directory = checkpointDirectory(folder, step);
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'manifest.json'), JSON.stringify({ step, files: {} }));
}

const whole = [begun(), stepped(1), stepped(2), saved(2), stepped(3), stepped(4), saved(4), ended(4)];

test('a run over shared storage comes back whole: settings, events, checkpoints', async () => {
  let probe: unknown;
  ray.onSubmit = (_id, job) => {
    probe = (job.request['runtime_env'] as { env_vars: Record<string, string> }).env_vars;
    void work(job, there(), whole).then(() => (job.state = 'SUCCEEDED'));
  };
  await trainOnRay(optionsOf());
  expect(events).toEqual(whole);
  expect(await readEvents(here())).toEqual(whole);
  expect((await readdir(path.join(here(), 'checkpoints'))).sort()).toEqual(['step-00000002', 'step-00000004']);
  expect(JSON.parse(await readFile(path.join(here(), 'config.json'), 'utf8'))).toEqual(config);
  expect(probe).toMatchObject({
    MOAT_PROBE_FILE: path.join(there(), 'probe'),
    MOAT_PROBE_NONCE: expect.stringMatching(/^\w{32}$/) as string,
  });
  // nothing of the job remains beside the run
  expect((await readdir(there())).sort()).toEqual(['checkpoints', 'events.jsonl']);
});

test('where the storage is not seen, events come from what the job prints', async () => {
  ray.onSubmit = (_id, job) => {
    void work(job, undefined, whole).then(() => (job.state = 'SUCCEEDED'));
    job.logs += '(RayTrainWorker pid=7) MOAT_EVENT {"type": "st';
  };
  await trainOnRay(optionsOf({ storage: unseenStorage('hdfs://host/runs/first', here()) }));
  expect(await readEvents(here())).toEqual(whole);
  expect((await readdir(here())).sort()).toEqual(['config.json', 'events.jsonl', 'place.json']);
});

test('a cluster that has only just started is waited for', async () => {
  let refused = 0;
  const notYet = { status: 500, body: 'No available agent to submit job, please try again later.' };
  ray.intercept = ({ method, path: asked }) =>
    method === 'POST' && asked === '/api/jobs/' && refused < 3 ? (refused++, notYet) : undefined;
  ray.onSubmit = (_id, job) => void work(job, there(), whole).then(() => (job.state = 'SUCCEEDED'));
  await trainOnRay(optionsOf());
  expect(refused).toBe(3);
  expect(await readEvents(here())).toEqual(whole);
});

test('a lost connection: the job goes on, nothing is missed, nothing comes twice', async () => {
  let refusals = 0;
  let running: ScriptedJob | undefined;
  ray.onSubmit = (_id, job) => {
    running = job;
    void work(job, there(), whole.slice(0, 3));
  };
  ray.intercept = ({ method }) => {
    if (running === undefined || method !== 'GET' || events.length < 3 || refusals > 5) return undefined;
    refusals++;
    if (refusals === 5)
      void work(running, there(), whole.slice(3)).then(() => ((running as ScriptedJob).state = 'SUCCEEDED'));
    return { status: 502, body: 'bad gateway' };
  };
  await trainOnRay(optionsOf());
  expect(await readEvents(here())).toEqual(whole);
  expect(notices).toEqual([`${ray.address} is out of reach; the job goes on`, `${ray.address} is there again`]);
});

test('a cluster out of reach for too long is given up; the job is not', async () => {
  ray.onSubmit = (_id, job) => void work(job, there(), whole.slice(0, 3)).then(() => ray.close());
  await expect(trainOnRay(optionsOf())).rejects.toMatchObject({ code: 'ray-unreachable' });
  expect((await readClaim(there()))?.address).toBe(ray.address);
});

test('a token that expires while following: one line at once', async () => {
  ray.onSubmit = (_id, job) => {
    ray.token = 'another';
    void work(job, there(), whole.slice(0, 3));
  };
  await expect(trainOnRay(optionsOf())).rejects.toMatchObject({ code: 'ray-unauthorized' });
});

describe('the head of the cluster dies', () => {
  const rest = [begun(2), stepped(3), stepped(4), saved(4), ended(4)];

  test('its job is submitted again and goes on from its checkpoint', async () => {
    const entrypoints: unknown[] = [];
    ray.onSubmit = (id, job) => {
      entrypoints.push(job.request['entrypoint']);
      if (entrypoints.length === 1) void work(job, there(), whole.slice(0, 5)).then(() => ray.jobs.delete(id));
      else void work(job, there(), rest).then(() => (job.state = 'SUCCEEDED'));
    };
    await trainOnRay(optionsOf());
    expect(entrypoints).toEqual([
      'python worker.py --job job.json --launcher ray',
      'python worker.py --job job.json --launcher ray --again',
    ]);
    expect(await readEvents(here())).toEqual([...whole.slice(0, 5), ...rest]);
    expect(notices[0]).toMatch(/lost the job moat-first-\w+: submitting it again, from its last checkpoint/);
  });

  test('again and again without a checkpoint: it is given up', async () => {
    let count = 0;
    ray.onSubmit = (id, job) => {
      count++;
      void work(job, there(), [begun()]).then(() => ray.jobs.delete(id));
    };
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({ code: 'ray-job-lost' });
    expect(count).toBe(4);
  });
});

test('Ctrl-C asks the workers by a file, and by Ray where they do not hear', async () => {
  ray.onSubmit = (_id, job) => void work(job, there(), whole.slice(0, 4));
  ray.onStop = (_id, job) => void work(job, there(), [ended(2, 'stopped')]).then(() => (job.state = 'STOPPED'));
  await trainOnRay(
    optionsOf({
      onEvent(event) {
        events.push(event);
        if (event.type === 'checkpoint') abort.abort();
      },
    }),
  );
  expect(events.at(-1)).toEqual(ended(2, 'stopped'));
  expect(ray.requests.filter((each) => each.endsWith('/stop'))).toHaveLength(1);
  expect(notices).toEqual(['the job was asked to save and end (--detach leaves it running)']);
  expect(await readdir(path.join(here(), 'checkpoints'))).toEqual(['step-00000002']);
});

test('a run that was left is found again, with all its events', async () => {
  let running: ScriptedJob | undefined;
  ray.onSubmit = (_id, job) => {
    running = job;
    void work(job, there(), whole.slice(0, 3));
  };
  expect(await trainOnRay(optionsOf({ detach: true }))).toMatchObject({ outcome: 'left' });
  const left = events.splice(0);
  expect(left).toEqual(whole.slice(0, left.length));
  await work(running as ScriptedJob, there(), whole.slice(3));
  (running as ScriptedJob).state = 'SUCCEEDED';
  // the job has ended meanwhile: its end is read, and nothing is submitted
  const again = await trainOnRay(optionsOf({ resume: { fromStep: undefined } }));
  expect(again.outcome).toBe('ended');
  expect(ray.jobs.size).toBe(1);
  expect(await readEvents(here())).toEqual(whole);
  expect(await readClaim(there())).toBeUndefined();
});

test('a run that was begun here goes on there, on what it had, and comes back', async () => {
  await mkdir(here(), { recursive: true });
  const before = [begun(), stepped(1), stepped(2), saved(2), ended(2, 'stopped')];
  await writeFile(path.join(here(), 'events.jsonl'), before.map((event) => `${JSON.stringify(event)}\n`).join(''));
  await writeCheckpoint(here(), 2);
  const after = [begun(2), stepped(3), stepped(4), saved(4), ended(4)];
  let found: string[] = [];
  ray.onSubmit = (_id, job) => {
    found = readdirSync(path.join(there(), 'checkpoints'));
    void work(job, there(), after).then(() => (job.state = 'SUCCEEDED'));
  };
  await trainOnRay(optionsOf({ resume: { fromStep: undefined } }));
  expect(found).toEqual(['step-00000002']);
  expect(events).toEqual(after);
  expect(await readEvents(here())).toEqual([...before, ...after]);
  expect((await readdir(path.join(here(), 'checkpoints'))).sort()).toEqual(['step-00000002', 'step-00000004']);
});

test('two copies of a run that each went their own way are not mixed', async () => {
  for (const [place, event] of [
    [here(), stepped(1)],
    [there(), stepped(2)],
  ] as const) {
    await mkdir(place, { recursive: true });
    await writeFile(path.join(place, 'events.jsonl'), `${JSON.stringify(event)}\n`);
  }
  await expect(trainOnRay(optionsOf({ resume: { fromStep: undefined } }))).rejects.toMatchObject({
    code: 'runs-diverged',
  });
  expect(ray.jobs.size).toBe(0);
});

describe('refused, with nothing left behind', () => {
  const emptied = async (): Promise<string[]> =>
    (await readdir(root, { recursive: true })).filter((name) => name.includes('first'));

  test('a run of this name', async () => {
    await mkdir(here(), { recursive: true });
    await writeFile(path.join(here(), 'config.json'), '{}');
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({ code: 'run-exists' });
    expect(ray.jobs.size).toBe(0);
  });

  test('a run that another job trains', async () => {
    ray.jobs.set('other', { state: 'RUNNING', message: '', logs: '', request: {} });
    const submitter = { host: 'another', pid: 1 };
    const claim = { address: ray.address, job: 'other', location: there(), eventsBefore: 0, submitter };
    await takeClaim(there(), claim, undefined);
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({
      code: 'run-busy',
      message: `${here()}: the job other on ${ray.address} trains this run`,
    });
    // nor one that is about to be submitted
    ray.jobs.delete('other');
    await expect(trainOnRay(optionsOf({ resume: { fromStep: undefined } }))).rejects.toMatchObject({
      code: 'run-busy',
    });
    ray.jobs.set('other', { state: 'RUNNING', message: '', logs: '', request: {} });
    // one that ended without a word is no hindrance
    (ray.jobs.get('other') as ScriptedJob).state = 'FAILED';
    ray.onSubmit = (_id, job) => void work(job, there(), whole).then(() => (job.state = 'SUCCEEDED'));
    await trainOnRay(optionsOf());
    expect(await readClaim(there())).toBeUndefined();
  });

  test('of two at once, one', async () => {
    ray.onSubmit = (_id, job) => void work(job, there(), whole).then(() => (job.state = 'SUCCEEDED'));
    const both = await Promise.allSettled([trainOnRay(optionsOf()), trainOnRay(optionsOf())]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ray.jobs.size).toBe(1);
  });

  test('no space for checkpoints', async () => {
    await expect(trainOnRay(optionsOf({ checkpointBytes: Number.MAX_SAFE_INTEGER }))).rejects.toMatchObject({
      code: 'no-space',
      message: expect.stringMatching(
        /^.*shared\/first: .* free; a checkpoint of this model takes .*, and two are needed$/,
      ) as string,
    });
    expect(await emptied()).toEqual([]);
  });

  test('storage that the cluster does not see', async () => {
    const said = {
      code: 'storage-not-shared',
      what: 'the machine n1 does not see this folder',
      fix: 'Give --storage.',
    };
    ray.onSubmit = (_id, job) => {
      const environment = (job.request['runtime_env'] as { env_vars: Record<string, string> }).env_vars;
      expect(environment['MOAT_PROBE_FILE']).toBe(path.join(there(), 'probe'));
      Object.assign(job, {
        state: 'FAILED',
        message: 'failed with exit code 1',
        logs: `MOAT_ERROR ${JSON.stringify(said)}\n`,
      });
    };
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({ code: said.code, message: said.what, fix: said.fix });
    expect(await emptied()).toEqual([]);
  });

  const fails = (message: string, logs = ''): void => {
    ray.onSubmit = (_id, job) => Object.assign(job, { state: 'FAILED', message, logs });
  };

  test('packages that the cluster cannot have: said once, in the words of pip', async () => {
    fails('runtime_env setup failed: Failed …\nERROR: odd\nERROR: No matching distribution found for torch==9\n');
    await expect(trainOnRay(optionsOf({ requirements: ['torch==9'] }))).rejects.toMatchObject({
      code: 'ray-install-failed',
      message: expect.stringMatching(/packages: ERROR: No matching distribution found for torch==9$/) as string,
    });
    const [job, ...others] = [...ray.jobs.values()];
    const asked = { pip: ['torch==9'], config: { setup_timeout_seconds: 3600 } };
    expect(job?.request['runtime_env']).toMatchObject(asked);
    expect(others).toEqual([]);
    expect(notices).toEqual(['the cluster installs what it lacks: torch==9']);
    expect(await emptied()).toEqual([]);
  });

  test.each([
    ["No module named 'transformers'", 'transformers'],
    ["PyTorch isn't installed. To install PyTorch, run 'pip install torch'.", 'PyTorch'],
  ])("a cluster without the worker's packages: %s", async (words, name) => {
    fails('entrypoint failed with exit code 1', `Traceback …\nModuleNotFoundError: ${words}\n`);
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({
      code: 'ray-lacks-package',
      message: `${ray.address}: the cluster's Python has no ${name}`,
    });
  });

  test('any other failure, by the last line', async () => {
    fails('with exit code 1', 'ValueError: odd\n');
    await expect(trainOnRay(optionsOf())).rejects.toMatchObject({
      code: 'ray-job-failed',
      message: expect.stringMatching(/failed: ValueError: odd$/) as string,
    });
    expect(await emptied()).toEqual([]);
  });
});
