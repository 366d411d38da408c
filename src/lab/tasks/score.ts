/** Outputs become figures: each with a 95 % interval, each difference with a verdict. Knows no task and no model. */
import { Rng } from '../../base/rng.js';
import { quantile } from '../eval/bootstrap.js';
import type { Metric } from './task.js';

export interface Score {
  readonly metric: string;
  readonly better: 'higher' | 'lower';
  readonly signature?: string;
  /** NaN where the metric is undefined on these examples. */
  readonly value: number;
  /** 95 %, percentile bootstrap over examples (Efron 1979). */
  readonly low: number;
  readonly high: number;
}

export interface Comparison {
  readonly against: string;
  readonly metric: string;
  /** Theirs. */
  readonly value: number;
  /** Ours less theirs, with its 95 % interval: both are drawn with the same examples (paired bootstrap, Koehn 2004). */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided. */
  readonly pValue: number;
  readonly verdict: 'better' | 'worse' | 'not decisive';
}

export interface ScoreOptions {
  /** Default 1,000. */
  readonly resamples?: number;
  readonly seed: number;
}

const RESAMPLES = 1000;
const LEVEL = 0.05;

/** Draws of examples with replacement, the same for every metric and model. @returns row numbers, one array a draw */
export function drawRows(count: number, { resamples = RESAMPLES, seed }: ScoreOptions): Uint32Array[] {
  const rng = Rng.fromSeed(seed);
  return Array.from({ length: resamples }, () => Uint32Array.from({ length: count }, () => rng.below(count)));
}

const allRows = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row);

export function scoreOutputs<Example, Output>(
  metrics: readonly Metric<Example, Output>[],
  examples: readonly Example[],
  outputs: readonly Output[],
  draws: readonly Uint32Array[],
): Score[] {
  return metrics.map((metric) => {
    const { name, better, signature, prepare } = metric;
    const figure = prepare(examples, outputs);
    const drawn = Float64Array.from(draws, (rows) => figure(rows)).filter((value) => !Number.isNaN(value));
    const ends = endsOf(drawn.toSorted());
    const value = figure(allRows(examples.length));
    return { metric: name, better, ...(signature === undefined ? {} : { signature }), value, ...ends };
  });
}

/** By the first metric of the task. */
export function compareOutputs<Example, Output>(
  metric: Metric<Example, Output>,
  examples: readonly Example[],
  ours: readonly Output[],
  theirs: { readonly name: string; readonly outputs: readonly Output[] },
  draws: readonly Uint32Array[],
): Comparison {
  const [our, their] = [metric.prepare(examples, ours), metric.prepare(examples, theirs.outputs)];
  const all = allRows(examples.length);
  const [mine, value] = [our(all), their(all)];
  const drawn = Float64Array.from(draws, (rows) => our(rows) - their(rows)).filter((each) => !Number.isNaN(each));
  const atMost = drawn.filter((each) => each <= 0).length;
  const atLeast = drawn.filter((each) => each >= 0).length;
  // one is added so that no finite number of draws claims certainty (Davison & Hinkley 1997)
  const pValue = Math.min(1, (2 * (Math.min(atMost, atLeast) + 1)) / (drawn.length + 1));
  const difference = mine - value;
  const isBetter = metric.better === 'higher' ? difference > 0 : difference < 0;
  const verdict = !(pValue < LEVEL) ? 'not decisive' : isBetter ? 'better' : 'worse';
  return { against: theirs.name, metric: metric.name, value, difference, ...endsOf(drawn.toSorted()), pValue, verdict };
}

function endsOf(sorted: Float64Array): { low: number; high: number } {
  if (sorted.length === 0) return { low: Number.NaN, high: Number.NaN };
  return { low: quantile(sorted, LEVEL / 2), high: quantile(sorted, 1 - LEVEL / 2) };
}
