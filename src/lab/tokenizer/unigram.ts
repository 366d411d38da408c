/**
 * Unigram language model (Kudo 2018, arXiv:1804.10959): of all ways to cut a piece of text into tokens the most probable
 * one, found by Viterbi over the characters. Equal to the Unigram model of Hugging Face's tokenizers.
 */
import { byteOfToken } from './decoder.js';
import { type PieceTrie, createPieceTrie } from './piece-trie.js';

export interface UnigramVocabulary {
  /** Spelling and log-probability of every token; index = id. */
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  /** What a character becomes that no token spells; undefined where every character has one. */
  readonly unknownId: number | undefined;
  /** An unknown character is spelled by the tokens `<0x00>` … `<0xFF>` of its bytes. */
  readonly byteFallback: boolean;
}

/** How much less probable an unknown character is than the least probable token. */
const UNKNOWN_PENALTY = 10;

/** @returns cuts one piece into ids; a run of unknown characters is one unknown token, as in the reference */
export function createUnigramEncoder(vocabulary: UnigramVocabulary): (piece: string) => number[] {
  const { pieces, unknownId, byteFallback } = vocabulary;
  const scores = Float64Array.from(pieces, ([, score]) => score);
  const trie = createPieceTrie(pieces.map(([piece]) => piece));
  const find = createPathFinder(trie, scores, unknownId ?? -1);
  const idOfByte = byteFallback ? byteTokens(pieces) : undefined;
  const spellUnknown = (text: string): readonly number[] => {
    // a text may spell the unknown token itself
    const whole = idOf(text, trie);
    if (whole !== -1) return [whole];
    const bytes = idOfByte === undefined ? [] : Array.from(Buffer.from(text), (byte) => idOfByte[byte] as number);
    if (bytes.length > 0 && bytes.every((id) => id >= 0)) return bytes;
    return unknownId === undefined ? [] : [unknownId];
  };
  return (piece) => {
    const { text, starts, ids } = find(piece);
    const path: number[] = [];
    for (let end = text.length; end > 0;) {
      const id = ids[end] as number;
      let start = starts[end] as number;
      const isUnknown = id === UNKNOWN || id === unknownId;
      if (isUnknown) while (start > 0 && isUnknownAt(ids[start], unknownId)) start = starts[start] as number;
      if (isUnknown) {
        const spelled = spellUnknown(text.slice(start, end));
        // one by one: as arguments, those of a long run would not fit the stack
        for (let i = spelled.length - 1; i >= 0; i--) path.push(spelled[i] as number);
      } else {
        path.push(id);
      }
      end = start;
    }
    return path.reverse();
  };
}

const UNKNOWN = -2;

/** The token that spells all of a text, or −1. */
function idOf(text: string, trie: PieceTrie): number {
  let node = 0;
  for (let i = 0; i < text.length && node !== -1; i++) node = trie.next(node, text.charCodeAt(i));
  return node === -1 ? -1 : trie.idAt(node);
}

const isUnknownAt = (id: number | undefined, unknownId: number | undefined): boolean =>
  id === UNKNOWN || (id !== undefined && id === unknownId);

interface BestPaths {
  /** With U+FFFD for unpaired surrogates. */
  readonly text: string;
  /** Where the token that ends at a position begins, and its id or `UNKNOWN`; valid until the next call. */
  readonly starts: Int32Array;
  readonly ids: Int32Array;
}

/** Viterbi: the most probable way to every position. */
function createPathFinder(trie: PieceTrie, scores: Float64Array, unknownId: number): (piece: string) => BestPaths {
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
  let best = new Float64Array(256);
  let starts = new Int32Array(256);
  let ids = new Int32Array(256);
  return (piece) => {
    const text = piece.replace(/\p{Cs}/gu, '\uFFFD');
    const { length } = text;
    if (best.length <= length) {
      best = new Float64Array(2 * length);
      starts = new Int32Array(2 * length);
      ids = new Int32Array(2 * length);
    }
    best.fill(-Infinity, 0, length + 1);
    best[0] = 0;
    for (let start = 0; start < length;) {
      const width = (text.codePointAt(start) as number) > 0xffff ? 2 : 1;
      const before = best[start] as number;
      let isKnown = false;
      for (let node = 0, end = start; end < length;) {
        node = trie.next(node, text.charCodeAt(end++));
        if (node === -1) break;
        const id = trie.idAt(node);
        if (id === -1) continue;
        const score = before + (id === unknownId ? unknownScore : (scores[id] as number));
        if (score > (best[end] as number)) {
          best[end] = score;
          starts[end] = start;
          ids[end] = id;
        }
        if (end - start === width) isKnown = true;
      }
      const end = start + width;
      if (!isKnown && before + unknownScore > (best[end] as number)) {
        best[end] = before + unknownScore;
        starts[end] = start;
        ids[end] = UNKNOWN;
      }
      start = end;
    }
    return { text, starts, ids };
  };
}

/** The token of every byte by its value, −1 where there is none. */
function byteTokens(pieces: readonly (readonly [piece: string, score: number])[]): Int32Array {
  const idOfByte = new Int32Array(256).fill(-1);
  for (const [id, [piece]] of pieces.entries()) {
    const byte = byteOfToken(piece);
    if (byte !== undefined) idOfByte[byte] = id;
  }
  return idOfByte;
}
