/**
 * Pairs of token sequences in batches of like length: a program has fixed sizes, so there are a few of them, and each
 * pair goes to the shortest that holds it. Knows token ids, not text.
 */
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';
import { type Value, floats, integers } from '../runtime/program.js';
import type { PairShape } from './translation-objective.js';

export interface TokenPair {
  /** Both end with the end token. */
  readonly source: readonly number[];
  readonly target: readonly number[];
}

/** Lengths are multiples of this. */
const LENGTH_STEP = 8;
/** Where the sorted lengths are cut: half of the pairs are short, and the longest few do not widen the rest. */
const QUANTILES = [0.5, 0.85, 1];

const lengthOf = ({ source, target }: TokenPair): number => Math.max(source.length, target.length);

/**
 * At most three shapes of about `tokensPerBatch` source tokens each, shortest first.
 * @param maxLength longer pairs are left out
 * @throws MoatError `corpus-too-small` when no pair fits
 */
export function choosePairShapes(
  pairs: readonly TokenPair[],
  { tokensPerBatch, maxLength }: { readonly tokensPerBatch: number; readonly maxLength: number },
): PairShape[] {
  const lengths = pairs.map(lengthOf).filter((length) => length <= maxLength);
  if (lengths.length === 0) {
    throw new MoatError('corpus-too-small', `none of ${pairs.length} pairs has at most ${maxLength} tokens a side`, {
      fix: 'Add pairs, or cut long ones into sentences.',
    });
  }
  lengths.sort((a, b) => a - b);
  const cuts = QUANTILES.map((quantile) => {
    const length = lengths[Math.ceil(quantile * lengths.length) - 1] as number;
    return Math.ceil(length / LENGTH_STEP) * LENGTH_STEP;
  });
  return [...new Set(cuts)].map((length) => ({ length, batchSize: Math.max(1, Math.floor(tokensPerBatch / length)) }));
}

export interface PairBatch {
  readonly shape: PairShape;
  /** At most `shape.batchSize`. */
  readonly pairs: readonly TokenPair[];
}

/** Every pair that fits once, in shuffled batches. @param seed another for each epoch */
export function pairBatches(pairs: readonly TokenPair[], shapes: readonly PairShape[], seed: number): PairBatch[] {
  const rng = Rng.fromSeed(seed);
  const groups = new Map<PairShape, TokenPair[]>(shapes.map((shape) => [shape, []]));
  for (const pair of rng.shuffle([...pairs])) {
    const shape = shapes.find(({ length }) => lengthOf(pair) <= length);
    if (shape !== undefined) groups.get(shape)?.push(pair);
  }
  const batches = [...groups].flatMap(([shape, members]) => {
    const count = Math.ceil(members.length / shape.batchSize);
    return Array.from({ length: count }, (_, i) => ({
      shape,
      pairs: members.slice(i * shape.batchSize, (i + 1) * shape.batchSize),
    }));
  });
  return rng.shuffle(batches);
}

/** Tokens that `loss` counts: those of all targets. */
export const targetTokens = ({ pairs }: PairBatch): number =>
  pairs.reduce((total, { target }) => total + target.length, 0);

/**
 * What `translationObjective` is fed. Empty rows and the rest of each row are padding: hidden from attention by
 * `sourceMask`, left out of the loss by `weights`.
 * @param special the token before the first of a target, and padding
 */
export function pairFeeds(
  batch: PairBatch,
  { startToken, padToken }: { readonly startToken: number; readonly padToken: number },
): Record<string, Value> {
  const { batchSize, length } = batch.shape;
  const count = batchSize * length;
  const source = new Int32Array(count).fill(padToken);
  const shifted = new Int32Array(count).fill(padToken);
  const targets = new Int32Array(count).fill(padToken);
  const sourceMask = new Float32Array(count);
  const weights = new Float32Array(count);
  const weight = 1 / targetTokens(batch);
  for (const [row, pair] of batch.pairs.entries()) {
    const start = row * length;
    source.set(pair.source, start);
    sourceMask.fill(1, start, start + pair.source.length);
    shifted.set([startToken, ...pair.target.slice(0, -1)], start);
    targets.set(pair.target, start);
    weights.fill(weight, start, start + pair.target.length);
  }
  const size = [batchSize, length];
  return {
    source: integers(source, size),
    sourceMask: floats(sourceMask, size),
    shifted: integers(shifted, size),
    targets: integers(targets, [count]),
    weights: floats(weights, [count]),
  };
}
