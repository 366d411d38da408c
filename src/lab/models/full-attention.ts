/**
 * Scaled dot-product attention (Vaswani et al. 2017) that sees every position its bias lets it see: what encoders and
 * the cross attention of encoder–decoders use. Knows no architecture; `attention.ts` has the causal forms.
 */
import type { Dim } from '../graph/dims.js';
import { add, scale, sub } from '../graph/ops/arithmetic.js';
import { concat, slice, sliceFrom } from '../graph/ops/layout.js';
import { matmul } from '../graph/ops/matmul.js';
import { softmax } from '../graph/ops/normalize.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import { type Tensor, constant, scalar } from '../graph/tensor.js';
import { type CacheLayer, sizeAt } from './model.js';

/** Far below any score: softmax turns it into exactly 0. */
const HIDDEN = 1e9;

export interface FullAttention {
  /** `[batch, heads, time, headSize]`. */
  readonly queries: Tensor;
  /** `[batch, heads, keyTime, headSize]`, as are the values. */
  readonly keys: Tensor;
  readonly values: Tensor;
  /** Added to the scores; each broadcasts to `[batch, heads, time, keyTime]`. */
  readonly biases: readonly Tensor[];
  /** Multiplies the scores: 1/√headSize, or 1 where the weights were scaled instead. */
  readonly scoreFactor: number;
  /** What happens to the weights after the softmax: dropout. */
  readonly drop: (weights: Tensor) => Tensor;
}

/** @returns `[batch, heads, time, headSize]` */
export function fullAttention({ queries, keys, values, biases, scoreFactor, drop }: FullAttention): Tensor {
  const scores = matmul(queries, keys, { transposeB: true, alpha: scoreFactor }); // [batch, heads, time, keyTime]
  return matmul(drop(softmax(biases.reduce(add, scores))), values);
}

/** `[batch, time]` of 1 (a token) and 0 (padding) as a bias `[batch, 1, 1, time]` that hides the padding. */
export function paddingBias(mask: Tensor): Tensor {
  const [batch, time] = mask.shape as readonly [Dim, Dim];
  return reshape(scale(sub(mask, scalar(1)), HIDDEN), [batch, 1, 1, time]);
}

/** `[batch, time, heads · headSize]` → `[batch, heads, time, headSize]`. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, time, width] = x.shape as readonly [Dim, Dim, number];
  return transpose(reshape(x, [batch, time, heads, width / heads]), [0, 2, 1, 3]);
}

/** The inverse of `splitHeads`. */
export function joinHeads(x: Tensor): Tensor {
  const [batch, heads, time, size] = x.shape as readonly [Dim, number, Dim, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, time, heads * size]);
}

/** `[time, time]`: 0 where the row may see the column, far below any score where the column comes later. */
export function causalBias(time: number): Tensor {
  const data = new Float32Array(time * time);
  for (let row = 0; row < time; row++) data.fill(-HIDDEN, row * time + row + 1, (row + 1) * time);
  return constant(data, [time, time]);
}

export interface StepAttention {
  /** `[batch, heads, 1, headSize]`. */
  readonly queries: Tensor;
  /** `[batch, heads, past, headSize]`. */
  readonly past: CacheLayer;
  /** `[batch, heads, 1, headSize]`: the new token's. */
  readonly own: CacheLayer;
  /** Broadcasts to `[batch, heads, 1, past]`. */
  readonly pastBias: Tensor;
  /** Broadcasts to `[batch, heads, 1, 1]`. */
  readonly ownBias: Tensor;
  readonly scoreFactor: number;
}

/** One new token over its cache: past and new row meet in the softmax, so that the cache is never copied. */
export function stepAttention({ queries, past, own, pastBias, ownBias, scoreFactor }: StepAttention): Tensor {
  const options = { transposeB: true, alpha: scoreFactor };
  const pastScores = add(matmul(queries, past.keys, options), pastBias);
  const ownScores = add(matmul(queries, own.keys, options), ownBias);
  const weights = softmax(concat([ownScores, pastScores], -1)); // [batch, heads, 1, 1 + past]
  const seen = matmul(sliceFrom(weights, -1, 1, sizeAt(past.keys.shape, 2)), past.values);
  return add(seen, matmul(slice(weights, -1, 0, 1), own.values));
}
