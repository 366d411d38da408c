/** `moat tune` past this process: what is refused, what goes to a Ray that a script plays, and runs gone on with. */
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScriptedJob, type ScriptedRay, startScriptedRay } from '../../../tests/scripted-ray.js';
import { type TinyModel, makeTinyModel } from '../../../tests/tiny-model.js';
import { systemClock } from '../../base/clock.js';
import type { RunEvent } from '../../base/run-events.js';
import { saveCheckpoint } from '../../lab/checkpoint/save-checkpoint.js';
import { openSafetensors } from '../../lab/checkpoint/safetensors.js';
import { type JobSpec, jobSpecSchema } from '../../lab/distributed/job-spec.js';
import { readEvents } from '../../lab/train/run-directory.js';
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
let ray: ScriptedRay;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tune-on-'));
  tiny = await makeTinyModel();
  await cp(tiny.directory, path.join(folder, 'base'), { recursive: true });
  await writeRecords('the quick brown fox');
  ray = await startScriptedRay();
});
afterAll(async () => {
  await ray.close();
  await rm(folder, { recursive: true });
  await tiny.remove();
});

const writeRecords = (answer: string): Promise<void> =>
  writeFile(
    path.join(folder, 'faq.jsonl'),
    Array.from({ length: 20 }, (_, i) => JSON.stringify({ id: `q${i}`, question: `what ${i}?`, answer })).join('\n'),
  );

async function tune(...argv: readonly string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['tune', ...argv],
    cwd: folder,
    // no PyTorch: what is refused is refused before it is looked for
    env: { MOAT_PYTHON: path.join(folder, 'no-python') },
    stdout,
    stderr,
    clock: systemClock,
    interruption: createInterruption(),
    commands: [{ name: command.name, summary: command.summary, load: () => Promise.resolve({ command }) }],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: undefined }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

const ASKED = ['faq.jsonl', '--from', 'base', '--max-length', '64', '--batch-size', '2'];

test.each([
  [['--lora', '4', '--lora-modules', 'r_proj'], /the model has no linear layer "r_proj"[\s\S]*q_proj/],
  [['--lora', '4', '--quantize', 'int8'], /workers keep the model as it is, not as int8/],
  [['--objective', 'distil', '--teacher', 'base'], /workers do not hold a teacher beside the model/],
  [['--workers', '3'], /3 workers share the 2 sequences of a step/],
  [['--lora', '4'], /no Python that starts/],
])('%j is refused in one line, and leaves nothing', async (more, expected) => {
  const { exitCode, stderr } = await tune(...ASKED, '--out', 'refused', '--on', 'torchrun', ...more);
  expect(exitCode).not.toBe(0);
  expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(expected);
  expect(await readdir(folder)).not.toContain('refused');
});

test('what --resume cannot go on with', async () => {
  expect((await tune('--resume', '--out', 'nothing')).stderr).toMatch(/no tuning run was begun here/);
  expect((await tune(...ASKED, '--resume')).stderr).toMatch(/--resume goes on with what was asked, and the file faq/);
  expect((await tune('--resume', '--max-steps', '9')).stderr).toMatch(/and --max-steps was given/);
  expect((await tune('--from', 'base')).stderr).toMatch(/no file of records is named/);
  expect((await tune(...ASKED, '--out', 'ended', '--max-steps', '1')).exitCode).toBe(0);
  expect((await tune('--resume', '--out', 'ended')).stderr).toMatch(/this run has come to its end/);
});

test('a run that was stopped goes on with what it was asked, and with nothing else', async () => {
  const running = tune(...ASKED, '--out', 'stopped', '--lora', '4', '--epochs', '40', '--eval-every', '50');
  const events = path.join(folder, 'stopped', 'events.jsonl');
  await expect.poll(() => readFile(events, 'utf8').catch(() => ''), { timeout: 30_000 }).toContain('"step"');
  await writeFile(path.join(folder, 'stopped', 'stop'), '');
  const { stdout, stderr } = await running;
  expect(stderr).toBe('');
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('go on with: moat tune --resume --out stopped');
  await writeRecords('the lazy dog');
  expect((await tune('--resume', '--out', 'stopped')).stderr).toMatch(/not the records the run in/);
  await writeRecords('the quick brown fox');
  await changeBase();
  expect((await tune('--resume', '--out', 'stopped')).stderr).toMatch(/not the weights that the adapter in/);
  await cp(tiny.directory, path.join(folder, 'base'), { recursive: true });
  const resumed = await tune('--resume', '--out', 'stopped', '--json');
  expect(resumed.stderr).not.toContain('error');
  expect(JSON.parse(resumed.stdout)).toMatchObject({ reason: 'finished', steps: 360 });
  const starts = (await readEvents(path.join(folder, 'stopped'))).filter(({ type }) => type === 'start');
  expect(starts).toHaveLength(2);
});

