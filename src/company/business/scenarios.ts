/** Base, low and high; which assumption matters most; and what chance makes of all of them together. */
import { Rng } from '../../base/rng.js';
import { ASSUMPTIONS, type Assumption, type Assumptions, type Forecast, forecast } from './forecast.js';

/** `low` and `high` are the ends of what may be; equal to `base` for what is certain. */
export interface Range {
  readonly low: number;
  readonly base: number;
  readonly high: number;
}
export type Ranges = Readonly<Record<Assumption, Range>>;

export interface Swing {
  readonly assumption: Assumption;
  /** Profit with this one at its low end, all others at their base. */
  readonly atLow: number;
  readonly atHigh: number;
  readonly swing: number;
}

export interface ChanceResult {
  readonly draws: number;
  readonly seed: number;
  /** Of the profit over all months. */
  readonly percentiles: {
    readonly p5: number;
    readonly p25: number;
    readonly p50: number;
    readonly p75: number;
    readonly p95: number;
  };
  /** Share of the draws that end with a loss. */
  readonly lossShare: number;
}

export interface ScenarioResult {
  readonly months: number;
  readonly base: Forecast;
  /** Every assumption at that end of its range which earns less. */
  readonly low: Forecast;
  readonly high: Forecast;
  /** The largest swing first. */
  readonly tornado: readonly Swing[];
  readonly chance: ChanceResult;
}

export function runScenarios(
  ranges: Ranges,
  { months, draws, seed }: { months: number; draws: number; seed: number },
): ScenarioResult {
  const base = pick(ranges, ({ base: value }) => value);
  const profitWith = (assumption: Assumption, value: number): number =>
    forecast({ ...base, [assumption]: value }, months).estimatedProfit;
  const swings = ASSUMPTIONS.map((assumption): Swing => {
    const atLow = profitWith(assumption, ranges[assumption].low);
    const atHigh = profitWith(assumption, ranges[assumption].high);
    return { assumption, atLow, atHigh, swing: Math.abs(atHigh - atLow) };
  });
  const risesWith = new Map(swings.map(({ assumption, atLow, atHigh }) => [assumption, atHigh >= atLow]));
  const worst = pick(ranges, ({ low, high }, name) => (risesWith.get(name) === true ? low : high));
  const best = pick(ranges, ({ low, high }, name) => (risesWith.get(name) === true ? high : low));
  return {
    months,
    base: forecast(base, months),
    low: forecast(worst, months),
    high: forecast(best, months),
    tornado: swings.filter(({ swing }) => swing > 0).sort((a, b) => b.swing - a.swing),
    chance: byChance(ranges, { months, draws, seed }),
  };
}

/** Draws every assumption by itself, from a triangle over its range with the peak at its base. */
function byChance(
  ranges: Ranges,
  { months, draws, seed }: { months: number; draws: number; seed: number },
): ChanceResult {
  const rng = Rng.fromSeed(seed);
  const profits = Float64Array.from({ length: draws }, () => {
    const drawn = pick(ranges, (range) => drawTriangular(range, rng.uniform()));
    return forecast(drawn, months).estimatedProfit;
  }).sort();
  const at = (share: number): number => profits[Math.min(draws - 1, Math.floor(share * draws))] as number;
  const losses = profits.findIndex((profit) => profit >= 0);
  return {
    draws,
    seed,
    percentiles: { p5: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) },
    lossShare: (losses === -1 ? draws : losses) / draws,
  };
}

/** The inverse of the triangular distribution. @param uniform in [0, 1) */
export function drawTriangular({ low, base, high }: Range, uniform: number): number {
  if (high === low) return base;
  const peak = (base - low) / (high - low);
  return uniform < peak
    ? low + Math.sqrt(uniform * (high - low) * (base - low))
    : high - Math.sqrt((1 - uniform) * (high - low) * (high - base));
}

function pick(ranges: Ranges, valueOf: (range: Range, name: Assumption) => number): Assumptions {
  const entries = ASSUMPTIONS.map((name): [Assumption, number] => [name, valueOf(ranges[name], name)]);
  return Object.fromEntries(entries) as Record<Assumption, number>;
}
