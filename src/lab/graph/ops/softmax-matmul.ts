/** Softmax of scores times values in one op, so that its gradient can be cheaper than those of its two halves. */
import { type OpRecord, type Tensor, apply, projection, shapeError } from '../tensor.js';
import { mul, sub } from './arithmetic.js';
import { matmul } from './matmul.js';
import { sum } from './reshape.js';

export const softmaxMatmulOp: OpRecord = {
  name: 'softmaxMatmul',
  infer([scores, values]) {
    const rank = scores?.shape.length ?? 0;
    const fits =
      rank >= 2 &&
      values?.shape.length === rank &&
      values.shape.slice(0, -1).every((size, axis) => size === scores?.shape[axis === rank - 2 ? rank - 1 : axis]);
    if (scores === undefined || values === undefined || !fits) {
      throw shapeError(
        'softmaxMatmul',
        'scores [..., rows, columns] and values [..., columns, size]',
        ...[scores, values].filter((tensor) => tensor !== undefined),
      );
    }
    const shape = [...scores.shape.slice(0, -1), values.shape[rank - 1] as number];
    return { shape, dtype: 'float32', extraOutputs: [{ shape: scores.shape, dtype: 'float32' }] };
  },
  // dS = P∘(dP − rowsum(dP∘P)), and as dP = dO·Vᵀ, rowsum(dP∘P) = rowsum(dO∘O): a sum over the few columns of O instead of
  // the many of P (Dao et al. 2022, arXiv:2205.14135, appendix B).
  gradient({ inputs: [, values], output, gradient }) {
    const weights = projection(output, 1);
    const forWeights = matmul(gradient, values as Tensor, { transposeB: true });
    const rowSums = sum(mul(gradient, output), [-1], true);
    return [mul(weights, sub(forWeights, rowSums)), matmul(weights, gradient, { transposeA: true })];
  },
  emit(context) {
    const [scores, values] = context.inputs as readonly [string, string];
    const [product, weights] = context.outputs as readonly [string, string];
    context.node('Softmax', [scores], { outputs: [weights], attributes: { axis: -1 } });
    context.node('MatMul', [weights, values], { outputs: [product] });
  },
  examples: [
    {
      inputs: [
        [3, 4],
        [4, 2],
      ],
    },
    {
      inputs: [
        [2, 3, 5],
        [2, 5, 4],
      ],
    },
  ],
};

/** `softmax(scores) · values`. @param scores `[..., rows, columns]` @param values `[..., columns, size]` */
export function softmaxMatmul(scores: Tensor, values: Tensor): Tensor {
  return apply(softmaxMatmulOp, [scores, values]);
}