/** The same model but for one number. */
async function changeBase(): Promise<void> {
  const file = path.join(folder, 'base', 'model.safetensors');
  const reader = await openSafetensors(file);
  const tensors = [];
  for (const [name, { shape }] of reader.tensors) tensors.push({ name, shape, data: await reader.readFloat32(name) });
  await reader.close();
  tensors[0]?.data.set([9]);
  const files = Object.fromEntries(
    ['config.json', 'tokenizer.json', 'tokenizer_config.json'].map((name) => [
      name,
      { copyOf: path.join(tiny.directory, name) },
    ]),
  );
  const saved = await saveCheckpoint(path.join(folder, 'other'), 1, { files, tensors, optimizer: [], state: {} });
  await cp(saved.directory, path.join(folder, 'base'), { recursive: true });
}

const time = '2026-01-01T00:00:00.000Z';

/** As workers leave it: the best weights, of step 4, among the checkpoints, and events that end. */
async function work(spec: JobSpec): Promise<void> {
  const { runDirectory, tuning, parameters, files } = spec;
  await writeFile(path.join(runDirectory, 'tuning.json'), JSON.stringify(tuning?.record));
  const measure = (loss: number) => ({ loss, preferred: null, nats: [loss, loss] });
  const contents = (fill: number) => ({
    files: Object.fromEntries(files.map((name) => [name, { copyOf: path.join(runDirectory, 'job', 'files', name) }])),
    tensors: parameters.map(({ name, shape }) => ({
      name,
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill),
    })),
    weightsFile: 'adapter_model.safetensors',
    metadata: { base_sha256: spec.adapter?.baseSha256 ?? '' },
    optimizer: [],
    state: {
      step: 8,
      elapsedSeconds: 8,
      tokensSeen: 800,
      batches: { epoch: 0, cursor: 0 },
      best: { loss: 1, step: 4 },
      bestCheckpoints: [{ loss: 1, step: 4 }],
      heldOut: { before: measure(2), kept: { step: 4, ...measure(1) } },
    },
  });
  await saveCheckpoint(runDirectory, 4, contents(0.25));
  await saveCheckpoint(runDirectory, 8, contents(0.75));
  const common = { time, step: 8, elapsedSeconds: 8 };
  const events: RunEvent[] = [
    {
      type: 'start',
      time,
      runName: spec.runName,
      architecture: spec.architecture,
      parameterCount: 1,
      totalSteps: 8,
      tokensPerStep: 100,
      trainTokens: 1,
      device: 'ray',
      resumedFromStep: 0,
      machines: 2,
    },
    { type: 'done', ...common, reason: 'finished', loss: 1.5, tokensSeen: 800 },
  ];
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  await writeFile(path.join(runDirectory, 'events.jsonl'), lines);
}

/** `job.json` as it came along in the package. */
function specOf({ request }: ScriptedJob): JobSpec {
  const uri = (request['runtime_env'] as { working_dir: string }).working_dir;
  const archive = ray.packages.get(uri.slice('gcs://'.length))?.toString('utf8') ?? '';
  const begin = archive.indexOf('{\n  "version": 1,');
  return jobSpecSchema.parse(JSON.parse(archive.slice(begin, archive.indexOf('\n}\n', begin) + 2)));
}

test('a run goes to a cluster and comes back with the weights that did best', async () => {
  let spec: JobSpec | undefined;
  ray.onSubmit = (_id, job) => {
    spec = specOf(job);
    void work(spec).then(() => (job.state = 'SUCCEEDED'));
  };
  const argv = ['--out', 'there', '--lora', '4', '--on', ray.address, '--workers', '2', '--json'];
  const { exitCode, stdout, stderr } = await tune(...ASKED, ...argv);
  expect(stderr).not.toContain('error');
  expect(exitCode).toBe(0);
  expect(spec).toMatchObject({ workers: 2, resume: null, data: null, tuning: { objective: { kind: 'sft' } } });
  expect(JSON.parse(stdout)).toMatchObject({ reason: 'finished', steps: 8, keptStep: 4, lossBefore: 2, lossAfter: 1 });
  const names = ['adapter_config.json', 'adapter_model.safetensors', 'events.jsonl', 'held-out.jsonl', 'tuning.json'];
  expect((await readdir(path.join(folder, 'there'))).sort()).toEqual(names);
  const adapter = await openSafetensors(path.join(folder, 'there', 'adapter_model.safetensors'));
  const [name] = adapter.tensors.keys();
  expect((await adapter.readFloat32(name ?? ''))[0]).toBe(0.25);
  await adapter.close();
  const record = JSON.parse(await readFile(path.join(folder, 'there', 'tuning.json'), 'utf8')) as object;
  expect(record).toMatchObject({ request: { adapter: { rank: 4 } }, result: { reason: 'finished' } });
});

test('a run whose storage this machine does not see says where it lies', async () => {
  ray.onSubmit = (_id, job) => {
    job.logs = '';
    job.state = 'SUCCEEDED';
  };
  const far = await tune(...ASKED, '--out', 'far', '--on', ray.address, '--storage', 'hdfs://head/runs');
  expect(far.stdout.replaceAll(/\s+/g, ' ')).toContain('its checkpoints lie in hdfs://head/runs');
  expect((await readdir(path.join(folder, 'far'))).sort()).toEqual(['events.jsonl', 'place.json', 'tuning.json']);
});
