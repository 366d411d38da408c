/** Figures that follow from which class was taken for which, with scikit-learn's definitions and names. */

/** What a share of nothing is worth, as scikit-learn's `zero_division`; NaN leaves the class out of means. */
export type ZeroDivision = 0 | 1 | typeof Number.NaN;

export interface ClassScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Examples that are of the class. */
  readonly support: number;
}

export interface AveragedScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/**
 * Counts by true class (row) and predicted class (column).
 * @param expected class numbers in 0 … classCount − 1
 * @throws RangeError for any other number, on either side
 */
export function confusionMatrix(
  expected: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classCount: number,
): Float64Array[] {
  const counts = Array.from({ length: classCount }, () => new Float64Array(classCount));
  for (let i = 0; i < expected.length; i++) {
    const row = counts[expected[i] as number];
    const count = row?.[predicted[i] as number];
    if (row === undefined || count === undefined) throw new RangeError(`example ${i} has no such class`);
    row[predicted[i] as number] = count + 1;
  }
  return counts;
}

const sumOf = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};

const at = (counts: readonly Float64Array[], row: number, column: number): number => counts[row]?.[column] ?? 0;

/** The share of examples on the diagonal. */
export function accuracyOf(counts: readonly Float64Array[]): number {
  const total = sumOf(counts.map(sumOf));
  return sumOf(counts.map((row, c) => row[c] ?? 0)) / total;
}

/** Precision, recall and F1 of every class. */
export function classScores(counts: readonly Float64Array[], zeroDivision: ZeroDivision = 0): ClassScores[] {
  return counts.map((row, c) => {
    const right = row[c] ?? 0;
    const support = sumOf(row);
    const named = sumOf(counts.map((_, r) => at(counts, r, c)));
    return { ...scoresOfCounts(right, named, support, zeroDivision), support };
  });
}

/** Precision, recall and F1 of how often a class was named, was there, and both. */
export function scoresOfCounts(
  right: number,
  named: number,
  support: number,
  zeroDivision: ZeroDivision,
): AveragedScores {
  return {
    precision: named === 0 ? zeroDivision : right / named,
    recall: support === 0 ? zeroDivision : right / support,
    // undefined only where nothing was named and nothing was there
    f1: named + support === 0 ? zeroDivision : (2 * right) / (named + support),
  };
}

/**
 * The mean over classes (`macro`), weighted by their support (`weighted`), or over all examples together (`micro`).
 * @param labels only these classes, as scikit-learn's `labels`; all of them when not given
 */
export function averageScores(
  counts: readonly Float64Array[],
  average: 'macro' | 'weighted' | 'micro',
  zeroDivision: ZeroDivision = 0,
  labels: readonly number[] = [...counts.keys()],
): AveragedScores {
  if (average === 'micro') {
    const right = sumOf(labels.map((c) => at(counts, c, c)));
    const named = sumOf(labels.map((c) => sumOf(counts.map((_, r) => at(counts, r, c)))));
    return scoresOfCounts(right, named, sumOf(labels.map((c) => sumOf(counts[c] ?? []))), zeroDivision);
  }
  const all = classScores(counts, zeroDivision);
  const classes = labels.map((c) => all[c] ?? { ...scoresOfCounts(0, 0, 0, zeroDivision), support: 0 });
  const mean = (of: (scores: ClassScores) => number): number => {
    const defined = classes.filter((scores) => !Number.isNaN(of(scores)));
    const weight = ({ support }: ClassScores): number => (average === 'macro' ? 1 : support);
    const total = sumOf(defined.map(weight));
    return total === 0 ? zeroDivision : sumOf(defined.map((scores) => weight(scores) * of(scores))) / total;
  };
  return {
    precision: mean((each) => each.precision),
    recall: mean((each) => each.recall),
    f1: mean((each) => each.f1),
  };
}

/** Matthews' correlation for any number of classes (Gorodkin 2004); 0 where it is undefined, as in scikit-learn. */
export function matthewsCorrelation(counts: readonly Float64Array[]): number {
  const total = sumOf(counts.map(sumOf));
  const right = sumOf(counts.map((row, c) => row[c] ?? 0));
  const truth = counts.map(sumOf);
  const named = counts.map((_, c) => sumOf(counts.map((__, r) => at(counts, r, c))));
  const product = sumOf(truth.map((t, c) => t * (named[c] as number)));
  const spread = (values: readonly number[]): number => total * total - sumOf(values.map((value) => value * value));
  const bottom = Math.sqrt(spread(named) * spread(truth));
  return bottom === 0 ? 0 : (right * total - product) / bottom;
}

/** Agreement beyond chance (Cohen 1960); NaN where chance alone agrees always. */
export function cohensKappa(counts: readonly Float64Array[]): number {
  const total = sumOf(counts.map(sumOf));
  const chance =
    sumOf(counts.map((row, c) => sumOf(row) * sumOf(counts.map((_, r) => at(counts, r, c))))) / (total * total);
  return (accuracyOf(counts) - chance) / (1 - chance);
}
