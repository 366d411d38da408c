/** What a customer cost to win, by channel, and when he has paid it back. */
import { type Micros, multiplyCeil, type Rate } from '../../base/money.js';

export interface ChannelFacts {
  readonly name: string;
  /** Spent on it in the month; null when nobody wrote it down. */
  readonly spendMicros: Micros | null;
  /** Names of the customers who came by it, whenever they came. */
  readonly customers: readonly string[];
}

export interface ChannelCost {
  /** Null for the customers of whom nobody said where they came from. */
  readonly name: string | null;
  readonly spendMicros: Micros | null;
  readonly newCustomers: number;
  /** Spend ÷ new customers, rounded up; null when nobody came or the spend is not known. */
  readonly costMicros: Micros | null;
}

/** @param fresh names of the customers who were charged for the first time in the month */
export function channelCosts(channels: readonly ChannelFacts[], fresh: readonly string[]): ChannelCost[] {
  const claimed = new Set(channels.flatMap(({ customers }) => customers));
  const unclaimed = fresh.filter((name) => !claimed.has(name)).length;
  const named = channels.map(({ name, spendMicros, customers }): ChannelCost => {
    const newCustomers = fresh.filter((each) => customers.includes(each)).length;
    return { name, spendMicros, newCustomers, costMicros: costEach(spendMicros, newCustomers) };
  });
  return unclaimed === 0
    ? named
    : [...named, { name: null, spendMicros: null, newCustomers: unclaimed, costMicros: null }];
}

/** All channels together: every new customer counts, wherever he came from. */
export function blendedCost(spendMicros: Micros | null, newCustomers: number): Micros | null {
  return costEach(spendMicros, newCustomers);
}

function costEach(spendMicros: Micros | null, newCustomers: number): Micros | null {
  if (spendMicros === null || newCustomers === 0) return null;
  return multiplyCeil(spendMicros, { numerator: 1n, denominator: BigInt(newCustomers) });
}

export type Payback = { readonly state: 'unknown' | 'never' } | { readonly state: 'months'; readonly months: Rate };

/** Months until a customer's contribution has paid for winning him; never, when a month contributes nothing. */
export function paybackOf(costMicros: Micros | null, monthlyContributionMicros: Micros | null): Payback {
  if (costMicros === null || monthlyContributionMicros === null) return { state: 'unknown' };
  if (costMicros <= 0n) return { state: 'months', months: { numerator: 0n, denominator: 1n } };
  if (monthlyContributionMicros <= 0n) return { state: 'never' };
  return { state: 'months', months: { numerator: costMicros, denominator: monthlyContributionMicros } };
}
