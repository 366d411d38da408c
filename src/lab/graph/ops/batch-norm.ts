import { type Dim, isStatic } from '../dims.js';
import { type OpRecord, type Tensor, apply, projection, shapeError } from '../tensor.js';
import { add, mul, scale, sub } from './arithmetic.js';
import { reshape, sum } from './reshape.js';

const OVER = [0, 2, 3] as const;

/**
 * Batch normalisation (Ioffe & Szegedy 2015) of images `[batch, channels, height, width]` with the statistics of the
 * batch itself: (x − mean) / √(variance + ε) · weight + bias, a channel at a time. The further outputs are the channels'
 * means, 1/√(variance + ε) and variances, `[1, channels, 1, 1]`.
 */
export const batchNormOp: OpRecord = {
  name: 'batchNorm',
  infer([x, weight, bias]) {
    const channels = x?.shape[1];
    const fits = [weight, bias].every((vector) => vector?.shape.length === 1 && vector.shape[0] === channels);
    if (x?.shape.length !== 4 || channels === undefined || !fits) {
      throw shapeError('batchNorm', 'an image, and a weight and bias a channel', ...(x === undefined ? [] : [x]));
    }
    const statistics = { shape: [1, channels, 1, 1], dtype: 'float32' } as const;
    return { shape: x.shape, dtype: 'float32', extraOutputs: [statistics, statistics, statistics] };
  },
  // As a layer's: with x̂ the normalised input, dx = r·(g·w − mean(g·w) − x̂·mean(g·w·x̂)), means over batch and pixels.
  // sums over batch and pixels are the gradients of weight and bias; divided by their count they are the means
  gradient({ inputs: [x, weight], output, gradient }) {
    const inverse = projection(output, 2);
    const normalized = mul(sub(x as Tensor, projection(output, 1)), inverse);
    const channels = (weight as Tensor).shape[0] as Dim;
    const weighted = mul(gradient, normalized);
    const [total, correlation] = [sum(gradient, OVER, true), sum(weighted, OVER, true)];
    const average = meanFrom(total, gradient);
    const slope = meanFrom(correlation, weighted);
    const scaled = mul(inverse, reshape(weight as Tensor, [1, channels, 1, 1]));
    return [
      mul(sub(sub(gradient, average), mul(normalized, slope)), scaled),
      reshape(correlation, [channels]),
      reshape(total, [channels]),
    ];
  },
  emit(context) {
    const [x, weight, bias] = context.inputs as readonly [string, string, string];
    const [y, means, inverse, variance] = context.outputs as readonly [string, string, string, string];
    const over = context.int64(OVER);
    context.node('ReduceMean', [x, over], { outputs: [means], attributes: { keepdims: 1 } });
    const centred = context.node('Sub', [x, means]);
    context.node('ReduceMean', [context.node('Mul', [centred, centred]), over], {
      outputs: [variance],
      attributes: { keepdims: 1 },
    });
    const padded = context.node('Add', [variance, context.scalar(context.attributes['epsilon'] as number)]);
    context.node('Reciprocal', [context.node('Sqrt', [padded])], { outputs: [inverse] });
    const asChannels = context.int64([1, -1, 1, 1]);
    const gain = context.node('Mul', [inverse, context.node('Reshape', [weight, asChannels])]);
    const product = context.node('Mul', [centred, gain]);
    context.node('Add', [product, context.node('Reshape', [bias, asChannels])], { outputs: [y] });
  },
  examples: [{ inputs: [[3, 2, 2, 3], [2], [2]], attributes: { epsilon: 1e-5 } }],
};

/** The mean of what was summed already, where its count is known. */
function meanFrom(total: Tensor, { shape }: Tensor): Tensor {
  const [batch, , height, width] = shape;
  const sizes = [batch, height, width];
  if (!isStatic(sizes as Dim[])) throw new Error('batch normalisation learns from batches of a known size');
  return scale(total, 1 / sizes.reduce<number>((product, size) => product * (size as number), 1));
}

export interface BatchStatistics {
  readonly output: Tensor;
  /** `[channels]`, of this batch. */
  readonly mean: Tensor;
  /** `[channels]`, of this batch, divided by n (not n − 1). */
  readonly variance: Tensor;
}

/** Normalises with the statistics of the batch, and tells them. @param x `[batch, channels, height, width]` */
export function batchNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): BatchStatistics {
  const output = apply(batchNormOp, [x, weight, bias], { epsilon });
  const channels = [weight.shape[0] as Dim];
  return {
    output,
    mean: reshape(projection(output, 1), channels),
    variance: reshape(projection(output, 3), channels),
  };
}

/** Normalises with statistics known before. @param mean, variance `[channels]` */
export function fixedBatchNorm(
  x: Tensor,
  { weight, bias, average, inverse }: Readonly<Record<'weight' | 'bias' | 'average' | 'inverse', Tensor>>,
): Tensor {
  const channels = (vector: Tensor): Tensor => reshape(vector, [1, vector.shape[0] as Dim, 1, 1]);
  const gain = channels(mul(weight, inverse));
  return add(mul(sub(x, channels(average)), gain), channels(bias));
}
