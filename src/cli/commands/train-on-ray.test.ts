/** `moat train` and `moat search` against a Ray that a script plays: what is sent, what comes back, what is refused. */
import { appendFileSync, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ScriptedJob, type ScriptedRay, startScriptedRay } from '../../../tests/scripted-ray.js';
import { systemClock } from '../../base/clock.js';
import type { RunEvent } from '../../base/run-events.js';
import { jobSpecSchema, type JobSpec } from '../../lab/distributed/job-spec.js';
import { readClaim } from '../../lab/distributed/run-claim.js';
import { readPlace } from '../../lab/distributed/run-place.js';
import { readEvents } from '../../lab/train/run-directory.js';
import { whileTraining } from '../../lab/train/run-lock.js';
import { commands } from '../commands.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const CONFIG = {
  schemaVersion: 1,
  name: 'shop',
  model: { layers: 1, hiddenSize: 32, heads: 2, headSize: 16, intermediateSize: 64, contextLength: 128 },
  tokenizer: { vocabularySize: 300 },
  train: { steps: 9, batchSize: 2, sequenceLength: 32 },
};

let cwd: string;
let ray: ScriptedRay;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-train-on-ray-'));
  await writeFile(path.join(cwd, 'moat.config.json'), JSON.stringify(CONFIG));
  await mkdir(path.join(cwd, 'data'));
  const words = 'returns are free within thirty days of delivery when goods come back unused in their box'.split(' ');
  for (let index = 0; index < 12; index++) {
    const text = Array.from({ length: 60 }, (_, k) => words[(index * 7 + k * (1 + (index % 5))) % words.length]);
    await writeFile(path.join(cwd, 'data', `${index}.txt`), `${text.join(' ')} (rule ${index})`);
  }
  for (const name of ['data', 'tokenizer']) expect((await moat(name)).exitCode).toBe(0);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));
beforeEach(async () => {
  ray = await startScriptedRay();
});
afterEach(() => ray.close());

async function moat(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv,
    cwd,
    env: { RAY_AUTH_TOKEN: 'now' },
    stdout,
    stderr,
    clock: systemClock,
    interruption: createInterruption(),
    commands,
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: undefined }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

const time = '2026-01-01T00:00:00.000Z';
const start = (job: JobSpec): RunEvent => ({
  type: 'start',
  time,
  runName: job.runName,
  architecture: job.architecture,
  parameterCount: 1,
  totalSteps: 9,
  tokensPerStep: 64,
  trainTokens: 1,
  device: 'ray: 2 workers',
  resumedFromStep: 0,
  machines: 2,
});
const step = (number: number, loss: number): RunEvent => ({
  type: 'step',
  time,
  step: number,
  loss,
  learningRateScale: 1,
  gradientNorm: 1,
  tokens: 64,
  tokensPerSecond: 640,
  elapsedSeconds: number,
  remainingSeconds: 9 - number,
});
const measured = (number: number, loss: number): RunEvent => ({ type: 'eval', time, step: number, loss });
const done = (number: number, reason: 'finished' | 'stopped'): RunEvent => ({
  type: 'done',
  time,
  step: number,
  reason,
  loss: 1,
  elapsedSeconds: number,
  tokensSeen: 64 * number,
});

/** `job.json` as it came along in the package. */
function specOf({ request }: ScriptedJob): JobSpec {
  const uri = (request['runtime_env'] as { working_dir: string }).working_dir;
  const archive = ray.packages.get(uri.slice('gcs://'.length))?.toString('utf8') ?? '';
  const begin = archive.indexOf('{\n  "version": 1,');
  return jobSpecSchema.parse(JSON.parse(archive.slice(begin, archive.indexOf('\n}\n', begin) + 2)));
}

async function work(job: ScriptedJob, events: readonly RunEvent[]): Promise<void> {
  const { runDirectory, config } = specOf(job);
  await writeFile(path.join(runDirectory, 'config.json'), JSON.stringify(config));
  await writeFile(
    path.join(runDirectory, 'events.jsonl'),
    events.map((event) => `${JSON.stringify(event)}\n`).join(''),
  );
}

