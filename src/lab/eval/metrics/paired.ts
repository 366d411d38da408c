/**
 * Whether one model is better than another on the same examples. Both answered every example, so each test pairs them, which
 * finds differences that two separate intervals hide (Koehn 2004; Dror et al. 2018). Every test ends in one verdict.
 */
import type { Rng } from '../../../base/rng.js';
import { type BootstrapOptions, checkBootstrap } from '../bootstrap.js';
import { type Figure, allRows, drawnFigures, eachDraw, percentileInterval } from './intervals.js';

export type Verdict = 'better' | 'worse' | 'not decisive';

export interface PairedComparison {
  /** Ours less theirs. */
  readonly difference: number;
  /** Ends of the 95 % interval of the difference. */
  readonly low: number;
  readonly high: number;
  /** Two-sided. */
  readonly pValue: number;
  /** Of ours, at 5 %. */
  readonly verdict: Verdict;
}

/** Whether more of the metric is better. */
export type Direction = 'higher' | 'lower';

const LEVEL = 0.05;
const Z95 = 1.959963984540054;

/** Not decisive when chance gives as much as this in one of twenty comparisons, or where nothing can be said (NaN). */
export function verdictOf(difference: number, pValue: number, better: Direction): Verdict {
  if (!(pValue < LEVEL) || difference === 0 || Number.isNaN(difference)) return 'not decisive';
  return difference > 0 === (better === 'higher') ? 'better' : 'worse';
}

/**
 * Paired bootstrap of the difference of any metric: both figures are taken of the same drawn examples (Koehn 2004).
 * @param count how many examples there are
 * @param draws of `eachDraw`; the same for all comparisons on these examples
 */
export function pairedBootstrap(
  ours: Figure,
  theirs: Figure,
  count: number,
  draws: Iterable<Uint32Array>,
  better: Direction = 'higher',
): PairedComparison {
  const of: Figure = (rows) => ours(rows) - theirs(rows);
  const difference = of(allRows(count));
  const drawn = drawnFigures(of, draws);
  const atMost = drawn.filter((each) => each <= 0).length;
  const atLeast = drawn.filter((each) => each >= 0).length;
  // one is added so that no finite number of draws claims certainty (Davison & Hinkley 1997)
  const pValue = Math.min(1, (2 * (Math.min(atMost, atLeast) + 1)) / (drawn.length + 1));
  return {
    difference,
    ...percentileInterval(drawn, 1 - LEVEL),
    pValue,
    verdict: verdictOf(difference, pValue, better),
  };
}

/**
 * McNemar's test (1947), exact: of the examples that only one of the two got right, as many should be ours as theirs. The
 * interval of the difference of accuracies is Bonett & Price's (2012).
 * @param ours whether our answer to each example is right
 * @throws RangeError when the two are of different length or empty
 */
export function mcNemar(ours: readonly boolean[], theirs: readonly boolean[]): PairedComparison {
  if (ours.length !== theirs.length || ours.length === 0)
    throw new RangeError(`${ours.length} and ${theirs.length} answers cannot be paired`);
  const onlyOurs = ours.filter((right, row) => right && !theirs[row]).length;
  const onlyTheirs = theirs.filter((right, row) => right && !ours[row]).length;
  const pValue = exactMcNemar(onlyOurs, onlyTheirs);
  const difference = (onlyOurs - onlyTheirs) / ours.length;
  const [p, q] = [(onlyOurs + 1) / (ours.length + 2), (onlyTheirs + 1) / (ours.length + 2)];
  const half = Z95 * Math.sqrt((p + q - (p - q) ** 2) / (ours.length + 2));
  return {
    difference,
    low: Math.max(-1, p - q - half),
    high: Math.min(1, p - q + half),
    pValue,
    verdict: verdictOf(difference, pValue, 'higher'),
  };
}

