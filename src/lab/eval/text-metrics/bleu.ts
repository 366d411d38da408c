/** BLEU (Papineni et al. 2002) as sacreBLEU 2 computes it (Post 2018), signature included. */
import { type BleuTokenizer, tokenizeForBleu } from './bleu-tokenizers.js';

export interface BleuOptions {
  /** Default `13a`; `zh` for Chinese. */
  readonly tokenizer?: BleuTokenizer;
  /** What stands for n-grams that never match (Chen & Cherry 2014). Default `exp`. */
  readonly smoothing?: 'exp' | 'floor' | 'add-k' | 'none';
  /** Of `floor` and `add-k`. Defaults 0.1 and 1. */
  readonly smoothingValue?: number;
  /** Longest n-gram. Default 4. */
  readonly maxOrder?: number;
  /** Stop at the longest n-gram the text can have: for single sentences. Default false. */
  readonly effectiveOrder?: boolean;
  readonly lowercase?: boolean;
}

const MAX_ORDER = 4;

/**
 * What a sentence adds to a corpus: lengths of hypothesis and of the nearest reference, then matches and totals of each
 * order. Sums of these are all that BLEU of many sentences needs.
 */
export type BleuStatistics = Float64Array;

/** @throws RangeError without a reference */
export function bleuStatistics(
  hypothesis: string,
  references: readonly string[],
  options: BleuOptions = {},
): BleuStatistics {
  const { tokenizer = '13a', maxOrder = MAX_ORDER, lowercase = false } = options;
  if (references.length === 0) throw new RangeError('there is no reference');
  const words = (text: string): string[] => tokenizeForBleu(lowercase ? text.toLowerCase() : text, tokenizer);
  const hyp = words(hypothesis);
  const refs = references.map(words);
  const statistics = new Float64Array(2 + 2 * maxOrder);
  statistics[0] = hyp.length;
  statistics[1] = nearest(
    hyp.length,
    refs.map(({ length }) => length),
  );
  for (let order = 1; order <= maxOrder; order++) {
    const allowed = new Map<string, number>();
    for (const ref of refs) {
      for (const [gram, count] of ngramCounts(ref, order)) allowed.set(gram, Math.max(count, allowed.get(gram) ?? 0));
    }
    for (const [gram, count] of ngramCounts(hyp, order)) {
      statistics[1 + order] = (statistics[1 + order] as number) + Math.min(count, allowed.get(gram) ?? 0);
    }
    statistics[1 + maxOrder + order] = Math.max(0, hyp.length - order + 1);
  }
  return statistics;
}

/** Counts of all n-grams of one order. */
export function ngramCounts(words: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at + order <= words.length; at++) {
    const gram = words.slice(at, at + order).join(' ');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** The shorter one of two equally near. */
function nearest(length: number, others: readonly number[]): number {
  return others.reduce((best, each) => {
    const [mine, theirs] = [Math.abs(length - each), Math.abs(length - best)];
    return mine < theirs || (mine === theirs && each < best) ? each : best;
  });
}

export interface BleuScore {
  /** 0 to 100. */
  readonly score: number;
  /** Of each order, in percent. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
}

/** @param statistics summed over sentences */
export function bleuOf(statistics: ArrayLike<number>, options: BleuOptions = {}): BleuScore {
  const { smoothing = 'exp', maxOrder = MAX_ORDER, effectiveOrder = false } = options;
  const value = options.smoothingValue ?? (smoothing === 'add-k' ? 1 : 0.1);
  const [hypLength, refLength] = [statistics[0] as number, statistics[1] as number];
  const brevityPenalty = hypLength >= refLength ? 1 : hypLength > 0 ? Math.exp(1 - refLength / hypLength) : 0;
  const precisions = Array.from({ length: maxOrder }, () => 0);
  const matches = Array.from({ length: maxOrder }, (_, n) => statistics[2 + n] as number);
  if (matches.every((count) => count === 0)) return { score: 0, precisions, brevityPenalty };
  let halving = 1;
  let orders = maxOrder;
  for (let n = 0; n < maxOrder; n++) {
    const added = smoothing === 'add-k' && n > 0 ? value : 0;
    const match = (matches[n] as number) + added;
    const total = (statistics[2 + maxOrder + n] as number) + added;
    if (total === 0) break;
    if (effectiveOrder) orders = n + 1;
    if (match > 0) precisions[n] = (100 * match) / total;
    else if (smoothing === 'exp') precisions[n] = 100 / ((halving *= 2) * total);
    else if (smoothing === 'floor') precisions[n] = (100 * value) / total;
  }
  const logs = precisions.slice(0, orders).map((p) => (p === 0 ? LOG_OF_NOTHING : Math.log(p)));
  const score = brevityPenalty * Math.exp(logs.reduce((a, b) => a + b, 0) / orders);
  return { score, precisions, brevityPenalty };
}

/** What the reference takes for the logarithm of 0. */
const LOG_OF_NOTHING = -9_999_999_999;

/** The sums of statistics, element by element. */
export function sumStatistics(all: readonly ArrayLike<number>[]): Float64Array {
  const sums = new Float64Array(all[0]?.length ?? 0);
  for (const statistics of all)
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (statistics[i] as number);
  return sums;
}

/** @param references of each hypothesis */
export function corpusBleu(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  options: BleuOptions = {},
): BleuScore {
  const all = hypotheses.map((hypothesis, row) => bleuStatistics(hypothesis, references[row] ?? [], options));
  return bleuOf(sumStatistics(all), options);
}

/** As sacreBLEU prints it, so that figures can be compared: `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`. */
export function bleuSignature(references: number, options: BleuOptions = {}): string {
  const { tokenizer = '13a', smoothing = 'exp', effectiveOrder = false, lowercase = false } = options;
  const value = options.smoothingValue ?? (smoothing === 'add-k' ? 1 : 0.1);
  const smooth = smoothing === 'floor' || smoothing === 'add-k' ? `${smoothing}[${value.toFixed(2)}]` : smoothing;
  return `nrefs:${references}|case:${lowercase ? 'lc' : 'mixed'}|eff:${effectiveOrder ? 'yes' : 'no'}|tok:${tokenizer}|smooth:${smooth}|version:${SACREBLEU}`;
}

/** The version of sacreBLEU that figures are equal to. */
export const SACREBLEU = '2.6.0';
