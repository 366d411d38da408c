/**
 * The golden files of tests/golden/classifiers (made by make.py there with torch.nn and transformers): outputs, loss,
 * every gradient, running statistics and one step of AdamW of tiny random classifiers and a DCGAN. And the textbook's
 * perceptron, worked by hand.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { add, exp, log, mul, neg, relu, sub } from '../graph/ops/arithmetic.js';
import { crossEntropy } from '../graph/ops/normalize.js';
import { mean } from '../graph/ops/reduce.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, input, scalar } from '../graph/tensor.js';
import { createKernels } from '../runtime/kernels.js';
import { type Value, floats, integers } from '../runtime/program.js';
import { createLearner } from '../train/learner.js';
import type { BuildObjective } from '../train/objective.js';
import { createParameterStore, trainingBytes } from '../train/parameter-store.js';
import type { Model } from './model.js';
import { readModelConfig } from './registry.js';

interface Packed {
  readonly shape: number[];
  readonly base64: string;
}
interface Golden {
  readonly config: unknown;
  readonly x: Packed | number[][];
  readonly labels: number[] | null;
  readonly loss: number;
  readonly outputs: Record<string, Packed>;
  readonly parameters: Record<string, Packed>;
  readonly gradients: Record<string, Packed>;
  readonly statistics: Record<string, Packed>;
  readonly afterStep: Record<string, Packed>;
}

const folder = new URL('../../../tests/golden/classifiers/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

const unpack = ({ base64 }: Packed): Float32Array =>
  new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);

/** The largest difference, relative to the largest expected value. */
function relativeError(actual: ArrayLike<number | bigint>, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const largest = Math.max(1e-6, ...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(Number(actual[i]) - value))) / largest;
}

/** −log σ(z) without overflow: max(−z, 0) + log(1 + e^−|z|). */
const realLoss = (z: Tensor): Tensor => add(relu(neg(z)), log(add(scalar(1), exp(neg(add(relu(z), relu(neg(z))))))));

function objectiveOf(model: Model, x: Tensor, rows: number): BuildObjective {
  return (parameters, pass) => {
    if (model.kind === 'adversarial') {
      const images = model.generate(parameters, x, pass);
      const verdicts = model.discriminate(parameters, images, pass);
      return { inputs: [x], loss: mean(realLoss(verdicts)), outputs: { images, verdicts } };
    }
    if (model.kind !== 'classifier') throw new Error(`no objective for ${model.kind}`);
    const labels = input('labels', [rows], 'int64');
    const logits = model.forward(parameters, x, pass);
    return { inputs: [x, labels], loss: mean(crossEntropy(logits, labels)), outputs: { logits } };
  };
}

function feedsOf({ x, labels }: Golden): Record<string, Value> {
  const fed = Array.isArray(x) ? integers(x.flat(), [x.length, x[0]?.length ?? 0]) : floats(unpack(x), x.shape);
  return labels === null ? { x: fed } : { x: fed, labels: integers(labels, [labels.length]) };
}

/** AdamW as make.py has it, without decay. */
const adamw = {
  kind: 'adamw',
  learningRate: 0.01,
  embeddingLearningRate: 0.01,
  headLearningRate: 0.01,
  vectorLearningRate: 0.01,
  weightDecay: 0,
  betas: [0.9, 0.95],
} as const;

test.each(names)('%s', async (name) => {
  const golden = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden;
  const { model } = readModelConfig(golden.config, name);
  const shapes = (specs: Record<string, { shape: readonly number[] }>) =>
    Object.fromEntries(Object.entries(specs).map(([key, { shape }]) => [key, [...shape]]));
  expect(shapes(Object.fromEntries(model.parameters.map((spec) => [spec.name, spec])))).toEqual(
    shapes(golden.parameters),
  );
  const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
  for (const { spec, value } of store.parameters) value.view().set(unpack(golden.parameters[spec.name] as Packed));
  const feeds = feedsOf(golden);
  const { dims, dtype } = feeds['x'] as Value;
  const objective = objectiveOf(model, input('x', dims, dtype), dims[0] as number);
  const learner = await createLearner({ store, objective, optimizer: adamw, seed: 1, threads: 1 });
  const { loss, outputs } = await learner.step(feeds);
  expect(loss).toBeCloseTo(golden.loss, 5);
  for (const [output, expected] of Object.entries(golden.outputs)) {
    expect(relativeError(outputs[output]?.data ?? [], unpack(expected)), output).toBeLessThan(1e-5);
  }
  for (const { spec, value, gradient } of store.parameters) {
    const statistic = golden.statistics[spec.name];
    if (statistic !== undefined) expect(relativeError(value.view(), unpack(statistic)), spec.name).toBeLessThan(1e-5);
    else {
      const expected = unpack(golden.gradients[spec.name] as Packed);
      // what cancels exactly (a key's bias) is noise on both sides
      if (Math.max(...expected.map(Math.abs)) < 1e-6) continue;
      expect(relativeError(gradient.view(), expected), spec.name).toBeLessThan(1e-4);
    }
    const stepped = golden.afterStep[spec.name];
    if (stepped !== undefined) expect(relativeError(value.view(), unpack(stepped)), spec.name).toBeLessThan(1e-5);
  }
  await learner.close();
});

