/** How well classes are told apart. Knows scores and labels, not models. */

/**
 * The area under the receiver operating characteristic: the chance that a positive example scores above a negative one,
 * ties counting half (Hanley & McNeil 1982). NaN when there is only one class.
 * @param positive whether each example is
 */
export function areaUnderCurve(scores: ArrayLike<number>, positive: ArrayLike<boolean>): number {
  const order = Array.from({ length: scores.length }, (_, index) => index);
  order.sort((a, b) => (scores[a] as number) - (scores[b] as number));
  let rankSum = 0;
  let positives = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && scores[order[end] as number] === scores[order[start] as number]) end++;
    const rank = (start + 1 + end) / 2; // the mean rank of equal scores, counted from 1
    for (let i = start; i < end; i++) {
      if (positive[order[i] as number] !== true) continue;
      rankSum += rank;
      positives++;
    }
    start = end;
  }
  const negatives = scores.length - positives;
  return positives === 0 || negatives === 0
    ? Number.NaN
    : (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** The share of examples whose likeliest class is the right one. */
export function accuracy(probabilities: readonly ArrayLike<number>[], labels: ArrayLike<number>): number {
  const right = probabilities.filter((of, row) =>
    Array.from(of).every((p, c) => p <= (of[labels[row] as number] as number) || c === labels[row]),
  );
  return right.length / probabilities.length;
}

const Z95 = 1.959963984540054;

/** Wilson's 95 % interval of a share (1927). @returns lower and upper end */
export function wilsonInterval(successes: number, count: number): readonly [number, number] {
  const share = successes / count;
  const square = Z95 ** 2;
  const centre = (share + square / (2 * count)) / (1 + square / count);
  const half = (Z95 * Math.sqrt((share * (1 - share)) / count + square / (4 * count ** 2))) / (1 + square / count);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
