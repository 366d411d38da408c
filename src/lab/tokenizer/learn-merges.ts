/** The heart of byte-pair encoding (Sennrich et al. 2016), on symbols of any kind. Counts are doubles, exact to 2^53. */
import { MoatError } from '../../base/errors.js';
import { createCandidateHeap } from './pair-heap.js';

/** A pair that occurs fewer times teaches nothing. */
const MIN_COUNT = 1;
const PROGRESS_EVERY = 256;

/** All pieces behind each other; a piece shrinks in place as its symbols merge. */
export interface Pieces {
  readonly symbols: Int32Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly counts: Float64Array;
}

export interface GrowingSymbols {
  /** Of every symbol, by id; the merged ones are added. */
  readonly spellings: string[];
  readonly join: (left: string, right: string) => string;
  /** Symbols in the end. */
  readonly vocabularySize: number;
  /** Called now and then with the number of symbols so far. */
  readonly onProgress?: ((symbols: number) => void) | undefined;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Pieces that held the pair when it arose; some may have lost it since. */
  readonly pieces: number[];
}

/**
 * Merges the most frequent pair of neighbours, again and again, until there are as many symbols as asked; of equally
 * frequent pairs the one with the smaller left id, then the smaller right id.
 * @param pieces change: what is left are the pieces in merged symbols
 * @returns pairs of ids, in the order in which they were merged
 * @throws MoatError `corpus-too-small` naming the largest vocabulary the texts allow
 */
export function learnMerges(pieces: Pieces, symbols: GrowingSymbols): readonly (readonly [number, number])[] {
  const { spellings, join, vocabularySize, onProgress } = symbols;
  const idOfSpelling = new Map(spellings.map((spelling, id) => [spelling, id]));
  const merges: (readonly [number, number])[] = [];
  const pairs = createPairTable(vocabularySize);
  countPairs(pieces, pairs);
  while (spellings.length < vocabularySize) {
    const best = pairs.takeMostFrequent();
    if (best === undefined) throw tooSmall(vocabularySize, spellings.length);
    const spelling = join(spellings[best.left] as string, spellings[best.right] as string);
    // two different pairs can spell the same symbol; it is numbered once
    const merged = idOfSpelling.get(spelling) ?? spellings.push(spelling) - 1;
    idOfSpelling.set(spelling, merged);
    merges.push([best.left, best.right]);
    for (const piece of best.pieces) mergeInPiece(pieces, piece, best, merged, pairs);
    pairs.offerChanged();
    if (spellings.length % PROGRESS_EVERY === 0) onProgress?.(spellings.length);
  }
  onProgress?.(spellings.length);
  return merges;
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
