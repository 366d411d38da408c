/**
 * What a model costs, earns and still has to earn, as pure functions over measured facts. Costs are rounded up and
 * token goals are rounded up, so a figure shown here is never kinder than the truth. Knows nothing of databases,
 * runs or prices in force: whoever calls brings the facts.
 */
import { type Micros, multiplyCeil, type Rate } from '../../base/money.js';
import { exactly } from './measurement.js';

const SECONDS_PER_HOUR = 3600n;
const TOKENS_PER_MILLION = 1_000_000n;

/**
 * What machine time costs: `wallSeconds × hourlyMicros ÷ 3600`, rounded up to a whole micro-unit.
 * Serves training (wall time of the run) and serving (engine time of the answers) alike.
 */
export function machineCost({ seconds, hourlyMicros }: { seconds: number; hourlyMicros: Micros }): Micros {
  const { numerator, denominator } = exactly(seconds, 'seconds');
  return multiplyCeil(hourlyMicros, { numerator, denominator: denominator * SECONDS_PER_HOUR });
}

/**
 * What a run cost in machine time.
 * @param facts wallSeconds: the whole run, evaluations and saves included; hourlyMicros: the machine's hourly price
 */
export function trainingCost(facts: { wallSeconds: number; hourlyMicros: Micros }): Micros {
  return machineCost({ seconds: facts.wallSeconds, hourlyMicros: facts.hourlyMicros });
}

/**
 * What a million tokens cost to serve at the measured throughput: `hourlyMicros ÷ (3600 × tokensPerSecond) × 10^6`,
 * rounded up. Give decoding's throughput for output tokens and prefill's for input tokens, each measured at the load
 * that is sold: an idle second is paid for too, and is not in this figure.
 * @returns null when the throughput is 0: nothing was served, so nothing was measured
 */
export function servingCostPerMillionTokens(facts: { hourlyMicros: Micros; tokensPerSecond: number }): Micros | null {
  const throughput = exactly(facts.tokensPerSecond, 'tokensPerSecond');
  if (throughput.numerator === 0n) return null;
  return multiplyCeil(facts.hourlyMicros, {
    numerator: TOKENS_PER_MILLION * throughput.denominator,
    denominator: SECONDS_PER_HOUR * throughput.numerator,
  });
}

export interface GrossMargin {
  /** Revenue less cost; negative when selling lost money. */
  readonly marginMicros: Micros;
  /** Margin ÷ revenue, exact; null when nothing was sold. */
  readonly ratio: Rate | null;
}

export function grossMargin(facts: { revenueMicros: Micros; costMicros: Micros }): GrossMargin {
  const marginMicros = facts.revenueMicros - facts.costMicros;
  const ratio = facts.revenueMicros > 0n ? { numerator: marginMicros, denominator: facts.revenueMicros } : null;
  return { marginMicros, ratio };
}

/**
 * Output tokens to sell until `trainingCostMicros` is earned back: the cost ÷ (price − serving cost), rounded up.
 * @returns 0 when there is nothing to earn back; null when a token earns nothing, so that it never pays
 */
export function breakEvenTokens(facts: {
  trainingCostMicros: Micros;
  outputPriceMicrosPerMillion: Micros;
  servingCostMicrosPerMillion: Micros;
}): bigint | null {
  if (facts.trainingCostMicros <= 0n) return 0n;
  const contribution = facts.outputPriceMicrosPerMillion - facts.servingCostMicrosPerMillion;
  if (contribution <= 0n) return null;
  return multiplyCeil(facts.trainingCostMicros, { numerator: TOKENS_PER_MILLION, denominator: contribution });
}

export interface PriceFloor {
  /** `at-or-above-cost`, or `below-cost`: every token sold loses money. */
  readonly verdict: 'at-or-above-cost' | 'below-cost';
  /** What a million tokens earn beyond their marginal cost; negative below cost. */
  readonly contributionMicrosPerMillion: Micros;
}

/** Whether a price covers the marginal cost of serving; a price equal to the cost does. */
export function priceFloor(facts: { priceMicrosPerMillion: Micros; servingCostMicrosPerMillion: Micros }): PriceFloor {
  const contributionMicrosPerMillion = facts.priceMicrosPerMillion - facts.servingCostMicrosPerMillion;
  return {
    verdict: contributionMicrosPerMillion < 0n ? 'below-cost' : 'at-or-above-cost',
    contributionMicrosPerMillion,
  };
}
