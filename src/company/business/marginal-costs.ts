/** What one more million tokens cost, model by model: no price below it can ever pay. */
import type { Micros } from '../../base/money.js';
import type { ServingCost, ServingCosts } from '../billing/price-floor.js';
import { type LoadCurve, capacityOf, fullLoadCost } from './load-curve.js';
import type { CostBasis } from './serving-cost.js';
import { servingCostPerMillionTokens } from './unit-economics.js';

export interface MarginalFacts extends CostBasis {
  /** The model that runs here, as it is sold. */
  readonly ownModel: string;
  readonly curve: LoadCurve | null;
  /** Output tokens a second over everything that was served here; null when nothing was. */
  readonly servedTokensPerSecond: number | null;
}

/** A model whose cost is not known is not in it. */
export function marginalCosts(facts: MarginalFacts): ServingCosts {
  const costs = new Map<string, ServingCost>();
  const own = ownCost(facts);
  if (own !== null) costs.set(facts.ownModel, own);
  for (const [model, cost] of facts.elsewhere)
    if (cost !== null && cost !== 'our-machine') costs.set(model, { ...cost, source: 'stated in upstreams.json' });
  return costs;
}

/** From the load curve, at its best; where there is none, from what was served. */
function ownCost({ hourlyMicros, curve, servedTokensPerSecond }: MarginalFacts): ServingCost | null {
  if (hourlyMicros === null) return null;
  const capacity = curve === null ? null : capacityOf(curve);
  if (capacity !== null) {
    const { inputMicrosPerMillion, outputMicrosPerMillion } = fullLoadCost({ hourlyMicros, point: capacity });
    return {
      inputMicros: inputMicrosPerMillion,
      outputMicros: outputMicrosPerMillion,
      source: `moat bench serve, ${capacity.concurrency} requests at once`,
    };
  }
  const outputMicros = served(hourlyMicros, servedTokensPerSecond);
  return outputMicros === null
    ? null
    : { inputMicros: null, outputMicros, source: 'from the time of the answers served' };
}

const served = (hourlyMicros: Micros, tokensPerSecond: number | null): Micros | null =>
  tokensPerSecond === null ? null : servingCostPerMillionTokens({ hourlyMicros, tokensPerSecond });
