/**
 * What stands in a model's price row: exact rates where a price is plain, and where it is not the charges, with rates that no next
 * token or request can exceed, so that what is reserved covers what is charged. Pure.
 */
import { MoatError } from '../../base/errors.js';
import { type Micros, multiplyCeil } from '../../base/money.js';
import { MAX_MICROS_PER_MILLION } from './prices.js';
import { type PriceBook, USAGE_CLASSES, type UsageClass } from './price-book.js';
import type { Charge } from './rating.js';

type ModelCharges = PriceBook['models'][string];

/** As `moat.rate` reads it: numbers as decimal strings, prices for `per` units. */
export interface StoredCharge {
  readonly kind: Charge['kind'];
  readonly free: string;
  readonly per: string;
  readonly priceMicros?: string;
  readonly tiers?: readonly { readonly upTo?: string; readonly priceMicros: string }[];
}

export interface PriceRow {
  readonly inputMicrosPerMillion: Micros;
  readonly cachedMicrosPerMillion: Micros;
  readonly outputMicrosPerMillion: Micros;
  readonly requestMicros: Micros;
  /** Null where the rates are exact. */
  readonly charges: Partial<Record<UsageClass, StoredCharge>> | null;
}

const MILLION = 1_000_000n;

/** @throws MoatError `bad-price` for a volume price that rises, or one above what a row can hold */
export function priceRowOf(model: string, charges: ModelCharges): PriceRow {
  for (const what of USAGE_CLASSES) refuseRising(model, what, charges[what]);
  const row = plainRow(charges) ?? boundedRow(charges);
  for (const [field, value] of Object.entries(row)) {
    if (typeof value === 'bigint' && value > MAX_MICROS_PER_MILLION)
      throw new MoatError(
        'bad-price',
        `${model}: ${field} would be ${value}, more than ${MAX_MICROS_PER_MILLION} micro-units`,
        {
          fix: 'Lower the price, or take smaller packages.',
        },
      );
  }
  return row;
}

export function storedCharges(charges: ModelCharges): Partial<Record<UsageClass, StoredCharge>> {
  return Object.fromEntries(
    USAGE_CLASSES.flatMap((what) => {
      const charge = charges[what];
      return charge === undefined ? [] : [[what, stored(charge)]];
    }),
  );
}

function stored(charge: Charge): StoredCharge {
  const common = { kind: charge.kind, free: charge.free.toString(), per: charge.per.toString() };
  if (!('tiers' in charge)) return { ...common, priceMicros: charge.priceMicros.toString() };
  const tiers = charge.tiers.map(({ upTo, priceMicros }) => ({
    ...(upTo === undefined ? {} : { upTo: upTo.toString() }),
    priceMicros: priceMicros.toString(),
  }));
  return { ...common, tiers };
}

/** The rates themselves, where every price is flat, nothing is free and a million tokens cost whole micro-units. */
function plainRow(charges: ModelCharges): PriceRow | undefined {
  const rates = { input: 0n, cachedInput: 0n, output: 0n, request: 0n };
  for (const what of USAGE_CLASSES) {
    const charge = charges[what];
    if (charge === undefined) continue;
    const units = what === 'request' ? 1n : MILLION;
    if (charge.kind !== 'flat' || charge.free > 0n || (charge.priceMicros * units) % charge.per !== 0n)
      return undefined;
    rates[what] = (charge.priceMicros * units) / charge.per;
  }
  return {
    inputMicrosPerMillion: rates.input,
    cachedMicrosPerMillion: rates.cachedInput,
    outputMicrosPerMillion: rates.output,
    requestMicros: rates.request,
    charges: null,
  };
}

/**
 * `rate(q + n) − rate(q)` is at most `n × highest ÷ per`, and beyond it one begun package, or one micro-unit of rounding. The request
 * itself is one unit.
 */
function boundedRow(charges: ModelCharges): PriceRow {
  let requestMicros = 0n;
  const perMillion = (what: UsageClass): Micros => {
    const charge = charges[what];
    if (charge === undefined) return 0n;
    const highest = highestPrice(charge);
    requestMicros += charge.kind === 'package' ? highest : 1n;
    return multiplyCeil(MILLION, { numerator: highest, denominator: charge.per });
  };
  const inputMicrosPerMillion = perMillion('input');
  const cachedMicrosPerMillion = perMillion('cachedInput');
  const outputMicrosPerMillion = perMillion('output');
  const { request } = charges;
  if (request?.kind === 'package') requestMicros += request.priceMicros;
  else if (request !== undefined)
    requestMicros += multiplyCeil(1n, { numerator: highestPrice(request), denominator: request.per }) + 1n;
  return {
    inputMicrosPerMillion,
    cachedMicrosPerMillion,
    outputMicrosPerMillion,
    requestMicros,
    charges: storedCharges(charges),
  };
}

function highestPrice(charge: Charge): Micros {
  const prices = 'tiers' in charge ? charge.tiers.map(({ priceMicros }) => priceMicros) : [charge.priceMicros];
  return prices.reduce((a, b) => (b > a ? b : a));
}

/** The least that a million units may be sold for, tiers and filled packages counted; what is free comes on top. Of a row's charges. */
export function lowestStored(charge: StoredCharge | undefined): Micros {
  if (charge === undefined) return 0n;
  const prices = (charge.tiers ?? [charge]).map(({ priceMicros = '0' }) => BigInt(priceMicros));
  return (prices.reduce((a, b) => (b < a ? b : a)) * MILLION) / BigInt(charge.per);
}

/** It would make dearer, at the step, what was used and charged before. */
function refuseRising(model: string, what: UsageClass, charge: Charge | undefined): void {
  if (charge?.kind !== 'volume') return;
  const rises = charge.tiers.some(
    ({ priceMicros }, index) => priceMicros > (charge.tiers[index - 1]?.priceMicros ?? priceMicros),
  );
  if (rises)
    throw new MoatError('bad-price', `${model}: the volume price of ${what} rises with use`, {
      fix: 'Write it as "graduated", where only the units beyond a step cost more.',
    });
}

export function hasVolumePrice(charges: ModelCharges): boolean {
  return USAGE_CLASSES.some((what) => charges[what]?.kind === 'volume');
}
