/**
 * What a token may see, as tensors added to attention scores: the past, its own document, and with a sliding window
 * (Beltagy et al. 2020) only the last `window` tokens, itself among them.
 */
import type { Dim } from '../graph/dims.js';
import { add, equal, greater, where } from '../graph/ops/arithmetic.js';
import { columnsOf } from '../graph/ops/indexing.js';
import { reshape } from '../graph/ops/reshape.js';
import { type Tensor, constant, scalar } from '../graph/tensor.js';
import type { PrefillMasks } from './attention.js';
import type { StepInputs } from './model.js';

/** A score that softmax turns into exactly 0, yet far from overflow. */
const MASKED = -1e9;

/** One mask for each window, made once however many layers share it. @param window undefined for no limit */
export type MaskFor<Mask> = (window: number | undefined) => Mask;

function once<Mask>(make: MaskFor<Mask>): MaskFor<Mask> {
  const made = new Map<number | undefined, Mask>();
  return (window) => {
    const mask = made.get(window) ?? make(window);
    made.set(window, mask);
    return mask;
  };
}

/**
 * For whole sequences: `[time, time]`, or `[batch, 1, 1, time, time]` with segments.
 * @param segments `[batch, time]` int64: tokens see those of their own segment only
 */
export function sequenceMasks(time: number, segments?: Tensor): MaskFor<Tensor> {
  const masks = once((window) => withinSegments(causalMask(time, window ?? time), segments));
  return (window) => masks(window === undefined || window >= time ? undefined : window);
}

/** For one new token a sequence: `[batch, 1, 1, past]`. Row r of the cache holds position r. */
export function decodeMasks({ positions, pastMask }: StepInputs): MaskFor<Tensor> {
  const [batch] = positions.shape as readonly [Dim, Dim];
  return once((window) => {
    if (window === undefined) return pastMask;
    const row = reshape(positions, [batch, 1, 1, 1]);
    return where(greater(add(columnsOf(pastMask), integer(window)), row), pastMask, scalar(MASKED));
  });
}

/** For many tokens of one sequence. @param causal `[time, time]` */
export function prefillMasks({ positions, pastMask }: StepInputs, causal: Tensor): MaskFor<PrefillMasks> {
  const [, time] = positions.shape as readonly [Dim, Dim];
  const row = reshape(positions, [time, 1]);
  return once((window) => {
    if (window === undefined) return { past: pastMask, recent: causal };
    const inReach = (column: Tensor): Tensor => greater(add(column, integer(window)), row); // [time, columns]
    return {
      past: where(inReach(columnsOf(pastMask)), pastMask, scalar(MASKED)), // [1, 1, time, past]
      recent: where(inReach(positions), causal, scalar(MASKED)), // [time, time]
    };
  });
}

const integer = (value: number): Tensor => constant(BigInt64Array.of(BigInt(value)), [1], 'int64');

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

/** 0 where the column is the row's own or one of the `window − 1` before it, `MASKED` elsewhere. */
function causalMask(time: number, window: number): Tensor {
  const data = new Float32Array(time * time).fill(MASKED);
  for (let row = 0; row < time; row++) data.fill(0, row * time + Math.max(0, row + 1 - window), row * time + row + 1);
  return constant(data, [time, time]);
}
