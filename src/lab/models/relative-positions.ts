/**
 * Relative positions in buckets (Raffel et al. 2020, §2.1): near distances have a bucket each, far ones share
 * logarithmic ones, everything beyond `maxDistance` the last.
 */
import type { Dim } from '../graph/dims.js';
import { add, sub } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import { type Tensor, constant } from '../graph/tensor.js';

export interface BucketRule {
  /** How many buckets there are. */
  readonly buckets: number;
  readonly maxDistance: number;
  /** False in a decoder: what comes later is not seen, so all buckets are for the past. */
  readonly bothWays: boolean;
}

/** The bucket of a key that stands `distance` places after its query (before it when negative). */
export function bucketOf(distance: number, { buckets, maxDistance, bothWays }: BucketRule): number {
  const available = bothWays ? buckets >> 1 : buckets;
  const offset = bothWays && distance > 0 ? available : 0;
  const far = bothWays ? Math.abs(distance) : Math.max(0, -distance);
  const exact = available >> 1;
  if (far < exact) return offset + far;
  // float32 as in the reference: in double precision a distance on the border may fall into its neighbour
  const place = Math.fround(
    Math.fround(Math.fround(Math.log(Math.fround(far / exact))) / Math.log(maxDistance / exact)) * (available - exact),
  );
  return offset + Math.min(available - 1, exact + Math.trunc(place));
}

/**
 * The bias of each head for known sizes.
 * @param table `[buckets, heads]` @returns `[1, heads, time, keyTime]`
 */
export function staticBias(table: Tensor, time: number, keyTime: number, rule: BucketRule): Tensor {
  const buckets = BigInt64Array.from({ length: time * keyTime }, (_, i) =>
    BigInt(bucketOf((i % keyTime) - Math.floor(i / keyTime), rule)),
  );
  return headsFirst(gather(table, constant(buckets, [time, keyTime], 'int64')));
}

/**
 * The same where positions are known only when the program runs.
 * @param limit no distance is larger
 * @param queryPositions `[time]` int64 @param keyPositions `[keyTime]` int64
 */
export function runtimeBias(
  table: Tensor,
  queryPositions: Tensor,
  keyPositions: Tensor,
  rule: BucketRule,
  limit: number,
): Tensor {
  const buckets = BigInt64Array.from({ length: 2 * limit + 1 }, (_, i) => BigInt(bucketOf(i - limit, rule)));
  const column = reshape(queryPositions, [queryPositions.shape[0] as Dim, 1]);
  const middle = constant(BigInt64Array.of(BigInt(limit)), [1], 'int64');
  const distances = add(sub(keyPositions, column), middle); // [time, keyTime]
  return headsFirst(gather(table, gather(constant(buckets, [2 * limit + 1], 'int64'), distances)));
}

/** `[time, keyTime, heads]` → `[1, heads, time, keyTime]`. */
function headsFirst(bias: Tensor): Tensor {
  const [time, keyTime, heads] = bias.shape as readonly [Dim, Dim, Dim];
  return reshape(transpose(bias, [2, 0, 1]), [1, heads, time, keyTime]);
}
