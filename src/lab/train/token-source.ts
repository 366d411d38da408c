/** Batches of tokens as what a learner is fed: windows, lanes with carried states, or packed documents. */
import { elementCount } from '../graph/dims.js';
import type { CausalModel } from '../models/model.js';
import type { FloatArray, Kernels } from '../runtime/kernels.js';
import { type Value, floats } from '../runtime/program.js';
import { type BatchOptions, type BatchPosition, createBatchLoader, createLaneLoader } from './batches.js';
import { carriedStateName, nextStateName } from './language-objective.js';
import type { OptimizerState } from './optimizer.js';
import { packingFeeds } from './packing.js';

/** A batch before its weights are known. */
export interface SourceBatch {
  readonly feeds: Readonly<Record<string, Value>>;
  /** 1 for each target that counts, 0 for padding: `[batchSize · sequenceLength]`. */
  readonly counted: Float32Array;
  /** Where each row starts in the data, to name what it holds. */
  readonly starts: readonly number[];
  /** Whether carried states go on from the batch before. */
  readonly continues: boolean;
}

/** Where a training loop gets its batches from. */
export interface TrainingSource {
  next(): SourceBatch;
  /** What must be fed beside a batch and is known only when the one before has run. */
  carried(batch: SourceBatch): Readonly<Record<string, Value>>;
  /** Takes the outputs of the batch just run. */
  absorb(outputs: Readonly<Record<string, Value>>): void;
  readonly position: BatchPosition;
  /** Goes on from where a checkpoint was made. */
  seek(position: BatchPosition): void;
  /** Carried states, saved with a checkpoint so that a resumed run goes on bit for bit. */
  readonly state: ReadonlyMap<string, OptimizerState>;
}

export interface TokenSourceOptions extends Omit<BatchOptions, 'position'> {
  /** Where documents start in the stream; given when tokens are to see their own document only. */
  readonly packDocuments?: ArrayLike<number>;
}

/** Bytes of the kernels' memory that `createTokenSource` takes. */
export function carriedLengths({ cacheShape }: CausalModel, batchSize: number): number[] {
  return cacheShape.states.map((shape) => batchSize * elementCount(shape));
}

/** @throws MoatError `corpus-too-small` */
export function createTokenSource(
  model: CausalModel,
  stream: ArrayLike<number>,
  kernels: Kernels,
  options: TokenSourceOptions,
): TrainingSource {
  const { batchSize, sequenceLength, packDocuments } = options;
  const isRecurrent = model.cacheShape.states.length > 0;
  const makeLoader = isRecurrent ? createLaneLoader : createBatchLoader;
  let loader = makeLoader(stream, options);
  const arrays = carriedLengths(model, batchSize).map((length) => kernels.allocate(length));
  const shapes = model.cacheShape.states.map((shape) => [batchSize, ...shape]);
  const counted = new Float32Array(batchSize * sequenceLength).fill(1);
  return {
    get position() {
      return loader.position;
    },
    seek(position) {
      loader = makeLoader(stream, { ...options, position });
    },
    state: new Map(arrays.map((array, i) => [carriedStateName(i), { array, shape: shapes[i] ?? [] }])),
    next() {
      const batch = loader.next();
      const { starts, continues } = batch;
      const packing = packDocuments === undefined ? {} : packingFeeds(starts, packDocuments, options);
      const feeds: Record<string, Value> = {
        tokens: { data: batch.tokens, dims: [batchSize, sequenceLength], dtype: 'int64' },
        targets: { data: batch.targets, dims: [batchSize * sequenceLength], dtype: 'int64' },
        ...packing,
      };
      return { feeds, counted, starts, continues };
    },
    carried({ continues }) {
      if (!continues) for (const array of arrays) array.view().fill(0);
      return Object.fromEntries(arrays.map((array, i) => [carriedStateName(i), floats(array.view(), shapes[i] ?? [])]));
    },
    absorb(outputs) {
      for (const [i, array] of arrays.entries()) copyInto(array, outputs[nextStateName(i)]);
    },
  };
}

function copyInto(array: FloatArray, value: Value | undefined): void {
  array.view().set(value?.data as Float32Array);
}
