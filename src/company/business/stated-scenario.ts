/** Turns what the business file assumes into ranges: its own figures, the facts it points at, and the facts that stand in by themselves. */
import type { BusinessFile, StatedRange } from './business-file.js';
import { type BuildOrBuy, buildOrBuy } from './build-or-buy.js';
import { requireFact } from './canvas.js';
import { approximateUnits } from './estimates.js';
import { ASSUMPTIONS, type Assumption, forecastPriceFloor } from './forecast.js';
import { outputRate } from './load-curve.js';
import type { BusinessPicture } from './picture.js';
import { type Range, type Ranges, type ScenarioResult, runScenarios } from './scenarios.js';
import { MoatError } from '../../base/errors.js';

export interface StatedScenario {
  /** Null when an assumption is missing. */
  readonly result: ScenarioResult | null;
  readonly ranges: Readonly<Partial<Record<Assumption, Range>>>;
  /** Neither stated nor measured. */
  readonly missing: readonly Assumption[];
  /** What a million output tokens must bring to pay for the machines of the base case's first month. */
  readonly estimatedPriceFloor: number | null;
}

/**
 * @param tried bases to look at in the place of the stated or measured ones; a range stretches to hold its own
 * @throws MoatError `unknown-fact`, `bad-business-file` for a range whose ends are on one side of its base
 */
export function scenarioOf(
  { scenario }: Pick<BusinessFile, 'scenario'>,
  picture: BusinessPicture,
  tried: Readonly<Partial<Record<Assumption, number>>> = {},
): StatedScenario | null {
  if (scenario === undefined) return null;
  const ranges: Partial<Record<Assumption, Range>> = {};
  const missing: Assumption[] = [];
  for (const name of ASSUMPTIONS) {
    const range = stretched(rangeOf(name, scenario.assumptions[name], picture), tried[name]);
    if (range === null) missing.push(name);
    else ranges[name] = range;
  }
  if (missing.length > 0) return { result: null, ranges, missing, estimatedPriceFloor: null };
  const whole = ranges as Ranges;
  const { months, draws, seed } = scenario;
  const base = Object.fromEntries(ASSUMPTIONS.map((name) => [name, whole[name].base])) as Record<Assumption, number>;
  const customers = base.customers * (1 - base.churn) + base.newCustomers;
  return {
    result: runScenarios(whole, { months, draws, seed }),
    ranges,
    missing,
    estimatedPriceFloor: forecastPriceFloor(base, customers * base.tokens),
  };
}

function rangeOf(name: Assumption, stated: StatedRange | undefined, picture: BusinessPicture): Range | null {
  const base =
    stated?.base ?? (stated?.fact === undefined ? measured(name, picture) : factNumber(stated.fact, name, picture));
  if (base === null) return null;
  const range = { base, low: stated?.low ?? base, high: stated?.high ?? base };
  if (range.low <= base && base <= range.high) return range;
  throw new MoatError(
    'bad-business-file',
    `scenario.assumptions.${name}: ${range.low} to ${range.high} does not hold its base ${base}`,
    {
      fix: 'Write low ≤ base ≤ high.',
    },
  );
}

const stretched = (range: Range | null, base: number | undefined): Range | null =>
  base === undefined
    ? range
    : { base, low: Math.min(base, range?.low ?? base), high: Math.max(base, range?.high ?? base) };

function factNumber(id: string, name: Assumption, picture: BusinessPicture): number | null {
  const fact = requireFact(id, `scenario.assumptions.${name}`);
  const value = fact.value(picture);
  if (typeof value === 'bigint') return approximateUnits(value);
  return typeof value === 'number' ? value : null;
}

/** What stands in where the file says nothing; null where nothing was measured either. */
function measured(name: Assumption, picture: BusinessPicture): number | null {
  const { retention, acquisition, recurring, byModel, facts, costs } = picture;
  const paying = retention.payingCustomers;
  const money = (micros: bigint | null | undefined): number | null =>
    micros === null || micros === undefined ? null : approximateUnits(micros);
  switch (name) {
    case 'customers':
      return paying;
    case 'newCustomers':
      return acquisition.newCustomers;
    case 'churn':
      return retention.churnOfAllTime.monthly?.value ?? null;
    case 'tokens':
      return paying === 0 ? null : byModel.reduce((sum, { outputTokens }) => sum + outputTokens, 0) / paying / 1e6;
    case 'price':
      return money(facts.price?.outputMicros);
    case 'fee':
      return paying === 0 ? 0 : approximateUnits(recurring.monthlyMicros) / paying;
    case 'capacity':
      return capacityAtMix(picture);
    case 'machineHour':
      return money(facts.hourlyMicros);
    case 'fixedCosts':
      return money(costs.fixedMicros);
    case 'acquisition':
      return money(acquisition.costMicros);
    case 'paymentShare': {
      const rate = facts.file?.payments?.percent;
      return rate === undefined ? null : Number(rate.numerator) / Number(rate.denominator);
    }
  }
}

/** Input tokens for each output token, as served in the month; where nothing was served, output alone is looked at. */
const mixOf = ({ load }: BusinessPicture): number =>
  load === null || load.outputTokens === 0 ? 0 : load.inputTokens / load.outputTokens;

/** Output tokens a second of one machine that also reads the input that goes along. */
function capacityAtMix(picture: BusinessPicture): number | null {
  const { capacity } = picture;
  if (capacity === null) return null;
  return outputRate({ decode: capacity.decode.value, prefill: capacity.prefill.value }, mixOf(picture));
}

/**
 * The own model beside the giant of the business file.
 * @returns null when the file does not ask for it, or a figure it needs is missing
 * @throws MoatError `bad-business-file` for a giant that is no competitor
 */
export function buildOrBuyOf(
  { buildOrBuy: stated, market }: BusinessFile,
  picture: BusinessPicture,
): BuildOrBuy | null {
  if (stated === undefined) return null;
  const giant = market.competitors.find(({ name }) => name === stated.giant);
  if (giant === undefined)
    throw new MoatError('bad-business-file', `buildOrBuy.giant: "${stated.giant}" is not among market.competitors`, {
      fix: 'Write it down there, with its output price.',
    });
  const { trainingMicros, facts } = picture;
  const capacity = capacityAtMix(picture);
  if (giant.outputPrice === undefined || capacity === null || facts.hourlyMicros === null || trainingMicros === null)
    return null;
  const inputPerOutput = mixOf(picture);
  if (inputPerOutput > 0 && giant.inputPrice === undefined) return null;
  return buildOrBuy(
    {
      capacity,
      machineHour: approximateUnits(facts.hourlyMicros),
      apiPrice: approximateUnits(giant.outputPrice) + inputPerOutput * approximateUnits(giant.inputPrice ?? 0n),
      trainingCost: approximateUnits(trainingMicros),
      trainingMonths: stated.trainingMonths,
      ownShare: stated.ownShare,
      ownQuality: facts.quality?.value ?? null,
      apiQuality: facts.quality?.giant?.value ?? giant.quality ?? null,
    },
    stated.volumes,
  );
}
