/** What an amount of training buys: the size and the tokens with the lowest loss to be expected. */
import { type Estimate, type LawFit, predictLoss } from './fit-law.js';
import { type OwnData, lossAt } from './scaling-law.js';
import type { ModelSize } from './training-work.js';

/** A model that could be trained, by the one dial it follows from. */
export interface Candidate extends ModelSize {
  readonly depth: number;
}

export interface BestModel {
  readonly model: Candidate;
  readonly tokens: number;
  /** Passes over the own texts. */
  readonly passes: number;
  /** Seconds that it really takes: less than the budget where more of it would buy next to nothing. */
  readonly seconds: number;
  readonly loss: Estimate;
  /** What held it back: the budget, or how many texts there are. */
  readonly limit: 'budget' | 'texts';
}

/** Passes over the own texts that are looked at; after R* = 15 repeats further ones are worth little (Muennighoff et al. 2023). */
const PASSES = [1, 2, 4, 8, 16] as const;
export const MOST_PASSES = 16;
/** Of two models this near in loss the cheaper one is offered: it is cheaper to serve, too. */
const NEAR = 1.005;

/**
 * @param flopsPerSecond what the device sustains
 * @returns undefined when no candidate is left, or the budget does not cover one step
 */
export function bestModel(
  fit: LawFit,
  candidates: readonly Candidate[],
  data: OwnData,
  budget: { readonly seconds: number; readonly flopsPerSecond: number; readonly fewestTokens: number },
): BestModel | undefined {
  const { seconds, flopsPerSecond, fewestTokens } = budget;
  const offers = candidates.flatMap((model) => {
    const affordable = (seconds * flopsPerSecond) / model.flopsPerToken;
    const whole = PASSES.map((passes) => passes * data.uniqueTokens).filter((tokens) => tokens < affordable);
    const lengths = affordable > MOST_PASSES * data.uniqueTokens ? whole : [...whole, affordable];
    return lengths
      .filter((tokens) => tokens >= fewestTokens)
      .map((tokens) => ({
        model,
        tokens,
        work: tokens * model.flopsPerToken,
        limit: tokens < affordable ? ('texts' as const) : ('budget' as const),
        expected: lossAt(fit.law, model.parameters, tokens, data),
      }));
  });
  const lowest = Math.min(...offers.map(({ expected }) => expected));
  const [chosen] = offers.filter(({ expected }) => expected <= lowest * NEAR).sort((a, b) => a.work - b.work);
  if (chosen === undefined) return undefined;
  const { model, tokens, limit, work } = chosen;
  return {
    model,
    tokens,
    limit,
    passes: tokens / data.uniqueTokens,
    seconds: work / flopsPerSecond,
    loss: predictLoss(fit, model.parameters, tokens, data),
  };
}
