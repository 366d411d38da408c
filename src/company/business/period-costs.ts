/** What a month cost, kind by kind, and what each customer contributed in it. */
import { type Micros, multiplyCeil } from '../../base/money.js';
import type { BusinessFile } from './business-file.js';
import { ledgerSum } from './ledger-months.js';
import type { ServedLoad } from './load-curve.js';
import { paymentFees } from './margins.js';
import { exactly } from './measurement.js';
import type { PictureFacts, SoldMonth } from './picture-facts.js';
import type { CustomerMonth } from './retention.js';
import { type RunCost, sumKnown } from './run-costs.js';
import { machineCost } from './unit-economics.js';

export interface PeriodCosts {
  /** Machines that served: all paid hours where they are stated, else the time of the answers. */
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
}

export function costsOf({ facts, runs, usage, load }: CostFacts): PeriodCosts {
  const { file, month, ledger, startsAt, endsAt } = facts;
  const begun = runs.filter(({ startedAt }) => startedAt !== null && startedAt >= startsAt && startedAt < endsAt);
  const trainingMicros =
    file?.serving?.alsoTrains === true ? 0n : sumKnown(begun.map(({ totalMicros }) => totalMicros));
  const dataMicros = statedSum(file?.dataCosts?.filter(({ date }) => date.startsWith(month)));
  const fixedMicros = statedSum(
    file?.monthlyCosts?.filter(
      ({ from, to }) => (from === undefined || from <= month) && (to === undefined || to >= month),
    ),
  );
  const acquisitionMicros =
    file?.channels === undefined ? null : sumKnown(file.channels.map(({ spend }) => spend?.[month] ?? null));
  const givenAwayMicros =
    ledgerSum(ledger, { month, account: 'credit-grants' }) + ledgerSum(ledger, { month, account: 'write-offs' });
  const cashOutMicros = sumKnown([trainingMicros, dataMicros, fixedMicros, acquisitionMicros]);
  return {
    ...servingOf(facts.hourlyMicros, usage, load),
    paymentMicros: paymentsOf(facts, month, undefined),
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

function servingOf(hourlyMicros: Micros | null, usage: readonly SoldMonth[], load: ServedLoad | null) {
  if (hourlyMicros === null) return { servingMicros: null, includesIdle: false };
  if (load !== null)
    return { servingMicros: multiplyCeil(hourlyMicros, exactly(load.hours, 'hours')), includesIdle: true };
  const seconds =
    Math.max(
      0,
      usage.reduce((sum, { computeMs }) => sum + computeMs, 0),
    ) / 1000;
  return { servingMicros: machineCost({ seconds, hourlyMicros }), includesIdle: false };
}

const statedSum = (costs: BusinessFile['dataCosts'] | BusinessFile['monthlyCosts']): Micros | null =>
  costs === undefined ? null : costs.reduce((sum, { amount }) => sum + amount, 0n);

/** Fees of the payments of a month, of one customer or of all; without a payment there is no fee to know. */
function paymentsOf({ ledger, file }: PictureFacts, month: string, customerId: string | undefined): Micros | null {
  const rows = ledger.filter(
    (row) =>
      row.month === month &&
      row.account === 'cash' &&
      row.amountMicros > 0n &&
      (customerId === undefined || row.customerId === customerId),
  );
  if (rows.length === 0) return 0n;
  if (file?.payments === undefined) return null;
  const count = rows.reduce((sum, { entries }) => sum + entries, 0);
  const paidMicros = rows.reduce((sum, { amountMicros }) => sum + amountMicros, 0n);
  return paymentFees({ count, paidMicros }, { rate: file.payments.percent, fixedMicros: file.payments.fixed });
}

/** Revenue and contribution of every paying customer in every month in which something was booked with him. */
export function customerMonths(facts: PictureFacts): (CustomerMonth & { readonly customerName: string })[] {
  interface Sums {
    customerId: string;
    customerName: string;
    month: string;
    revenueMicros: Micros;
    computeMs: number;
  }
  const sums = new Map<string, Sums>();
  const of = (customerId: string, customerName: string, month: string): Sums => {
    const key = `${month} ${customerId}`;
    const found = sums.get(key) ?? { customerId, customerName, month, revenueMicros: 0n, computeMs: 0 };
    sums.set(key, found);
    return found;
  };
  for (const row of facts.sales) {
    if (row.isInternal) continue;
    const sum = of(row.customerId, row.customerName, row.month);
    sum.revenueMicros += row.chargedMicros;
    sum.computeMs += row.computeMs;
  }
  for (const { customerId, customerName, month, account, source, amountMicros } of facts.ledger) {
    if (customerId === null) continue;
    const sum = of(customerId, customerName ?? customerId, month);
    if (account === 'revenue' && source !== 'usage') sum.revenueMicros -= amountMicros;
  }
  return [...sums.values()].map(({ computeMs, ...sum }) => {
    const fees = paymentsOf(facts, sum.month, sum.customerId);
    const { hourlyMicros } = facts;
    const cost = hourlyMicros === null ? null : machineCost({ seconds: Math.max(0, computeMs) / 1000, hourlyMicros });
    const paid = sumKnown([cost, fees]);
    return { ...sum, contributionMicros: paid === null ? null : sum.revenueMicros - paid };
  });
}
