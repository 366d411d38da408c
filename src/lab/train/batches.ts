/**
 * The order in which a run sees its tokens: every epoch cuts the stream into windows at a fresh offset and visits them
 * in a shuffled order. It depends on the seed and on how many windows were drawn, nothing else, so a resumed run goes
 * on where it stopped. Knows token ids, not text.
 */
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';

export interface BatchPosition {
  readonly epoch: number;
  /** Windows of the epoch already used. */
  readonly cursor: number;
}

export interface Batch {
  /** `[batchSize · sequenceLength]`, row by row. */
  readonly tokens: BigInt64Array;
  /** The token after each. */
  readonly targets: BigInt64Array;
  /** Where each window starts in the stream, to name the documents of a batch. */
  readonly starts: readonly number[];
}

export interface BatchLoader {
  next(): Batch;
  readonly position: BatchPosition;
  /** Windows in an epoch. */
  readonly windowCount: number;
}

export interface BatchOptions {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly seed: number;
  readonly position?: BatchPosition;
}

/**
 * @param stream all training tokens, documents separated by end-of-text
 * @throws MoatError `corpus-too-small` when the stream does not hold one window
 */
export function createBatchLoader(stream: ArrayLike<number>, options: BatchOptions): BatchLoader {
  const { batchSize, sequenceLength, seed } = options;
  const windowCount = Math.floor((stream.length - 1) / sequenceLength) - 1;
  if (windowCount < 1) {
    throw new MoatError(
      'corpus-too-small',
      `the corpus has ${stream.length} training tokens, fewer than two windows of ${sequenceLength}`,
      {
        fix: 'Add data or lower train.sequenceLength.',
      },
    );
  }
  let { epoch, cursor } = options.position ?? { epoch: 0, cursor: 0 };
  let order = epochOrder(seed, epoch, windowCount, sequenceLength);
  const nextStart = (): number => {
    if (cursor === windowCount) {
      epoch++;
      cursor = 0;
      order = epochOrder(seed, epoch, windowCount, sequenceLength);
    }
    return order.offset + (order.windows[cursor++] as number) * sequenceLength;
  };
  return {
    windowCount,
    get position() {
      return { epoch, cursor };
    },
    next() {
      const starts = Array.from({ length: batchSize }, nextStart);
      return cut(stream, starts, sequenceLength);
    },
  };
}

function epochOrder(seed: number, epoch: number, windowCount: number, sequenceLength: number) {
  const rng = Rng.fromSeed(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca6b));
  const offset = rng.below(sequenceLength);
  return { offset, windows: rng.shuffle(Array.from({ length: windowCount }, (_, index) => index)) };
}

function cut(stream: ArrayLike<number>, starts: readonly number[], length: number): Batch {
  const tokens = new BigInt64Array(starts.length * length);
  const targets = new BigInt64Array(starts.length * length);
  for (const [row, start] of starts.entries()) {
    for (let i = 0; i < length; i++) {
      tokens[row * length + i] = BigInt(stream[start + i] as number);
      targets[row * length + i] = BigInt(stream[start + i + 1] as number);
    }
  }
  return { tokens, targets, starts };
}