/** Two-sided p-value of as uneven a split of the examples that only one model got right, were both as good: binomial, ½. */
export function exactMcNemar(onlyOurs: number, onlyTheirs: number): number {
  const total = onlyOurs + onlyTheirs;
  const fewer = Math.min(onlyOurs, onlyTheirs);
  // from the largest term down, each relative to it, so that neither 2^-n nor n! is ever formed
  let [sum, term] = [1, 1];
  for (let k = fewer; k > 0; k--) {
    term *= k / (total - k + 1);
    sum += term;
    if (term < sum * Number.EPSILON) break;
  }
  return Math.min(1, 2 * Math.exp(logBinomial(total, fewer) - total * Math.LN2) * sum);
}

/** ln of `total` over `part`. */
function logBinomial(total: number, part: number): number {
  let [sum, lost] = [0, 0];
  for (let k = 1; k <= part; k++) {
    // summed as Kahan does: the terms cancel against total · ln 2
    const term = Math.log((total - part + k) / k) - lost;
    const next = sum + term;
    lost = next - sum - term;
    sum = next;
  }
  return sum;
}

/**
 * Paired approximate randomisation (Noreen 1989; Riezler & Maxwell 2005): in each trial every example's two answers change
 * sides with probability ½; the p-value is the share of trials whose difference is as large. The interval is that of a paired
 * bootstrap over the same statistics.
 * @param ours what each example adds to the sums a figure is made of: n-gram counts for BLEU, `[value, 1]` for a mean
 * @param figureOf the metric of such sums
 * @throws RangeError when the two cannot be paired, or for options out of range
 */
export function pairedRandomization(
  ours: readonly ArrayLike<number>[],
  theirs: readonly ArrayLike<number>[],
  figureOf: (sums: Float64Array) => number,
  rng: Rng,
  options: BootstrapOptions & { readonly better?: Direction } = {},
): PairedComparison {
  if (ours.length !== theirs.length)
    throw new RangeError(`${ours.length} and ${theirs.length} answers cannot be paired`);
  const { resamples } = checkBootstrap(ours.length, { resamples: 10_000, ...options });
  const width = ours[0]?.length ?? 0;
  if ([...ours, ...theirs].some(({ length }) => length !== width))
    throw new RangeError('the statistics of all answers must have the same length');
  const sums = [new Float64Array(width), new Float64Array(width)] as const;
  const differenceOf = (count: number, mine: (at: number) => ArrayLike<number>, other: typeof mine): number => {
    for (const each of sums) each.fill(0);
    for (let at = 0; at < count; at++) {
      addTo(sums[0], mine(at));
      addTo(sums[1], other(at));
    }
    return figureOf(sums[0]) - figureOf(sums[1]);
  };
  const of = (rows: Uint32Array): number =>
    differenceOf(
      rows.length,
      (at) => ours[rows[at] as number] ?? [],
      (at) => theirs[rows[at] as number] ?? [],
    );
  const difference = of(allRows(ours.length));
  const swaps = new Uint8Array(ours.length);
  // sums in another order may differ in their last bits
  const asLarge = Math.abs(difference) * (1 - 1e-12);
  let count = 0;
  for (let trial = 0; trial < resamples; trial++) {
    for (let at = 0; at < swaps.length; at++) swaps[at] = rng.uint32() >>> 31;
    const drawn = differenceOf(
      swaps.length,
      (at) => (swaps[at] === 1 ? theirs : ours)[at] ?? [],
      (at) => (swaps[at] === 1 ? ours : theirs)[at] ?? [],
    );
    if (Math.abs(drawn) >= asLarge) count++;
  }
  const pValue = (count + 1) / (resamples + 1);
  const interval = percentileInterval(drawnFigures(of, eachDraw(ours.length, Math.min(resamples, 2000), rng)));
  return { difference, ...interval, pValue, verdict: verdictOf(difference, pValue, options.better ?? 'higher') };
}

function addTo(sums: Float64Array, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) sums[i] = (sums[i] as number) + (values[i] as number);
}
