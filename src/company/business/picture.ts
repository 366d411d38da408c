/**
 * The whole business in one month, from what was measured, booked and stated. The terminal, the canvas, the report and the studio
 * show this and compute nothing themselves. What is missing stays null, and so does whatever needs it.
 */
import type { Micros, Rate } from '../../base/money.js';
import { type ChannelCost, type Payback, blendedCost, channelCosts, paybackOf } from './acquisition.js';
import type { BusinessFile } from './business-file.js';
import { type LedgerMonth, type RevenueLines, ledgerSum, revenueOf } from './ledger-months.js';
import {
  type BreakEvenLoad,
  type FullLoadCost,
  type MeasuredPoint,
  type ServedLoad,
  type ServingCost,
  breakEvenLoad,
  capacityOf,
  fullLoadCost,
  servingCostAtLoad,
} from './load-curve.js';
import { type MarginLine, marginsBy, withOtherRevenue } from './margins.js';
import { type PaybackDate, type Runway, runwayOf, trainingPayback } from './outlook.js';
import type { PictureFacts, SoldMonth } from './picture-facts.js';
import { type PeriodCosts, costsOf, customerMonths } from './period-costs.js';
import { type RecurringRevenue, activeAt, recurringRevenue } from './recurring.js';
import {
  type Churn,
  type Cohort,
  churnInMonth,
  churnOf,
  cohortsOf,
  netRevenueRetention,
  newCustomers,
} from './retention.js';
import { type RunCost, runCost, sumKnown } from './run-costs.js';
import { runsHere } from './serving-cost.js';
import { breakEvenTokens, grossMargin, servingCostPerMillionTokens } from './unit-economics.js';
import { monthsOn } from './months.js';

export interface MonthFigure {
  readonly month: string;
  readonly revenueMicros: Micros;
  /** Revenue less what its answers cost. */
  readonly marginMicros: Micros | null;
}

/** Output tokens to sell; null: never at this price. */
export interface TokenGoal {
  readonly tokens: bigint | null;
  /** At the ends of the capacity's interval. */
  readonly fewest: bigint | null;
  readonly most: bigint | null;
}

export interface BusinessPicture {
  readonly facts: PictureFacts;
  /** False while the month runs. */
  readonly isOver: boolean;
  readonly revenue: RevenueLines;
  readonly costs: PeriodCosts;
  readonly grossMargin: { readonly marginMicros: Micros; readonly ratio: Rate | null } | null;
  /** Gross margin less what the payment service kept. */
  readonly contributionMicros: Micros | null;
  /** Contribution less all else that the month cost. */
  readonly resultMicros: Micros | null;
  readonly runs: readonly RunCost[];
  readonly trainingMicros: Micros | null;
  readonly load: ServedLoad | null;
  readonly capacity: MeasuredPoint | null;
  readonly fullLoad: FullLoadCost | null;
  readonly serving: ServingCost | null;
  readonly breakEvenLoad: BreakEvenLoad | null;
  readonly breakEvenTokens: TokenGoal | null;
  readonly byModel: readonly MarginLine[];
  readonly byPlan: readonly MarginLine[];
  readonly byCustomer: readonly MarginLine[];
  readonly recurring: RecurringRevenue;
  readonly retention: {
    readonly payingCustomers: number;
    readonly netRevenue: Rate | null;
    readonly churn: Churn;
    readonly churnOfAllTime: Churn;
    readonly cohorts: readonly Cohort[];
  };
  readonly acquisition: {
    readonly newCustomers: number;
    readonly channels: readonly ChannelCost[] | null;
    readonly costMicros: Micros | null;
    readonly payback: Payback;
  };
  readonly trainingPayback: PaybackDate;
  readonly runway: Runway;
  /** The months up to this one, at most twelve. */
  readonly history: readonly MonthFigure[];
}

const DAY_MS = 86_400_000;
/** Customers without a plan, in the lines by plan. */
export const NO_PLAN = '–';

