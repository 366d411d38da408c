/**
 * Scaled dot-product attention (Vaswani et al. 2017) with grouped key-value heads (Ainslie et al. 2023), in the three
 * forms a decoder needs. Queries `[batch, keyValueHeads, group, time, headSize]`, keys and values
 * `[batch, keyValueHeads, time, headSize]`; the result has the shape of the queries.
 */
import { type Dim, productOf, sumOf } from '../graph/dims.js';
import { add, equal, where } from '../graph/ops/arithmetic.js';
import { concat, slice, sliceFrom } from '../graph/ops/layout.js';
import { matmul } from '../graph/ops/matmul.js';
import { softmax } from '../graph/ops/normalize.js';
import { reshape } from '../graph/ops/reshape.js';
import { type Tensor, constant, scalar } from '../graph/tensor.js';
import { type CacheLayer, sizeAt } from './model.js';

/** A score that softmax turns into exactly 0, yet far from overflow. */
const MASKED = -1e9;

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

function scoreFactor(queries: Tensor): number {
  return 1 / Math.sqrt(Number(sizeAt(queries.shape, -1)));
}

/**
 * For training: every token sees itself and what came before, all sizes known.
 * @param segments `[batch, time]` int64: tokens see those of their own segment only
 */
export function causalAttention(queries: Tensor, keys: Tensor, values: Tensor, segments?: Tensor): Tensor {
  const { batch, heads, group, time } = shapeOf(queries);
  const rows = mergeRows(queries);
  const scores = matmul(rows, keys, { transposeB: true, alpha: scoreFactor(queries) }); // [batch, heads, group·time, time]
  const mask = causalMask(Number(time));
  const masked = add(reshape(scores, [batch, heads, group, time, time]), withinSegments(mask, segments));
  const weights = mergeRows(softmax(masked));
  return reshape(matmul(weights, values), queries.shape);
}

/** One new token a sequence over its cache: the past and the new row meet in the softmax, and the cache is never copied. */
export function decodeAttention(queries: Tensor, past: CacheLayer, recent: CacheLayer, pastMask: Tensor): Tensor {
  const options = { transposeB: true, alpha: scoreFactor(queries) };
  const rows = mergeRows(queries); // [batch, heads, group, headSize]
  const pastScores = add(matmul(rows, past.keys, options), pastMask);
  const weights = softmax(concat([matmul(rows, recent.keys, options), pastScores], -1)); // [..., 1 + past]
  const seen = matmul(sliceFrom(weights, -1, 1, sizeAt(past.keys.shape, 2)), past.values);
  return reshape(add(seen, matmul(slice(weights, -1, 0, 1), recent.values)), queries.shape);
}

/** Many new tokens of one sequence over its cache, causal among themselves; `causal` is `[time, time]`. */
export function prefillAttention(
  queries: Tensor,
  past: CacheLayer,
  recent: CacheLayer,
  pastMask: Tensor,
  causal: Tensor,
): Tensor {
  const { batch, heads, time, size } = shapeOf(queries);
  const wide = (tensor: Tensor, length: Dim): Tensor => reshape(tensor, [batch, heads, 1, length, size]);
  const pastLength = sizeAt(past.keys.shape, 2);
  const options = { transposeB: true, alpha: scoreFactor(queries) };
  const pastScores = add(matmul(queries, wide(past.keys, pastLength), options), pastMask);
  const ownScores = add(matmul(queries, wide(recent.keys, time), options), causal);
  const weights = softmax(concat([pastScores, ownScores], -1)); // [batch, heads, group, time, past + time]
  const rows = concat([past.values, recent.values], 2);
  return matmul(weights, wide(rows, sumOf(pastLength, time)));
}

/** `[time, time]`, or `[batch, 1, 1, time, time]` with segments: `mask` where row and column are of one segment. */
function withinSegments(mask: Tensor, segments: Tensor | undefined): Tensor {
  if (segments === undefined) return mask;
  const [batch, time] = segments.shape as readonly [Dim, Dim];
  const together = equal(reshape(segments, [batch, 1, 1, time, 1]), reshape(segments, [batch, 1, 1, 1, time]));
  return where(together, mask, scalar(MASKED));
}

/** Each row of a batch counts its tokens from 0: `[batch, time]` int64. */
export function positionsFromZero(batch: number, time: number): Tensor {
  const data = BigInt64Array.from({ length: batch * time }, (_, i) => BigInt(i % time));
  return constant(data, [batch, time], 'int64');
}

/** 0 where the column is not after the row, `MASKED` where it is. */
function causalMask(time: number): Tensor {
  const data = new Float32Array(time * time);
  for (let row = 0; row < time; row++) data.fill(MASKED, row * time + row + 1, (row + 1) * time);
  return constant(data, [time, time]);
}