test('a run goes there whole and comes back as if it had been trained here', async () => {
  ray.token = 'now';
  let spec: JobSpec | undefined;
  ray.onSubmit = (_id, job) => {
    spec = specOf(job);
    const events = [start(spec), step(1, 5), step(9, 3), measured(9, 2.5), done(9, 'finished')];
    void work(job, events).then(() => (job.state = 'SUCCEEDED'));
  };
  const { exitCode, stdout, stderr } = await moat('train', '--on', ray.address, '--workers', '2', '--name', 'first');
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(spec).toMatchObject({
    runName: 'first',
    runDirectory: path.join(cwd, 'runs', 'first'),
    architecture: 'qwen3',
    workers: 2,
    resume: null,
    startWeights: 'start.safetensors',
    data: { shards: path.join(cwd, '.moat', 'shards') },
  });
  expect(stdout).toContain('9 steps, 640 tokens/s');
  expect(stdout).toMatch(/validation\s+2\.500/);
  expect((await readEvents(path.join(cwd, 'runs', 'first'))).at(-1)).toEqual(done(9, 'finished'));
  expect((await readdir(path.join(cwd, 'runs', 'first'))).sort()).toEqual([
    'config.json',
    'events.jsonl',
    'place.json',
  ]);
});

test('over a folder that both share, and over none', async () => {
  const specs: JobSpec[] = [];
  ray.onSubmit = (_id, job) => {
    const spec = specOf(job);
    specs.push(spec);
    const events = [start(spec), step(1, 5), done(1, 'finished')];
    job.logs = events.map((event) => `(pid=1) MOAT_EVENT ${JSON.stringify(event)}\n`).join('');
    if (spec.runDirectory.includes('://')) job.state = 'SUCCEEDED';
    else void work(job, events).then(() => (job.state = 'SUCCEEDED'));
  };
  const shared = path.join(cwd, 'shared');
  expect((await moat('train', '--on', ray.address, '--name', 'a', '--storage', shared)).exitCode).toBe(0);
  const far = await moat('train', '--on', ray.address, '--name', 'b', '--storage', 'hdfs://head/runs');
  expect(far.stdout).toContain('checkpoints: hdfs://head/runs/b/checkpoints');
  const [a, b] = specs;
  expect(a?.runDirectory).toBe(path.join(shared, 'a'));
  expect(a?.data.shards).toMatch(/\/shared\/shards-[0-9a-f]{12}$/);
  expect(await readdir(a?.data.shards ?? '')).toContain(a?.data.train.shards[0]);
  expect(b).toMatchObject({ runDirectory: 'hdfs://head/runs/b', data: { shards: 'shards' } });
  for (const name of ['a', 'b']) expect(await readEvents(path.join(cwd, 'runs', name))).toHaveLength(3);
});

test('a run that was left alone is not trained here meanwhile, and is found again', async () => {
  let running: ScriptedJob | undefined;
  ray.onSubmit = (_id, job) => {
    running = job;
    void work(job, [start(specOf(job)), step(1, 5)]).then(() => (job.state = 'RUNNING'));
  };
  const shared = path.join(cwd, 'shared');
  const options = ['train', '--name', 'left', '--on', ray.address, '--storage', shared];
  const left = await moat(...options, '--detach');
  const again = `moat train --resume --name left --on ${ray.address} --storage ${shared}`;
  expect(left.stdout).toContain(again);
  const busy = /^moat: .*left: the job moat-left-\w+ on ray:.* trains this run\. Follow it with moat train --resume/;
  expect((await moat('train', '--resume', '--name', 'left')).stderr).toMatch(busy);
  expect((await moat('train', '--resume', '--name', 'left', '--on', ray.address)).stderr).toContain(
    `keeps this run in ${path.join(shared, 'left')}. Give --storage ${shared}.`,
  );
  setTimeout(() => {
    appendFileSync(path.join(shared, 'left', 'events.jsonl'), `${JSON.stringify(done(9, 'finished'))}\n`);
    if (running !== undefined) running.state = 'SUCCEEDED';
  }, 300);
  expect((await moat(...options, '--resume')).exitCode).toBe(0);
  expect(ray.jobs.size).toBe(1);
  expect((await readEvents(path.join(cwd, 'runs', 'left'))).at(-1)).toEqual(done(9, 'finished'));
});

