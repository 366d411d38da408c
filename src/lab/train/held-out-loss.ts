/**
 * The loss on documents the model was not trained on, document by document. The documents are read as training reads
 * them, one stream with end-of-text between, through windows that overlap by half, so that (the beginning apart)
 * every token is judged with at least half a window of context. Sums are over tokens, so documents simply add up.
 */
import { type Program, type Value, integers } from '../runtime/program.js';
import type { BatchShape } from './language-objective.js';

/** One stream of tokens with the place where each document starts; an end-of-text follows every document. */
export interface TokenStream {
  readonly tokens: ArrayLike<number>;
  readonly documentStarts: ArrayLike<number>;
  readonly endOfText: number;
}

interface Window {
  /** Index in the stream of the first token read. */
  readonly start: number;
  /** The first position in the window whose prediction counts. */
  readonly countFrom: number;
}

/**
 * @param program from `compileEvaluation`, of this batch shape
 * @param parameters by name
 * @returns nats of each document, its end-of-text included
 */
export async function documentNats(
  program: Program,
  shape: BatchShape,
  parameters: Readonly<Record<string, Value>>,
  stream: TokenStream,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const nats = new Float64Array(stream.documentStarts.length);
  const windows = cutWindows(stream.tokens.length, shape.sequenceLength);
  for (let first = 0; first < windows.length; first += shape.batchSize) {
    signal?.throwIfAborted();
    const batch = windows.slice(first, first + shape.batchSize);
    const { tokens, targets } = feedsOf(stream, batch, shape);
    const results = await program.run({ ...parameters, tokens, targets });
    addUp(nats, stream, batch, shape.sequenceLength, results['nats']?.data as Float32Array);
  }
  return nats;
}

/** The stream is predicted from an end-of-text before its first token on; windows start at index −1 + a multiple of half. */
function cutWindows(tokenCount: number, length: number): Window[] {
  const half = Math.max(1, length >> 1);
  const windows: Window[] = [{ start: -1, countFrom: 0 }];
  for (let start = -1 + half; start + length - half < tokenCount; start += half) {
    windows.push({ start, countFrom: length - half });
  }
  return windows;
}

function feedsOf(stream: TokenStream, batch: readonly Window[], shape: BatchShape): { tokens: Value; targets: Value } {
  const { batchSize, sequenceLength } = shape;
  const at = (index: number): number => (index < 0 ? stream.endOfText : (stream.tokens[index] ?? stream.endOfText));
  const read = (shift: number): number[] =>
    Array.from({ length: batchSize * sequenceLength }, (_, i) => {
      const window = batch[Math.floor(i / sequenceLength)];
      return window === undefined ? stream.endOfText : at(window.start + shift + (i % sequenceLength));
    });
  return {
    tokens: integers(read(0), [batchSize, sequenceLength]),
    targets: integers(read(1), [batchSize * sequenceLength]),
  };
}

function addUp(
  nats: Float64Array,
  stream: TokenStream,
  batch: readonly Window[],
  length: number,
  results: Float32Array,
): void {
  let document = 0;
  for (const [row, { start, countFrom }] of batch.entries()) {
    for (let position = countFrom; position < length; position++) {
      const target = start + position + 1;
      if (target >= stream.tokens.length) break;
      while (document > 0 && (stream.documentStarts[document] as number) > target) document--;
      while (document + 1 < nats.length && (stream.documentStarts[document + 1] as number) <= target) document++;
      nats[document] = (nats[document] as number) + (results[row * length + position] as number);
    }
  }
}
