/** Batches of tokens as what a learner is fed: windows, lanes with carried states, or packed documents. */
import { elementCount } from '../graph/dims.js';
import type { CausalModel } from '../models/model.js';
import type { FloatArray, Kernels } from '../runtime/kernels.js';
import { type Value, floats } from '../runtime/program.js';
import {
  type Batch,
  type BatchOptions,
  type BatchPosition,
  createBatchLoader,
  createLaneLoader,
  rngOfDraw,
} from './batches.js';
import { carriedStateName, nextStateName } from './language-objective.js';
import type { OptimizerState } from './optimizer.js';
import type { WindowRewrite } from './objectives/window-rewrite.js';
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
  /** What becomes of each window, where more is learned than the next token. Default: it stays as it is. */
  readonly rewrite?: WindowRewrite;
}

/** Numbers of the kernels' memory that `createTokenSource` takes. */
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
  const { batchSize, sequenceLength, packDocuments, rewrite } = options;
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
      const { position } = loader;
      const drawn = loader.next();
      const { starts, continues } = drawn;
      const rewritten = rewrite === undefined ? undefined : rewriteRows(drawn, rewrite, options, position);
      const batch = rewritten ?? drawn;
      const packing = packDocuments === undefined ? {} : packingFeeds(starts, packDocuments, options);
      const feeds: Record<string, Value> = {
        tokens: { data: batch.tokens, dims: [batchSize, sequenceLength], dtype: 'int64' },
        targets: { data: batch.targets, dims: [batchSize * sequenceLength], dtype: 'int64' },
        ...packing,
      };
      return { feeds, counted: rewritten?.counted ?? counted, starts, continues };
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

/** Each row by itself, with randomness that follows from where it stands in the run. */
function rewriteRows(
  batch: Pick<Batch, 'tokens' | 'targets'>,
  rewrite: WindowRewrite,
  { batchSize, sequenceLength, seed }: BatchOptions,
  { epoch, cursor }: BatchPosition,
): Pick<Batch, 'tokens' | 'targets'> & { readonly counted: Float32Array } {
  const counted = new Float32Array(batchSize * sequenceLength);
  const tokens = new BigInt64Array(counted.length);
  const targets = new BigInt64Array(counted.length);
  for (let row = 0; row < batchSize; row++) {
    const start = row * sequenceLength;
    const end = start + sequenceLength;
    const window = [...batch.tokens.subarray(start, end), batch.targets[end - 1] as bigint].map(Number);
    const written = rewrite(window, rngOfDraw(seed, { epoch, cursor: cursor + row }));
    const ids = BigInt64Array.from(written.tokens, BigInt);
    tokens.set(ids.subarray(0, -1), start);
    targets.set(ids.subarray(1), start);
    counted.set(written.counted, start);
  }
  return { tokens, targets, counted };
}
