/**
 * Trains byte-level BPE (Sennrich et al. 2016; bytes as in GPT-2). Equal to `BpeTrainer` of Hugging Face's tokenizers
 * with the byte alphabet given, for any number of texts and in any environment: the most frequent pair is merged first,
 * and of equally frequent pairs the one with the smaller left id, then the smaller right id. Counts are doubles, exact to
 * 2^53. Knows nothing about files.
 */
import { MoatError } from '../../base/errors.js';
import { BYTES_BY_CHARACTER } from './byte-alphabet.js';
import { countPieces } from './count-pieces.js';
import { createCandidateHeap } from './pair-heap.js';

export interface TrainBpeOptions {
  /** Special tokens and the 256 bytes included. */
  readonly vocabularySize: number;
  /** They take the first ids. */
  readonly specialTokenCount: number;
  /** Called now and then with the number of tokens so far. */
  readonly onProgress?: (tokens: number) => void;
}

export interface TrainedBpe {
  /** Bytes of every token; special tokens are empty. Index = id. */
  readonly tokens: readonly Uint8Array[];
  /** Pairs of ids, in order of priority. */
  readonly merges: readonly (readonly [left: number, right: number])[];
}

/** A pair that occurs fewer times teaches nothing. */
const MIN_COUNT = 1;
const PROGRESS_EVERY = 256;

/** All pieces behind each other; a piece shrinks in place as its symbols merge. */
interface Pieces {
  readonly symbols: Int32Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly counts: Float64Array;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Pieces that held the pair when it arose; some may have lost it since. */
  readonly pieces: number[];
}

/**
 * @throws MoatError `vocabulary-too-small` when the vocabulary cannot hold the bytes, `corpus-too-small` naming the
 *   largest vocabulary the texts allow
 */
export async function trainBpe(
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainBpeOptions,
): Promise<TrainedBpe> {
  const { vocabularySize, specialTokenCount } = options;
  const smallest = specialTokenCount + 256;
  if (vocabularySize < smallest) {
    throw new MoatError('vocabulary-too-small', `a vocabulary of ${vocabularySize} cannot hold the 256 bytes`, {
      fix: `Ask for at least ${smallest} tokens: 256 bytes and ${specialTokenCount} special tokens.`,
    });
  }
  const { counts } = await countPieces(texts);
  return mergePairs(layOut(counts, specialTokenCount), options);
}

function layOut(counts: ReadonlyMap<string, number>, specialTokenCount: number): Pieces {
  const idOfByte = new Int32Array(256);
  for (const [rank, byte] of BYTES_BY_CHARACTER.entries()) idOfByte[byte] = specialTokenCount + rank;
  let total = 0;
  for (const piece of counts.keys()) total += Buffer.byteLength(piece);
  const pieces: Pieces = {
    symbols: new Int32Array(total),
    starts: new Int32Array(counts.size),
    lengths: new Int32Array(counts.size),
    counts: new Float64Array(counts.size),
  };
  let start = 0;
  let index = 0;
  for (const [piece, count] of counts) {
    const bytes = Buffer.from(piece);
    for (let i = 0; i < bytes.length; i++) pieces.symbols[start + i] = idOfByte[bytes[i] as number] as number;
    pieces.starts[index] = start;
    pieces.lengths[index] = bytes.length;
    pieces.counts[index] = count;
    start += bytes.length;
    index++;
  }
  return pieces;
}

