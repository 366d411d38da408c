/**
 * The order in which a run sees its tokens. It depends on the seed and on how many windows were drawn, nothing else, so
 * a resumed run goes on where it stopped. Knows token ids, not text.
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
  /** Whether each row goes on where the row of the batch before ended: then a recurrent state may be carried over. */
  readonly continues: boolean;
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
 * Every epoch cuts the stream into windows at a fresh offset and visits them in a shuffled order.
 * @param stream all training tokens, documents separated by end-of-text
 * @throws MoatError `corpus-too-small` when the stream does not hold one window
 */
export function createBatchLoader(stream: ArrayLike<number>, options: BatchOptions): BatchLoader {
  const { batchSize, sequenceLength, seed } = options;
  const windowCount = Math.floor((stream.length - 1) / sequenceLength) - 1;
  if (windowCount < 1) throw tooSmall(stream, sequenceLength, 'two windows');
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
      return { ...cut(stream, starts, sequenceLength), starts, continues: false };
    },
  };
}

/**
 * For models that carry a state: the stream is cut into as many lanes as the batch has rows, and each batch takes the
 * next window of every lane, so that a row goes on where it ended in the batch before. A new epoch begins at a fresh
 * offset, with fresh states.
 * @throws MoatError `corpus-too-small` when a lane does not hold one window
 */
export function createLaneLoader(stream: ArrayLike<number>, options: BatchOptions): BatchLoader {
  const { batchSize, sequenceLength, seed } = options;
  const laneWindows = Math.floor((stream.length - 1 - sequenceLength) / (batchSize * sequenceLength));
  if (laneWindows < 1) throw tooSmall(stream, sequenceLength, `${batchSize + 1} windows`);
  let { epoch, cursor } = options.position ?? { epoch: 0, cursor: 0 };
  return {
    windowCount: laneWindows * batchSize,
    get position() {
      return { epoch, cursor };
    },
    next() {
      if (cursor === laneWindows * batchSize) {
        epoch++;
        cursor = 0;
      }
      const offset = epochOrder(seed, epoch, 0, sequenceLength).offset;
      const turn = cursor / batchSize;
      const starts = Array.from(
        { length: batchSize },
        (_, lane) => offset + (lane * laneWindows + turn) * sequenceLength,
      );
      cursor += batchSize;
      return { ...cut(stream, starts, sequenceLength), starts, continues: turn > 0 };
    },
  };
}

/** Randomness of a draw: a resumed run, which begins with the position of a checkpoint, draws what the other would have. */
export function rngOfDraw(seed: number, { epoch, cursor }: BatchPosition): Rng {
  return Rng.fromSeed(
    Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca6b) ^ Math.imul(cursor + 1, 0xc2b2ae35),
  );
}

function tooSmall(stream: ArrayLike<number>, sequenceLength: number, needed: string): MoatError {
  const what = `the corpus has ${stream.length} training tokens, fewer than ${needed} of ${sequenceLength}`;
  return new MoatError('corpus-too-small', what, { fix: 'Add data or lower train.sequenceLength.' });
}

function epochOrder(seed: number, epoch: number, windowCount: number, sequenceLength: number) {
  const rng = Rng.fromSeed(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca6b));
  const offset = rng.below(sequenceLength);
  return { offset, windows: rng.shuffle(Array.from({ length: windowCount }, (_, index) => index)) };
}

function cut(stream: ArrayLike<number>, starts: readonly number[], length: number): Pick<Batch, 'tokens' | 'targets'> {
  const tokens = new BigInt64Array(starts.length * length);
  const targets = new BigInt64Array(starts.length * length);
  for (const [row, start] of starts.entries()) {
    for (let i = 0; i < length; i++) {
      tokens[row * length + i] = BigInt(stream[start + i] as number);
      targets[row * length + i] = BigInt(stream[start + i + 1] as number);
    }
  }
  return { tokens, targets };
}
