import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { Rng } from '../../base/rng.js';
import { openSafetensors } from '../checkpoint/safetensors.js';
import { initialize } from '../models/initialize.js';
import { gru } from '../models/gru.js';
import type { Architecture, ModelSizes } from '../models/model.js';
import { qwen3 } from '../models/qwen3.js';
import { writeTokenShards } from '../tokenizer/shard-writer.js';
import { trainTokenizer } from '../tokenizer/train-tokenizer.js';
import { type RunConfig, parseRunConfig } from '../train/run-config.js';
import { trainRun } from '../train/session.js';
import { type JobFolderOptions, writeJobFolder } from './job-folder.js';
import { jobSpecSchema } from './job-spec.js';

const SIZES: ModelSizes = {
  vocabularySize: 300,
  layers: 1,
  hiddenSize: 16,
  intermediateSize: 24,
  heads: 2,
  keyValueHeads: 1,
  headSize: 8,
  contextLength: 16,
  tieWordEmbeddings: false,
  ropeTheta: 10_000,
  dropout: 0,
};
const TEXT = 'the quick brown fox jumps over the lazy dog. '.repeat(20);

let root: string;
let tokenizerHash: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-job-'));
  const tokenizer = await trainTokenizer(path.join(root, 'tokenizer'), [TEXT], { vocabularySize: 280 });
  tokenizerHash = tokenizer.hash;
  const documents = [{ id: 'a', text: TEXT }];
  await writeTokenShards(path.join(root, 'shards'), { train: documents, validation: documents }, tokenizer);
});
afterAll(() => rm(root, { recursive: true, force: true }));

function configOf(architecture: Architecture, loop: Record<string, unknown> = {}): RunConfig {
  const json = {
    schemaVersion: 1,
    model: { model_type: architecture.modelType, ...architecture.sized?.(SIZES) },
    loop: {
      batchSize: 2,
      sequenceLength: 16,
      gradientAccumulation: 1,
      maxSteps: 1,
      schedule: { kind: 'wsd', warmupSteps: 0, decayFraction: 0, finalScale: 1 },
      clipNorm: 1,
      evalEvery: 10,
      checkpointEvery: 10,
      ...loop,
    },
    optimizer: {
      kind: 'adamw',
      // too little to move a weight
      learningRate: 1e-60,
      embeddingLearningRate: 1e-60,
      headLearningRate: 1e-60,
      vectorLearningRate: 1e-60,
      weightDecay: 0,
    },
    keepCheckpoints: 1,
    seed: 7,
    tokenizerHash,
  };
  return parseRunConfig(json, 'test');
}

const write = (name: string, more: Partial<JobFolderOptions> = {}) =>
  writeJobFolder(path.join(root, name), {
    runName: name,
    runDirectory: path.join(root, 'runs', name),
    config: configOf(qwen3),
    origin: 'test',
    files: { 'README.md': 'a model\n', 'tokenizer.json': { copyOf: path.join(root, 'tokenizer', 'tokenizer.json') } },
    endOfText: 0,
    shards: path.join(root, 'shards'),
    travels: true,
    program: 'distributed',
    workers: 2,
    resume: null,
    ...more,
  });

test('all that the workers need is in the folder, and nothing that was there before', async () => {
  await write('whole');
  const { spec, sizeBytes } = await write('whole');
  const folder = path.join(root, 'whole');
  const names = await readdir(folder);
  expect(names).toEqual(expect.arrayContaining(['config.json', 'files', 'job.json', 'shards', 'worker.py']));
  expect(await readdir(path.join(folder, 'files'))).toEqual(['README.md', 'tokenizer.json']);
  expect(await readdir(path.join(folder, 'shards'))).toEqual(expect.arrayContaining(spec.data.train.shards));
  expect(jobSpecSchema.parse(JSON.parse(await readFile(path.join(folder, 'job.json'), 'utf8')))).toEqual(spec);
  expect(sizeBytes).toBeGreaterThan(20_000);
});

