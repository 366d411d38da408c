/** `moat plan` as a founder runs it: small runs of real text, cut off and gone on with, the law, its check, and what a budget buys. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findDemoCorpus } from '../src/lab/data/demo-corpus.js';
import { readEvents, readRunConfig } from '../src/lab/train/run-directory.js';

const MOAT = fileURLToPath(new URL('../bin/moat.js', import.meta.url));
const TOKENS_PER_STEP = 4 * 32;
const CONFIG = {
  schemaVersion: 1,
  name: 'plan',
  data: { path: 'texts', validationFraction: 0.1 },
  tokenizer: { vocabularySize: 320 },
  train: { batchSize: 4, sequenceLength: 32 },
};
/** What the program writes for itself where it has the time: here of one size on every machine. */
const CELLS = [
  { depth: 1, lengths: [60, 120, 240, 480] },
  { depth: 3, lengths: [60, 120] },
  { depth: 4, lengths: [60, 120] },
].flatMap(({ depth, lengths }) => lengths.map((steps) => ({ depth, steps })));
const LIMIT_MS = 900_000;

let project: string;
beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'moat-planning-'));
  await writeFile(path.join(project, 'moat.config.json'), JSON.stringify(CONFIG));
  await mkdir(path.join(project, 'texts'));
  const { path: corpus } = await findDemoCorpus();
  for (const name of ['fs.d.ts', 'http.d.ts', 'url.d.ts'])
    await cp(path.join(corpus, name), path.join(project, 'texts', name));
  for (const stage of ['data', 'tokenizer']) expect(await moat([stage])).toMatchObject({ code: 0 });
}, LIMIT_MS);
afterAll(() => rm(project, { recursive: true, force: true }));

const start = (args: readonly string[]) =>
  spawn(process.execPath, [MOAT, ...args], { cwd: project, env: { ...process.env, NO_COLOR: '1' } });

