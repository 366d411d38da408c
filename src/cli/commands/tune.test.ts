/** `moat tune` from records to a folder that generates, on a tiny model. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TinyModel, makeTinyModel } from '../../../tests/tiny-model.js';
import { systemClock } from '../../base/clock.js';
import type { RunEvent } from '../../base/run-events.js';
import { loadModel } from '../../lab/generate/load-model.js';
import type { RecordChange } from '../../lab/train/supervised/tuning-record.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './tune.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

let folder: string;
let tiny: TinyModel;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tune-'));
  tiny = await makeTinyModel();
  const records = Array.from({ length: 20 }, (_, i) => ({
    id: `q${i >> 1}`,
    question: `what ${i}?`,
    answer: 'the quick brown fox',
  }));
  await writeFile(path.join(folder, 'faq.jsonl'), records.map((record) => JSON.stringify(record)).join('\n'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await tiny.remove();
});

async function run(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['tune', ...argv],
    cwd: folder,
    env,
    stdout,
    stderr,
    clock: systemClock,
    interruption: createInterruption(),
    commands: [{ name: command.name, summary: command.summary, load: () => Promise.resolve({ command }) }],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: 'https://bugs.example' }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

interface Told {
  readonly lossBefore: number;
  readonly lossAfter: number;
  readonly steps: number;
  readonly keptStep: number;
  readonly trainedParameters: number;
  readonly preferredAfter?: number;
  readonly change?: { readonly low: number; readonly high: number };
}

async function tuned(out: string, ...further: readonly string[]): Promise<Told> {
  const argv = ['faq.jsonl', '--from', tiny.directory, '--out', out, '--max-length', '96', '--json', ...further];
  const { exitCode, stdout, stderr } = await run(argv);
  expect(stderr).not.toContain('error');
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as Told;
}

test('a tuned model is a folder that loads, and knows the answer better', async () => {
  const told = await tuned(
    'full',
    '--learning-rate',
    '0.01',
    '--batch-size',
    '2',
    '--epochs',
    '6',
    '--held-out',
    '0.3',
  );
  expect(told.lossAfter).toBeLessThan(told.lossBefore / 4);
  const { weights } = await loadModel(path.join(folder, 'full'));
  expect([...weights.values()].reduce((sum, { data }) => sum + data.length, 0)).toBe(told.trainedParameters);
  const lines = (await readFile(path.join(folder, 'full', 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as RunEvent);
  expect(events[0]).toMatchObject({ type: 'start', totalSteps: told.steps });
  expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'finished', step: told.steps });
  const measured = events.flatMap((event) => (event.type === 'eval' ? [event] : []));
  expect(measured[0]).toMatchObject({ step: 0, loss: told.lossBefore });
  const best = measured.slice(1).reduce((a, b) => (b.loss < a.loss ? b : a));
  expect({ step: best.step, loss: best.loss }).toEqual({ step: told.keptStep, loss: told.lossAfter });
  const text = await readFile(path.join(folder, 'full', 'held-out.jsonl'), 'utf8');
  const records = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordChange);
  const sum = (of: (record: RecordChange) => number): number => records.reduce((total, each) => total + of(each), 0);
  expect(sum(({ natsBefore }) => natsBefore) / sum(({ tokens }) => tokens)).toBeCloseTo(told.lossBefore, 4);
  expect(sum(({ natsAfter }) => natsAfter) / sum(({ tokens }) => tokens)).toBeCloseTo(told.lossAfter, 4);
  expect(told.change?.high).toBeLessThan(0);
  // what was kept is what was measured
  expect(
    (await tuned('again', '--from', path.join(folder, 'full'), '--max-steps', '1', '--held-out', '0.3')).lossBefore,
  ).toBeCloseTo(told.lossAfter, 5);
});

test('packed and filled up rows measure the same, and equal seeds train the same', async () => {
  const settings = ['--max-steps', '2', '--learning-rate', '0.001'];
  const packed = await tuned('packed', ...settings);
  const padded = await tuned('padded', '--pad', ...settings);
  expect(padded.lossBefore).toBeCloseTo(packed.lossBefore, 5);
  expect((await tuned('packed-again', ...settings)).lossAfter).toBe(packed.lossAfter);
});

test.each(['none', 'int8'])('an adapter learns beside the model, which costs no gradients (base: %s)', async (bits) => {
  const out = `lora-${bits}`;
  const told = await tuned(out, '--lora', '4', '--quantize', bits, '--learning-rate', '0.02', '--epochs', '10');
  expect(told.lossAfter).toBeLessThan(told.lossBefore * 0.7);
  expect(told.trainedParameters).toBeLessThan(10_000);
  const names = await readdir(path.join(folder, out));
  expect(names.sort()).toEqual([
    'adapter_config.json',
    'adapter_model.safetensors',
    'events.jsonl',
    'held-out.jsonl',
    'tuning.json',
  ]);
});

test('dpo begins at log 2 and learns which answer is better', async () => {
  const pairs = Array.from({ length: 12 }, (_, i) => ({
    prompt: `what ${i}?`,
    chosen: 'the quick brown fox',
    rejected: 'the lazy dog',
  }));
  await writeFile(path.join(folder, 'pairs.jsonl'), pairs.map((pair) => JSON.stringify(pair)).join('\n'));
  const argv = ['pairs.jsonl', '--from', tiny.directory, '--objective', 'dpo', '--max-length', '96', '--json'];
  for (const lora of [[], ['--lora', '4']]) {
    const { stdout } = await run([...argv, ...lora, '--out', `dpo${lora.length}`, '--learning-rate', '0.003']);
    const told = JSON.parse(stdout) as Told;
    expect(told.lossBefore).toBeCloseTo(Math.LN2, 4);
    expect(told.lossAfter).toBeLessThan(0.5);
    expect(told.preferredAfter).toBe(1);
  }
  const { stdout } = await run([...argv.slice(0, 5), '--preview'], { NO_COLOR: '1' });
  expect(stdout.split('⟦the lazy dog<|im_end|>⟧')).toHaveLength(4);
});

test('distillation learns from a local teacher of the same tokenizer', async () => {
  const distil = ['--objective', 'distil', '--learning-rate', '0.01', '--epochs', '6', '--hidden-weight', '0.1'];
  const teacher = path.join(folder, 'full');
  const told = await tuned('student', ...distil, '--teacher', teacher, '--alpha', '1');
  expect(told.lossAfter).toBeLessThan(told.lossBefore / 2);
  // the projection of hidden states is no part of the model
  await loadModel(path.join(folder, 'student'));
});

test('distillation learns what a teacher behind an API answers, and tells the bill', async () => {
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization);
    const message = { role: 'assistant', content: 'the lazy dog' };
    const usage = { prompt_tokens: 1000, completion_tokens: 500 };
    request.resume().on('end', () => response.end(JSON.stringify({ choices: [{ message }], usage })));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const argv = [
    'faq.jsonl',
    '--from',
    tiny.directory,
    '--max-length',
    '96',
    '--max-steps',
    '1',
    '--objective',
    'distil',
  ];
  const teacher = ['--teacher', `large@http://127.0.0.1:${port}/v1`, '--teacher-prices', '0.10,2'];
  const asked = await run([...argv, ...teacher, '--out', 'answered'], { MOAT_TEACHER_KEY: 'secret' });
  await new Promise((resolve) => server.close(resolve));
  expect(asked.exitCode).toBe(0);
  expect(new Set(keys)).toEqual(new Set(['Bearer secret']));
  expect(keys).toHaveLength(20);
  // 20 × 1000 tokens at 0.10 and 20 × 500 at 2 a million
  expect(asked.stdout.replaceAll(/\s+/g, ' ')).toMatch(/20,000 tokens in, 10,000 .*out, which cost 0.022 /);
  expect(await readFile(path.join(folder, 'answered-answers.jsonl'), 'utf8')).toContain('the lazy dog');
});

test('training that makes it worse stops, and what did best is kept', async () => {
  const told = await tuned('worse', '--learning-rate', '0.5', '--patience', '2', '--eval-every', '1', '--epochs', '50');
  expect(told.steps).toBeLessThan(100);
  expect(told.keptStep).toBeLessThan(told.steps);
});

test('a taken folder, no model, a bad record: one line each', async () => {
  await writeFile(path.join(folder, 'bad.jsonl'), '{"text":"no roles"}\n');
  const model = ['--from', tiny.directory];
  expect((await run(['faq.jsonl', ...model, '--out', '.'])).stderr).toMatch(/this folder is not empty/);
  expect((await run(['faq.jsonl'])).stderr).toMatch(/no model is named/);
  const { stderr, exitCode } = await run(['bad.jsonl', ...model, '--out', 'x']);
  expect(stderr).toMatch(/bad\.jsonl:1: fields text are no conversation/);
  expect(exitCode).not.toBe(0);
});

test.each([
  [{ NO_COLOR: '1' }, '⟦the quick brown fox<|im_end|>⟧'],
  [{ FORCE_COLOR: '1' }, '\u001b[32mthe quick brown fox<|im_end|>\u001b[39m'],
])('a preview shows what is learned %j', async (env, shown) => {
  const { stdout } = await run(['faq.jsonl', '--from', tiny.directory, '--preview'], env);
  expect(stdout.split(shown)).toHaveLength(4);
  expect(stdout).toMatch(/q0.*faq\.jsonl:1 {2}\d+ tokens, \d+ learned/);
});
