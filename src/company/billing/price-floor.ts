/** Prices held against what it costs to serve: what lies below is said with both figures, and where the cost is from. Pure. */
import { type Currency, type Micros, formatMicros } from '../../base/money.js';
import { type PriceBook, lowestPrices } from './price-book.js';

/** Of a million tokens; null: not known. */
export interface ServingCost {
  readonly inputMicros: Micros | null;
  readonly outputMicros: Micros | null;
  /** How it was measured, or where it is stated. */
  readonly source: string;
}

/** By model. One that is not in it has no known cost, and nothing is said of it. */
export type ServingCosts = ReadonlyMap<string, ServingCost>;

export interface PriceLoss {
  readonly model: string;
  readonly what: 'input' | 'output';
  /** Of a million tokens, the lowest of the book. */
  readonly priceMicros: Micros;
  readonly costMicros: Micros;
  readonly source: string;
}

/** What a book sells for less than it costs. */
export function lossesOf(book: PriceBook, costs: ServingCosts): PriceLoss[] {
  return (['input', 'output'] as const).flatMap((what) =>
    lowestPrices(book, what).flatMap(({ model, microsPerMillion }) =>
      lossOf({ model, what, priceMicros: microsPerMillion }, costs),
    ),
  );
}

/** Input of price 0 is given away with the output, whose price has to cover it. @returns one, or none */
export function lossOf(price: Pick<PriceLoss, 'model' | 'what' | 'priceMicros'>, costs: ServingCosts): PriceLoss[] {
  const cost = costs.get(price.model);
  const costMicros = price.what === 'input' ? cost?.inputMicros : cost?.outputMicros;
  if (price.what === 'input' && price.priceMicros === 0n) return [];
  if (cost === undefined || costMicros === undefined || costMicros === null || price.priceMicros >= costMicros)
    return [];
  return [{ ...price, costMicros, source: cost.source }];
}

/** `poet output at 0.10 costs 0.20 USD a million (moat bench serve, 8 requests at once)` */
export const lossText = ({ model, what, priceMicros, costMicros, source }: PriceLoss, currency: Currency): string =>
  `${model} ${what} at ${formatMicros(priceMicros)} costs ${formatMicros(costMicros)} ${currency} a million (${source})`;

/** A price in force, of a million tokens. */
export interface PriceInForce {
  readonly model: string;
  readonly inputMicros: Micros;
  readonly outputMicros: Micros;
}

export interface PlanFloor {
  /** What the book of the plan sells below cost. */
  readonly losses: readonly PriceLoss[];
  /** The most that the included credit can cost to serve, where that is above the fee; and what it would be spent on. */
  readonly credit: { readonly costMicros: Micros; readonly on: PriceLoss } | null;
}

/**
 * Credit of a fee is spent at the book's prices: a price close to the cost makes it dear.
 * `cost of the credit ≤ credit × max over models and kinds of (cost ÷ price)`, rounded up.
 */
export function planFloor(
  terms: { readonly fee: Micros; readonly credit: Micros },
  prices: readonly PriceInForce[],
  costs: ServingCosts,
): PlanFloor {
  const sold = prices.flatMap(({ model, inputMicros, outputMicros }) => [
    { model, what: 'input' as const, priceMicros: inputMicros },
    { model, what: 'output' as const, priceMicros: outputMicros },
  ]);
  const dearest = sold
    .flatMap((price) => {
      const cost = costs.get(price.model);
      const costMicros = (price.what === 'input' ? cost?.inputMicros : cost?.outputMicros) ?? null;
      return cost === undefined || costMicros === null || price.priceMicros === 0n
        ? []
        : [{ ...price, costMicros, source: cost.source }];
    })
    .toSorted((a, b) => compare(b.costMicros * a.priceMicros, a.costMicros * b.priceMicros))[0];
  const worst = dearest === undefined ? 0n : ceilDiv(terms.credit * dearest.costMicros, dearest.priceMicros);
  return {
    losses: sold.flatMap((price) => lossOf(price, costs)),
    credit: dearest !== undefined && worst > terms.fee ? { costMicros: worst, on: dearest } : null,
  };
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const ceilDiv = (numerator: bigint, denominator: bigint): bigint => (numerator + denominator - 1n) / denominator;
