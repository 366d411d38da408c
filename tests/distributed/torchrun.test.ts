/** A run on PyTorch, by torchrun, held against the local trainer: the same losses, and checkpoints that go to and fro. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../src/base/run-events.js';
import { checkpointDirectory, latestCheckpoint } from '../../src/lab/checkpoint/run-checkpoints.js';
import { loadCheckpoint } from '../../src/lab/checkpoint/load-checkpoint.js';
import { loadModel } from '../../src/lab/generate/load-model.js';
import { INFERENCE } from '../../src/lab/models/model.js';
import { parameterInputs } from '../../src/lab/train/objective.js';
import { readEvents } from '../../src/lab/train/run-directory.js';
import { compile, integers } from '../../src/lab/runtime/program.js';
import { input } from '../../src/lab/graph/tensor.js';
import { type SmallProject, countedSteps, killWorker, losses, makeSmallProject, python } from './small-run.js';

let project: SmallProject;
beforeAll(async () => {
  project = await makeSmallProject();
});
afterAll(() => project.remove());

/** Largest difference, item by item. */
function furthest(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Number.NaN))));
}

const evals = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'eval' ? [event.loss, event.bitsPerByte ?? Number.NaN] : []));

const everything = { packDocuments: true, labelSmoothing: 0.1, averageDecay: 0.9, recompute: true, keepBest: 2 };
const adamw = { kind: 'adamw', learningRate: 0.005, embeddingLearningRate: 0.005 };

const cases = [
  { name: 'one worker, Muon', workers: 1, changes: {} },
  { name: 'two workers, Muon', workers: 2, changes: {} },
  {
    name: 'two workers, AdamW, everything switched on',
    workers: 2,
    changes: { architecture: 'gpt2', loop: everything, optimizer: adamw },
  },
  {
    name: 'three workers with a share of the weights each (FSDP2)',
    workers: 3,
    changes: { loop: everything },
    sharding: 'fsdp2' as const,
  },
  {
    name: 'two workers, Adam, windows of attention',
    workers: 2,
    changes: {
      architecture: 'gemma3_text',
      loop: { packDocuments: true, schedule: { kind: 'cosine', warmupSteps: 3, decayFraction: 1, finalScale: 0.1 } },
      optimizer: { ...adamw, kind: 'adam' },
    },
  },
  {
    name: 'two workers, momentum',
    workers: 2,
    changes: { architecture: 'llama', optimizer: { ...adamw, kind: 'sgd', learningRate: 0.05 } },
  },
];

test.each(cases)(
  '$name: the first twenty losses are those of the local trainer',
  async ({ name, workers, changes, sharding }) => {
    const config = project.config(changes);
    const run = name.replace(/\W+/g, '-');
    const here = await project.trainHere(`${run}-here`, { config, resume: undefined });
    const there = await project.trainThere(`${run}-there`, {
      config,
      workers,
      ...(sharding === undefined ? {} : { sharding }),
    });
    expect(losses(there)).toHaveLength(20);
    expect(furthest(losses(here), losses(there))).toBeLessThan(1e-3);
    expect(evals(there).length).toBeGreaterThan(0);
    expect(furthest(evals(here), evals(there))).toBeLessThan(1e-3);
    expect(await readEvents(project.runDirectory(`${run}-there`))).toEqual(there);
    expect(there.at(-1)).toMatchObject({ type: 'done', reason: 'finished', step: 20 });
  },
);

test.each(['ddp', 'fsdp2'] as const)(
  'bf16, %s: the losses of float32, within what eight bits can tell',
  async (sharding) => {
    const config = project.config({ loop: { averageDecay: 0.9 } });
    const here = await project.trainHere(`bf16-${sharding}-here`, { config, resume: undefined });
    const there = await project.trainThere(`bf16-${sharding}-there`, {
      config,
      workers: 2,
      sharding,
      precision: 'bf16',
    });
    expect(furthest(losses(here), losses(there))).toBeLessThan(0.02);
    expect(furthest(losses(here), losses(there))).toBeGreaterThan(1e-6);
  },
);

