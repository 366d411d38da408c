/** A search on a real Ray whose process is killed: what has ended stays, what trains is found again, the rest is sent. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readClaim } from '../../src/lab/distributed/run-claim.js';
import { readEvents } from '../../src/lab/train/run-directory.js';
import { type RayCluster, startRay } from './ray-cluster.js';
import { countedSteps } from './small-run.js';

const PROGRAM = path.resolve('bin/moat.js');
const STEPS = 270;
const TRIALS = 3;
const LIMIT_MS = 2_400_000;
const CONFIG = {
  schemaVersion: 1,
  name: 'shop',
  model: { layers: 1, hiddenSize: 32, heads: 2, headSize: 16, intermediateSize: 64, contextLength: 128 },
  tokenizer: { vocabularySize: 300 },
  train: { steps: STEPS, batchSize: 2, sequenceLength: 32, checkpointEvery: 30 },
  data: { nearDuplicates: 0, validationFraction: 0.1 },
};

let root: string;
let cluster: RayCluster | undefined;
let child: ChildProcess | undefined;
const runDirectory = (trial: number): string => path.join(root, 'runs', `rates-${trial}`);
const journal = async (): Promise<Record<string, unknown>[]> => {
  const file = path.join(root, '.moat', 'cluster-searches', 'rates.jsonl');
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-search-'));
  await writeFile(path.join(root, 'moat.config.json'), JSON.stringify(CONFIG));
  await mkdir(path.join(root, 'data'));
  for (let index = 0; index < 40; index++) {
    const text = Array.from({ length: 60 }, (_, word) => `word ${(index * 7 + word * 3) % 50} comes`).join(' ');
    await writeFile(path.join(root, 'data', `${index}.txt`), text);
  }
  for (const stage of ['data', 'tokenizer'])
    await promisify(execFile)(process.execPath, [PROGRAM, stage], { cwd: root });
  cluster = await startRay(4);
}, 600_000);
afterAll(async () => {
  child?.kill('SIGKILL');
  await cluster?.stop();
  await rm(root, { recursive: true, force: true });
});

function search(...more: string[]) {
  const on = ['--on', `ray://${cluster?.base.host}`, '--name', 'rates', '--trials', `${TRIALS}`, '--parallel', '2'];
  const storage = ['--storage', path.join(root, 'shared')];
  return [PROGRAM, 'search', 'pretraining', ...on, ...storage, '--json', ...more];
}

test('kill -9 in mid-search, and --resume', { timeout: LIMIT_MS }, async () => {
  child = spawn(process.execPath, search(), { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const early = new Promise<never>((_resolve, reject) =>
    child?.once('close', (code) => reject(new Error(`the search ended with ${code}`))),
  );
  // one has ended, the next trains
  const isRipe = async (): Promise<boolean> => {
    const lines = await journal();
    const ended = lines.filter((line) => 'ended' in line).map((line) => line['trial']);
    const begun = lines.filter((line) => 'settings' in line).map((line) => Number(line['trial']));
    const open = begun.filter((trial) => !ended.includes(trial));
    const steps = await Promise.all(open.map(async (trial) => (await readEvents(runDirectory(trial))).length));
    return ended.length > 0 && steps.some((count) => count > 10);
  };
  await Promise.race([expect.poll(isRipe, { timeout: LIMIT_MS / 2, interval: 100 }).toBe(true), early]);
  early.catch(() => {});
  child.kill('SIGKILL');
  const before = await journal();
  const left = await Promise.all([1, 2, 3].map(async (trial) => (await readClaim(runDirectory(trial)))?.job));
  expect(left.filter((job) => job !== undefined).length).toBeGreaterThan(0);
  const { stdout } = await promisify(execFile)(process.execPath, search('--resume'), { cwd: root });
  const { trials, best } = JSON.parse(stdout) as {
    trials: { runName: string; step: number; isWhole: boolean }[];
    best: { runName: string };
  };
  expect(trials.map(({ runName }) => runName).sort()).toEqual(['rates-1', 'rates-2', 'rates-3']);
  expect(trials.find(({ runName }) => runName === best.runName)).toMatchObject({ isWhole: true, step: STEPS });
  // what was known stays as it was
  expect((await journal()).slice(0, before.length)).toEqual(before);
  expect((await readdir(path.join(root, 'runs'))).sort()).toEqual(['rates-1', 'rates-2', 'rates-3']);
  for (const [index, job] of left.entries()) {
    const events = await readEvents(runDirectory(index + 1));
    // found again, and not begun anew
    if (job !== undefined) expect(events.filter(({ type }) => type === 'start')).toHaveLength(1);
    const steps = countedSteps(events).map(({ step }) => step);
    expect(steps).toEqual(Array.from({ length: steps.length }, (_, at) => at + 1));
    expect(events.at(-1)?.type).toBe('done');
    expect(await readClaim(runDirectory(index + 1))).toBeUndefined();
  }
});
