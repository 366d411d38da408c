/**
 * How likely it is that two passages of these lengths are translations of each other: Gale & Church (1993), "A Program
 * for Aligning Sentences in Bilingual Corpora", with the ratio and the variance of the two texts at hand.
 */
export interface LengthModel {
  /** Target characters for one source character. */
  readonly ratio: number;
  /** Of the target's length for one source character. */
  readonly variance: number;
}

/** The variance of the paper's own languages, whose ratio is about 1, until there are pairs to measure it on. */
const PAPER_VARIANCE = 6.8;
const LEAST_VARIANCE = 0.5;

/** The ratio of the whole texts, in characters. */
export function roughLengthModel(sourceLength: number, targetLength: number): LengthModel {
  const ratio = Math.max(0.05, Math.min(20, targetLength / Math.max(1, sourceLength)));
  return { ratio, variance: Math.max(LEAST_VARIANCE, PAPER_VARIANCE * ratio ** 2) };
}

/** Ratio and variance measured on pairs of lengths; the middle half decides, so that wrong pairs do little. */
export function fitLengthModel(
  pairs: readonly (readonly [source: number, target: number])[],
  fallback: LengthModel,
): LengthModel {
  if (pairs.length < 10) return fallback;
  const ratio = median(pairs.map(([source, target]) => target / Math.max(1, source)));
  if (!(ratio > 0)) return fallback;
  const deviations = pairs.map(
    ([source, target]) => Math.abs(target - ratio * source) / Math.sqrt(scaleOf(source, target, ratio)),
  );
  // the median of the absolute deviation of a normal distribution is 0.6745 of its standard deviation
  const deviation = median(deviations) / 0.6745;
  return { ratio, variance: Math.max(LEAST_VARIANCE, deviation ** 2) };
}

/** −log of the probability that lengths of a translation differ by at least as much (two-sided), in nats. */
export function lengthCost(source: number, target: number, { ratio, variance }: LengthModel): number {
  if (source === 0 && target === 0) return 0;
  const delta = Math.abs(target - ratio * source) / Math.sqrt(scaleOf(source, target, ratio) * variance);
  return -Math.log(Math.max(1e-12, 2 * upperTail(delta)));
}

/** The mean of both lengths in source characters, so that neither side is preferred. */
function scaleOf(source: number, target: number, ratio: number): number {
  return Math.max(1, (source + target / ratio) / 2);
}

/** P(Z > z) of the standard normal distribution; Abramowitz & Stegun 26.2.17, good to 7.5e-8. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? 0;
}
