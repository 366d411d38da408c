import { MoatError } from '../../base/errors.js';
import type { Rate } from '../../base/money.js';

/**
 * A measured quantity as an exact rational: the number's shortest decimal form, the one a person would read, so that
 * 0.1 s is one tenth and not its neighbour in binary. From here on no float touches the money.
 * @param what named in the error, with its unit ("wallSeconds")
 * @throws MoatError `bad-measurement` for a negative or non-finite number
 */
export function exactly(value: number, what: string): Rate {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (match === null) {
    throw new MoatError('bad-measurement', `${what}: ${value} is not a quantity`, {
      fix: 'Give a number of 0 or more, or null when it was not measured.',
    });
  }
  const [, whole = '0', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction);
  const power = Number(exponent) - fraction.length;
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

/** A ratio as a percentage with `decimals` places, rounded half away from zero: 1/3 → "33.3". */
export function percentText(ratio: Rate, decimals = 1): string {
  const scale = 10n ** BigInt(decimals);
  const negative = ratio.numerator < 0n;
  const absolute = negative ? -ratio.numerator : ratio.numerator;
  const scaled = (absolute * 100n * scale * 2n + ratio.denominator) / (ratio.denominator * 2n);
  const sign = negative && scaled > 0n ? '−' : '';
  if (decimals === 0) return `${sign}${scaled}`;
  return `${sign}${scaled / scale}.${(scaled % scale).toString().padStart(decimals, '0')}`;
}
