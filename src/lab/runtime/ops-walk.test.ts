/**
 * Every op of the registry, from its own examples: the shape rule against what ONNX Runtime returns, folding against
 * the kernel, and each gradient against central finite differences. A new op is tested here before anyone writes a test.
 */
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { elementCount } from '../graph/dims.js';
import { grad } from '../graph/grad.js';
import { opRecords } from '../graph/ops/registry.js';
import { mul } from '../graph/ops/arithmetic.js';
import { sum } from '../graph/ops/reshape.js';
import { type OpExample, type OpRecord, type Tensor, apply, constant, input, projection } from '../graph/tensor.js';
import { type Value, compile, floats } from './program.js';

interface Prepared {
  readonly tensors: readonly Tensor[];
  readonly feeds: Record<string, Value>;
  /** Indices of inputs that hold random floats. */
  readonly random: readonly number[];
}

function prepare(example: OpExample, rng: Rng): Prepared {
  const [low, high] = example.range ?? [-1.5, 1.5];
  const feeds: Record<string, Value> = {};
  const tensors = example.inputs.map((given, index) => {
    const name = `x${index}`;
    if ('data' in given) {
      feeds[name] = { data: given.data, dims: given.shape, dtype: given.dtype };
      return input(name, given.shape, given.dtype);
    }
    const data = Float32Array.from({ length: elementCount(given) }, () => low + (high - low) * rng.uniform());
    feeds[name] = floats(data, given);
    return input(name, given);
  });
  return { tensors, feeds, random: example.inputs.flatMap((given, index) => ('data' in given ? [] : [index])) };
}

const cases = opRecords.flatMap((op) =>
  op.examples.map((example, index) => ({ title: `${op.name} ${example.name ?? index}`, op, example })),
);

test('every op has an example and its own name', () => {
  expect(opRecords.filter((op) => op.examples.length === 0)).toEqual([]);
  expect(new Set(opRecords.map((op) => op.name)).size).toBe(opRecords.length);
});

describe('shapes and types are those ONNX Runtime returns', () => {
  test.each(cases)('$title', async ({ op, example }) => {
    const { tensors, feeds } = prepare(example, Rng.fromSeed(1));
    const output = apply(op, tensors, example.attributes);
    const outputs: Record<string, Tensor> = { y: output };
    for (const index of output.extraOutputs.keys()) outputs[`y${index + 1}`] = projection(output, index + 1);
    const program = await compile(outputs, tensors, { rewrite: false, optimization: 'disabled' });
    const results = await program.run(feeds);
    for (const [name, tensor] of Object.entries(outputs)) {
      expect({ dims: results[name]?.dims, dtype: results[name]?.dtype }).toEqual({
        dims: tensor.shape,
        dtype: tensor.dtype,
      });
    }
    await program.close();
  });
});

const foldable = cases.filter(({ op }) => op.fold !== undefined);
describe('folding gives what the kernel gives', () => {
  test.each(foldable)('$title', async ({ op, example }) => {
    const { tensors, feeds } = prepare(example, Rng.fromSeed(2));
    const constants = tensors.map((tensor, index) => {
      const value = feeds[`x${index}`] as Value;
      return constant(value.data, value.dims, tensor.dtype);
    });
    const output = apply(op, constants, example.attributes);
    const folded = op.fold?.(constants, example.attributes ?? {});
    if (folded === undefined) return;
    const program = await compile({ y: output }, [], { rewrite: false, optimization: 'disabled' });
    const { y } = await program.run({});
    expectClose(Array.from(folded, Number), Array.from(y?.data ?? [], Number), 1e-6);
    await program.close();
  });
});

const differentiable = cases.filter(({ op }) => op.gradient !== 'none');
describe('gradients are those of finite differences', () => {
  test.each(differentiable)('$title', async ({ op, example }) => {
    const { tensors, feeds, random } = prepare(example, Rng.fromSeed(3));
    const checked = random.filter((index) => !(example.skipGradient ?? []).includes(index));
    const { loss, feedsWithWeights, weights } = weightedLoss(op, example, tensors, feeds);
    const gradients = grad(
      loss,
      checked.map((index) => tensors[index] as Tensor),
    );
    const outputs: Record<string, Tensor> = { loss };
    for (const [i, gradient] of gradients.entries()) outputs[`g${i}`] = gradient;
    for (const useRewrites of [false, true]) {
      const program = await compile(outputs, [...tensors, weights], { rewrite: useRewrites });
      const analytic = await program.run(feedsWithWeights);
      const lossAt = async (): Promise<number> =>
        Number((await program.run(feedsWithWeights, ['loss']))['loss']?.data[0]);
      for (const [i, index] of checked.entries()) {
        const numeric = await finiteDifferences((feedsWithWeights[`x${index}`] as Value).data as Float32Array, lossAt);
        expectClose(Array.from(analytic[`g${i}`]?.data ?? [], Number), numeric, 2e-2);
      }
      await program.close();
    }
  });
});

/** Σ output · random weights, so that every element of the output counts and none cancels. */
function weightedLoss(op: OpRecord, example: OpExample, tensors: readonly Tensor[], feeds: Record<string, Value>) {
  const output = apply(op, tensors, example.attributes);
  const shape = output.shape as readonly number[];
  const rng = Rng.fromSeed(4);
  const weights = input('weights', shape);
  const data = Float32Array.from({ length: elementCount(shape) }, () => 0.5 + rng.uniform());
  return {
    loss: sum(mul(output, weights)),
    weights,
    feedsWithWeights: { ...feeds, weights: floats(data, shape) } as Record<string, Value>,
  };
}

async function finiteDifferences(data: Float32Array, lossAt: () => Promise<number>): Promise<number[]> {
  const step = 1e-2;
  const result: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const original = data[i] as number;
    data[i] = original + step;
    const above = await lossAt();
    data[i] = original - step;
    const below = await lossAt();
    data[i] = original;
    result.push((above - below) / (2 * step));
  }
  return result;
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  for (const [i, value] of actual.entries())
    expect(Math.abs(value - (expected[i] as number)) / scale).toBeLessThan(tolerance);
}
