/** Revenue that comes again by contract: plans and seats. Usage is not among it, however loyal its users. */
import type { Micros } from '../../base/money.js';

export interface SubscriptionFacts {
  readonly customerId: string;
  readonly customerName: string;
  readonly plan: string;
  /** A month's fee with its seats. */
  readonly monthlyMicros: Micros;
  /** When it is first paid for: after the trial. */
  readonly paidFrom: Date;
  readonly endedAt: Date | null;
}

export interface RecurringRevenue {
  readonly subscriptions: number;
  /** At the end of the month. */
  readonly monthlyMicros: Micros;
  /** Twelve such months. */
  readonly yearlyMicros: Micros;
}

/** @param at the instant it is asked about; trials and what ended are not counted */
export function recurringRevenue(subscriptions: readonly SubscriptionFacts[], at: Date): RecurringRevenue {
  const paid = activeAt(subscriptions, at);
  const monthlyMicros = paid.reduce((sum, each) => sum + each.monthlyMicros, 0n);
  return { subscriptions: paid.length, monthlyMicros, yearlyMicros: 12n * monthlyMicros };
}

export function activeAt(subscriptions: readonly SubscriptionFacts[], at: Date): SubscriptionFacts[] {
  return subscriptions.filter(
    ({ paidFrom, endedAt }) =>
      paidFrom.getTime() <= at.getTime() && (endedAt === null || endedAt.getTime() > at.getTime()),
  );
}
