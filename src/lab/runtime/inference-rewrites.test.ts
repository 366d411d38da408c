/** The rewrites of inference programs: fewer kernels, the same numbers. */
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { quantizeMatrix } from '../graph/block-quantization.js';
import { fuseResiduals } from '../graph/fuse-residuals.js';
import { createInferenceRules } from '../graph/inference-rules.js';
import { joinProducts } from '../graph/join-products.js';
import { add, mul } from '../graph/ops/arithmetic.js';
import { slice } from '../graph/ops/layout.js';
import { matmul } from '../graph/ops/matmul.js';
import { rmsNorm } from '../graph/ops/normalize.js';
import { matmulNBits } from '../graph/ops/quantized.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import { rotary, rotaryTables } from '../graph/ops/rotary.js';
import { rewrite } from '../graph/rewrite.js';
import { type Tensor, constant, input, projection, topologicalOrder } from '../graph/tensor.js';
import { type Value, compile, floats, integers } from './program.js';

const WIDTH = 64;
const SHAPE = [2, 1, WIDTH] as const;

function gaussian(seed: number, length: number): Float32Array {
  const rng = Rng.fromSeed(seed);
  return Float32Array.from({ length }, () => rng.normal());
}

const named = (outputs: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(outputs.map((tensor, index) => [`y${index}`, tensor]));

async function evaluate(outputs: readonly Tensor[], inputs: readonly Tensor[], feeds: Record<string, Value>) {
  const program = await compile(named(outputs), inputs, { rewrite: false, optimization: 'disabled' });
  const results = await program.run(feeds);
  await program.close();
  return outputs.map((_, index) => Array.from(results[`y${index}`]?.data as Float32Array));
}

const countOf = (outputs: readonly Tensor[], name: string): number =>
  topologicalOrder(outputs).filter(({ op }) => op.name === name).length;

const x = input('x', SHAPE);
const other = input('other', SHAPE);
const feeds = { x: floats(gaussian(1, 2 * WIDTH), SHAPE), other: floats(gaussian(2, 2 * WIDTH), SHAPE) };

function layer(from: Tensor, seed: number, rows: number, bits: 4 | 8 = 4): Tensor {
  const { packed, scales } = quantizeMatrix(gaussian(seed, rows * WIDTH), rows, WIDTH, bits);
  return matmulNBits(
    from,
    constant(packed, [rows, WIDTH / 32, 4 * bits], 'uint8'),
    constant(scales, [rows, WIDTH / 32]),
    { bits, innerSize: WIDTH, accuracyLevel: 0 },
  );
}

test('products of one input with matrices of the same kind become one', async () => {
  const products = [layer(x, 3, 64), layer(x, 4, 32), layer(x, 5, 64), layer(x, 6, 32, 8), layer(other, 7, 32)];
  // One more that depends on the others, so that groups follow upon groups.
  const hidden = mul(products[0] as Tensor, products[2] as Tensor);
  const outputs = [...products, layer(hidden, 8, 32), layer(hidden, 9, 32)];
  const joined = joinProducts(outputs);
  expect(countOf(outputs, 'matmulNBits')).toBe(7);
  expect(countOf(joined, 'matmulNBits')).toBe(4);
  expect(await evaluate(joined, [x, other], feeds)).toEqual(await evaluate(outputs, [x, other], feeds));
});

test('products whose matrix is fed stay apart', () => {
  const packed = input('packed', [32, 2, 16], 'uint8');
  const scales = input('scales', [32, 2]);
  const options = { bits: 4, innerSize: WIDTH, accuracyLevel: 0 } as const;
  const outputs = [layer(x, 3, 32), matmulNBits(x, packed, scales, options)];
  expect(joinProducts(outputs)).toEqual(outputs);
});

test('a residual stream is summed and normalised in one kernel a block', async () => {
  const weights = [10, 11].map((seed) => constant(gaussian(seed, WIDTH), [WIDTH])) as [Tensor, Tensor];
  const first = add(x, other);
  const normed = rmsNorm(first, weights[0], 1e-5);
  const second = add(first, mul(normed, normed));
  const outputs = [rmsNorm(second, weights[1], 1e-5), second];
  const fused = fuseResiduals(outputs);
  expect([countOf(fused, 'addRmsNorm'), countOf(fused, 'rmsNorm'), countOf(fused, 'add')]).toEqual([2, 0, 0]);
  const [actual, expected] = [await evaluate(fused, [x, other], feeds), await evaluate(outputs, [x, other], feeds)];
  for (const [index, values] of expected.entries()) {
    for (const [i, value] of values.entries()) expect(actual[index]?.[i]).toBeCloseTo(value, 4);
  }
});

describe('attention of one row', () => {
  const HEADS = 2;
  const tables = rotaryTables(4, Float32Array.of(1, 0.5, 0.25, 0.125, 0.1, 0.05, 0.02, 0.01));
  const past = input('past', [2, HEADS, 'past', 16]);
  const positions = input('positions', [2, 1], 'int64');
  const allFeeds = {
    ...feeds,
    past: floats(gaussian(13, 2 * HEADS * 5 * 16), [2, HEADS, 5, 16]),
    positions: integers([3, 1], [2, 1]),
  };
  const queriesOf = (project: (from: Tensor) => Tensor): Tensor => {
    const turned = rotary(
      project(x),
      positions,
      constant(tables.cosines, [4, 8]),
      constant(tables.sines, [4, 8]),
      HEADS,
    );
    return transpose(reshape(turned, [2, 1, HEADS, 16]), [0, 2, 1, 3]); // [batch, heads, 1, headSize]
  };
  const gain = constant(gaussian(14, 32), [32]);
  const dense = constant(gaussian(15, 32 * WIDTH), [32, WIDTH]);
  const makers = {
    'a quantized matrix': (from: Tensor) => layer(from, 16, 32),
    'a float32 matrix': (from: Tensor) => matmul(from, dense, { transposeB: true }),
    'a norm': (from: Tensor) => rmsNorm(layer(from, 16, 32), gain, 1e-5),
  };

  test.each(Object.entries(makers))('takes the factor of its scores into %s', async (_name, project) => {
    const queries = queriesOf(project);
    const options = { transposeB: true, alpha: 0.25 };
    const outputs = [matmul(queries, past, options), matmul(queries, queries, options)];
    const optimized = rewrite(outputs, createInferenceRules());
    const factors = topologicalOrder(optimized).map(({ attributes }) => attributes['alpha'] ?? 1);
    expect(new Set(factors)).toEqual(new Set([1]));
    // two products in place of two: what feeds them is shared; the second output's other side keeps its own copy
    expect(countOf(optimized, 'rotary')).toBe(2);
    const inputs = [x, past, positions];
    const [actual, expected] = [
      (await evaluate(optimized, inputs, allFeeds)).flat(),
      (await evaluate(outputs, inputs, allFeeds)).flat(),
    ];
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of expected.entries())
      expect(Math.abs((actual[i] as number) - value)).toBeLessThan(1e-5 * largest);
  });

  test('multiplies where a product would sum over one element', async () => {
    const column = reshape(slice(x, -1, 0, 1), [2, 1, 1]);
    const outputs = [matmul(column, other)];
    const optimized = rewrite(outputs, createInferenceRules());
    expect([countOf(optimized, 'matmul'), countOf(optimized, 'mul')]).toEqual([0, 1]);
    expect(await evaluate(optimized, [x, other], feeds)).toEqual(await evaluate(outputs, [x, other], feeds));
  });

  test('keeps the factor of several rows, and of a row that is fed', () => {
    const rows = input('rows', [2, HEADS, 3, 16]);
    const fed = input('fed', [2, HEADS, 1, 16]);
    const outputs = [rows, fed].map((from) => matmul(from, past, { transposeB: true, alpha: 0.25 }));
    expect(rewrite(outputs, createInferenceRules())).toEqual(outputs);
  });
});

test('sums that are broadcast, norms whose statistics are read, and weights that are computed stay as they are', () => {
  const weight = constant(gaussian(12, WIDTH), [WIDTH]);
  const sum = add(x, other);
  const withStatistics = rmsNorm(sum, weight, 1e-5);
  const kept = [
    [rmsNorm(add(x, weight), weight, 1e-5)],
    [withStatistics, projection(withStatistics, 1)],
    [rmsNorm(sum, add(weight, weight), 1e-5)],
  ];
  for (const outputs of kept) expect(fuseResiduals(outputs)).toEqual(outputs);
});
