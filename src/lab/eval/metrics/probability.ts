/** How much probabilities are worth as probabilities, with scikit-learn's definitions. */

/** The least probability a logarithm is taken of, as scikit-learn clips 64-bit floats. */
const EPSILON = 2 ** -52;

/** Mean nats of the true class. @param probabilities of all classes, one array an example */
export function logLoss(probabilities: readonly ArrayLike<number>[], expected: ArrayLike<number>): number {
  let total = 0;
  for (const [row, of] of probabilities.entries()) {
    const sum = Array.from(of).reduce((a, b) => a + b, 0);
    const share = (of[expected[row] as number] as number) / sum;
    total -= Math.log(Math.min(1 - EPSILON, Math.max(EPSILON, share)));
  }
  return total / probabilities.length;
}

/** Mean squared distance of a probability from what happened (Brier 1950), of the positive class of two. */
export function brierScore(probability: ArrayLike<number>, positive: ArrayLike<boolean | number>): number {
  let total = 0;
  for (let i = 0; i < probability.length; i++) total += ((probability[i] as number) - Number(positive[i])) ** 2;
  return total / probability.length;
}

export interface ReliabilityBin {
  /** Confidences in [low, high); the last bin has its end. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  readonly meanConfidence: number;
  /** The share that was right. */
  readonly accuracy: number;
}

/** Bins of equal width over [0, 1]; empty ones are left out. @param confidence of the class that was named */
export function reliability(confidence: ArrayLike<number>, isRight: ArrayLike<boolean>, bins = 10): ReliabilityBin[] {
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
  for (let i = 0; i < confidence.length; i++) {
    const value = confidence[i] as number;
    const bin = sums[Math.min(bins - 1, Math.floor(value * bins))];
    if (bin === undefined) throw new RangeError(`a confidence of ${value} is not in [0, 1]`);
    bin.count++;
    bin.confidence += value;
    if (isRight[i] === true) bin.right++;
  }
  return sums.flatMap(({ count, confidence: total, right }, index) =>
    count === 0
      ? []
      : [
          {
            low: index / bins,
            high: (index + 1) / bins,
            count,
            meanConfidence: total / count,
            accuracy: right / count,
          },
        ],
  );
}

/** Expected calibration error over bins of equal width (Naeini et al. 2015). */
export function calibrationError(confidence: ArrayLike<number>, isRight: ArrayLike<boolean>, bins = 10): number {
  return reliability(confidence, isRight, bins).reduce(
    (sum, { count, meanConfidence, accuracy }) =>
      sum + (count / confidence.length) * Math.abs(accuracy - meanConfidence),
    0,
  );
}
