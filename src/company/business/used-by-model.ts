/** Usage model by model as the summary takes it: what was made here by its time, what was made elsewhere by its tokens. Pure. */
import { type ModelUsage, totalsOf } from '../billing/usage.js';
import type { PeriodFacts } from './business-summary.js';
import { type CostBasis, boughtCost, runsHere } from './serving-cost.js';

export function periodOf(models: readonly ModelUsage[], basis: Pick<CostBasis, 'elsewhere'>): PeriodFacts {
  const { requests, inputTokens, outputTokens, revenueMicros } = totalsOf(models);
  const { computeMs } = totalsOf(models.filter(({ model }) => runsHere(basis, model)));
  const used = models.map(({ model, allInputTokens, allOutputTokens }) => ({
    model,
    inputTokens: allInputTokens,
    outputTokens: allOutputTokens,
    computeMs: 0,
  }));
  return {
    requests,
    inputTokens,
    outputTokens,
    revenueMicros,
    computeSeconds: computeMs / 1000,
    boughtMicros: boughtCost(used, basis),
  };
}

/** Output tokens per second of machine time over everything that was sold and made here; null when nothing was. */
export function servedTokensPerSecond(
  models: readonly ModelUsage[],
  basis: Pick<CostBasis, 'elsewhere'>,
): number | null {
  const { outputTokens, payingComputeMs } = totalsOf(models.filter(({ model }) => runsHere(basis, model)));
  return payingComputeMs > 0 ? (outputTokens * 1000) / payingComputeMs : null;
}