/** @throws MoatError `bad-measurement` when a fact is negative or not finite */
export function businessPicture(facts: PictureFacts): BusinessPicture {
  const { month, hourlyMicros, file, now } = facts;
  const isOver = facts.endsAt.getTime() <= now.getTime();
  const until = isOver ? facts.endsAt : now;
  const days = Math.max(0, until.getTime() - facts.startsAt.getTime()) / DAY_MS;
  const ofMonth = facts.sales.filter((row) => row.month === month);
  const sold = ofMonth.filter(({ isInternal }) => !isInternal);
  const runs = facts.runs.map((run) => runCost(run, { hourlyMicros, electricity: electricityOf(file) }));
  const revenue = revenueOf(facts, month);
  const here = sold.filter(({ model }) => runsHere(facts, model));
  const load = loadOf(file, here, days);
  const capacity = facts.curve === null ? null : capacityOf(facts.curve);
  const fullLoad = hourlyMicros === null || capacity === null ? null : fullLoadCost({ hourlyMicros, point: capacity });
  const serving =
    hourlyMicros === null || load === null || capacity === null
      ? null
      : servingCostAtLoad({ hourlyMicros, load, point: capacity });
  const costs = costsOf({
    facts,
    runs,
    usage: ofMonth,
    load,
    elapsedShare: (days * DAY_MS) / (facts.endsAt.getTime() - facts.startsAt.getTime()),
  });
  const margin =
    costs.servingMicros === null
      ? null
      : grossMargin({ revenueMicros: revenue.totalMicros, costMicros: costs.servingMicros });
  const contributionMicros = minus(margin?.marginMicros ?? null, costs.paymentMicros);
  const resultMicros = minus(contributionMicros, costs.otherMicros);
  const trainingMicros = runs.length === 0 ? null : sumKnown(runs.map(({ totalMicros }) => totalMicros));
  const customers = customerMonths(facts);
  const earned = sumKnown(customers.map((row) => row.contributionMicros));
  const pace = {
    contributionMicros: sumKnown(customers.filter((row) => row.month === month).map((row) => row.contributionMicros)),
    days,
  };
  return {
    facts,
    isOver,
    revenue,
    costs,
    grossMargin: margin,
    contributionMicros,
    resultMicros,
    runs,
    trainingMicros,
    load,
    capacity,
    fullLoad,
    serving,
    breakEvenLoad:
      hourlyMicros === null || load === null || capacity === null
        ? null
        : breakEvenLoad({ hourlyMicros, revenueMicros: chargedFor(here), load, point: capacity }),
    breakEvenTokens: tokensToBreakEven(facts, trainingMicros, capacity),
    ...marginLines(facts, sold, until),
    recurring: recurringRevenue(facts.subscriptions, new Date(until.getTime() - 1)),
    ...customersIn(facts, customers, isOver),
    trainingPayback: trainingPayback({ trainingMicros, earnedMicros: earned, pace, now }),
    // A month that runs has paid some of its bills and not others.
    runway: runwayOf(file?.cash?.amount ?? null, isOver ? netCash(facts, costs) : null),
    history: historyOf(facts),
  };
}

export const electricityOf = (file: BusinessFile | null) => ({
  watts: file?.electricity?.watts ?? null,
  microsPerKilowattHour: file?.electricity?.pricePerKilowattHour ?? null,
  isInHourlyPrice: file?.electricity?.inHourlyPrice ?? true,
});

/** What a machine of ours earned; what others answered pays for their tokens. */
const chargedFor = (rows: readonly SoldMonth[]): Micros =>
  rows.reduce((sum, { chargedMicros }) => sum + chargedMicros, 0n);

const minus = (from: Micros | null, what: Micros | null): Micros | null =>
  from === null || what === null ? null : from - what;

/** What was sold and the hours that were paid: what is not sold, and idle time, burdens what is. Null when nobody said how long the machine is on. */
function loadOf(file: BusinessFile | null, usage: readonly SoldMonth[], days: number): ServedLoad | null {
  if (file?.serving === undefined) return null;
  const { machines, hoursPerDay } = file.serving;
  return {
    inputTokens: usage.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
    outputTokens: usage.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
    hours: days * hoursPerDay * machines,
  };
}

