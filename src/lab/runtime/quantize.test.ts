/** The rewrite and its kernels: a quantized program computes what the dequantized weights would. */
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { dequantizeMatrix, quantizeMatrix } from '../graph/block-quantization.js';
import { add, scale } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { matmul } from '../graph/ops/matmul.js';
import { transpose } from '../graph/ops/reshape.js';
import { type QuantizationPolicy, createQuantizer } from '../graph/quantize.js';
import { type Tensor, constant, input, topologicalOrder } from '../graph/tensor.js';
import { type Value, compile, floats, integers } from './program.js';

const ROWS = 24;
const policyOf = (bits: 4 | 8, accuracyLevel: 0 | 4 = 0): QuantizationPolicy => ({
  product: () => bits,
  lookup: () => 8,
  accuracyLevel,
});

function gaussian(seed: number, length: number): Float32Array {
  const rng = Rng.fromSeed(seed);
  return Float32Array.from({ length }, () => rng.normal());
}

async function evaluate(output: Tensor, inputs: readonly Tensor[], feeds: Record<string, Value>): Promise<number[]> {
  const program = await compile({ y: output }, inputs);
  const { y } = await program.run(feeds);
  await program.close();
  return Array.from(y?.data as Float32Array);
}

/** The largest difference, relative to the largest expected value. */
function relativeError(actual: readonly number[], expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] as number)))) / largest;
}

const opNames = (outputs: readonly Tensor[]): string[] => topologicalOrder(outputs).map(({ op }) => op.name);

/** One row, a few and many take different kernels. */
const cases = [64, 40].flatMap((columns) => [1, 3, 40].map((time) => ({ columns, time })));

describe.each([4, 8] as const)('%i bits', (bits) => {
  test.each(cases)('[$time, $columns] times a matrix equals the dequantized product', async ({ columns, time }) => {
    const weights = gaussian(1, ROWS * columns);
    const x = input('x', ['time', columns]);
    const feeds = { x: floats(gaussian(2, time * columns), [time, columns]) };
    const restored = dequantizeMatrix(quantizeMatrix(weights, ROWS, columns, bits));
    const productWith = (data: Float32Array): Tensor =>
      matmul(x, constant(data, [ROWS, columns]), { transposeB: true });
    const expected = await evaluate(productWith(restored), [x], feeds);
    const run = async (accuracyLevel: 0 | 4): Promise<number> => {
      const [quantized] = createQuantizer(policyOf(bits, accuracyLevel))([productWith(weights)]);
      expect(opNames([quantized as Tensor])).toContain('matmulNBits');
      return relativeError(await evaluate(quantized as Tensor, [x], feeds), expected);
    };
    expect(await run(0)).toBeLessThan(1e-5);
    // activations in 8 bits: a rounding of 1/254 each, most of which cancels
    expect(await run(4)).toBeLessThan(1e-2);
  });
});

test('transposition, factor and bias are kept', async () => {
  const weights = gaussian(3, 64 * ROWS);
  const x = input('x', [3, 64]);
  const feeds = { x: floats(gaussian(4, 3 * 64), [3, 64]) };
  const bias = constant(gaussian(5, ROWS), [ROWS]);
  const columnsFirst = constant(weights, [64, ROWS]);
  for (const output of [
    add(matmul(x, columnsFirst), bias),
    scale(matmul(x, columnsFirst), 0.25),
    matmul(x, transpose(constant(weights, [ROWS, 64]), [1, 0])),
  ]) {
    const [quantized] = createQuantizer(policyOf(8))([output]) as [Tensor];
    expect(opNames([quantized])).toContain('matmulNBits');
    expect(opNames([quantized])).not.toContain('matmul');
    const [actual, expected] = [await evaluate(quantized, [x], feeds), await evaluate(output, [x], feeds)];
    expect(relativeError(actual, expected)).toBeLessThan(2e-2);
  }
});

test('a table serves lookups and products', async () => {
  const weights = gaussian(6, ROWS * 64);
  const restored = dequantizeMatrix(quantizeMatrix(weights, ROWS, 64, 8));
  const tokens = input('tokens', [5], 'int64');
  const feeds = { tokens: integers([0, 23, 7, 7, 1], [5]) };
  const outputWith = (data: Float32Array): Tensor => {
    const table = constant(data, [ROWS, 64]);
    return matmul(gather(table, tokens), table, { transposeB: true });
  };
  const [quantized] = createQuantizer(policyOf(8))([outputWith(weights)]) as [Tensor];
  expect(opNames([quantized])).toEqual(expect.arrayContaining(['gatherBytes', 'matmulNBits']));
  const expected = await evaluate(outputWith(restored), [tokens], feeds);
  expect(relativeError(await evaluate(quantized, [tokens], feeds), expected)).toBeLessThan(1e-5);
});

test('what the policy leaves, and products of two computed tensors, stay as they are', () => {
  const x = input('x', [4, 64]);
  const weight = constant(gaussian(7, ROWS * 64), [ROWS, 64]);
  const outputs = [matmul(x, weight, { transposeB: true }), matmul(x, x, { transposeB: true })];
  const none = createQuantizer({ product: () => undefined, lookup: () => undefined, accuracyLevel: 4 })(outputs);
  expect(opNames(none).filter((name) => name === 'matmul')).toHaveLength(2);
  const some = createQuantizer(policyOf(4))(outputs);
  expect(opNames(some).filter((name) => name === 'matmul')).toHaveLength(1);
});
