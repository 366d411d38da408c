/**
 * What a quantity costs: flat, graduated, volume and package prices, as exact rationals, rounded up to a whole micro-unit once a
 * line. Pure: knows no customer, no database and no clock.
 */
import { invariant } from '../../base/errors.js';
import { type Micros, multiplyCeil } from '../../base/money.js';

/** Units up to which a price holds; the last tier has no end. */
export interface Tier {
  readonly upTo: bigint | undefined;
  readonly priceMicros: Micros;
}

/** Prices are for `per` units. `free` units cost nothing and are in front of every tier. */
export type Charge =
  | { readonly kind: 'flat'; readonly free: bigint; readonly per: bigint; readonly priceMicros: Micros }
  /** Each tier's units at its own price, as taxes are. */
  | { readonly kind: 'graduated'; readonly free: bigint; readonly per: bigint; readonly tiers: readonly Tier[] }
  /** All units at the price of the tier that the last one falls into. */
  | { readonly kind: 'volume'; readonly free: bigint; readonly per: bigint; readonly tiers: readonly Tier[] }
  /** Whole packages of `per` units; one that is begun is paid. */
  | { readonly kind: 'package'; readonly free: bigint; readonly per: bigint; readonly priceMicros: Micros };

/** @param quantity units, 0 or more @returns micro-units, rounded up once @throws RangeError for a negative quantity */
export function rate(charge: Charge, quantity: bigint): Micros {
  if (quantity < 0n) throw new RangeError(`${quantity} units cannot be charged`);
  const charged = quantity > charge.free ? quantity - charge.free : 0n;
  const { per } = charge;
  switch (charge.kind) {
    case 'flat':
      return multiplyCeil(charged, { numerator: charge.priceMicros, denominator: per });
    case 'package':
      return ((charged + per - 1n) / per) * charge.priceMicros;
    case 'volume':
      return multiplyCeil(charged, { numerator: tierOf(charge.tiers, charged).priceMicros, denominator: per });
    case 'graduated':
      return multiplyCeil(1n, { numerator: graduated(charge.tiers, charged), denominator: per });
  }
}

/** The tier that the last of some units falls into: a tier's end is the last unit of it. */
function tierOf(tiers: readonly Tier[], charged: bigint): Tier {
  const found = tiers.find(({ upTo }) => upTo === undefined || charged <= upTo);
  invariant(found !== undefined, 'the last tier has no end');
  return found;
}

/** Σ units of a tier × its price, not yet divided by `per`. */
function graduated(tiers: readonly Tier[], charged: bigint): bigint {
  let [begin, total] = [0n, 0n];
  for (const { upTo, priceMicros } of tiers) {
    const end = upTo === undefined || upTo > charged ? charged : upTo;
    total += (end - begin) * priceMicros;
    begin = end;
  }
  return total;
}
