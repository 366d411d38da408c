/** chrF (Popović 2015) and chrF++ (Popović 2017): F-scores of character n-grams, and of words, as sacreBLEU 2 computes them. */
import { ngramCounts, SACREBLEU } from './bleu.js';
import { wordsOf } from './bleu-tokenizers.js';

export interface ChrfOptions {
  /** Longest n-gram of characters. Default 6. */
  readonly characterOrder?: number;
  /** Longest n-gram of words: 0 for chrF, the default; 2 for chrF++. */
  readonly wordOrder?: number;
  /** How many times recall weighs as much as precision. Default 2. */
  readonly beta?: number;
  /** A mean over all orders with something tiny for those that are missing, as the first implementation had it. */
  readonly epsilonSmoothing?: boolean;
  readonly lowercase?: boolean;
}

/** Counts of the hypothesis, of the reference and of both, for each order: sums of these make the corpus's figure. */
export type ChrfStatistics = Float64Array;

const CHARACTERS = 6;
const BETA = 2;
const TINY = 1e-16;

/** Against the reference that it fits best. @throws RangeError without a reference */
export function chrfStatistics(
  hypothesis: string,
  references: readonly string[],
  options: ChrfOptions = {},
): ChrfStatistics {
  const { lowercase = false } = options;
  const counted = (text: string): Map<string, number>[] => countsOf(lowercase ? text.toLowerCase() : text, options);
  const theirs = counted(hypothesis);
  let best: { readonly statistics: ChrfStatistics; readonly score: number } | undefined;
  for (const reference of references) {
    const statistics = Float64Array.from(
      counted(reference).flatMap((ours, order) => matchCounts(theirs[order] as Map<string, number>, ours)),
    );
    const score = chrfOf(statistics, options);
    if (best === undefined || score > best.score) best = { statistics, score };
  }
  if (best === undefined) throw new RangeError('there is no reference');
  return best.statistics;
}

function countsOf(text: string, { characterOrder = CHARACTERS, wordOrder = 0 }: ChrfOptions): Map<string, number>[] {
  const characters = [...wordsOf(text).join('')];
  const words = wordOrder > 0 ? wordsOf(text).flatMap(withoutPunctuation) : [];
  return [
    ...Array.from({ length: characterOrder }, (_, n) => ngramCounts(characters, n + 1)),
    ...Array.from({ length: wordOrder }, (_, n) => ngramCounts(words, n + 1)),
  ];
}

const PUNCTUATION = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/** One mark is taken off a word: at its end, or else at its beginning. */
function withoutPunctuation(word: string): string[] {
  const characters = [...word];
  if (characters.length === 1) return [word];
  const [first = '', last = ''] = [characters[0], characters.at(-1)];
  if (PUNCTUATION.has(last)) return [characters.slice(0, -1).join(''), last];
  return PUNCTUATION.has(first) ? [first, characters.slice(1).join('')] : [word];
}

function matchCounts(hypothesis: Map<string, number>, reference: Map<string, number>): [number, number, number] {
  let [made, matched, wanted] = [0, 0, 0];
  for (const [gram, count] of hypothesis) {
    made += count;
    matched += Math.min(count, reference.get(gram) ?? 0);
  }
  for (const count of reference.values()) wanted += count;
  return [reference.size === 0 ? 0 : made, wanted, matched];
}

/** @param statistics summed over sentences @returns 0 to 100 */
export function chrfOf(
  statistics: ArrayLike<number>,
  { beta = BETA, epsilonSmoothing = false }: ChrfOptions = {},
): number {
  const orders = statistics.length / 3;
  const factor = beta ** 2;
  let [smoothed, precisions, recalls, effective] = [0, 0, 0, 0];
  for (let order = 0; order < orders; order++) {
    const [made, wanted, matched] = [0, 1, 2].map((each) => statistics[3 * order + each] as number) as [
      number,
      number,
      number,
    ];
    const precision = made > 0 ? matched / made : TINY;
    const recall = wanted > 0 ? matched / wanted : TINY;
    const bottom = factor * precision + recall;
    smoothed += bottom > 0 ? ((1 + factor) * precision * recall) / bottom : TINY;
    if (made === 0 || wanted === 0) continue;
    precisions += precision;
    recalls += recall;
    effective++;
  }
  if (epsilonSmoothing) return (100 * smoothed) / orders;
  if (precisions + recalls === 0) return 0;
  const [precision, recall] = [precisions / effective, recalls / effective];
  return (100 * (1 + factor) * precision * recall) / (factor * precision + recall);
}

/** As sacreBLEU prints it. */
export function chrfSignature(references: number, options: ChrfOptions = {}): string {
  const { characterOrder = CHARACTERS, wordOrder = 0, lowercase = false, epsilonSmoothing = false } = options;
  const facts = `nc:${characterOrder}|nw:${wordOrder}|space:no|version:${SACREBLEU}`;
  return `nrefs:${references}|case:${lowercase ? 'lc' : 'mixed'}|eff:${epsilonSmoothing ? 'no' : 'yes'}|${facts}`;
}
