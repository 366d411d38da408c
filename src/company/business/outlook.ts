/** When the training is paid for, and how long the money lasts. Dates follow from the present pace, and say nothing of another. */
import type { Micros } from '../../base/money.js';

const DAY_MS = 86_400_000;
/** A date further off than a hundred years is as good as none. */
const FARTHEST_DAYS = 36_525n;

export type PaybackDate =
  { readonly state: 'unknown' | 'never' | 'reached' } | { readonly state: 'ahead'; readonly date: Date };

/**
 * The day on which what was earned covers what training cost: `owed ÷ a day's contribution` days from now, rounded up.
 * @param pace what the last days contributed, after serving and payment fees
 */
export function trainingPayback(facts: {
  trainingMicros: Micros | null;
  /** Contribution of all time. */
  earnedMicros: Micros | null;
  pace: { contributionMicros: Micros | null; days: number };
  now: Date;
}): PaybackDate {
  const { trainingMicros, earnedMicros, pace, now } = facts;
  if (trainingMicros === null || earnedMicros === null) return { state: 'unknown' };
  const owed = trainingMicros - earnedMicros;
  if (owed <= 0n) return { state: 'reached' };
  if (pace.contributionMicros === null || pace.days <= 0) return { state: 'unknown' };
  if (pace.contributionMicros <= 0n) return { state: 'never' };
  const product = owed * BigInt(Math.max(1, Math.round(pace.days)));
  const days = (product + pace.contributionMicros - 1n) / pace.contributionMicros;
  return days > FARTHEST_DAYS
    ? { state: 'never' }
    : { state: 'ahead', date: new Date(now.getTime() + Number(days) * DAY_MS) };
}

export type Runway =
  | { readonly state: 'unknown' | 'growing' }
  /** Whole months that the cash covers. */
  | { readonly state: 'months'; readonly months: bigint; readonly burnMicros: Micros };

/** @param netMicros what a month brings in less what it takes out; negative when cash burns */
export function runwayOf(cashMicros: Micros | null, netMicros: Micros | null): Runway {
  if (cashMicros === null || netMicros === null) return { state: 'unknown' };
  if (netMicros >= 0n) return { state: 'growing' };
  return { state: 'months', months: cashMicros <= 0n ? 0n : cashMicros / -netMicros, burnMicros: -netMicros };
}
