/** Shares of right answers. */

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
