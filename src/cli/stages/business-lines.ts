import type { Micros } from '../../base/money.js';
import { formatMicros } from '../../base/money.js';
import { formatCount } from '../../base/units.js';
import type { BusinessFacts, BusinessSummary, PeriodResult } from '../../company/business/business-summary.js';
import { percentText } from '../../company/business/measurement.js';
import type { SummaryLine } from '../terminal/summary-box.js';

const NOT_MEASURED = 'not measured';

/** A summary as lines for people; what was not measured says so. */
export function businessLines(facts: BusinessFacts, summary: BusinessSummary): SummaryLine[] {
  const money = (micros: Micros | null): string =>
    micros === null ? NOT_MEASURED : `${formatMicros(micros)} ${summary.currency}`;
  const perMillion = (price: Micros | null, cost: Micros | null): string =>
    `${price === null ? 'not priced' : `${money(price)} a million`}, costs ${money(cost)}`;
  return [
    ['training', `${money(summary.trainingCostMicros)} so far, at ${money(facts.hourlyMicros)} an hour`],
    ['output tokens', perMillion(facts.outputPriceMicrosPerMillion, summary.outputCostMicrosPerMillion)],
    ['input tokens', perMillion(facts.inputPriceMicrosPerMillion, summary.inputCostMicrosPerMillion)],
    ['today', periodLine(summary.today, money)],
    ['in all', periodLine(summary.total, money)],
    ['break-even', breakEvenLine(summary)],
    ...warnings(summary),
  ];
}

function periodLine(period: PeriodResult, money: (micros: Micros | null) => string): string {
  const margin = period.marginRatio === null ? '' : `, margin before idle time ${percentText(period.marginRatio)} %`;
  return `${formatCount(period.requests)} answers, revenue ${money(period.revenueMicros)}, cost of answers ${money(period.costMicros)}${margin}`;
}

function breakEvenLine({ breakEven }: BusinessSummary): string {
  switch (breakEven.state) {
    case 'unknown':
      return NOT_MEASURED;
    case 'never':
      return 'never at this price: a token costs as much as it earns, or more';
    case 'reached':
      return 'the training is paid for';
    case 'ahead':
      return `${formatCount(Number(breakEven.tokensRemaining))} more output tokens pay for the training`;
  }
}

function warnings({ inputPriceFloor, outputPriceFloor }: BusinessSummary): SummaryLine[] {
  const below = (name: string, floor: BusinessSummary['inputPriceFloor']): SummaryLine[] =>
    floor?.verdict === 'below-cost' ? [['warning', `${name} tokens are sold below what they cost`]] : [];
  return [...below('input', inputPriceFloor), ...below('output', outputPriceFloor)];
}
