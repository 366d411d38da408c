/** Group `classifiers`: whole training steps of image classifiers against the same models in eager PyTorch. */
import { Rng } from '../src/base/rng.js';
import { elementCount } from '../src/lab/graph/dims.js';
import { initialize } from '../src/lab/models/initialize.js';
import { type ClassifierModel, parameterCount } from '../src/lab/models/model.js';
import { readModelConfig } from '../src/lab/models/registry.js';
import { createKernels } from '../src/lab/runtime/kernels.js';
import { floats, integers } from '../src/lab/runtime/program.js';
import { classifierObjective } from '../src/lab/train/fit-classifier.js';
import { createLearner } from '../src/lab/train/learner.js';
import { createParameterStore, trainingBytes } from '../src/lab/train/parameter-store.js';
import { type Peer, startPeer } from './peer.js';
import { type BenchResult, compare } from './result.js';
import { THREADS } from './training.js';

interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly batchSize: number;
  /** Steps in one measurement, so that short ones are not lost in the clock. */
  readonly steps: number;
  readonly target: number;
}

const SMALL_IMAGE = { num_channels: 1, image_size: 28, num_labels: 10 };
const CASES: readonly Case[] = [
  {
    name: 'lenet 6-16, 64 × 1×28×28',
    config: { model_type: 'lenet', ...SMALL_IMAGE, conv_channels: [6, 16] },
    batchSize: 64,
    steps: 20,
    target: 1,
  },
  {
    name: 'lenet 16-32, 64 × 1×28×28',
    config: { model_type: 'lenet', ...SMALL_IMAGE, conv_channels: [16, 32] },
    batchSize: 64,
    steps: 20,
    target: 1,
  },
  {
    name: 'resnet 16-32-64, 64 × 1×28×28',
    config: { model_type: 'resnet', ...SMALL_IMAGE, hidden_sizes: [16, 32, 64], depths: [1, 1, 1] },
    batchSize: 64,
    steps: 4,
    target: 1,
  },
  {
    name: 'vit 4×96, patches of 7×7, 64 × 1×28×28',
    config: vitConfig({ ...SMALL_IMAGE, patch_size: 7 }, 96, 4, 4),
    batchSize: 64,
    steps: 10,
    target: 1.3,
  },
  {
    name: 'vit 6×192, patches of 8×8, 16 × 3×64×64',
    config: vitConfig({ num_channels: 3, image_size: 64, num_labels: 10, patch_size: 8 }, 192, 6, 6),
    batchSize: 16,
    steps: 2,
    target: 1.3,
  },
];

function vitConfig(image: object, width: number, layers: number, heads: number): Record<string, unknown> {
  return {
    model_type: 'vit',
    ...image,
    hidden_size: width,
    intermediate_size: 2 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  };
}

async function prepareSteps(model: ClassifierModel, { batchSize, steps }: Case) {
  const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
  const rng = Rng.fromSeed(1);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const rate = 1e-3;
  const rates = { embeddingLearningRate: rate, headLearningRate: rate, vectorLearningRate: rate };
  const learner = await createLearner({
    store,
    objective: classifierObjective(model, batchSize),
    optimizer: { kind: 'adamw', learningRate: rate, ...rates, weightDecay: 0 },
    seed: 1,
    threads: THREADS,
  });
  const dims = [batchSize, ...model.input.shape];
  const feeds = {
    x: floats(
      Float32Array.from({ length: elementCount(dims) }, () => rng.normal()),
      dims,
    ),
    labels: integers(
      Array.from({ length: batchSize }, () => rng.below(model.classCount)),
      [batchSize],
    ),
    weights: floats(new Float32Array(batchSize).fill(1 / batchSize), [batchSize]),
  };
  return {
    /** Milliseconds of a step. */
    async measure(): Promise<number> {
      const begun = performance.now();
      for (let step = 0; step < steps; step++) {
        const { loss } = await learner.step(feeds);
        if (!Number.isFinite(loss)) throw new Error('the benchmark diverged');
      }
      return (performance.now() - begun) / steps;
    },
    close: () => learner.close(),
  };
}

/** A peer with more or fewer parameters would be another model. */
async function checkSameSize(peer: Peer, model: ClassifierModel): Promise<void> {
  const [theirs, ours] = [await peer.measure('parameters'), trainedCount(model)];
  if (theirs !== ours) throw new Error(`the peer has ${theirs} parameters, ours ${ours}`);
}

const trainedCount = (model: ClassifierModel): number =>
  parameterCount(model.parameters.filter(({ role }) => role !== 'statistic'));

async function classifierStep(each: Case): Promise<BenchResult> {
  const { name, config, batchSize, steps, target } = each;
  const { model } = readModelConfig(config, 'bench');
  if (model.kind !== 'classifier') throw new Error(`${name} is a classifier`);
  const bench = await prepareSteps(model, each);
  const peer = await startPeer('classifier_step.py', { config, batchSize, steps, threads: THREADS });
  if (peer !== undefined) await checkSameSize(peer, model);
  for (let warm = 0; warm < 2; warm++) await bench.measure();
  const result = await compare({
    group: 'classifiers',
    name: `training step of ${name}, AdamW`,
    unit: 'ms',
    better: 'lower',
    target,
    runs: 9,
    ours: () => bench.measure(),
    peer: peer && { name: `PyTorch ${peer.version} float32 eager`, measure: () => peer.measure('ms') },
  });
  peer?.close();
  await bench.close();
  return result;
}

export async function classifiersGroup(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const each of CASES) results.push(await classifierStep(each));
  return results;
}
