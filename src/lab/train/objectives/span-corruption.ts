/**
 * Span corruption (Raffel et al. 2019, arXiv:1910.10683, §3.1.4): spans of a text are replaced by sentinels, and what stood
 * there is to be written, each span after its sentinel. Loss = −Σ log p(target token | corrupted text, earlier target tokens).
 */
import type { Rng } from '../../../base/rng.js';
import type { TokenPair } from '../pair-batches.js';

export interface SpanCorruptionRules {
  /** One for each span at most, in the order in which they are used. */
  readonly sentinels: readonly number[];
  readonly endOfText: number;
  /** The share of tokens that is taken out; T5's 0.15. */
  readonly noiseDensity?: number;
  /** T5's 3. */
  readonly meanSpanLength?: number;
}

const NOISE_DENSITY = 0.15;
const MEAN_SPAN_LENGTH = 3;

/** How many tokens of `count` are taken out, and in how many spans. */
function noiseOf(count: number, rules: SpanCorruptionRules): { readonly tokens: number; readonly spans: number } {
  const density = rules.noiseDensity ?? NOISE_DENSITY;
  const tokens = Math.min(Math.max(Math.round(count * density), 1), count - 1);
  const wanted = Math.round(tokens / (rules.meanSpanLength ?? MEAN_SPAN_LENGTH));
  // every span has a token, and so has every stretch that is kept
  const spans = Math.min(Math.max(wanted, 1), tokens, count - tokens, rules.sentinels.length);
  return { tokens, spans };
}

/** The most tokens of text whose corrupted form, its end included, has at most `length`. */
export function textLengthFor(length: number, rules: SpanCorruptionRules): number {
  for (let count = 2 * length; count > 2; count--) {
    const { tokens, spans } = noiseOf(count, rules);
    if (count - tokens + spans + 1 <= length && tokens + spans + 2 <= length) return count;
  }
  throw new RangeError(`${length} tokens do not hold a text with a span taken out`);
}

/** @param text at least two tokens @returns both sides, each closed by the end-of-text */
export function corruptSpans(text: readonly number[], rules: SpanCorruptionRules, rng: Rng): TokenPair {
  const { tokens, spans } = noiseOf(text.length, rules);
  const taken = randomParts(tokens, spans, rng);
  const kept = randomParts(text.length - tokens, spans, rng);
  const source: number[] = [];
  const target: number[] = [];
  let at = 0;
  for (let span = 0; span < spans; span++) {
    const sentinel = rules.sentinels[span] as number;
    const keptEnd = at + (kept[span] as number);
    source.push(...text.slice(at, keptEnd), sentinel);
    at = keptEnd + (taken[span] as number);
    target.push(sentinel, ...text.slice(keptEnd, at));
  }
  const last = rules.sentinels[spans];
  return {
    source: [...source, rules.endOfText],
    target: [...target, ...(last === undefined ? [] : [last]), rules.endOfText],
  };
}

/** `total` as a sum of `count` positive whole numbers, every such sum as likely as any other. */
function randomParts(total: number, count: number, rng: Rng): number[] {
  const cuts = rng
    .shuffle(Array.from({ length: total - 1 }, (_, index) => index + 1))
    .slice(0, count - 1)
    .sort((a, b) => a - b);
  return [...cuts, total].map((cut, index) => cut - (cuts[index - 1] ?? 0));
}