describe('the perceptron of the textbook', () => {
  const x = [1, 2, 3];
  const target = [4, 5, 6];
  // w[to][from]
  const w1 = [
    [0.1, -0.2, 0.3],
    [0.2, 0.1, -0.1],
  ];
  const b1 = [0.1, -0.1];
  const w2 = [
    [0.5, -0.4],
    [0.3, 0.2],
    [-0.2, 0.6],
  ];
  const b2 = [0.1, 0.2, 0.3];
  const rate = 0.1;
  const weighted = (weights: number[][], from: readonly number[], bias: readonly number[]): number[] =>
    weights.map((row, j) => row.reduce((total, w, i) => total + w * (from[i] as number), bias[j] as number));

  test('forward pass, δ of both layers and the new weights are those of plain arithmetic', async () => {
    // forward: z = W·x + b, a = σ(z); the output layer is linear
    const hidden = weighted(w1, x, b1).map((z) => 1 / (1 + Math.exp(-z)));
    const output = weighted(w2, hidden, b2);
    // E = ½ Σ (y − t)²: δ_out = y − t; δ_hidden = (W2ᵀ δ_out) ∘ a(1 − a)
    const deltaOut = output.map((y, k) => y - (target[k] as number));
    const deltaHidden = hidden.map(
      (a, j) => deltaOut.reduce((total, delta, k) => total + delta * (w2[k]?.[j] as number), 0) * a * (1 - a),
    );
    const moved = (weights: number[][], delta: readonly number[], from: readonly number[]): number[] =>
      weights.flatMap((row, k) => row.map((w, j) => w - rate * (delta[k] as number) * (from[j] as number)));
    const expected: Record<string, number[]> = {
      'layers.0.weight': moved(w1, deltaHidden, x),
      'layers.0.bias': b1.map((b, j) => b - rate * (deltaHidden[j] as number)),
      'layers.1.weight': moved(w2, deltaOut, hidden),
      'layers.1.bias': b2.map((b, k) => b - rate * (deltaOut[k] as number)),
    };

    const config = { model_type: 'mlp', input_size: 3, hidden_sizes: [2], num_labels: 3, hidden_act: 'sigmoid' };
    const { model } = readModelConfig(config, 'textbook');
    if (model.kind !== 'classifier') throw new Error('an mlp is a classifier');
    const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
    const start = [w1.flat(), b1, w2.flat(), b2];
    for (const [i, { value }] of store.parameters.entries()) value.view().set(start[i] as number[]);
    const learner = await createLearner({
      store,
      objective: (parameters, pass) => {
        const [from, wanted] = [input('x', [1, 3]), input('target', [1, 3])];
        const y = model.forward(parameters, from, pass);
        const difference = sub(y, wanted);
        const error = mul(scalar(0.5), sum(mul(difference, difference)));
        return { inputs: [from, wanted], loss: error, outputs: { y } };
      },
      optimizer: {
        ...adamw,
        kind: 'sgd',
        learningRate: rate,
        headLearningRate: rate,
        vectorLearningRate: rate,
        momentum: 0,
      },
      seed: 1,
      threads: 1,
    });
    const feeds = { x: floats(Float32Array.from(x), [1, 3]), target: floats(Float32Array.from(target), [1, 3]) };
    const { loss, outputs } = await learner.step(feeds);
    expect(loss).toBeCloseTo(
      deltaOut.reduce((total, delta) => total + (delta * delta) / 2, 0),
      5,
    );
    for (const [k, y] of output.entries()) expect(Number(outputs['y']?.data[k])).toBeCloseTo(y, 6);
    for (const { spec, value } of store.parameters) {
      for (const [i, each] of (expected[spec.name] ?? []).entries()) expect(value.view()[i]).toBeCloseTo(each, 6);
    }
    await learner.close();
  });
});