function mergePairs(pieces: Pieces, options: TrainBpeOptions): TrainedBpe {
  const { vocabularySize, specialTokenCount, onProgress } = options;
  const tokens: Uint8Array[] = Array.from({ length: specialTokenCount }, () => new Uint8Array(0));
  for (const byte of BYTES_BY_CHARACTER) tokens.push(Uint8Array.of(byte));
  const idOfSpelling = new Map(
    tokens.slice(specialTokenCount).map((bytes, i) => [spell(bytes), specialTokenCount + i]),
  );
  const merges: (readonly [number, number])[] = [];
  const pairs = createPairTable(vocabularySize);
  countPairs(pieces, pairs);
  while (tokens.length < vocabularySize) {
    const best = pairs.takeMostFrequent();
    if (best === undefined) throw tooSmall(vocabularySize, tokens.length);
    const bytes = Buffer.concat([tokens[best.left] as Uint8Array, tokens[best.right] as Uint8Array]);
    const spelling = spell(bytes);
    // Two different pairs can spell the same token; it is numbered once.
    const merged = idOfSpelling.get(spelling) ?? tokens.push(bytes) - 1;
    idOfSpelling.set(spelling, merged);
    merges.push([best.left, best.right]);
    for (const piece of best.pieces) mergeInPiece(pieces, piece, best, merged, pairs);
    pairs.offerChanged();
    if (tokens.length % PROGRESS_EVERY === 0) onProgress?.(tokens.length);
  }
  onProgress?.(tokens.length);
  return { tokens, merges };
}

function spell(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function tooSmall(wanted: number, possible: number): MoatError {
  return new MoatError(
    'corpus-too-small',
    `the texts allow a vocabulary of at most ${possible} tokens, ${wanted} are wanted`,
    { fix: `Set tokenizer.vocabularySize to ${possible} or less, or add text.` },
  );
}

type PairTable = ReturnType<typeof createPairTable>;

function createPairTable(vocabularySize: number) {
  const pairs = new Map<number, Pair>();
  const heap = createCandidateHeap();
  let changed = new Set<Pair>();
  return {
    add(left: number, right: number, change: number, piece: number): void {
      const key = left * vocabularySize + right;
      let pair = pairs.get(key);
      if (pair === undefined) {
        pair = { left, right, count: 0, pieces: [] };
        pairs.set(key, pair);
      }
      pair.count += change;
      if (change < 0) return;
      if (pair.pieces.at(-1) !== piece) pair.pieces.push(piece);
      changed.add(pair);
    },
    /** Makes pairs that gained occurrences candidates. */
    offerChanged(): void {
      for (const { left, right, count } of changed) if (count >= MIN_COUNT) heap.push({ left, right, count });
      changed = new Set();
    },
    /** Counts only fall while a candidate waits, so a stale one is put back with what it has now. */
    takeMostFrequent(): Pair | undefined {
      for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
        const key = top.left * vocabularySize + top.right;
        const pair = pairs.get(key);
        if (pair === undefined) continue;
        if (pair.count === top.count) {
          pairs.delete(key);
          return pair;
        }
        if (pair.count >= MIN_COUNT) heap.push({ left: top.left, right: top.right, count: pair.count });
        else pairs.delete(key);
      }
      return undefined;
    },
  };
}

function countPairs({ symbols, starts, lengths, counts }: Pieces, pairs: PairTable): void {
  for (let piece = 0; piece < starts.length; piece++) {
    const start = starts[piece] as number;
    const last = start + (lengths[piece] as number) - 1;
    for (let i = start; i < last; i++) {
      pairs.add(symbols[i] as number, symbols[i + 1] as number, counts[piece] as number, piece);
    }
  }
  pairs.offerChanged();
}

/** Replaces the pair from left to right; the neighbours' counts follow. */
function mergeInPiece(pieces: Pieces, piece: number, { left, right }: Pair, merged: number, pairs: PairTable): void {
  const { symbols } = pieces;
  const start = pieces.starts[piece] as number;
  const count = pieces.counts[piece] as number;
  const end = start + (pieces.lengths[piece] as number);
  let write = start;
  for (let read = start; read < end; write++) {
    if (symbols[read] !== left || read + 1 >= end || symbols[read + 1] !== right) {
      symbols[write] = symbols[read++] as number;
      continue;
    }
    if (write > start) {
      const before = symbols[write - 1] as number;
      pairs.add(before, left, -count, piece);
      pairs.add(before, merged, count, piece);
    }
    if (read + 2 < end) {
      const after = symbols[read + 2] as number;
      pairs.add(right, after, -count, piece);
      pairs.add(merged, after, count, piece);
    }
    symbols[write] = merged;
    read += 2;
  }
  pieces.lengths[piece] = write - start;
}
