/**
 * Who stays. A customer is active in a month in which he was charged more than 0. He is at risk in each active month whose next
 * month is over, and lost when he is not active in it; who comes back is at risk again. So churn is lost ÷ at risk, and
 * every figure of it has the interval of a share.
 */
import type { Micros, Rate } from '../../base/money.js';
import { type Estimate, floorDivide, scaled, shareEstimate } from './estimates.js';
import { monthNumber, monthText } from './months.js';

export interface CustomerMonth {
  readonly customerId: string;
  /** `2026-11`. */
  readonly month: string;
  readonly revenueMicros: Micros;
  /** Revenue less what the answers and the payments cost; null when a cost is not known. */
  readonly contributionMicros: Micros | null;
}

export interface Churn {
  readonly atRisk: number;
  readonly lost: number;
  /** A month's; null when nobody was at risk yet. */
  readonly monthly: Estimate | null;
}

export interface LifetimeValue {
  readonly valueMicros: Micros;
  /** At the high and the low end of the churn's interval. */
  readonly lowMicros: Micros;
  readonly highMicros: Micros;
}

export interface Cohort {
  /** The first month in which its customers were charged. */
  readonly month: string;
  readonly customers: number;
  /** How many were active so many months later: `[4, 3, 3]`, up to the last month that is over. */
  readonly active: readonly number[];
  readonly churn: Churn;
  /** Of an active customer in a month, on average, rounded down. */
  readonly contributionMicros: Micros | null;
  readonly lifetimeValue: LifetimeValue | null;
}

/** Beyond so many months nobody's loyalty is believed. */
export const LIFETIME_MONTHS = 36;

/**
 * What a customer is worth over at most `months`: `contribution × Σ (1 − churn)^t` for t from 0 on. Capped, it is defined at zero
 * churn: then it is `contribution × months`.
 */
export function lifetimeValue(contributionMicros: Micros, churn: Estimate, months = LIFETIME_MONTHS): LifetimeValue {
  const at = (share: number): Micros => scaled(contributionMicros, expectedMonths(share, months));
  const ends = [at(churn.low), at(churn.high)].sort((a, b) => (a < b ? -1 : 1));
  return { valueMicros: at(churn.value), lowMicros: ends[0] as Micros, highMicros: ends[1] as Micros };
}

/** Months a customer stays, of at most `months`, the first included. */
export function expectedMonths(churn: number, months: number): number {
  let [staying, sum] = [1, 0];
  for (let month = 0; month < months; month++) {
    sum += staying;
    staying *= 1 - churn;
  }
  return sum;
}

/** @param through the last month that is over; later rows are not looked at */
export function cohortsOf(rows: readonly CustomerMonth[], through: string): Cohort[] {
  const end = monthNumber(through);
  const histories = historiesOf(rows, end);
  const byFirst = new Map<number, History[]>();
  for (const history of histories.values()) {
    const first = Math.min(...history.months.keys());
    byFirst.set(first, [...(byFirst.get(first) ?? []), history]);
  }
  return [...byFirst].sort(([a], [b]) => a - b).map(([first, members]) => cohortOf(first, members, end));
}

/** Over all customers and all months that are over. */
export function churnOf(rows: readonly CustomerMonth[], through: string): Churn {
  const end = monthNumber(through);
  return countLosses([...historiesOf(rows, end).values()], end);
}

/** Of those who were active in the month before `month`: who is not any more. */
export function churnInMonth(rows: readonly CustomerMonth[], month: string): Churn {
  const end = monthNumber(month);
  const recent = rows.filter((row) => monthNumber(row.month) >= end - 1);
  return countLosses([...historiesOf(recent, end).values()], end);
}

/**
 * What those who paid in the month before pay in `month`, over what they paid then: above 1, growth outweighs losses.
 * @returns null when nobody paid in the month before
 */
export function netRevenueRetention(rows: readonly CustomerMonth[], month: string): Rate | null {
  const before = new Map(active(rows, monthNumber(month) - 1).map((row) => [row.customerId, row.revenueMicros]));
  const base = [...before.values()].reduce((sum, micros) => sum + micros, 0n);
  if (base === 0n) return null;
  const kept = rows.filter((row) => row.month === month && before.has(row.customerId));
  return { numerator: kept.reduce((sum, { revenueMicros }) => sum + revenueMicros, 0n), denominator: base };
}

/** Customers charged for the first time in `month`. */
export function newCustomers(rows: readonly CustomerMonth[], month: string): string[] {
  const at = monthNumber(month);
  const histories = historiesOf(rows, at);
  return [...histories].filter(([, { months }]) => Math.min(...months.keys()) === at).map(([customerId]) => customerId);
}

interface History {
  /** By month number. */
  readonly months: Map<number, CustomerMonth>;
}

const active = (rows: readonly CustomerMonth[], month: number): CustomerMonth[] =>
  rows.filter((row) => row.revenueMicros > 0n && monthNumber(row.month) === month);

function historiesOf(rows: readonly CustomerMonth[], end: number): Map<string, History> {
  const histories = new Map<string, History>();
  for (const row of rows) {
    const month = monthNumber(row.month);
    if (row.revenueMicros <= 0n || month > end) continue;
    const history = histories.get(row.customerId) ?? { months: new Map() };
    history.months.set(month, row);
    histories.set(row.customerId, history);
  }
  return histories;
}

function countLosses(histories: readonly History[], end: number): Churn {
  let [atRisk, lost] = [0, 0];
  for (const { months } of histories) {
    for (const month of months.keys()) {
      if (month >= end) continue;
      atRisk++;
      if (!months.has(month + 1)) lost++;
    }
  }
  return { atRisk, lost, monthly: shareEstimate(lost, atRisk) };
}

function cohortOf(first: number, members: readonly History[], end: number): Cohort {
  const churn = countLosses(members, end);
  const parts = members.flatMap(({ months }) =>
    [...months.values()].map(({ contributionMicros }) => contributionMicros),
  );
  const known = parts.filter((each) => each !== null);
  const sum = known.reduce((total, each) => total + each, 0n);
  const contributionMicros = known.length < parts.length ? null : floorDivide(sum, BigInt(parts.length));
  return {
    month: monthText(first),
    customers: members.length,
    active: Array.from(
      { length: end - first + 1 },
      (_, later) => members.filter(({ months }) => months.has(first + later)).length,
    ),
    churn,
    contributionMicros,
    lifetimeValue:
      contributionMicros === null || churn.monthly === null ? null : lifetimeValue(contributionMicros, churn.monthly),
  };
}
