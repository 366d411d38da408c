/** How much each of several tasks counts in what is learned of all. */

export const WEIGHTINGS = ['fixed', 'uncertainty', 'gradnorm'] as const;
export type Weighting = (typeof WEIGHTINGS)[number];

export interface GradNormOptions {
  /** How strongly tasks that learn more slowly are favoured; the paper's α. */
  readonly strength: number;
  /** Of the weights. */
  readonly learningRate: number;
}

export interface GradNormStep {
  /** Each task's now, Σ = number of tasks. */
  readonly weights: readonly number[];
  /** At the first step. */
  readonly firstLosses: readonly number[];
  readonly losses: readonly number[];
  /** ‖∇ of each task's loss, unweighted‖ at the last layer that all share. */
  readonly norms: readonly number[];
}

const LEAST_WEIGHT = 1e-3;

/**
 * One step of GradNorm (Chen et al. 2018, arXiv:1711.02257, algorithm 1): the norms of the weighted gradients, G = w · g, are
 * brought towards their mean times r^α, r being how slowly a task learns (its loss over its first one, relative to the mean of
 * that): L = Σ |G − Ḡ r^α|, the target held fixed. The weights are scaled to their number again.
 */
export function gradNormWeights(
  { weights, firstLosses, losses, norms }: GradNormStep,
  { strength, learningRate }: GradNormOptions,
): number[] {
  const count = weights.length;
  const weighted = weights.map((weight, task) => weight * (norms[task] as number));
  const meanNorm = weighted.reduce((a, b) => a + b, 0) / count;
  const left = losses.map((loss, task) => loss / Math.max(firstLosses[task] as number, Number.MIN_VALUE));
  const meanLeft = left.reduce((a, b) => a + b, 0) / count;
  const moved = weights.map((weight, task) => {
    const target = meanNorm * ((left[task] as number) / meanLeft) ** strength;
    const slope = Math.sign((weighted[task] as number) - target) * (norms[task] as number);
    return Math.max(LEAST_WEIGHT, weight - learningRate * slope);
  });
  const total = moved.reduce((a, b) => a + b, 0);
  return moved.map((weight) => (weight * count) / total);
}