async function moat(args: readonly string[], child = start(args)) {
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What the test reads of `moat plan --json`. */
interface Plan {
  readonly runs: readonly { name: string; parameters: number; tokens: number; loss: number }[];
  readonly law: Readonly<Record<string, number>>;
  readonly noise: number;
  readonly check: { readonly name: string; readonly predicted: Estimate; readonly measured: number; holds: boolean };
  readonly offers: readonly {
    readonly device: { readonly name: string };
    readonly best: { readonly model: { parameters: number; depth: number }; tokens: number; loss: Estimate } | null;
    readonly costMicros: string | null;
  }[];
}

async function plan(...args: string[]): Promise<Plan> {
  const { code, stdout, stderr } = await moat(['plan', '--json', ...args]);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Plan;
}

const directoryOf = (run: string): string => path.join(project, 'runs', run);
const nameOf = ({ depth, steps }: (typeof CELLS)[number]): string => `plan-d${depth}-t${steps * TOKENS_PER_STEP}`;
const eventsOf = (run: string) => readEvents(directoryOf(run));
const lastType = async (run: string) => (await eventsOf(run)).at(-1)?.type;

test('what is missing is said before time is spent', { timeout: LIMIT_MS }, async () => {
  const few = await moat(['plan']);
  expect(few).toMatchObject({ code: 1, stderr: expect.stringContaining('a law takes 5') });
  expect(few.stderr).toContain('moat plan --measure');
  const short = await moat(['plan', '--measure', '--batch-size', '32']);
  expect(short).toMatchObject({ code: 1, stderr: expect.stringContaining('the texts are too short for steps of') });
  expect(await readdir(path.join(project, 'runs')).catch(() => [])).toEqual([]);
  const soon = await moat(['plan', '--measure', '--minutes', '0.1']);
  expect(soon).toMatchObject({ code: 1, stderr: expect.stringMatching(/takes about .* Give --minutes \d+/) });
  // the first run, which told the speed, is one of the law's
  expect(await readdir(path.join(project, 'runs'))).toEqual(['plan-d1-t7680']);
});

test('cut off in its second run, the same command goes on and does nothing twice', { timeout: LIMIT_MS }, async () => {
  const { tokenizerHash } = (await readRunConfig(directoryOf('plan-d1-t7680'))) as { tokenizerHash: string };
  const kind = `qwen3 ${tokenizerHash} ${TOKENS_PER_STEP}`;
  await mkdir(path.join(project, '.moat', 'plan'), { recursive: true });
  const grid = { schemaVersion: 1, kind, cells: CELLS };
  await writeFile(path.join(project, '.moat', 'plan', 'grid.json'), JSON.stringify(grid));
  const [first, second] = CELLS.map(nameOf) as [string, string];
  const measuring = start(['plan', '--measure', '--minutes', '30']);
  const cut = moat([], measuring);
  while ((await lastType(second)) !== 'step') await sleep(20);
  measuring.kill('SIGINT');
  expect(await cut).toMatchObject({ code: 1, stdout: expect.stringContaining('the same command goes on') });
  const before = await eventsOf(first);
  const cutRun = await eventsOf(second);
  expect(cutRun.at(-1)).toMatchObject({ type: 'done', reason: 'stopped' });
  expect((await eventsOf(CELLS.map(nameOf)[2] ?? '')).length).toBe(0);

  const { code, stdout } = await moat(['plan', '--measure', '--minutes', '30']);
  expect(code).toBe(0);
  expect(stdout).toContain('7 of 8 small runs to go');
  expect(await eventsOf(first)).toEqual(before);
  const whole = await eventsOf(second);
  expect(whole.slice(0, cutRun.length)).toEqual(cutRun);
  expect(whole.findLast((event) => event.type === 'start')?.resumedFromStep).toBeGreaterThan(0);
  for (const cell of CELLS)
    expect((await eventsOf(nameOf(cell))).at(-1)).toMatchObject({ type: 'done', reason: 'finished', step: cell.steps });
  // every machine has a line, and its name is whole
  expect(stdout).toMatch(/^this machine +\d+ +[\d.]+[KM] .* \d\.\d\d \(\d\.\d\d–\d\.\d\d\)$/m);
  expect(stdout).toMatch(/^checked: without the largest run, plan-d4-t15360, /m);
});

test('the law is that of the runs, and the largest is foretold from the others', { timeout: LIMIT_MS }, async () => {
  const whole = await plan();
  expect(whole.runs.map(({ name }) => name).toSorted()).toEqual(CELLS.map(nameOf).toSorted());
  for (const { name, loss, tokens } of whole.runs) {
    const events = await eventsOf(name);
    expect(loss).toBe(events.findLast((event) => event.type === 'eval')?.loss);
    expect(tokens).toBe(events.findLast((event) => event.type === 'done')?.tokensSeen);
  }
  const { floor = 0, parameterFactor: a = 0, parameterExponent = 0, tokenFactor: b = 0, tokenExponent = 0 } = whole.law;
  const away = whole.runs.map(
    ({ parameters, tokens, loss }) =>
      (floor + a / parameters ** parameterExponent + b / tokens ** tokenExponent) / loss,
  );
  for (const ratio of away) expect(Math.abs(Math.log(ratio))).toBeLessThan(0.1);
  expect(whole.noise).toBeLessThan(0.1);

  const { name, predicted, measured, holds } = whole.check;
  expect(name).toBe('plan-d4-t15360');
  expect(measured).toBe(whole.runs.find((run) => run.name === name)?.loss);
  expect(predicted.low).toBeLessThan(predicted.value);
  expect(predicted.high).toBeGreaterThan(predicted.value);
  expect(holds).toBe(predicted.low <= measured && measured <= predicted.high);
  expect(Math.abs(predicted.value / measured - 1)).toBeLessThan(0.15);
  // that run plays no part in what foretells it
  const directory = directoryOf(name);
  const events = await readFile(path.join(directory, 'events.jsonl'), 'utf8');
  await writeFile(
    path.join(directory, 'events.jsonl'),
    events.replaceAll(`"loss":${measured}`, `"loss":${measured * 0.97}`),
  );
  const { check } = await plan();
  await writeFile(path.join(directory, 'events.jsonl'), events);
  expect(check).toMatchObject({ name, predicted, measured: measured * 0.97 });
  expect(await plan()).toEqual(whole);
});

test(
  'more money buys no worse a model, and the printed command trains what was said',
  { timeout: LIMIT_MS },
  async () => {
    const [little, much] = [await plan('--budget', '0.0001'), await plan('--budget', '0.01')];
    for (const { device, best } of little.offers) {
      const richer = much.offers.find((offer) => offer.device.name === device.name)?.best;
      if (best === null) continue;
      expect(richer?.loss.value).toBeLessThanOrEqual(best.loss.value * 1.005);
      expect(best.loss.low).toBeLessThan(best.loss.value);
      expect(best.loss.high).toBeGreaterThan(best.loss.value);
    }
    for (const { costMicros } of little.offers) expect(Number(costMicros)).toBeLessThanOrEqual(100);
    const here = little.offers.find(({ device }) => device.name === 'this machine')?.best;
    const { stdout } = await moat(['plan', '--budget', '0.0001', '--set', 'train.device=cpu']);
    const command = /^here: moat (.*)$/m.exec(stdout)?.[1] ?? '';
    expect(command).toMatch(/^train --depth \d+ --steps \d+ --minutes \d+ --set train.device=cpu$/);
    expect(await moat([...command.split(' '), '--name', 'bought', '--eval-every', '100000'])).toMatchObject({
      code: 0,
    });
    const bought = await eventsOf('bought');
    expect(bought.at(-1)).toMatchObject({ type: 'done', reason: 'finished' });
    const loss = bought.findLast((event) => event.type === 'eval')?.loss ?? Number.NaN;
    expect(Math.abs(loss / (here?.loss.value ?? 0) - 1)).toBeLessThan(0.15);
  },
);
