/** The rules that join what autodiff writes apart: the same numbers with and without them, from fewer nodes. */
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { grad } from '../graph/grad.js';
import { add, mul } from '../graph/ops/arithmetic.js';
import { slice } from '../graph/ops/layout.js';
import { linear } from '../graph/ops/matmul.js';
import { sum } from '../graph/ops/reshape.js';
import { rewrite } from '../graph/rewrite.js';
import { type Tensor, input, inputName, topologicalOrder } from '../graph/tensor.js';
import { compile, floats } from './program.js';

const opNames = (outputs: readonly Tensor[]): string[] => topologicalOrder(outputs).map(({ op }) => op.name);
const countOf = (names: readonly string[], name: string): number => names.filter((other) => other === name).length;

/** Three unequal slices of a linear layer with bias, multiplied with each other in part. */
function slicedLayer() {
  const inputs = [input('x', [2, 5, 3]), input('weight', [8, 3]), input('bias', [8])] as const;
  const [x, weight, bias] = inputs;
  const projected = add(linear(x, weight), bias); // [2, 5, 8]
  const [a, b, c] = [slice(projected, 2, 0, 3), slice(projected, 2, 3, 6), slice(projected, 2, 6, 8)] as const;
  const loss = add(sum(mul(mul(a, a), b)), sum(mul(c, mul(c, c))));
  return { inputs, loss, gradients: grad(loss, inputs) };
}

describe('slices of a linear layer with bias', () => {
  test('are joined in the backward pass, and the bias is added inside the product', () => {
    const { loss, gradients } = slicedLayer();
    const before = opNames([loss, ...gradients]);
    const after = opNames(rewrite([loss, ...gradients]));
    expect([countOf(before, 'pad'), countOf(after, 'pad')]).toEqual([3, 0]);
    expect([countOf(after, 'concat'), countOf(after, 'affine')]).toEqual([1, 1]);
  });

  test('have the gradients they had', async () => {
    const { inputs, loss, gradients } = slicedLayer();
    const rng = Rng.fromSeed(9);
    const feeds = Object.fromEntries(
      inputs.map((tensor) => {
        const shape = tensor.shape as readonly number[];
        const size = shape.reduce((product, dim) => product * dim, 1);
        return [
          inputName(tensor),
          floats(
            Float32Array.from({ length: size }, () => rng.normal()),
            shape,
          ),
        ];
      }),
    );
    const outputs = { loss, x: gradients[0], weight: gradients[1], bias: gradients[2] } as Record<string, Tensor>;
    const named = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [`out:${name}`, tensor]));
    const run = async (withRules: boolean): Promise<number[]> => {
      const program = await compile(named, inputs, { rewrite: withRules, optimization: 'disabled' });
      const results = await program.run(feeds);
      await program.close();
      return Object.keys(named).flatMap((name) => Array.from(results[name]?.data as Float32Array));
    };
    const [plain, joined] = [await run(false), await run(true)];
    expect(joined.length).toBe(plain.length);
    for (const [i, value] of joined.entries()) expect(value).toBeCloseTo(plain[i] as number, 3);
  });
});

test('slices that leave a gap keep their paddings', () => {
  const x = input('x', [4, 6]);
  const loss = add(sum(slice(x, 1, 0, 2)), sum(mul(slice(x, 1, 3, 6), slice(x, 1, 3, 6))));
  const after = opNames(rewrite(grad(loss, [x])));
  expect(countOf(after, 'concat')).toBe(0);
  expect(countOf(after, 'pad')).toBe(2);
});
