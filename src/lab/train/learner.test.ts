import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { mul, sigmoid, sub, tanh } from '../graph/ops/arithmetic.js';
import { linear } from '../graph/ops/matmul.js';
import { sum } from '../graph/ops/reshape.js';
import { mean } from '../graph/ops/reduce.js';
import { type Tensor, input } from '../graph/tensor.js';
import { initialize } from '../models/initialize.js';
import type { ParameterSpec, Parameters, Pass } from '../models/model.js';
import { createKernels } from '../runtime/kernels.js';
import { type Value, floats } from '../runtime/program.js';
import { type LearnerOptions, createLearner } from './learner.js';
import type { Objective } from './objective.js';
import type { OptimizerSettings } from './optimizers.js';
import { createParameterStore, trainingBytes } from './parameter-store.js';

const WIDTH = 8;
const ROWS = 6;
const layers = [0, 1, 2, 3];
const specs: ParameterSpec[] = [
  ...layers.map((index): ParameterSpec => ({
    name: `layers.${index}.weight`,
    shape: [WIDTH, WIDTH],
    initializer: { kind: 'normal', standardDeviation: 0.5 },
    role: 'matrix',
  })),
  { name: 'mean', shape: [WIDTH], initializer: { kind: 'zeros' }, role: 'statistic' },
];

/** Four layers with dropout between them, and a statistic that follows the mean of the input. */
function objective(dropout: number) {
  return (p: Parameters, pass: Pass): Objective => {
    const x = input('x', [ROWS, WIDTH]);
    const y = input('y', [ROWS, WIDTH]);
    const weights = input('weights', [ROWS, 1]);
    let hidden: Tensor = x;
    for (const index of layers) {
      pass.boundary(hidden);
      hidden = tanh(linear(pass.dropout(sigmoid(hidden), dropout), p(`layers.${index}.weight`)));
    }
    pass.boundary(hidden);
    pass.update('mean', mean(x, [0]));
    const difference = sub(hidden, y);
    return { inputs: [x, y, weights], loss: sum(mul(mul(difference, difference), weights)), outputs: { hidden } };
  };
}

const adamw: OptimizerSettings = {
  kind: 'adamw',
  learningRate: 0.01,
  embeddingLearningRate: 0.01,
  headLearningRate: 0.01,
  vectorLearningRate: 0.01,
  weightDecay: 0.1,
};

async function makeLearner(more: Partial<LearnerOptions> & { dropout?: number } = {}) {
  const { dropout = 0, ...options } = more;
  const store = createParameterStore(createKernels(trainingBytes(specs)), specs);
  const rng = Rng.fromSeed(1);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const learner = await createLearner({
    store,
    objective: objective(dropout),
    optimizer: adamw,
    seed: 3,
    threads: 1,
    ...options,
  });
  return { store, learner };
}

function batch(seed: number, weight = 1 / ROWS): Record<string, Value> {
  const rng = Rng.fromSeed(seed);
  const draw = (): Value =>
    floats(
      Float32Array.from({ length: ROWS * WIDTH }, () => rng.normal()),
      [ROWS, WIDTH],
    );
  return { x: draw(), y: draw(), weights: floats(new Float32Array(ROWS).fill(weight), [ROWS, 1]) };
}

const snapshot = (store: Awaited<ReturnType<typeof makeLearner>>['store'], part: 'value' | 'gradient'): number[] =>
  store.parameters.flatMap((parameter) => Array.from(parameter[part].view()));

describe('a learner', () => {
  test.each(['adamw', 'adam', 'sgd', 'muon'] as const)(
    'learns with %s, and leaves statistics to the pass',
    async (kind) => {
      const { store, learner } = await makeLearner({ optimizer: { ...adamw, kind } });
      const feeds = batch(1);
      const first = await learner.step(feeds);
      let last = first;
      for (let step = 0; step < 60; step++) last = await learner.step(feeds);
      expect(last.loss).toBeLessThan(first.loss * 0.8);
      const statistic = store.parameters.find(({ spec }) => spec.role === 'statistic');
      const x = feeds['x']?.data as Float32Array;
      const expected = Array.from({ length: WIDTH }, (_, column) => {
        const values = Array.from({ length: ROWS }, (__, row) => x[row * WIDTH + column] as number);
        return values.reduce((a, b) => a + b) / ROWS;
      });
      for (const [i, value] of expected.entries()) expect(statistic?.value.view()[i]).toBeCloseTo(value, 5);
      await learner.close();
    },
  );

  test('gradients of micro-batches add up to those of the whole', async () => {
    const { store, learner } = await makeLearner();
    await learner.accumulate(batch(1, 0.25), { step: 1, micro: 0 });
    const one = snapshot(store, 'gradient');
    await learner.accumulate(batch(2, 0.75), { step: 1, micro: 0 });
    const other = snapshot(store, 'gradient');
    await learner.accumulate(batch(1, 0.25), { step: 1, micro: 0 });
    await learner.accumulate(batch(2, 0.75), { step: 1, micro: 1 });
    for (const [i, value] of snapshot(store, 'gradient').entries()) {
      expect(value).toBeCloseTo((one[i] as number) + (other[i] as number), 6);
    }
    await learner.close();
  });

  test('blocks computed again give the same gradients, bit for bit, dropout included', async () => {
    const plain = await makeLearner({ dropout: 0.3 });
    const again = await makeLearner({ dropout: 0.3, recompute: true });
    for (const { learner } of [plain, again]) await learner.accumulate(batch(1), { step: 1, micro: 0 });
    expect(snapshot(again.store, 'gradient')).toEqual(snapshot(plain.store, 'gradient'));
    expect(snapshot(plain.store, 'gradient').some((value) => value !== 0)).toBe(true);
    await plain.learner.close();
    await again.learner.close();
  });

  test('dropout depends on the seed and the place in the run alone', async () => {
    const { learner } = await makeLearner({ dropout: 0.3 });
    const hidden = async (step: number, micro: number): Promise<number[]> =>
      Array.from((await learner.accumulate(batch(1), { step, micro })).outputs['hidden']?.data ?? [], Number);
    const first = await hidden(1, 0);
    expect(await hidden(1, 1)).not.toEqual(first);
    expect(await hidden(2, 0)).not.toEqual(first);
    expect(await hidden(1, 0)).toEqual(first);
    await learner.close();
  });

  test('two learners share a store, each moving its own part', async () => {
    const { store, learner } = await makeLearner({ trained: ({ name }) => name.startsWith('layers.0') });
    const before = snapshot(store, 'value');
    await learner.step(batch(1));
    const after = snapshot(store, 'value');
    const size = WIDTH * WIDTH;
    expect(after.slice(0, size)).not.toEqual(before.slice(0, size));
    expect(after.slice(size, 4 * size)).toEqual(before.slice(size, 4 * size));
    await learner.close();
  });

  test('clipping bounds the step of plain gradient descent', async () => {
    const optimizer: OptimizerSettings = { ...adamw, kind: 'sgd', momentum: 0, weightDecay: 0, learningRate: 1 };
    const { store, learner } = await makeLearner({ optimizer, clipNorm: 1e-3 });
    const before = snapshot(store, 'value').slice(0, 4 * WIDTH * WIDTH);
    const { gradientNorm } = await learner.step(batch(1));
    const after = snapshot(store, 'value');
    const moved = Math.hypot(...before.map((value, i) => (after[i] as number) - value));
    expect(gradientNorm).toBeGreaterThan(1e-3);
    expect(moved).toBeCloseTo(1e-3, 5);
    await learner.close();
  });
});