test('the weights load here, and give the logits that transformers gives', async () => {
  const directory = checkpointDirectory(project.runDirectory('two-workers-Muon-there'), 20);
  const { model, weights } = await loadModel(directory);
  const ids = Array.from({ length: 24 }, (_, index) => (index * 37) % 300);
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const tokens = input('tokens', [1, ids.length], 'int64');
  const program = await compile({ logits: model.forward(lookUp, { tokens }, INFERENCE).logits }, [tokens, ...tensors]);
  const results = await program.run({ ...Object.fromEntries(weights), tokens: integers(ids, [1, ids.length]) });
  const ours = Array.from(results['logits']?.data as Float32Array);
  const script = `
import json, sys, torch, transformers
model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
print(json.dumps(model(torch.tensor([json.loads(sys.argv[2])])).logits.flatten().tolist()))`;
  const answer = await promisify(execFile)(await python(), ['-c', script, directory, JSON.stringify(ids)], {
    maxBuffer: 1 << 26,
  });
  expect(furthest(ours, JSON.parse(answer.stdout) as number[])).toBeLessThan(1e-4);
  await program.close();
});

test('a run begun here goes on there with other numbers of workers, and comes back', async () => {
  const config = project.config({ loop: { ...everything, checkpointEvery: 4 } });
  const whole = await project.trainHere('whole', { config, resume: undefined });
  const stopAt = (step: number) => {
    const controller = new AbortController();
    const onEvent = (event: RunEvent): void => {
      if (event.type === 'step' && event.step >= step) controller.abort();
    };
    return { signal: controller.signal, onEvent };
  };
  await project.trainHere('to-and-fro', { config, resume: undefined, ...stopAt(6) });
  expect((await latestCheckpoint(project.runDirectory('to-and-fro')))?.step).toBe(6);
  const there = await project.trainThere('to-and-fro', {
    config,
    workers: 2,
    resume: { fromStep: null },
    ...stopAt(7),
  });
  expect(there[0]).toMatchObject({ type: 'start', resumedFromStep: 6 });
  expect(there.at(-1)).toMatchObject({ type: 'done' });
  const again = await project.trainThere('to-and-fro', { config, workers: 3, resume: { fromStep: 8 } });
  expect(again[0]).toMatchObject({ type: 'start', resumedFromStep: 8 });
  await project.trainHere('to-and-fro', { config: undefined, resume: { fromStep: 12 } });
  const counted = countedSteps(await readEvents(project.runDirectory('to-and-fro')));
  expect(counted.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(furthest(losses(whole), losses(counted))).toBeLessThan(1e-3);
});

test('storage that is known by a URI: shards are fetched, checkpoints and events put there', async () => {
  const config = project.config({ loop: { maxSteps: 8, checkpointEvery: 3 } });
  const at = (place: string): string => `file://${place}`;
  const there = {
    config,
    workers: 2,
    runDirectory: at(project.runDirectory('by-uri')),
    shardsThere: at(path.join(project.folder, 'shards')),
  };
  const first = await project.trainThere('by-uri', there);
  expect(await readEvents(project.runDirectory('by-uri'))).toEqual(first);
  await project.trainThere('by-uri', { ...there, resume: { fromStep: 3 } });
  const events = await readEvents(project.runDirectory('by-uri'));
  expect(losses(countedSteps(events))).toEqual(losses(first));
  const { step, directory } = (await latestCheckpoint(project.runDirectory('by-uri'))) ?? {};
  expect(step).toBe(8);
  expect((await loadCheckpoint(directory ?? '')).step).toBe(8);
});

test('a worker killed in mid-run: all start anew from the last checkpoint, nothing is trained twice or left out', async () => {
  const config = project.config({ loop: { maxSteps: 120, checkpointEvery: 10, evalEvery: 60 } });
  const whole = await project.trainThere('unharmed', { config, workers: 2 });
  let killed = 0;
  const events = await project.trainThere('killed', {
    config,
    workers: 2,
    onEvent(event) {
      if (event.type === 'step' && event.step === 33 && killed === 0) killed = killWorker(project.jobFolder('killed'));
    },
  });
  expect(killed).toBeGreaterThan(0);
  const starts = events.flatMap((event) => (event.type === 'start' ? [event.resumedFromStep] : []));
  expect(starts).toHaveLength(2);
  expect(starts[1]).toBeGreaterThanOrEqual(30);
  const counted = countedSteps(await readEvents(project.runDirectory('killed')));
  expect(counted.map(({ step }) => step)).toEqual(Array.from({ length: 120 }, (_, index) => index + 1));
  expect(losses(counted)).toEqual(losses(whole));
  expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'finished', step: 120 });
});

test('what a worker refuses is one error, said once', async () => {
  const config = project.config();
  await expect(
    project.trainThere('no-checkpoint', { config, workers: 2, resume: { fromStep: 5 } }),
  ).rejects.toMatchObject({ code: 'no-checkpoint' });
  await expect(
    project.trainThere('no-shards', { config, workers: 2, shardsThere: path.join(project.folder, 'elsewhere') }),
  ).rejects.toMatchObject({ code: 'shard-damaged' });
});