/** Output tokens that pay for the training, each at the cost of a machine that never waits: the fewest it can ever take. */
function tokensToBreakEven(
  { price, hourlyMicros }: PictureFacts,
  trainingMicros: Micros | null,
  capacity: MeasuredPoint | null,
): TokenGoal | null {
  if (price === null || trainingMicros === null || hourlyMicros === null || capacity === null) return null;
  const at = (tokensPerSecond: number): bigint | null => {
    if (!Number.isFinite(tokensPerSecond)) return null;
    const servingCostMicrosPerMillion = servingCostPerMillionTokens({ hourlyMicros, tokensPerSecond });
    if (servingCostMicrosPerMillion === null) return null;
    const outputPriceMicrosPerMillion = price.outputMicros;
    return breakEvenTokens({
      trainingCostMicros: trainingMicros,
      outputPriceMicrosPerMillion,
      servingCostMicrosPerMillion,
    });
  };
  const { value, low, high } = capacity.decode;
  return { tokens: at(value), fewest: at(high), most: at(low) };
}

function marginLines(facts: PictureFacts, sold: readonly SoldMonth[], until: Date) {
  const { month, subscriptions, ledger } = facts;
  const plans = new Map(
    activeAt(subscriptions, new Date(until.getTime() - 1)).map(({ customerId, plan }) => [customerId, plan]),
  );
  const fees = ledger.filter((row) => row.month === month && row.account === 'revenue' && row.source !== 'usage');
  const feesBy = (nameOf: (row: LedgerMonth) => string) =>
    fees.map((row) => ({ name: nameOf(row), micros: -row.amountMicros }));
  const planOf = ({ customerId }: { customerId: string | null }): string => plans.get(customerId ?? '') ?? NO_PLAN;
  return {
    byModel: marginsBy(sold, ({ model }) => model, facts),
    byPlan: withOtherRevenue(marginsBy(sold, planOf, facts), feesBy(planOf)),
    byCustomer: withOtherRevenue(
      marginsBy(sold, ({ customerName }) => customerName, facts),
      feesBy(({ customerName }) => customerName ?? NO_PLAN),
    ),
  };
}

function customersIn(facts: PictureFacts, rows: ReturnType<typeof customerMonths>, isOver: boolean) {
  const { month, file } = facts;
  const through = isOver ? month : monthsOn(month, -1);
  const fresh = newCustomers(rows, month);
  const nameOf = new Map(rows.map(({ customerId, customerName }) => [customerId, customerName]));
  const channels =
    file?.channels?.map(({ name, spend, customers }) => ({ name, spendMicros: spend?.[month] ?? null, customers })) ??
    null;
  const spend = channels === null ? null : sumKnown(channels.map(({ spendMicros }) => spendMicros));
  const costMicros = blendedCost(spend, fresh.length);
  const paying = rows.filter((row) => row.month === month && row.revenueMicros > 0n);
  const contribution = sumKnown(paying.map(({ contributionMicros }) => contributionMicros));
  const each = contribution === null || paying.length === 0 ? null : contribution / BigInt(paying.length);
  return {
    retention: {
      payingCustomers: paying.length,
      netRevenue: isOver ? netRevenueRetention(rows, month) : null,
      churn: churnInMonth(rows, through),
      churnOfAllTime: churnOf(rows, through),
      cohorts: cohortsOf(rows, through),
    },
    acquisition: {
      newCustomers: fresh.length,
      channels:
        channels === null
          ? null
          : channelCosts(
              channels,
              fresh.map((id) => nameOf.get(id) ?? id),
            ),
      costMicros,
      payback: paybackOf(costMicros, each),
    },
  };
}

/** Payments that came in, less everything that was paid out. */
function netCash({ ledger, month }: PictureFacts, costs: PeriodCosts): Micros | null {
  const paid = sumKnown([costs.servingMicros, costs.paymentMicros, costs.cashOutMicros]);
  return paid === null ? null : ledgerSum(ledger, { month, account: 'cash' }) + costs.otherRevenueMicros - paid;
}

function historyOf(facts: PictureFacts): MonthFigure[] {
  const first = [...facts.sales, ...facts.ledger].reduce(
    (least, row) => (row.month < least ? row.month : least),
    facts.month,
  );
  const months = Array.from({ length: 12 }, (_, at) => monthsOn(facts.month, at - 11)).filter(
    (month) => month >= first,
  );
  return months.map((month) => {
    const { totalMicros } = revenueOf(facts, month);
    const [all] = marginsBy(
      facts.sales.filter((row) => row.month === month && !row.isInternal),
      () => month,
      facts,
    );
    const costMicros = all === undefined ? (facts.hourlyMicros === null ? null : 0n) : all.costMicros;
    return { month, revenueMicros: totalMicros, marginMicros: minus(totalMicros, costMicros) };
  });
}
