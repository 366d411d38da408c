/**
 * Scaled dot-product attention (Vaswani et al. 2017) with grouped key-value heads (Ainslie et al. 2023), in the three
 * forms a decoder needs. Queries `[batch, keyValueHeads, group, time, headSize]`, keys and values
 * `[batch, keyValueHeads, time, headSize]`; the result has the shape of the queries. Masks are added to the scores.
 */
import { type Dim, productOf, sumOf } from '../graph/dims.js';
import { add, scale, tanh } from '../graph/ops/arithmetic.js';
import { concat, slice, sliceFrom } from '../graph/ops/layout.js';
import { matmul } from '../graph/ops/matmul.js';
import { softmax } from '../graph/ops/normalize.js';
import { reshape } from '../graph/ops/reshape.js';
import { softmaxMatmul } from '../graph/ops/softmax-matmul.js';
import type { Tensor } from '../graph/tensor.js';
import { type CacheLayer, sizeAt } from './model.js';

/** How scores are made from queries and keys. */
export interface Scoring {
  /** Multiplies the products. */
  readonly factor: number;
  /** Bends scores into (−cap, cap) by cap · tanh(score ÷ cap), before the mask (Gemma 2). */
  readonly cap?: number | undefined;
}

interface QueryShape {
  readonly batch: Dim;
  readonly heads: Dim;
  readonly group: Dim;
  readonly time: Dim;
  readonly size: Dim;
}

function shapeOf(queries: Tensor): QueryShape {
  const [batch, heads, group, time, size] = queries.shape as readonly [Dim, Dim, Dim, Dim, Dim];
  return { batch, heads, group, time, size };
}

/** Group and time as the rows of one matrix: the group then shares a product, and no key is repeated. */
function mergeRows(tensor: Tensor): Tensor {
  const [batch, heads, group, time, size] = tensor.shape as readonly [Dim, Dim, Dim, Dim, Dim];
  return reshape(tensor, [batch, heads, productOf([group, time]), size]);
}

function scoresOf(rows: Tensor, keys: Tensor, { factor, cap }: Scoring): Tensor {
  if (cap === undefined) return matmul(rows, keys, { transposeB: true, alpha: factor });
  return scale(tanh(matmul(rows, keys, { transposeB: true, alpha: factor / cap })), cap);
}

/**
 * For training: every token sees what the mask lets it see.
 * @param mask `[time, time]` or `[batch, 1, 1, time, time]`
 * @param drop applied to the weights (Srivastava et al. 2014)
 */
export function sequenceAttention(
  queries: Tensor,
  { keys, values }: CacheLayer,
  mask: Tensor,
  scoring: Scoring,
  drop: (weights: Tensor) => Tensor,
): Tensor {
  const { batch, heads, group, time } = shapeOf(queries);
  const scores = scoresOf(mergeRows(queries), keys, scoring); // [batch, heads, group·time, time]
  const masked = mergeRows(add(reshape(scores, [batch, heads, group, time, time]), mask));
  const weights = softmax(masked);
  const kept = drop(weights);
  return reshape(kept === weights ? softmaxMatmul(masked, values) : matmul(kept, values), queries.shape);
}

/** One new token a sequence over its cache: the past and the new row meet in the softmax, and the cache is never copied. */
export function decodeAttention(
  queries: Tensor,
  past: CacheLayer,
  recent: CacheLayer,
  pastMask: Tensor,
  scoring: Scoring,
): Tensor {
  const rows = mergeRows(queries); // [batch, heads, group, headSize]
  const pastScores = add(scoresOf(rows, past.keys, scoring), pastMask);
  const weights = softmax(concat([scoresOf(rows, recent.keys, scoring), pastScores], -1)); // [..., 1 + past]
  const seen = matmul(sliceFrom(weights, -1, 1, sizeAt(past.keys.shape, 2)), past.values);
  return reshape(add(seen, matmul(slice(weights, -1, 0, 1), recent.values)), queries.shape);
}

/** The masks of many tokens of one sequence: towards its cache, `[1, 1, 1, 1 or time, past]`, and each other, `[time, time]`. */
export interface PrefillMasks {
  readonly past: Tensor;
  readonly recent: Tensor;
}

/** Many new tokens of one sequence over its cache. */
export function prefillAttention(
  queries: Tensor,
  past: CacheLayer,
  recent: CacheLayer,
  masks: PrefillMasks,
  scoring: Scoring,
): Tensor {
  const { batch, heads, time, size } = shapeOf(queries);
  const wide = (tensor: Tensor, length: Dim): Tensor => reshape(tensor, [batch, heads, 1, length, size]);
  const pastLength = sizeAt(past.keys.shape, 2);
  const pastScores = add(scoresOf(queries, wide(past.keys, pastLength), scoring), masks.past);
  const ownScores = add(scoresOf(queries, wide(recent.keys, time), scoring), masks.recent);
  const weights = softmax(concat([pastScores, ownScores], -1)); // [batch, heads, group, time, past + time]
  const rows = concat([past.values, recent.values], 2);
  return matmul(weights, wide(rows, sumOf(pastLength, time)));
}
