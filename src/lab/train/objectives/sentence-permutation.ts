/**
 * Sentences in the wrong order, to be put right (Lewis et al. 2019, arXiv:1910.13461, §2.2 "sentence permutation"). For a model
 * that reads forwards the shuffled text and the right one stand in one sequence, and only the right one counts.
 */
import type { Rng } from '../../../base/rng.js';
import { type WindowRewrite, asItIs, cutDocuments } from './window-rewrite.js';

/** @param endsSentence whether a sentence may end with this token */
export function cutSentences(tokens: readonly number[], endsSentence: (token: number) => boolean): number[][] {
  const sentences: number[][] = [[]];
  for (const token of tokens) {
    sentences.at(-1)?.push(token);
    if (endsSentence(token)) sentences.push([]);
  }
  return sentences.filter((sentence) => sentence.length > 0);
}

/** @returns the sentences in an order that is not theirs; undefined where there are fewer than two */
export function shuffleSentences(sentences: readonly number[][], rng: Rng): number[][] | undefined {
  if (sentences.length < 2) return undefined;
  const order = rng.shuffle(sentences.map((_, index) => index));
  // the order as it was teaches to copy: two of them change places
  if (order.every((index, at) => index === at)) [order[0], order[1]] = [1, 0];
  return order.map((index) => sentences[index] as number[]);
}

const LINE_ENDS = new Set(
  ['.', '!', '?', '。', '！', '？', '…', '\n'].map((sign) => Buffer.from(sign).toString('hex')),
);

/** Whether a sentence may end with a token, judged by the bytes it ends with; looked up once for the whole vocabulary. */
export function sentenceEnds(vocabularySize: number, bytesOf: (id: number) => Uint8Array): (token: number) => boolean {
  const ends = Uint8Array.from({ length: vocabularySize }, (_, id) => {
    const bytes = bytesOf(id);
    return [1, 3].some((length) => LINE_ENDS.has(Buffer.from(bytes.slice(-length)).toString('hex'))) ? 1 : 0;
  });
  return (token) => ends[token] === 1;
}

export interface PermutationTokens {
  /** Before the shuffled sentences. */
  readonly shuffled: number;
  /** Before the right order. */
  readonly restored: number;
  readonly endOfText: number;
  readonly endsSentence: (token: number) => boolean;
}

/** The two signs and the end. */
const SIGNS = 3;

/**
 * `SHUFFLED s₂ s₁ s₃ RESTORED s₁ s₂ s₃ END`, of the window's longest document, as much of it as half the window holds. A window
 * without two sentences is learned as it is.
 */
export function createSentencePermutation(tokens: PermutationTokens): WindowRewrite {
  const { shuffled, restored, endOfText, endsSentence } = tokens;
  return (window, rng) => {
    const half = (window.length - SIGNS) >> 1;
    const texts = cutDocuments(window, endOfText).map((piece) => piece.filter((token) => token !== endOfText));
    const longest = texts.reduce((best, text) => (text.length > best.length ? text : best), []);
    const right = longest.slice(0, half);
    const wrong = shuffleSentences(cutSentences(right, endsSentence), rng);
    if (wrong === undefined) return asItIs(window, rng);
    const asked = [shuffled, ...wrong.flat(), restored];
    const answer = [...right, endOfText];
    const counted = new Float32Array(window.length - 1).fill(1, asked.length - 1, asked.length - 1 + answer.length);
    const padding = Array.from({ length: window.length - asked.length - answer.length }, () => endOfText);
    return { tokens: [...asked, ...answer, ...padding], counted };
  };
}
