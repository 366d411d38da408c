/** Parts of an amount by time, and of one by percent. Pure, exact, rounded once and half away from zero. */
import type { Micros, Rate } from '../../base/money.js';

export interface Period {
  readonly startsAt: Date;
  readonly endsAt: Date;
}

/**
 * What falls to `from … to` of an amount for a whole period, by its seconds. It is the difference of two running totals, each rounded
 * once: so the parts of a period, however it is cut, sum to the whole.
 */
export function prorate(amount: Micros, period: Period, from: Date, to: Date): Micros {
  return runningTotal(amount, period, to) - runningTotal(amount, period, from);
}

function runningTotal(amount: Micros, { startsAt, endsAt }: Period, until: Date): Micros {
  const length = BigInt(endsAt.getTime() - startsAt.getTime());
  const passed = BigInt(Math.min(Math.max(until.getTime(), startsAt.getTime()), endsAt.getTime()) - startsAt.getTime());
  return roundHalfUp({ numerator: amount * passed, denominator: length });
}

/** The nearest whole number; a half goes away from zero. */
export function roundHalfUp({ numerator, denominator }: Rate): bigint {
  const absolute = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * absolute + denominator) / (2n * denominator);
  return numerator < 0n ? -rounded : rounded;
}

/** To what can be paid: whole cents of a currency that has them. */
export function roundToPayable(amount: Micros, currency: string): Micros {
  const decimals =
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const unit = 10n ** BigInt(Math.max(0, 6 - decimals));
  return roundHalfUp({ numerator: amount, denominator: unit }) * unit;
}
