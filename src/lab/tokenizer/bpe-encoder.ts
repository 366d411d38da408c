/**
 * Byte-level BPE: text to ids. Every piece that a text is cut into is merged on its own: always the pair with the lowest
 * rank, of equal ones the leftmost. Short pieces scan, long ones use a heap, so time stays near linear in the text
 * whatever it holds ("a" × 16,000 is one piece). Knows no special tokens: all text is plain text here.
 */
import { characterOf } from './byte-alphabet.js';
import { detached } from './detached.js';
import type { Cut } from './pre-tokenizer.js';

export interface MergeTable {
  /** Id of every byte; −1 for one that the vocabulary lacks, which then leaves no token (as Hugging Face's does). */
  readonly idOfByte: Int32Array;
  /** Rank and result of a pair, by `left × tokenCount + right`. */
  readonly merges: ReadonlyMap<number, Merge>;
  readonly tokenCount: number;
  /** Where a piece that is a token is taken as it is, whatever the merges would make of it: the tokens by spelling. */
  readonly wholePieces?: ReadonlyMap<string, number>;
}

export interface Merge {
  readonly rank: number;
  readonly id: number;
}

/** Pieces up to this many bytes are merged by scanning: cheaper than a heap there. */
const SCAN_BYTES = 48;
/** Pieces remembered with their ids; when full, all are forgotten. */
const MAX_CACHED_PIECES = 65_536;
const MAX_CACHED_LENGTH = 64;

/** @param isStart whether the text stands at the very beginning; default true */
export type Encode = (text: string, isStart?: boolean) => number[];

/** @param cut where merges stop */
export function createBpeEncoder(table: MergeTable, cut: Cut): Encode {
  return encodeByPieces(cut, (piece) => mergePiece(Buffer.from(piece), table));
}

/** Cuts texts and encodes their pieces, remembering those it met: texts repeat most of theirs. */
export function encodeByPieces(cut: Cut, encodePiece: (piece: string) => readonly number[]): Encode {
  const cache = new Map<string, readonly number[]>();
  const idsOf = (piece: string): readonly number[] => {
    const known = cache.get(piece);
    if (known !== undefined) return known;
    const ids = encodePiece(piece);
    if (piece.length <= MAX_CACHED_LENGTH) {
      if (cache.size >= MAX_CACHED_PIECES) cache.clear();
      cache.set(detached(piece), ids);
    }
    return ids;
  };
  return (text, isStart) => {
    const ids: number[] = [];
    for (const piece of cut(text, isStart)) for (const id of idsOf(piece)) ids.push(id);
    return ids;
  };
}

/** @param bytes UTF-8, in which unpaired surrogates are U+FFFD */
function mergePiece(bytes: Uint8Array, table: MergeTable): readonly number[] {
  const whole = table.wholePieces?.get(Array.from(bytes, characterOf).join(''));
  if (whole !== undefined) return [whole];
  const symbols: number[] = [];
  for (const byte of bytes) {
    const id = table.idOfByte[byte] as number;
    if (id >= 0) symbols.push(id);
  }
  return mergeSymbols(symbols, table);
}

/** Merges the symbols of one piece; they may be changed on the way. */
export function mergeSymbols(symbols: number[], table: Pick<MergeTable, 'merges' | 'tokenCount'>): number[] {
  return symbols.length <= SCAN_BYTES ? mergeByScan(symbols, table) : mergeByHeap(symbols, table);
}

function mergeByScan(symbols: number[], { merges, tokenCount }: Pick<MergeTable, 'merges' | 'tokenCount'>): number[] {
  for (;;) {
    let best: Merge | undefined;
    let at = -1;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const merge = merges.get((symbols[i] as number) * tokenCount + (symbols[i + 1] as number));
      if (merge !== undefined && (best === undefined || merge.rank < best.rank)) {
        best = merge;
        at = i;
      }
    }
    if (best === undefined) return symbols;
    symbols.splice(at, 2, best.id);
  }
}

/** Symbols as a doubly linked list, candidate merges in a heap ordered by rank, then position. */
function mergeByHeap(symbols: number[], { merges, tokenCount }: Pick<MergeTable, 'merges' | 'tokenCount'>): number[] {
  const end = symbols.length;
  if (end >= HEAP_PACK) throw new RangeError(`a piece of ${end} bytes without a break, the limit is ${HEAP_PACK}`);
  const next = Int32Array.from(symbols, (_, i) => i + 1);
  const previous = Int32Array.from(symbols, (_, i) => i - 1);
  const heap = createRankHeap();
  const mergeAt = (left: number): Merge | undefined => {
    const right = next[left] as number;
    if (right >= end) return undefined;
    return merges.get((symbols[left] as number) * tokenCount + (symbols[right] as number));
  };
  const offer = (left: number): void => {
    const merge = mergeAt(left);
    if (merge !== undefined) heap.push(merge.rank, left);
  };
  for (let i = 0; i + 1 < end; i++) offer(i);
  const GONE = -1;
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const { rank, position } = top;
    const merge = symbols[position] === GONE ? undefined : mergeAt(position);
    if (merge === undefined || merge.rank !== rank) continue;
    const right = next[position] as number;
    const after = next[right] as number;
    symbols[position] = merge.id;
    symbols[right] = GONE;
    next[position] = after;
    if (after < end) previous[after] = position;
    offer(position);
    if ((previous[position] as number) >= 0) offer(previous[position] as number);
  }
  return symbols.filter((symbol) => symbol !== GONE);
}

/** Ranks and positions stay below this, so that one of each fits an exact double. */
const HEAP_PACK = 2 ** 26;

/** A binary heap of (rank, position), packed into one number each. */
function createRankHeap() {
  const heap: number[] = [];
  return {
    push(rank: number, position: number): void {
      const key = rank * HEAP_PACK + position;
      let index = heap.push(key) - 1;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (key >= (heap[parent] as number)) break;
        heap[index] = heap[parent] as number;
        index = parent;
      }
      heap[index] = key;
    },
    pop(): { rank: number; position: number } | undefined {
      const top = heap[0];
      const last = heap.pop();
      if (top === undefined || last === undefined) return undefined;
      let index = 0;
      for (let child = 1; child < heap.length; child = 2 * index + 1) {
        if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
        if ((heap[child] as number) >= last) break;
        heap[index] = heap[child] as number;
        index = child;
      }
      if (heap.length > 0) heap[index] = last;
      return { rank: Math.floor(top / HEAP_PACK), position: top % HEAP_PACK };
    },
  };
}