test('the first weights are those the local trainer would begin with', async () => {
  const { spec } = await write('first');
  const stream = Uint16Array.from({ length: 200 }, (_, index) => index);
  const { checkpoint } = await trainRun({
    runDirectory: path.join(root, 'runs', 'local'),
    config: spec.config,
    resume: undefined,
    trainTokens: stream,
    validation: undefined,
    files: {},
    tokenizerHash,
    threads: 1,
    clock: systemClock,
  });
  const read = async (file: string) => {
    const tensors = await openSafetensors(file);
    const values = await Promise.all(spec.parameters.map(({ name }) => tensors.readFloat32(name)));
    await tensors.close();
    return values;
  };
  const sent = await read(path.join(root, 'first', spec.startWeights ?? ''));
  expect(sent).toEqual(await read(path.join(checkpoint, 'model.safetensors')));
});

test('first weights that are too large to travel lie on storage that both sides see, or are drawn by the workers', async () => {
  const config = configOf(qwen3);
  const large = parseRunConfig({ ...config, model: { ...config.model, vocab_size: 1_200_000 } }, 'test');
  const shared = await mkdtemp(path.join(root, 'shared-'));
  const { spec, sizeBytes } = await write('large', { config: large, shared });
  expect(spec.startWeights).toBe(path.join(shared, 'start.safetensors'));
  expect(sizeBytes).toBeLessThan(1e6);
  const bytes = await readFile(spec.startWeights ?? '');
  expect(bytes.byteLength).toBeGreaterThan(64e6);
  expect(spec.startSha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  // the same as where all of it is held in memory and drawn in the model's own order
  const rng = Rng.fromSeed(large.seed);
  const tensors = await openSafetensors(spec.startWeights ?? '');
  for (const parameter of spec.parameters) {
    const expected = new Float32Array(parameter.shape.reduce((product, size) => product * size, 1));
    initialize(parameter, expected, rng);
    expect(
      Buffer.compare(Buffer.from((await tensors.readFloat32(parameter.name)).buffer), Buffer.from(expected.buffer)),
    ).toBe(0);
  }
  await tensors.close();
  const stored = await write('stored', { config: large, sendStart: (file) => Promise.resolve(`s3://team/${file}`) });
  expect(stored.spec.startWeights).toMatch(/^s3:\/\/team\/.*\/stored\/start.safetensors$/);
  expect(stored.spec.startSha256).toBe(spec.startSha256);
  expect(stored.sizeBytes).toBeLessThan(1e6);
  const alone = await write('alone', { config: large });
  expect([alone.spec.startWeights, alone.spec.startSha256]).toEqual([null, null]);
  expect((await write('seen', { config: large, travels: false })).spec.startWeights).toBe('start.safetensors');
});

test('a run that goes on sends no weights; shards that both sides see stay where they are', async () => {
  const { spec } = await write('goes-on', { resume: { fromStep: null }, shardsThere: 's3://bucket/shards' });
  expect(spec.startWeights).toBeNull();
  expect(spec.data.shards).toBe('s3://bucket/shards');
  expect(await readdir(path.join(root, 'goes-on'))).not.toContain('shards');
});

test('what workers cannot train is refused by name, before anything is written', async () => {
  const refused = (more: Partial<JobFolderOptions>) => expect(write('refused', more)).rejects;
  await refused({ config: configOf(gru) }).toMatchObject({
    code: 'cannot-distribute',
    message: expect.stringMatching(/GRU.*gru/),
  });
  await refused({ config: configOf(qwen3, { objective: { causal: 1, infill: 1 } }) }).toMatchObject({
    code: 'cannot-distribute',
    message: expect.stringContaining('"infill"'),
  });
  await refused({ workers: 3 }).toMatchObject({
    code: 'too-many-workers',
    message: expect.stringContaining('3 workers share the 2 sequences'),
  });
  expect(await readdir(root)).not.toContain('refused');
});