test('--stop ends a run that was left alone, and brings back what it made', async () => {
  const shared = path.join(cwd, 'shared');
  let running: ScriptedJob | undefined;
  ray.onSubmit = (_id, job) => {
    running = job;
    void work(job, [start(specOf(job)), step(1, 5)]).then(() => (job.state = 'RUNNING'));
  };
  await moat('train', '--name', 'ended', '--on', ray.address, '--storage', shared, '--detach');
  const run = path.join(cwd, 'runs', 'ended');
  const there = { on: ray.address, workers: 1, workerCpus: null, storage: shared, install: false };
  expect(await readPlace(run)).toEqual(there);
  const look = setInterval(() => {
    if (running?.state !== 'RUNNING' || !existsSync(path.join(shared, 'ended', 'stop'))) return;
    appendFileSync(path.join(shared, 'ended', 'events.jsonl'), `${JSON.stringify(done(1, 'stopped'))}\n`);
    running.state = 'SUCCEEDED';
  }, 20);
  const { exitCode, stdout } = await moat('train', '--stop', '--name', 'ended');
  clearInterval(look);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('ended has ended at step 1 (stopped)');
  expect((await readEvents(run)).at(-1)).toEqual(done(1, 'stopped'));
  expect(ray.jobs.size).toBe(1);
  expect(await readClaim(run)).toBeUndefined();
  expect((await moat('train', '--stop', '--name', 'ended')).stderr).toMatch(/^moat: .*: nothing is training this run/);
});

test('a run that a process of this machine trains is not sent away', async () => {
  const runDirectory = path.join(cwd, 'runs', 'local');
  await whileTraining(runDirectory, new AbortController(), async () => {
    const { stderr } = await moat('train', '--resume', '--name', 'local', '--on', ray.address);
    expect(stderr).toMatch(/^moat: .*local: a process of this machine is training this run/);
  });
  expect(ray.jobs.size).toBe(0);
});

test('--install hands the pinned packages to Ray, but not Ray itself', async () => {
  ray.onSubmit = (_id, job) => {
    const spec = specOf(job);
    void work(job, [start(spec), done(0, 'finished')]).then(() => (job.state = 'SUCCEEDED'));
  };
  await moat('train', '--on', ray.address, '--name', 'c', '--install');
  const [job] = [...ray.jobs.values()];
  expect(job).toBeDefined();
  const { pip } = (job as ScriptedJob).request['runtime_env'] as { pip: string[] };
  const pinned = (await readFile('distributed/requirements.txt', 'utf8')).trim().split('\n');
  expect(pip).toEqual(pinned.filter((line) => !line.startsWith('ray')));
});

test.each([
  [['--on', 'slurm://head'], /^moat: --on: "slurm:\/\/head" is no place to train/],
  [['--on', 'RAY', '--architecture', 'bert'], /^moat: .*(does not learn from plain text|not among the models)/],
  [['--on', 'RAY', '--architecture', 'rnn'], /^moat: .*\(rnn\) is not among the models of transformers/],
  [['--on', 'RAY', '--workers', '99'], /^moat: 99 workers share the 2 sequences of a step/],
  [['--on', 'RAY', '--resume', '--name', 'nobody'], /nobody: there is no run here/],
])('%s is refused in one line, and nothing is sent', async (options, line) => {
  const given = options.map((each) => (each === 'RAY' ? ray.address : each));
  const { exitCode, stderr } = await moat('train', '--name', 'refused', ...given);
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(line);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(ray.jobs.size).toBe(0);
});

