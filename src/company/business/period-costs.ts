/** What a month cost, kind by kind, and what each customer contributed in it. */
import { type Micros, multiplyCeil } from '../../base/money.js';
import type { BusinessFile } from './business-file.js';
import { type LedgerMonth, ledgerSum } from './ledger-months.js';
import type { ServedLoad } from './load-curve.js';
import { paymentFees } from './margins.js';
import { exactly } from './measurement.js';
import type { PictureFacts, SoldMonth } from './picture-facts.js';
import type { CustomerMonth } from './retention.js';
import { type RunCost, sumKnown } from './run-costs.js';
import { type CostBasis, type ServedUsage, boughtCost, usageCost } from './serving-cost.js';

export interface PeriodCosts {
  /** Machines that served: all paid hours where they are stated, else the time of the answers; and tokens bought elsewhere. */
  readonly servingMicros: Micros | null;
  /** Whether idle hours are in it. */
  readonly includesIdle: boolean;
  readonly paymentMicros: Micros | null;
  /** Runs that began in the month; 0 where they used machines that serve. */
  readonly trainingMicros: Micros | null;
  readonly dataMicros: Micros | null;
  readonly fixedMicros: Micros | null;
  readonly acquisitionMicros: Micros | null;
  /** Credit that was given away, and charges that were written off. */
  readonly givenAwayMicros: Micros;
  /** Training, data, fixed costs, acquisition and what was given away. */
  readonly otherMicros: Micros | null;
  /** The same without what was given away, which is no cash. */
  readonly cashOutMicros: Micros | null;
  /** As stated for other books. */
  readonly otherRevenueMicros: Micros;
}

export interface CostFacts {
  readonly facts: PictureFacts;
  readonly runs: readonly RunCost[];
  /** The month's, internal use included: it takes machine time as well. */
  readonly usage: readonly SoldMonth[];
  readonly load: ServedLoad | null;
  /** Of the month, 0 to 1: what is paid by the month counts so far. */
  readonly elapsedShare: number;
}

export function costsOf({ facts, runs, usage, load, elapsedShare }: CostFacts): PeriodCosts {
  const { file, month, ledger, startsAt, endsAt } = facts;
  const begun = runs.filter(({ startedAt }) => startedAt !== null && startedAt >= startsAt && startedAt < endsAt);
  const trainingMicros =
    file?.serving?.alsoTrains === true ? 0n : sumKnown(begun.map(({ totalMicros }) => totalMicros));
  const dataMicros = statedSum(file?.dataCosts?.filter(({ date }) => date.startsWith(month)));
  const monthlyMicros = statedSum(
    file?.monthlyCosts?.filter(
      ({ from, to }) => (from === undefined || from <= month) && (to === undefined || to >= month),
    ),
  );
  const fixedMicros =
    monthlyMicros === null ? null : multiplyCeil(monthlyMicros, exactly(elapsedShare, 'elapsed share'));
  const acquisitionMicros =
    file?.channels === undefined ? null : sumKnown(file.channels.map(({ spend }) => spend?.[month] ?? null));
  const givenAwayMicros =
    ledgerSum(ledger, { month, account: 'credit-grants' }) + ledgerSum(ledger, { month, account: 'write-offs' });
  const cashOutMicros = sumKnown([trainingMicros, dataMicros, fixedMicros, acquisitionMicros]);
  return {
    ...servingOf(facts, usage, load),
    paymentMicros: feesOf(paymentsIn(ledger.filter((row) => row.month === month && isPayment(row))), file?.payments),
    trainingMicros,
    dataMicros,
    fixedMicros,
    acquisitionMicros,
    givenAwayMicros,
    otherMicros: sumKnown([cashOutMicros, givenAwayMicros]),
    cashOutMicros,
    otherRevenueMicros: Object.values(file?.otherRevenue ?? {}).reduce(
      (sum, months) => sum + (months[month] ?? 0n),
      0n,
    ),
  };
}

function servingOf(basis: CostBasis, usage: readonly SoldMonth[], load: ServedLoad | null) {
  const { hourlyMicros } = basis;
  if (usage.length === 0 && hourlyMicros === null) return { servingMicros: null, includesIdle: false };
  if (load === null) return { servingMicros: usageCost(usage, basis), includesIdle: false };
  const machines = hourlyMicros === null ? null : multiplyCeil(hourlyMicros, exactly(load.hours, 'hours'));
  return { servingMicros: sumKnown([machines, boughtCost(usage, basis)]), includesIdle: machines !== null };
}

const statedSum = (costs: BusinessFile['dataCosts'] | BusinessFile['monthlyCosts']): Micros | null =>
  costs === undefined ? null : costs.reduce((sum, { amount }) => sum + amount, 0n);

interface Payments {
  count: number;
  paidMicros: Micros;
}

const isPayment = ({ account, amountMicros }: LedgerMonth): boolean => account === 'cash' && amountMicros > 0n;

function paymentsIn(rows: readonly LedgerMonth[]): Payments {
  return {
    count: rows.reduce((sum, { entries }) => sum + entries, 0),
    paidMicros: rows.reduce((sum, { amountMicros }) => sum + amountMicros, 0n),
  };
}

/** Without a payment there is no fee to know. */
function feesOf(payments: Payments | undefined, terms: BusinessFile['payments']): Micros | null {
  if (payments === undefined || payments.count === 0) return 0n;
  return terms === undefined ? null : paymentFees(payments, { rate: terms.percent, fixedMicros: terms.fixed });
}

/** Revenue and contribution of every paying customer in every month in which something was booked with him. */
export function customerMonths(facts: PictureFacts): (CustomerMonth & { readonly customerName: string })[] {
  interface Sums {
    customerId: string;
    customerName: string;
    month: string;
    revenueMicros: Micros;
    usage: ServedUsage[];
    payments: Payments;
  }
  const sums = new Map<string, Sums>();
  const of = (customerId: string, customerName: string, month: string): Sums => {
    const key = `${month} ${customerId}`;
    const found = sums.get(key) ?? {
      customerId,
      customerName,
      month,
      revenueMicros: 0n,
      usage: [],
      payments: { count: 0, paidMicros: 0n },
    };
    sums.set(key, found);
    return found;
  };
  for (const row of facts.sales) {
    if (row.isInternal) continue;
    const sum = of(row.customerId, row.customerName, row.month);
    sum.revenueMicros += row.chargedMicros;
    sum.usage.push(row);
  }
  for (const row of facts.ledger) {
    if (row.customerId === null) continue;
    const sum = of(row.customerId, row.customerName ?? row.customerId, row.month);
    if (row.account === 'revenue' && row.source !== 'usage') sum.revenueMicros -= row.amountMicros;
    if (!isPayment(row)) continue;
    sum.payments.count += row.entries;
    sum.payments.paidMicros += row.amountMicros;
  }
  return [...sums.values()].map(({ usage, payments, ...sum }) => {
    const fees = feesOf(payments, facts.file?.payments);
    const cost = usageCost(usage, facts);
    const paid = sumKnown([cost, fees]);
    return { ...sum, contributionMicros: paid === null ? null : sum.revenueMicros - paid };
  });
}
