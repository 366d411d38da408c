/** Figures of scores that put examples in an order, with scikit-learn's definitions. */

/** Numbers of the examples from the highest score to the lowest. */
function descending(scores: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: scores.length }, (_, row) => row).sort(
    (a, b) => (scores[b] as number) - (scores[a] as number),
  );
}

/** Calls `visit` once for every run of equal scores, from the highest, with how many of it are positive and negative. */
function eachThreshold(
  scores: ArrayLike<number>,
  positive: ArrayLike<boolean | number>,
  visit: (positives: number, negatives: number) => void,
): void {
  const order = descending(scores);
  for (let start = 0; start < order.length;) {
    let end = start;
    let positives = 0;
    while (end < order.length && scores[order[end] as number] === scores[order[start] as number]) {
      if (positive[order[end] as number]) positives++;
      end++;
    }
    visit(positives, end - start - positives);
    start = end;
  }
}

/**
 * The area under the receiver operating characteristic: the chance that a positive example scores above a negative one,
 * ties counting half (Hanley & McNeil 1982). NaN when there is only one class.
 * @param positive whether each example is
 */
export function areaUnderRoc(scores: ArrayLike<number>, positive: ArrayLike<boolean | number>): number {
  let [positives, negatives, pairs] = [0, 0, 0];
  eachThreshold(scores, positive, (more, others) => {
    pairs += others * (positives + more / 2);
    positives += more;
    negatives += others;
  });
  return pairs / (positives * negatives);
}

/** Average precision: Σ (recallₙ − recallₙ₋₁) · precisionₙ over thresholds. NaN without positive examples. */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<boolean | number>): number {
  let [right, seen, total] = [0, 0, 0];
  eachThreshold(scores, positive, (more, others) => {
    right += more;
    seen += more + others;
    total += (more * right) / seen;
  });
  return total / right;
}

/** The largest distance between the two classes' distributions of scores: max (true − false positive rate). */
export function kolmogorovSmirnov(scores: ArrayLike<number>, positive: ArrayLike<boolean | number>): number {
  const steps: [number, number][] = [];
  let [positives, negatives] = [0, 0];
  eachThreshold(scores, positive, (more, others) => {
    positives += more;
    negatives += others;
    steps.push([positives, negatives]);
  });
  return steps.reduce((most, [p, n]) => Math.max(most, p / positives - n / negatives), Number.NEGATIVE_INFINITY);
}
