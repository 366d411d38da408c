/** All ways to cut a text into the pieces of a Unigram model, with their probabilities. */
import { type PieceTrie, createPieceTrie } from './piece-trie.js';

/** Spelling and log-probability; index = id. */
export type WeightedPieces = readonly (readonly [piece: string, score: number])[];

/** A character that no piece spells costs this much more than the least probable piece. */
const UNKNOWN_PENALTY = 10;

export interface UnigramLattice {
  /** Adds to each piece how often it is expected in `count` copies of the text, over all ways to cut it. */
  addExpected(text: string, count: number, expected: Float64Array): void;
  /** The ids of the most probable way; −1 for characters that no piece spells. @param without a piece not to use */
  bestPath(text: string, without?: number): number[];
}

export function createLattice(pieces: WeightedPieces): UnigramLattice {
  const scores = Float64Array.from(pieces, ([, score]) => score);
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), 0) - UNKNOWN_PENALTY;
  const edges = createEdges(createPieceTrie(pieces.map(([piece]) => piece)));
  let [alpha, beta] = [new Float64Array(512), new Float64Array(512)];
  const scoreOf = (edge: number): number => {
    const id = edges.idAt(edge);
    return id === -1 ? unknownScore : (scores[id] as number);
  };
  const prepare = (length: number): void => {
    if (alpha.length <= length) [alpha, beta] = [new Float64Array(2 * length), new Float64Array(2 * length)];
    alpha.fill(-Infinity, 0, length + 1);
    beta.fill(-Infinity, 0, length + 1);
    alpha[0] = 0;
    beta[length] = 0;
  };
  return {
    addExpected(text, count, expected) {
      const edgeCount = edges.find(text, -1);
      prepare(text.length);
      for (let edge = 0; edge < edgeCount; edge++) {
        const end = edges.endAt(edge);
        alpha[end] = logAdd(alpha[end] as number, (alpha[edges.startAt(edge)] as number) + scoreOf(edge));
      }
      for (let edge = edgeCount - 1; edge >= 0; edge--) {
        const start = edges.startAt(edge);
        beta[start] = logAdd(beta[start] as number, (beta[edges.endAt(edge)] as number) + scoreOf(edge));
      }
      const total = alpha[text.length] as number;
      for (let edge = 0; edge < edgeCount; edge++) {
        const id = edges.idAt(edge);
        if (id === -1) continue;
        const before = alpha[edges.startAt(edge)] as number;
        const logShare = before + scoreOf(edge) + (beta[edges.endAt(edge)] as number) - total;
        expected[id] = (expected[id] as number) + count * Math.exp(logShare);
      }
    },
    bestPath(text, without = -1) {
      const edgeCount = edges.find(text, without);
      prepare(text.length);
      const by = new Int32Array(text.length + 1);
      for (let edge = 0; edge < edgeCount; edge++) {
        const end = edges.endAt(edge);
        const score = (alpha[edges.startAt(edge)] as number) + scoreOf(edge);
        if (score > (alpha[end] as number)) {
          alpha[end] = score;
          by[end] = edge;
        }
      }
      const path: number[] = [];
      for (let end = text.length; end > 0; end = edges.startAt(by[end] as number)) {
        path.push(edges.idAt(by[end] as number));
      }
      return path.reverse();
    },
  };
}

/** Every piece at every place of a text, ordered by where it starts; where none spells a character, −1 does. */
function createEdges(trie: PieceTrie) {
  let [starts, ends, ids] = [new Int32Array(4096), new Int32Array(4096), new Int32Array(4096)];
  let count = 0;
  const add = (start: number, end: number, id: number): void => {
    if (count === ids.length) [starts, ends, ids] = [doubled(starts), doubled(ends), doubled(ids)];
    starts[count] = start;
    ends[count] = end;
    ids[count++] = id;
  };
  return {
    startAt: (edge: number): number => starts[edge] as number,
    endAt: (edge: number): number => ends[edge] as number,
    idAt: (edge: number): number => ids[edge] as number,
    /** @returns how many there are; they are valid until the next call */
    find(text: string, without: number): number {
      count = 0;
      for (let start = 0; start < text.length;) {
        const next = start + ((text.codePointAt(start) as number) > 0xffff ? 2 : 1);
        let isSpelled = false;
        for (let node = 0, end = start; end < text.length;) {
          node = trie.next(node, text.charCodeAt(end++));
          if (node === -1) break;
          const id = trie.idAt(node);
          if (id === -1 || id === without) continue;
          add(start, end, id);
          if (end === next) isSpelled = true;
        }
        if (!isSpelled) add(start, next, -1);
        start = next;
      }
      return count;
    },
  };
}

/** log(e^a + e^b) */
function logAdd(a: number, b: number): number {
  if (a === -Infinity) return b;
  const [larger, smaller] = a > b ? [a, b] : [b, a];
  return larger + Math.log1p(Math.exp(smaller - larger));
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}
