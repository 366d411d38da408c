/**
 * Two texts in one row and whether the second follows the first: next-sentence prediction (Devlin et al. 2018, §3.1, task 2; the
 * other text is from elsewhere) and sentence order (Lan et al. 2019, arXiv:1909.11942, §3.1; the two are swapped).
 */
import type { Rng } from '../../../base/rng.js';
import { cutSentences } from './sentence-permutation.js';
import { cutDocuments } from './window-rewrite.js';

export interface TextPair {
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** 0 where the second follows the first, as BERT's head counts its classes; 1 where not. */
  readonly follows: 0 | 1;
}

export interface PairRules {
  readonly endOfText: number;
  readonly endsSentence: (token: number) => boolean;
  /** How often a pair that is not one was swapped, instead of taking its second text from elsewhere; 0 … 1. */
  readonly swapped: number;
}

/** The longest document of a window, without its end. */
export function longestText(window: readonly number[], endOfText: number): number[] {
  return cutDocuments(window, endOfText)
    .map((piece) => piece.filter((token) => token !== endOfText))
    .reduce((best, text) => (text.length > best.length ? text : best), []);
}

/**
 * The window's longest document cut between two of its sentences.
 * @param other a window of other documents
 * @returns undefined where there are no two sentences, or nothing else to take
 */
export function pairOfTexts(
  window: readonly number[],
  other: readonly number[],
  { endOfText, endsSentence, swapped }: PairRules,
  rng: Rng,
): TextPair | undefined {
  const sentences = cutSentences(longestText(window, endOfText), endsSentence);
  if (sentences.length < 2) return undefined;
  const cut = 1 + rng.below(sentences.length - 1);
  const [first, second] = [sentences.slice(0, cut).flat(), sentences.slice(cut).flat()];
  if (rng.uniform() < 0.5) return { first, second, follows: 0 };
  if (rng.uniform() < swapped) return { first: second, second: first, follows: 1 };
  const elsewhere = cutSentences(longestText(other, endOfText), endsSentence);
  if (elsewhere.length === 0) return undefined;
  // as many tokens as the true one had, so that length does not give it away
  const begin = rng.below(elsewhere.length);
  const foreign = [...elsewhere.slice(begin), ...elsewhere.slice(0, begin)].flat().slice(0, second.length);
  return { first, second: foreign, follows: 1 };
}
