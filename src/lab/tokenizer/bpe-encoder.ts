/**
 * Byte-level BPE: text to ids. Every piece of the split pattern is merged on its own: always the pair with the lowest
 * rank, of equal ones the leftmost. Short pieces scan, long ones use a heap, so time stays near linear in the text
 * whatever it holds ("a" × 16,000 is one piece). Knows no special tokens: all text is plain text here.
 */
import { SPLIT_PATTERN } from './split-pattern.js';

export interface MergeTable {
  /** Id of every byte. */
  readonly idOfByte: Int32Array;
  /** Rank and result of a pair, by `left × tokenCount + right`. */
  readonly merges: ReadonlyMap<number, Merge>;
  readonly tokenCount: number;
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

export type Encode = (text: string) => number[];

export function createBpeEncoder(table: MergeTable): Encode {
  const cache = new Map<string, readonly number[]>();
  const encodePiece = (piece: string): readonly number[] => {
    const known = cache.get(piece);
    if (known !== undefined) return known;
    const symbols = symbolsOf(piece, table);
    const ids = symbols.length <= SCAN_BYTES ? mergeByScan(symbols, table) : mergeByHeap(symbols, table);
    if (piece.length <= MAX_CACHED_LENGTH) {
      if (cache.size >= MAX_CACHED_PIECES) cache.clear();
      cache.set(piece, ids);
    }
    return ids;
  };
  return (text) => {
    const ids: number[] = [];
    for (const piece of text.match(SPLIT_PATTERN) ?? []) for (const id of encodePiece(piece)) ids.push(id);
    return ids;
  };
}

/** Unpaired surrogates become U+FFFD, as everywhere UTF-8 is made. */
function symbolsOf(piece: string, { idOfByte }: MergeTable): number[] {
  const bytes = Buffer.from(piece);
  const symbols: number[] = [];
  for (const byte of bytes) symbols.push(idOfByte[byte] as number);
  return symbols;
}

function mergeByScan(symbols: number[], { merges, tokenCount }: MergeTable): number[] {
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
function mergeByHeap(symbols: number[], { merges, tokenCount }: MergeTable): number[] {
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
