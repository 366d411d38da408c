/** Whether the law would have foretold the largest run: fitted without it, its interval must hold what that run showed. */
import { MoatError } from '../../base/errors.js';
import { type Estimate, FEWEST_RUNS, type LawPoint, fitLaw, predictLoss } from './fit-law.js';

export type LawCheck =
  | { readonly name: string; readonly predicted: Estimate; readonly measured: number; readonly holds: boolean }
  /** With so few or so alike left there is nothing to foretell from. */
  | { readonly name: string; readonly why: string };

/** The largest is the one with the most arithmetic: parameters × tokens. */
export function checkLargest(points: readonly LawPoint[], seed = 1): LawCheck {
  const work = ({ parameters, tokens }: LawPoint): number => parameters * tokens;
  const largest = points.reduce((most, point) => (work(point) > work(most) ? point : most));
  const others = points.filter((point) => point !== largest);
  try {
    const fit = fitLaw(others, { seed, fewest: FEWEST_RUNS - 1 });
    const predicted = predictLoss(fit, largest.parameters, largest.tokens, {
      uniqueTokens: largest.uniqueTokens,
      measuredParameters: largest.parameters,
    });
    const holds = predicted.low <= largest.loss && largest.loss <= predicted.high;
    return { name: largest.name, predicted, measured: largest.loss, holds };
  } catch (error) {
    if (error instanceof MoatError) return { name: largest.name, why: error.message };
    throw error;
  }
}
