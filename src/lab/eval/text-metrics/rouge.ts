/**
 * ROUGE-1, -2 and -L (Lin 2004), as rouge-score computes them, with its stemmer or without. Its tokenizer keeps a to z and digits
 * alone, which leaves nothing of Chinese: where a text has Han characters each is a token, and the tokenizer is named.
 */
import { ngramCounts } from './bleu.js';

import { porterStem } from './porter-stemmer.js';

/** `stems`: words of four letters and more by their stems. */
export type RougeTokenizer = 'words' | 'stems' | 'characters';

export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface RougeScores {
  readonly rouge1: RougeScore;
  readonly rouge2: RougeScore;
  readonly rougeL: RougeScore;
}

/** Longer words are stemmed. */
const SHORTEST_STEMMED = 3;

/** The tokenizer for texts like this one. */
export const rougeTokenizerFor = (text: string): RougeTokenizer =>
  /\p{Script=Han}/u.test(text) ? 'characters' : 'words';

/** `words`: runs of a–z and digits, in lower case. `characters`: those too, and every other letter by itself. */
export function tokenizeForRouge(text: string, tokenizer: RougeTokenizer): string[] {
  const lower = text.toLowerCase();
  if (tokenizer === 'characters') return lower.match(/[a-z0-9]+|\p{L}|\p{N}/gu) ?? [];
  const words = lower.match(/[a-z0-9]+/g) ?? [];
  return tokenizer === 'words'
    ? words
    : words.map((word) => (word.length > SHORTEST_STEMMED ? porterStem(word) : word));
}

export function rouge(prediction: string, target: string, tokenizer: RougeTokenizer): RougeScores {
  const [made, wanted] = [tokenizeForRouge(prediction, tokenizer), tokenizeForRouge(target, tokenizer)];
  return {
    rouge1: overlap(made, wanted, 1),
    rouge2: overlap(made, wanted, 2),
    rougeL: scoreOf(commonLength(made, wanted), made.length, wanted.length),
  };
}

function overlap(made: readonly string[], wanted: readonly string[], order: number): RougeScore {
  const allowed = ngramCounts(wanted, order);
  let matched = 0;
  for (const [gram, count] of ngramCounts(made, order)) matched += Math.min(count, allowed.get(gram) ?? 0);
  return scoreOf(matched, made.length - order + 1, wanted.length - order + 1);
}

function scoreOf(matched: number, made: number, wanted: number): RougeScore {
  const precision = matched / Math.max(1, made);
  const recall = matched / Math.max(1, wanted);
  return { precision, recall, f1: matched === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

/** Length of the longest common subsequence. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let row = new Uint32Array(b.length + 1);
  for (const token of a) {
    const next = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++) {
      next[j + 1] = token === b[j] ? (row[j] as number) + 1 : Math.max(row[j + 1] as number, next[j] as number);
    }
    row = next;
  }
  return row[b.length] as number;
}