test('a search tries settings as jobs, and stops those that fall behind', async () => {
  const specs: JobSpec[] = [];
  ray.onSubmit = (_id, job) => {
    const spec = specOf(job);
    // the third and every later trial is worse than those before it
    const loss = specs.push(spec);
    void work(job, [start(spec), step(1, loss), measured(1, loss)]).then(() => (job.state = 'RUNNING'));
    if (loss <= 2) setTimeout(() => void end(job, [measured(9, loss), done(9, 'finished')]), 300);
  };
  const ended = new Set<ScriptedJob>();
  const end = async (job: ScriptedJob, events: RunEvent[]): Promise<void> => {
    if (ended.has(job)) return;
    ended.add(job);
    const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    await writeFile(path.join(specOf(job).runDirectory, 'events.jsonl'), lines, { flag: 'a' });
    job.state = 'SUCCEEDED';
  };
  ray.onStop = (_id, job) => void end(job, [done(1, 'stopped')]);
  // trials that are asked by a file to stop do
  const look = setInterval(() => {
    for (const job of ray.jobs.values()) {
      const isAsked = job.state === 'RUNNING' && existsSync(path.join(specOf(job).runDirectory, 'stop'));
      if (isAsked) void end(job, [done(1, 'stopped')]);
    }
  }, 50);
  const { exitCode, stdout } = await moat('search', 'pretraining', '--on', ray.address, '--trials', '4', '--json');
  clearInterval(look);
  expect(exitCode).toBe(0);
  const { best, trials } = JSON.parse(stdout) as {
    best: { runName: string; flags: string[] };
    trials: { runName: string; isWhole: boolean }[];
  };
  expect(trials.map(({ isWhole }) => isWhole).sort()).toEqual([false, false, true, true]);
  expect(best.runName).toBe(specs[0]?.runName);
  expect(best.flags[0]).toBe(`--learning-rate ${specs[0]?.config.optimizer.learningRate}`);
  expect(new Set(specs.map(({ config }) => config.optimizer.learningRate)).size).toBe(4);
  expect(specs.every(({ config }) => config.loop.evalEvery === 1)).toBe(true);
});

test('a search goes on by its journal: ended trials stay, one whose end was brought back is not sent again', async () => {
  const specs: JobSpec[] = [];
  ray.onSubmit = (_id, job) => {
    const spec = specOf(job);
    const loss = specs.push(spec) / 10;
    const events = [start(spec), step(1, loss), measured(1, loss), measured(9, loss), done(9, 'finished')];
    void work(job, events).then(() => (job.state = 'SUCCEEDED'));
  };
  const search = (trials: number, ...more: string[]) =>
    moat(
      'search',
      'pretraining',
      '--on',
      ray.address,
      '--name',
      'rates',
      '--parallel',
      '1',
      '--json',
      ...more,
      '--trials',
      `${trials}`,
    );
  const first = JSON.parse((await search(2)).stdout) as { trials: { runName: string; loss: number }[] };
  expect(first.trials.map(({ loss }) => loss)).toEqual([0.1, 0.2]);
  // as if it had been killed: after the second was brought back, a third begun, half a line written
  const journal = path.join(cwd, '.moat', 'cluster-searches', 'rates.jsonl');
  const lines = (await readFile(journal, 'utf8')).trim().split('\n');
  expect(lines.at(-1)).toContain('"ended"');
  const third = { trial: 3, settings: { rates: 2, weightDecay: 0.05 } };
  await writeFile(journal, [...lines.slice(0, -1), JSON.stringify(third), '{"trial":3,"st'].join('\n'));
  const again = JSON.parse((await search(4, '--resume', '--set', 'train.learningRate=0.5')).stdout) as typeof first;
  expect(specs.map(({ runName }) => runName)).toEqual(['rates-1', 'rates-2', 'rates-3', 'rates-4']);
  expect(again.trials.map(({ runName }) => runName)).toEqual(['rates-1', 'rates-2', 'rates-3', 'rates-4']);
  expect(again.trials.slice(0, 2)).toEqual(first.trials);
  // what is searched is what was searched, and the settings that were begun are those that are tried
  expect(specs[2]?.config.optimizer.weightDecay).toBe(0.05);
  expect(specs[2]?.config.optimizer.learningRate).toBeLessThan(0.5);
  const asMany = await moat('search', 'pretraining', '--on', ray.address, '--name', 'rates', '--json');
  expect((JSON.parse(asMany.stdout) as typeof first).trials).toHaveLength(4);
  expect((await search(4, '--resume')).stdout).toContain('rates-4');
  expect(ray.jobs.size).toBe(4);
  expect((await moat('search', 'pretraining', '--on', ray.address, '--resume', '--name', 'none')).stderr).toMatch(
    /^moat: .*none.jsonl: there is no search of this name\. Leave --resume out/,
  );
});

test('what a cluster cannot search is said', async () => {
  const { stderr } = await moat('search', 'tabular', 'x.csv', '--on', ray.address);
  expect(stderr).toMatch(/^moat: --on: "tabular" is trained by Moat itself, which no worker/);
  expect((await moat('search', 'tabular')).stderr).toMatch(/^moat: tabular: which records/);
});
