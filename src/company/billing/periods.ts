/** When the periods of a subscription begin: months in the plan's time zone, on the day it began. Pure. */
import { addDays, addMonths, dayAt, startOf } from './time-zone.js';

export interface Anchor {
  readonly startedAt: Date;
  /** The first period that is paid for begins then; later than the start, where there was a trial. */
  readonly paidFrom: Date;
  readonly timeZone: string;
}

/**
 * The instant at which a period begins, and the one before it ends. Period 0 begins with the subscription and is the trial, where there
 * is one; later ones begin with the day of the month on which the first paid one began (the 31st of a short month is its last day).
 */
export function startOfPeriod({ startedAt, paidFrom, timeZone }: Anchor, period: number): Date {
  if (period === 0) return startedAt;
  const hasTrial = paidFrom.getTime() !== startedAt.getTime();
  const months = hasTrial ? period - 1 : period;
  return months === 0 ? paidFrom : startOf(addMonths(dayAt(paidFrom, timeZone), months), timeZone);
}

/** The first paid period after a trial begins with the day, so many days on. */
export function endOfTrial(startedAt: Date, trialDays: number, timeZone: string): Date {
  return startOf(addDays(dayAt(startedAt, timeZone), trialDays), timeZone);
}
