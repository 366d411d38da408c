/**
 * How far a figure may be from the truth when only a few things were observed. Shares (such as churn) have Jeffreys
 * intervals, which are defined when nothing or everything was lost; means of repeated measurements have Student's.
 */
import { type Micros, MICROS_PER_UNIT } from '../../base/money.js';
import { exactly } from './measurement.js';

export interface Estimate {
  readonly value: number;
  /** Ends of the 95 % interval. */
  readonly low: number;
  readonly high: number;
}

const TAIL = 0.025;

/**
 * A share `hits ÷ trials` with Jeffreys' interval: quantiles of Beta(hits + ½, trials − hits + ½), with 0 as the low end when
 * nothing was hit and 1 as the high end when everything was (Brown, Cai, DasGupta 2001).
 * @returns null when there was no trial: then nothing is known
 */
export function shareEstimate(hits: number, trials: number): Estimate | null {
  if (trials === 0) return null;
  const [a, b] = [hits + 0.5, trials - hits + 0.5];
  return {
    value: hits / trials,
    low: hits === 0 ? 0 : betaQuantile(TAIL, a, b),
    high: hits === trials ? 1 : betaQuantile(1 - TAIL, a, b),
  };
}

/** Student's 97.5 % points by degrees of freedom, 1 to 10; beyond, within 2 % of 1.96 + 2.5 ÷ freedom. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/**
 * The mean of repeated measurements of a positive quantity, with Student's 95 % interval, cut off at 0.
 * @returns null when nothing was measured; an interval without end (0 to infinity) for one measurement, which has no spread
 */
export function meanEstimate(values: readonly number[]): Estimate | null {
  const count = values.length;
  if (count === 0) return null;
  const value = values.reduce((sum, each) => sum + each, 0) / count;
  if (count === 1) return { value, low: 0, high: Number.POSITIVE_INFINITY };
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / (count - 1);
  const half = (STUDENT[count - 2] ?? 1.96 + 2.5 / (count - 1)) * Math.sqrt(variance / count);
  return { value, low: Math.max(0, value - half), high: value + half };
}

/** `micros × factor` for a factor that was estimated, rounded down to a whole micro-unit: never kinder than the estimate. */
export function scaled(micros: Micros, factor: number): Micros {
  const { numerator, denominator } = exactly(factor, 'factor');
  return floorDivide(micros * numerator, denominator);
}

/** Rounded down, for negative amounts too: −1 ÷ 2 is −1. */
export function floorDivide(amount: bigint, by: bigint): bigint {
  const quotient = amount / by;
  return amount < 0n && amount % by !== 0n ? quotient - 1n : quotient;
}

/** For forecasts, charts and ratios alone: never added up again. */
export function approximateUnits(micros: Micros): number {
  return Number(micros) / Number(MICROS_PER_UNIT);
}

function betaQuantile(share: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (betaDistribution(middle, a, b) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The regularised incomplete beta function, by Lentz's continued fraction (Numerical Recipes 6.4). */
function betaDistribution(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaDistribution(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const tiny = 1e-300;
  let fraction = 1;
  let c = 1;
  let d = 0;
  for (let i = 0; i <= 400; i++) {
    const m = i >> 1;
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    const term = i === 0 ? 1 : i % 2 === 0 ? even : odd;
    d = 1 + term * d;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = 1 + term / c;
    if (Math.abs(c) < tiny) c = tiny;
    fraction *= c * d;
    if (Math.abs(1 - c * d) < 1e-12) break;
  }
  return front * (fraction - 1);
}

/** Lanczos' approximation, g = 7. */
function logGamma(z: number): number {
  const coefficients = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
    -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  const sum = coefficients.reduce((total, each, i) => total + each / (z + i), 0.9999999999998099);
  const t = z + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (z - 0.5) * Math.log(t) - t + Math.log(sum);
}
