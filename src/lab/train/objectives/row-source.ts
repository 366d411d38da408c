/** Batches for objectives that make their own rows out of windows of the stream. */
import type { Rng } from '../../../base/rng.js';
import type { Value } from '../../runtime/program.js';
import { createBatchLoader, rngOfDraw } from '../batches.js';
import type { TrainingSource } from '../token-source.js';

export interface RowBatch {
  readonly feeds: Readonly<Record<string, Value>>;
  /** How much each prediction counts, as many as the objective has `weights`; those that do not count are 0. */
  readonly counted: Float32Array;
}

export interface RowSourceOptions {
  readonly batchSize: number;
  /** Tokens of the stream in a window. */
  readonly windowLength: number;
  readonly seed: number;
  /** @param windows of `windowLength` tokens each */
  readonly makeBatch: (windows: readonly (readonly number[])[], rng: Rng) => RowBatch;
}

/** @throws MoatError `corpus-too-small` */
export function createRowSource(stream: ArrayLike<number>, options: RowSourceOptions): TrainingSource {
  const { batchSize, windowLength, seed, makeBatch } = options;
  const batching = { batchSize, sequenceLength: windowLength, seed };
  let loader = createBatchLoader(stream, batching);
  return {
    get position() {
      return loader.position;
    },
    seek(position) {
      loader = createBatchLoader(stream, { ...batching, position });
    },
    state: new Map(),
    next() {
      const rng = rngOfDraw(seed, loader.position);
      const { tokens, starts } = loader.next();
      const windows = starts.map((_, row) =>
        Array.from(tokens.subarray(row * windowLength, (row + 1) * windowLength), Number),
      );
      return { ...makeBatch(windows, rng), starts, continues: false };
    },
    carried: () => ({}),
    absorb() {},
  };
}
