/** What travels to the workers of a tuning run, and what does not. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TinyModel, makeTinyModel } from '../../../tests/tiny-model.js';
import { systemClock } from '../../base/clock.js';
import { openSafetensors } from '../checkpoint/safetensors.js';
import { type LoadedModel, loadModel } from '../generate/load-model.js';
import { adaptModel } from '../train/adapters/adapt-model.js';
import { adapterWeights } from '../train/adapters/adapter-weights.js';
import { allOf } from '../train/supervised/trainable-weights.js';
import { tuningRecordOf } from '../train/supervised/tune-model.js';
import { supervisedTask } from '../train/supervised/tuning-task.js';
import { jobSpecSchema } from './job-spec.js';
import { type PortableTuning, type TuningFolderOptions, exampleTensors, writeTuningFolder } from './tuning-folder.js';

let root: string;
let tiny: TinyModel;
let base: LoadedModel;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-tuning-folder-'));
  tiny = await makeTinyModel();
  base = await loadModel(tiny.directory);
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
  await tiny.remove();
});

const examples = [
  { id: 'a', origin: 'faq.jsonl:1', tokens: Int32Array.of(1, 2, 3), mask: Uint8Array.of(0, 0, 1) },
  { id: 'b', origin: 'faq.jsonl:2', tokens: Int32Array.of(4, 5), mask: Uint8Array.of(0, 1) },
];

function tuningOf(isAdapter: boolean): PortableTuning {
  const { model, weights: values, tokenizer } = base;
  const adapted = isAdapter ? adaptModel(model, { rank: 2, alpha: 4, targetModules: ['q_proj'] }) : undefined;
  const weights =
    adapted === undefined
      ? allOf(model, values)
      : adapterWeights(adapted, { base: values, seed: 1, baseModel: 'base' });
  const shape = { batchSize: 2, sequenceLength: 8, packed: true, fillToken: 0, seed: 1, bytesOf: () => 1 };
  const task = supervisedTask(adapted?.model ?? model, { train: examples, heldOut: examples.slice(0, 1) }, shape);
  const settings = {
    epochs: 4,
    learningRate: 0.01,
    warmupFraction: 0,
    weightDecay: 0,
    clipNorm: 1,
    gradientAccumulation: 1,
    recompute: false,
    seed: 1,
  };
  const job = { architecture: 'qwen3', task, settings, weights, files: {}, clock: systemClock };
  return {
    ...job,
    adapted,
    model: { ...model.config },
    origin: 'base/config.json',
    tokenizerHash: tokenizer.hash,
    objective: { kind: 'sft' },
    record: tuningRecordOf(job),
  };
}

const write = (name: string, tuning: PortableTuning, more: Partial<TuningFolderOptions> = {}) =>
  writeTuningFolder(path.join(root, name), tuning, {
    runName: name,
    runDirectory: path.join(root, 'runs', name),
    workers: 2,
    resume: false,
    shared: undefined,
    program: path.resolve('distributed'),
    ...more,
  });

test('an adapter travels with the base it stands beside, the records as tokens, and what explains its file', async () => {
  const tuning = tuningOf(true);
  const spec = await write('adapter', tuning);
  const folder = path.join(root, 'adapter');
  expect(jobSpecSchema.parse(JSON.parse(await readFile(path.join(folder, 'job.json'), 'utf8')))).toEqual(
    JSON.parse(JSON.stringify(spec)),
  );
  expect(await readdir(folder)).toEqual(expect.arrayContaining(['adapter.py', 'conversations.py', 'worker.py']));
  expect(await readdir(path.join(folder, 'files'))).toEqual(['adapter_config.json']);
  expect(spec).toMatchObject({
    data: null,
    adapter: { rank: 2, alpha: 4, dora: false, fanInFanOut: false, baseWeights: 'base.safetensors' },
    tuning: { objective: { kind: 'sft' }, packed: true, learnedTokens: 2, heldOutBytesPerUnit: 1 },
    config: { loop: { sequenceLength: 8, keepBest: 1, packDocuments: true }, keepCheckpoints: 1 },
  });
  expect(spec.adapter?.modules).toEqual([0, 1].map((layer) => `model.layers.${layer}.self_attn.q_proj`));
  expect(spec.adapter?.baseSha256).toMatch(/^[0-9a-f]{64}$/);
  const [start, frozen] = [await open('adapter', 'start'), await open('adapter', 'base')];
  for (const { spec: each, initial } of tuning.weights.trained)
    expect(await start.readFloat32(each.name)).toEqual(initial);
  for (const { name } of base.model.parameters)
    expect(await frozen.readFloat32(name)).toEqual(base.weights.get(name)?.data);
  await start.close();
  await frozen.close();
});

const open = (name: string, file: string) => openSafetensors(path.join(root, name, `${file}.safetensors`));

test('all of a model travels as what it begins with, and stands beside nothing', async () => {
  const spec = await write('whole', tuningOf(false), { resume: true });
  expect(spec).toMatchObject({ adapter: null, resume: { fromStep: null }, startWeights: 'start.safetensors' });
  expect(spec.parameters.map(({ name }) => name)).toEqual(base.model.parameters.map(({ name }) => name));
  expect(await readdir(path.join(root, 'whole'))).not.toContain('base.safetensors');
});

test('weights that are too large to travel lie where both sides see them, or are refused', async () => {
  const tuning = tuningOf(false);
  const [first, ...rest] = tuning.weights.trained;
  if (first === undefined) throw new Error('a model has parameters');
  const large = { spec: { ...first.spec, shape: [17_000, 1000] }, initial: new Float32Array(17e6) };
  const weights = { ...tuning.weights, trained: [large, ...rest] };
  const shared = path.join(root, 'shared');
  const { startWeights } = await write('large', { ...tuning, weights }, { shared });
  expect(startWeights).toBe(path.join(shared, 'start.safetensors'));
  expect(await readdir(shared)).toEqual(['start.safetensors']);
  await expect(write('large', { ...tuning, weights })).rejects.toMatchObject({ code: 'package-too-large' });
});

test('a model that workers do not have, and more workers than a step has rows', async () => {
  const rnn = { model_type: 'rnn', vocab_size: 300, embedding_size: 8, hidden_size: 8, num_hidden_layers: 1 };
  await expect(write('no', { ...tuningOf(false), model: rnn })).rejects.toMatchObject({ code: 'cannot-distribute' });
  await expect(write('no', tuningOf(false), { workers: 3 })).rejects.toMatchObject({ code: 'too-many-workers' });
  expect(await readdir(root)).not.toContain('no');
});

test('records are told apart by their lengths, and named', () => {
  const tensors = new Map(exampleTensors(tuningOf(false).task.examples).map(({ name, data }) => [name, data]));
  expect([...(tensors.get('train.tokens') ?? [])]).toEqual([1, 2, 3, 4, 5]);
  expect([...(tensors.get('train.mask') ?? [])]).toEqual([0, 0, 1, 0, 1]);
  expect([...(tensors.get('train.lengths') ?? [])]).toEqual([3, 2]);
  expect(Buffer.from(tensors.get('train.origins') as Uint8Array).toString()).toBe('["faq.jsonl:1","faq.jsonl:2"]');
  expect([...(tensors.get('heldOut.lengths') ?? [])]).toEqual([3]);
});
