/**
 * Byte-level BPE: text to ids. Every piece that a text is cut into is merged on its own: always the pair with the lowest
 * rank, of equal ones the leftmost. Short pieces scan, long ones use a heap, so time stays near linear in the text
 * whatever it holds ("a" × 16,000 is one piece). Knows no special tokens: all text is plain text here.
 */
import { characterOf } from './byte-alphabet.js';
import { detached } from './detached.js';
import type { MergePairs } from './merge-pairs.js';
import type { Cut } from './pre-tokenizer.js';

export interface MergeTable {
  /** Id of every byte; −1 for one that the vocabulary lacks, which then leaves no token (as Hugging Face's does). */
  readonly idOfByte: Int32Array;
  readonly merges: MergePairs;
  /** Where a piece that is a token is taken as it is, whatever the merges would make of it: the tokens by spelling. */
  readonly wholePieces?: ReadonlyMap<string, number>;
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
  return mergeSymbols(symbols, table.merges);
}

/** Merges the symbols of one piece; they may be changed on the way. */
export function mergeSymbols(symbols: number[], merges: MergePairs): number[] {
  return symbols.length <= SCAN_BYTES ? mergeByScan(symbols, merges) : mergeByHeap(symbols, merges);
}

/** The rank of no merge. */
const NONE = 0x7fffffff;
/** Lent to one piece after the other: its symbols, and the place and rank of the merge of each with the next. */
const line = new Int32Array(SCAN_BYTES);
const places = new Int32Array(SCAN_BYTES);
const ranks = new Int32Array(SCAN_BYTES);

function mergeByScan(symbols: number[], merges: MergePairs): number[] {
  let length = symbols.length;
  for (let i = 0; i < length; i++) line[i] = symbols[i] as number;
  for (let i = 0; i < length; i++) look(i, length, merges);
  for (;;) {
    let at = -1;
    let best = NONE;
    for (let i = 0; i + 1 < length; i++) {
      const rank = ranks[i] as number;
      if (rank < best) {
        best = rank;
        at = i;
      }
    }
    if (at === -1) break;
    line[at] = merges.idAt(places[at] as number);
    length--;
    // by hand: a call to copyWithin costs more than a dozen moves
    for (let i = at + 1; i < length; i++) {
      line[i] = line[i + 1] as number;
      places[i] = places[i + 1] as number;
      ranks[i] = ranks[i + 1] as number;
    }
    look(at, length, merges);
    if (at > 0) look(at - 1, length, merges);
  }
  for (let i = 0; i < length; i++) symbols[i] = line[i] as number;
  symbols.length = length;
  return symbols;
}

/** Notes the merge of the symbol at a place with the next. */
function look(at: number, length: number, merges: MergePairs): void {
  const place = at + 1 < length ? merges.find(line[at] as number, line[at + 1] as number) : -1;
  places[at] = place;
  ranks[at] = place === -1 ? NONE : merges.rankAt(place);
}

/** Symbols as a doubly linked list, candidate merges in a heap ordered by rank, then position. */
function mergeByHeap(symbols: number[], merges: MergePairs): number[] {
  const end = symbols.length;
  if (end >= HEAP_PACK) throw new RangeError(`a piece of ${end} bytes without a break, the limit is ${HEAP_PACK}`);
  const next = Int32Array.from(symbols, (_, i) => i + 1);
  const previous = Int32Array.from(symbols, (_, i) => i - 1);
  const heap = createRankHeap();
  /** The place of the merge of a symbol with the next, or −1. */
  const mergeAt = (left: number): number => {
    const right = next[left] as number;
    return right >= end ? -1 : merges.find(symbols[left] as number, symbols[right] as number);
  };
  const offer = (left: number): void => {
    const place = mergeAt(left);
    if (place !== -1) heap.push(merges.rankAt(place), left);
  };
  for (let i = 0; i + 1 < end; i++) offer(i);
  const GONE = -1;
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const { rank, position } = top;
    const place = symbols[position] === GONE ? -1 : mergeAt(position);
    if (place === -1 || merges.rankAt(place) !== rank) continue;
    const right = next[position] as number;
    const after = next[right] as number;
    symbols[position] = merges.idAt(place);
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
