/**
 * A forecast month by month from a few assumptions. Estimates, in units of the currency and in doubles: nothing here is booked,
 * and nothing booked is computed from it.
 */
export const ASSUMPTIONS = [
  'customers',
  'newCustomers',
  'churn',
  'tokens',
  'price',
  'fee',
  'capacity',
  'machineHour',
  'fixedCosts',
  'acquisition',
  'paymentShare',
] as const;
/**
 * | name | unit |
 * | --- | --- |
 * | customers | paying customers at the start |
 * | newCustomers | a month |
 * | churn | share of the customers lost in a month |
 * | tokens | millions of output tokens a customer uses in a month |
 * | price | of a million output tokens, input included |
 * | fee | of a customer's plan in a month |
 * | capacity | output tokens a second that one machine can write |
 * | machineHour | price of a machine's hour |
 * | fixedCosts | people, rent and the like in a month |
 * | acquisition | spent for each new customer |
 * | paymentShare | of revenue, kept by the payment service |
 */
export type Assumption = (typeof ASSUMPTIONS)[number];
export type Assumptions = Readonly<Record<Assumption, number>>;

export interface ForecastMonth {
  readonly customers: number;
  readonly machines: number;
  readonly estimatedRevenue: number;
  readonly estimatedCost: number;
  readonly estimatedProfit: number;
}

export interface Forecast {
  readonly months: readonly ForecastMonth[];
  /** Σ over the months. */
  readonly estimatedProfit: number;
  /** The most that is ever owed on the way; at least 0. */
  readonly estimatedCashNeed: number;
  /** The first month, from 1, whose profit is 0 or more; null when none is. */
  readonly breakEvenMonth: number | null;
}

const HOURS_PER_MONTH = 730;
const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600;

/** At least one machine runs all the time; another is rented for every full one. */
export function forecast(assumptions: Assumptions, monthCount: number): Forecast {
  const months: ForecastMonth[] = [];
  let customers = assumptions.customers;
  let [total, lowest] = [0, 0];
  for (let month = 0; month < monthCount; month++) {
    customers = customers * (1 - assumptions.churn) + assumptions.newCustomers;
    const each = monthOf(assumptions, customers);
    months.push(each);
    total += each.estimatedProfit;
    lowest = Math.min(lowest, total);
  }
  const first = months.findIndex(({ estimatedProfit }) => estimatedProfit >= 0);
  return {
    months,
    estimatedProfit: total,
    estimatedCashNeed: Math.max(0, -lowest),
    breakEvenMonth: first === -1 ? null : first + 1,
  };
}

function monthOf(assumptions: Assumptions, customers: number): ForecastMonth {
  const { tokens, price, fee, capacity, machineHour, fixedCosts, acquisition, newCustomers, paymentShare } =
    assumptions;
  const millions = customers * tokens;
  const machines = Math.max(1, Math.ceil((millions * 1e6) / (capacity * SECONDS_PER_MONTH)));
  const estimatedRevenue = millions * price + customers * fee;
  const estimatedCost =
    machines * machineHour * HOURS_PER_MONTH +
    fixedCosts +
    acquisition * newCustomers +
    paymentShare * estimatedRevenue;
  return { customers, machines, estimatedRevenue, estimatedCost, estimatedProfit: estimatedRevenue - estimatedCost };
}

/** What a million output tokens must bring so that a month of `millions` of them pays for its machines and nothing else. */
export function forecastPriceFloor(
  { capacity, machineHour, paymentShare }: Assumptions,
  millions: number,
): number | null {
  if (millions <= 0) return null;
  const machines = Math.max(1, Math.ceil((millions * 1e6) / (capacity * SECONDS_PER_MONTH)));
  return (machines * machineHour * HOURS_PER_MONTH) / millions / (1 - paymentShare);
}
