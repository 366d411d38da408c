/**
 * Percentile bootstrap (Efron 1979) of a ratio of sums, such as bits per byte: whole documents are drawn again with
 * replacement, so that the interval covers how much documents differ. Knows no model.
 */
import type { Rng } from '../../base/rng.js';

/** One document's share of the two sums. */
export interface RatioTerm {
  readonly numerator: number;
  readonly denominator: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** 2,000 when not given. */
  readonly resamples?: number;
  /** 0.95 when not given. */
  readonly confidence?: number;
}

const MAX_RESAMPLES = 100_000;

/**
 * The interval of Σ numerator ÷ Σ denominator. One term gives an interval of no width, which says nothing.
 * @param rng drawn from `resamples` × terms times
 */
export function bootstrapRatio(terms: readonly RatioTerm[], rng: Rng, options: BootstrapOptions = {}): Interval {
  const { resamples, confidence } = checkBootstrap(terms.length, options);
  const ratios = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) ratios[i] = drawRatio(terms, rng);
  ratios.sort();
  return { low: quantile(ratios, (1 - confidence) / 2), high: quantile(ratios, (1 + confidence) / 2) };
}

/**
 * The options with their defaults.
 * @param count how many there are to draw from
 * @throws RangeError when there is nothing to draw from, or an option is out of range
 */
export function checkBootstrap(count: number, options: BootstrapOptions): Required<BootstrapOptions> {
  const { resamples = 2000, confidence = 0.95 } = options;
  if (!Number.isInteger(resamples) || resamples < 1 || resamples > MAX_RESAMPLES)
    throw new RangeError(`resamples is ${resamples}, not 1 to ${MAX_RESAMPLES}`);
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`confidence is ${confidence}, not between 0 and 1`);
  if (count === 0) throw new RangeError('nothing to draw from');
  return { resamples, confidence };
}

function drawRatio(terms: readonly RatioTerm[], rng: Rng): number {
  let numerator = 0;
  let denominator = 0;
  for (let i = 0; i < terms.length; i++) {
    const term = terms[rng.below(terms.length)] as RatioTerm;
    numerator += term.numerator;
    denominator += term.denominator;
  }
  return numerator / denominator;
}

/**
 * Linear interpolation between the neighbours, as numpy's default.
 * @param sorted ascending, not empty
 */
export function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}
