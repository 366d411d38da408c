/**
 * How far a figure may be from what more examples would give: percentile bootstrap (Efron 1979) of any figure over examples or
 * clusters of them, and the standard error of a mean. Knows no metric: a figure is a function of row numbers.
 */
import type { Rng } from '../../../base/rng.js';
import { type BootstrapOptions, type Interval, checkBootstrap, quantile } from '../bootstrap.js';

/** A metric of those examples whose row numbers are given, as often as they occur; NaN where it is undefined on them. */
export type Figure = (rows: Uint32Array) => number;

/** Row numbers of all examples, each once. */
export const allRows = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row);

/**
 * Draws of examples with replacement, one at a time, so that none but the present one stands in memory.
 * @param clusters a name of each example's cluster (document, user, near-copies): whole clusters are drawn, because examples that
 *   belong together say less than as many that do not; draws then differ in length
 * @returns row numbers of each draw
 * @throws RangeError when there are not as many cluster names as examples
 */
export function* eachDraw(
  count: number,
  resamples: number,
  rng: Rng,
  clusters?: readonly (string | number)[],
): Generator<Uint32Array> {
  const groups = clusters === undefined ? undefined : membersOf(clusters, count);
  for (let draw = 0; draw < resamples; draw++) {
    yield groups === undefined
      ? Uint32Array.from({ length: count }, () => rng.below(count))
      : Uint32Array.from(groups.flatMap(() => groups[rng.below(groups.length)] as number[]));
  }
}

function membersOf(clusters: readonly (string | number)[], count: number): number[][] {
  if (clusters.length !== count) throw new RangeError(`${clusters.length} cluster names for ${count} examples`);
  const members = new Map<string | number, number[]>();
  for (const [row, cluster] of clusters.entries()) {
    const known = members.get(cluster);
    if (known === undefined) members.set(cluster, [row]);
    else known.push(row);
  }
  return [...members.values()];
}

/** The figures of draws, without those where it is undefined. */
export function drawnFigures(figure: Figure, draws: Iterable<Uint32Array>): Float64Array {
  const figures: number[] = [];
  for (const rows of draws) {
    const value = figure(rows);
    if (!Number.isNaN(value)) figures.push(value);
  }
  return Float64Array.from(figures);
}

/** The middle `confidence` of drawn figures; NaN without any. */
export function percentileInterval(figures: Float64Array, confidence = 0.95): Interval {
  if (figures.length === 0) return { low: Number.NaN, high: Number.NaN };
  const sorted = figures.toSorted();
  return { low: quantile(sorted, (1 - confidence) / 2), high: quantile(sorted, (1 + confidence) / 2) };
}

export interface FigureInterval extends Interval {
  readonly value: number;
  /** Draws on which the figure was undefined, such as AUC where one class was not drawn; they are left out. */
  readonly undefinedDraws: number;
}

/**
 * A figure over all examples with its percentile bootstrap interval.
 * @param clusters as for `eachDraw`
 * @throws RangeError without examples, or for options out of range
 */
export function bootstrapFigure(
  figure: Figure,
  count: number,
  rng: Rng,
  options: BootstrapOptions & { readonly clusters?: readonly (string | number)[] } = {},
): FigureInterval {
  const { resamples, confidence } = checkBootstrap(count, options);
  const drawn = drawnFigures(figure, eachDraw(count, resamples, rng, options.clusters));
  return {
    value: figure(allRows(count)),
    ...percentileInterval(drawn, confidence),
    undefinedDraws: resamples - drawn.length,
  };
}

/** @throws RangeError for no values */
export function meanOf(values: ArrayLike<number>): number {
  if (values.length === 0) throw new RangeError('no values to take the mean of');
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total / values.length;
}

/**
 * Standard error of a mean: the sample's standard deviation (n − 1) ÷ √n, as lm-evaluation-harness reports it.
 * @returns NaN for a single value
 * @throws RangeError for no values
 */
export function standardError(values: ArrayLike<number>): number {
  const mean = meanOf(values);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += ((values[i] as number) - mean) ** 2;
  return Math.sqrt(squares / (values.length - 1) / values.length);
}
