import { MoatError } from './errors.js';

/**
 * Money is a whole number of micro-units (1 USD = 1,000,000) in a `bigint`; it is never a float. Rates are exact
 * rationals. Rounding happens once, at the last step, and says how.
 */
export type Micros = bigint;

/** ISO 4217 code. */
export type Currency = string;

export const MICROS_PER_UNIT = 1_000_000n;

/** An exact non-negative or negative rational, e.g. micro-units per token; `denominator` > 0. */
export interface Rate {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/**
 * Reads a decimal string ("0.10", "-3", "12.345678") exactly.
 * @throws MoatError `bad-amount` for anything else, or for more than six decimals.
 */
export function parseMicros(text: string, field = 'amount'): Micros {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,6}))?$/.exec(text.trim());
  if (match === null) {
    throw new MoatError('bad-amount', `${field}: "${text}" is not an amount`, {
      fix: 'Write a decimal number with at most six decimals, such as 0.10.',
    });
  }
  const [, sign, whole = '0', fraction = ''] = match;
  const micros = BigInt(whole) * MICROS_PER_UNIT + BigInt(fraction.padEnd(6, '0'));
  return sign === '-' ? -micros : micros;
}

/** The shortest exact decimal with at least `minimumDecimals`, for people: 1500000n → "1.50", -3000000n → "−3.00". */
export function formatMicros(micros: Micros, minimumDecimals = 2): string {
  const sign = micros < 0n ? '−' : '';
  const absolute = micros < 0n ? -micros : micros;
  const fraction = (absolute % MICROS_PER_UNIT).toString().padStart(6, '0').replace(/0+$/, '');
  return `${sign}${absolute / MICROS_PER_UNIT}.${fraction.padEnd(minimumDecimals, '0')}`;
}

/** `quantity × rate`, rounded up to a whole micro-unit (away from zero cost: a positive use is never free). */
export function multiplyCeil(quantity: bigint, rate: Rate): Micros {
  const product = quantity * rate.numerator;
  if (rate.denominator <= 0n) throw new RangeError('rate denominator must be positive');
  const quotient = product / rate.denominator;
  return product % rate.denominator > 0n ? quotient + 1n : quotient;
}
