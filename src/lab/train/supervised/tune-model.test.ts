/** The run around the training loop: budgets, interruption, failures, what is kept. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { twoMatrices } from '../../../../tests/golden/preference/two-matrices.js';
import { manualClock } from '../../../base/clock.js';
import type { RunEvent } from '../../../base/run-events.js';
import { Rng } from '../../../base/rng.js';
import { openSafetensors } from '../../checkpoint/safetensors.js';
import { type Value, floats } from '../../runtime/program.js';
import { allOf } from './trainable-weights.js';
import { type TuneJob, tuneModel } from './tune-model.js';
import { supervisedTask } from './tuning-task.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const model = twoMatrices(12, 6);
const example = (first: number) => ({
  tokens: Int32Array.of(first, 10, 11),
  mask: Uint8Array.of(0, 1, 1),
  origin: `data.jsonl:${first}`,
});
const examples = [0, 1, 2, 3, 4, 5].map(example);

function weights(scale = 1): Map<string, Value> {
  const rng = Rng.fromSeed(3);
  return new Map(
    model.parameters.map(({ name, shape }) => [
      name,
      floats(
        Float32Array.from({ length: 72 }, () => rng.normal() * scale),
        shape,
      ),
    ]),
  );
}

async function job(
  further: Partial<TuneJob> & { readonly steps?: number; readonly scale?: number } = {},
): Promise<TuneJob> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-tune-'));
  folders.push(folder);
  const { steps = 4, scale, ...rest } = further;
  return {
    folder,
    architecture: 'two-matrices',
    weights: allOf(model, weights(scale)),
    task: supervisedTask(
      model,
      { train: examples, heldOut: [] },
      { batchSize: 2, sequenceLength: 2, packed: false, fillToken: 0, seed: 1, bytesOf: () => 1 },
    ),
    settings: {
      epochs: 100,
      maxSteps: steps,
      learningRate: 0.01,
      warmupFraction: 0.5,
      weightDecay: 0,
      clipNorm: 1,
      gradientAccumulation: 1,
      recompute: false,
      seed: 1,
    },
    files: { 'config.json': '{}' },
    clock: manualClock(),
    ...rest,
  };
}

const eventsOf = async (folder: string): Promise<RunEvent[]> =>
  (await readFile(path.join(folder, 'events.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);

test('warms up, then falls along half a cosine to a tenth; without held-out records the last weights are kept', async () => {
  const asked = await job();
  const result = await tuneModel(asked);
  expect(result).toMatchObject({
    reason: 'finished',
    steps: 4,
    keptStep: 4,
    trainedParameters: 144,
    lossBefore: undefined,
  });
  const scales = (await eventsOf(asked.folder)).flatMap((event) =>
    event.type === 'step' ? [event.learningRateScale] : [],
  );
  const cosine = (progress: number): number => 0.1 + (0.9 * (1 + Math.cos(Math.PI * progress))) / 2;
  for (const [i, expected] of [0.5 * cosine(0), cosine(0.25), cosine(0.5), cosine(0.75)].entries())
    expect(scales[i]).toBeCloseTo(expected, 6);
  const saved = await openSafetensors(path.join(asked.folder, 'model.safetensors'));
  expect([...saved.tensors.keys()]).toEqual(['embedding', 'head']);
  await saved.close();
});

test('weight is on what assistants said alone: tokens never given as answers keep their rows of the head apart', async () => {
  const told: RunEvent[] = [];
  const asked = await job({ steps: 1, onEvent: (event) => told.push(event) });
  const before = weights().get('embedding')?.data as Float32Array;
  await tuneModel(asked);
  const saved = await openSafetensors(path.join(asked.folder, 'model.safetensors'));
  const after = await saved.readFloat32('embedding');
  await saved.close();
  const moved = Array.from({ length: 12 }, (_, row) =>
    after.subarray(row * 6, row * 6 + 6).some((value, i) => value !== before[row * 6 + i]),
  );
  // two records of a batch, and the answer that each went on from; fill and unread tokens stay
  expect(moved.filter(Boolean)).toHaveLength(3);
  expect([moved[10], moved[11]]).toEqual([true, false]);
});

test('interrupted, the run saves what it has and says so', async () => {
  const stop = new AbortController();
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'step' && event.step === 2) stop.abort();
  };
  const asked = await job({ steps: 50, signal: stop.signal, onEvent });
  expect(await tuneModel(asked)).toMatchObject({ reason: 'stopped', steps: 2, keptStep: 2 });
  expect((await readdir(asked.folder)).sort()).toEqual([
    'checkpoints',
    'config.json',
    'events.jsonl',
    'model.safetensors',
    'tuning.json',
  ]);
});

/** Measured on two records, as they come. */
const measured = supervisedTask(
  model,
  { train: examples.slice(0, 4), heldOut: examples.slice(4).map((each, index) => ({ ...each, id: `q${index}` })) },
  { batchSize: 2, sequenceLength: 2, packed: false, fillToken: 0, seed: 1, bytesOf: () => 1 },
);

test('stopped and resumed, a run ends as one that was never stopped, bit for bit, and leaves nothing to go on from', async () => {
  const whole = await job({ task: measured, steps: 9 });
  const expected = await tuneModel(whole);
  const stop = new AbortController();
  const onEvent = (event: RunEvent) => event.type === 'step' && event.step === 4 && stop.abort();
  const asked = await job({ task: measured, steps: 9, signal: stop.signal, onEvent });
  expect(await tuneModel(asked)).toMatchObject({ reason: 'stopped', steps: 4 });
  const { onEvent: _, signal: __, ...rest } = asked;
  const result = await tuneModel({ ...rest, resume: true });
  expect(result).toEqual({ ...expected, trainingLoss: result.trainingLoss });
  const bytesOf = (folder: string): Promise<Buffer> => readFile(path.join(folder, 'model.safetensors'));
  expect(await bytesOf(asked.folder)).toEqual(await bytesOf(whole.folder));
  expect((await eventsOf(asked.folder)).filter(({ type }) => type === 'start')).toMatchObject([
    { resumedFromStep: 0 },
    { resumedFromStep: 4 },
  ]);
  expect(await readdir(asked.folder)).not.toContain('checkpoints');
});

test('a loss that is no number names the records', async () => {
  const asked = await job({ scale: Number.NaN });
  await expect(tuneModel(asked)).rejects.toThrow(
    /step 1: the loss is NaN.*the batch held data\.jsonl:\d, data\.jsonl:\d/,
  );
  expect((await eventsOf(asked.folder)).at(-1)).toMatchObject({ type: 'done', reason: 'failed', loss: null });
});

test('a folder that holds something is left alone', async () => {
  const asked = await job();
  await tuneModel(asked);
  await expect(tuneModel(asked)).rejects.toMatchObject({ code: 'folder-taken' });
});
