/**
 * One page of truth about whether a model pays, shared by `moat business`, the demo and `/api/overview`. A fact that
 * was not measured is null and everything that would need it stays null: no figure here is a guess, and none is 0
 * for want of knowing better.
 */
import type { Currency, Micros, Rate } from '../../base/money.js';
import {
  breakEvenTokens,
  grossMargin,
  machineCost,
  priceFloor,
  type PriceFloor,
  servingCostPerMillionTokens,
  trainingCost,
} from './unit-economics.js';

/** What was sold and computed in a span of time; from the ledger and the usage events. */
export interface PeriodFacts {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly revenueMicros: Micros;
  /** Machine time spent on those answers that were made here. */
  readonly computeSeconds: number | null;
  /** What was paid for those that were made elsewhere; null where that is not stated. */
  readonly boughtMicros: Micros | null;
}

export interface BusinessFacts {
  readonly currency: Currency;
  /** The machine's hourly price (`business.machineHourlyPrice`). */
  readonly hourlyMicros: Micros | null;
  /** Wall time of the training runs behind the model on sale, over all their processes on this machine. */
  readonly trainingWallSeconds: number | null;
  /** What the machines of clusters cost that trained it, too. */
  readonly clusterMicros?: Micros;
  /** Measured output tokens a second, all concurrent answers together. */
  readonly decodeTokensPerSecond: number | null;
  /** Measured input tokens a second. */
  readonly prefillTokensPerSecond: number | null;
  readonly inputPriceMicrosPerMillion: Micros | null;
  readonly outputPriceMicrosPerMillion: Micros | null;
  readonly today: PeriodFacts;
  readonly total: PeriodFacts;
}

export interface PeriodResult extends PeriodFacts {
  readonly costMicros: Micros | null;
  readonly marginMicros: Micros | null;
  /** Margin ÷ revenue; null when nothing was sold or the cost is not known. */
  readonly marginRatio: Rate | null;
}

export type BreakEven =
  /** A fact is missing. */
  | { readonly state: 'unknown'; readonly tokensFromZero: null; readonly tokensRemaining: null }
  /** A token sold earns no more than it costs. */
  | { readonly state: 'never'; readonly tokensFromZero: null; readonly tokensRemaining: null }
  /** Tokens are output tokens at today's price and throughput; `reached` means none remain. */
  | { readonly state: 'ahead' | 'reached'; readonly tokensFromZero: bigint | null; readonly tokensRemaining: bigint };

export interface BusinessSummary {
  readonly currency: Currency;
  readonly trainingCostMicros: Micros | null;
  readonly inputCostMicrosPerMillion: Micros | null;
  readonly outputCostMicrosPerMillion: Micros | null;
  readonly inputPriceFloor: PriceFloor | null;
  readonly outputPriceFloor: PriceFloor | null;
  readonly today: PeriodResult;
  readonly total: PeriodResult;
  readonly breakEven: BreakEven;
}

/** @throws MoatError `bad-measurement` when a fact is negative or not finite */
export function businessSummary(facts: BusinessFacts): BusinessSummary {
  const { hourlyMicros } = facts;
  const trainingCostMicros =
    hourlyMicros === null || facts.trainingWallSeconds === null
      ? null
      : trainingCost({ wallSeconds: facts.trainingWallSeconds, hourlyMicros }) + (facts.clusterMicros ?? 0n);
  const inputCostMicrosPerMillion = servingCost(hourlyMicros, facts.prefillTokensPerSecond);
  const outputCostMicrosPerMillion = servingCost(hourlyMicros, facts.decodeTokensPerSecond);
  const total = periodResult(facts.total, hourlyMicros);
  return {
    currency: facts.currency,
    trainingCostMicros,
    inputCostMicrosPerMillion,
    outputCostMicrosPerMillion,
    inputPriceFloor: floorOf(facts.inputPriceMicrosPerMillion, inputCostMicrosPerMillion),
    outputPriceFloor: floorOf(facts.outputPriceMicrosPerMillion, outputCostMicrosPerMillion),
    today: periodResult(facts.today, hourlyMicros),
    total,
    breakEven: breakEven({
      trainingCostMicros,
      earnedMicros: total.marginMicros,
      outputPriceMicrosPerMillion: facts.outputPriceMicrosPerMillion,
      servingCostMicrosPerMillion: outputCostMicrosPerMillion,
    }),
  };
}

function servingCost(hourlyMicros: Micros | null, tokensPerSecond: number | null): Micros | null {
  if (hourlyMicros === null || tokensPerSecond === null) return null;
  return servingCostPerMillionTokens({ hourlyMicros, tokensPerSecond });
}

function floorOf(priceMicrosPerMillion: Micros | null, costMicrosPerMillion: Micros | null): PriceFloor | null {
  if (priceMicrosPerMillion === null || costMicrosPerMillion === null) return null;
  return priceFloor({ priceMicrosPerMillion, servingCostMicrosPerMillion: costMicrosPerMillion });
}

function periodResult(period: PeriodFacts, hourlyMicros: Micros | null): PeriodResult {
  if (hourlyMicros === null || period.computeSeconds === null || period.boughtMicros === null) {
    return { ...period, costMicros: null, marginMicros: null, marginRatio: null };
  }
  const costMicros = machineCost({ seconds: period.computeSeconds, hourlyMicros }) + period.boughtMicros;
  const { marginMicros, ratio } = grossMargin({ revenueMicros: period.revenueMicros, costMicros });
  return { ...period, costMicros, marginMicros, marginRatio: ratio };
}

interface BreakEvenFacts {
  trainingCostMicros: Micros | null;
  /** Margin of everything sold so far. */
  earnedMicros: Micros | null;
  outputPriceMicrosPerMillion: Micros | null;
  servingCostMicrosPerMillion: Micros | null;
}

/** What was earned already counts whatever the price is now, so a paid-off model stays paid off at a lower price. */
function breakEven(facts: BreakEvenFacts): BreakEven {
  const { trainingCostMicros, earnedMicros, outputPriceMicrosPerMillion, servingCostMicrosPerMillion } = facts;
  const unknown = { state: 'unknown', tokensFromZero: null, tokensRemaining: null } as const;
  if (trainingCostMicros === null || earnedMicros === null) return unknown;
  const owedMicros = trainingCostMicros - earnedMicros;
  if (outputPriceMicrosPerMillion === null || servingCostMicrosPerMillion === null) {
    return owedMicros <= 0n ? { state: 'reached', tokensFromZero: null, tokensRemaining: 0n } : unknown;
  }
  const rates = { outputPriceMicrosPerMillion, servingCostMicrosPerMillion };
  const tokensFromZero = breakEvenTokens({ trainingCostMicros, ...rates });
  const tokensRemaining = breakEvenTokens({ trainingCostMicros: owedMicros, ...rates });
  if (tokensRemaining === null) return { state: 'never', tokensFromZero: null, tokensRemaining: null };
  return { state: tokensRemaining === 0n ? 'reached' : 'ahead', tokensFromZero, tokensRemaining };
}
