/** Outputs become figures: each with a 95 % interval, each difference with a verdict. Knows no task and no model. */
import { Rng } from '../../base/rng.js';
import { allRows, drawnFigures, eachDraw, percentileInterval } from '../eval/metrics/intervals.js';
import { type PairedComparison, pairedBootstrap } from '../eval/metrics/paired.js';
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

/** Ours less theirs, by a paired bootstrap: both are drawn with the same examples. */
export interface Comparison extends PairedComparison {
  readonly against: string;
  readonly metric: string;
  /** Theirs. */
  readonly value: number;
}

export interface ScoreOptions {
  /** Default 1,000. */
  readonly resamples?: number;
  readonly seed: number;
  /** Examples of one name are drawn together. */
  readonly clusters?: readonly string[] | undefined;
}

const RESAMPLES = 1000;

/** Draws of examples with replacement, the same for every metric and model. @returns row numbers, one array a draw */
export function drawRows(count: number, { resamples = RESAMPLES, seed, clusters }: ScoreOptions): Uint32Array[] {
  return [...eachDraw(count, resamples, Rng.fromSeed(seed), clusters)];
}

export function scoreOutputs<Example, Output>(
  metrics: readonly Metric<Example, Output>[],
  examples: readonly Example[],
  outputs: readonly Output[],
  draws: readonly Uint32Array[],
): Score[] {
  return metrics.map((metric) => {
    const { name, better, signature, prepare } = metric;
    const figure = prepare(examples, outputs);
    const ends = percentileInterval(drawnFigures(figure, draws));
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
  const compared = pairedBootstrap(our, their, examples.length, draws, metric.better);
  return { against: theirs.name, metric: metric.name, value: their(allRows(examples.length)), ...compared };
}
