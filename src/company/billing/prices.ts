import { MoatError } from '../../base/errors.js';
import type { Currency, Micros } from '../../base/money.js';
import type { Price } from './cost.js';
import { type Books, checkCurrency } from './customers.js';

/** What everybody pays who has no book of his own. */
export const LIST_BOOK = 'list';

export interface ModelPrice extends Price {
  readonly model: string;
  readonly currency: Currency;
  readonly startsAt: Date;
}

/** What must be said of a price; what a cache had costs as much as the rest, and a request nothing, unless they are said. */
export interface PriceToSet {
  readonly model: string;
  readonly currency?: Currency;
  readonly startsAt?: Date;
  readonly inputMicrosPerMillionTokens: Micros;
  readonly cachedInputMicrosPerMillionTokens?: Micros;
  readonly outputMicrosPerMillionTokens: Micros;
  readonly requestMicros?: Micros;
}

export const MAX_MICROS_PER_MILLION: Micros = 10_000_000_000n;

/**
 * Sells a model at this list price from `startsAt` (default: now). Earlier prices stay for what was sold under them.
 * @throws MoatError `bad-price`
 */
export async function setPrice({ database, clock }: Books, price: PriceToSet): Promise<ModelPrice> {
  const currency = price.currency ?? 'USD';
  checkCurrency(currency);
  const set: ModelPrice = {
    model: price.model,
    currency,
    startsAt: price.startsAt ?? new Date(clock.now()),
    inputMicrosPerMillionTokens: price.inputMicrosPerMillionTokens,
    cachedInputMicrosPerMillionTokens: price.cachedInputMicrosPerMillionTokens ?? price.inputMicrosPerMillionTokens,
    outputMicrosPerMillionTokens: price.outputMicrosPerMillionTokens,
    requestMicros: price.requestMicros ?? 0n,
  };
  for (const [field, value] of Object.entries(set)) {
    if (typeof value === 'bigint' && (value < 0n || value > MAX_MICROS_PER_MILLION)) {
      throw new MoatError(
        'bad-price',
        `${price.model}: ${field} is ${value}, not between 0 and ${MAX_MICROS_PER_MILLION}`,
      );
    }
  }
  await database.sql`
    insert into moat.prices (model, currency, input_micros_per_million, cached_micros_per_million, output_micros_per_million, request_micros, starts_at)
    values (${set.model}, ${currency}, ${set.inputMicrosPerMillionTokens}, ${set.cachedInputMicrosPerMillionTokens},
            ${set.outputMicrosPerMillionTokens}, ${set.requestMicros}, ${set.startsAt})`.catch((error: unknown) => {
    throw new MoatError(
      'bad-price',
      `${price.model}: there is already a price that starts at ${set.startsAt.toISOString()}`,
      { cause: error },
    );
  });
  return set;
}

/** Whether a list of prices was published: then it decides, and not a single price that is set beside it. */
export async function hasPublishedList({ database }: Books, currency: Currency): Promise<boolean> {
  const rows = await database.sql`
    select 1 from moat.price_books where name = ${LIST_BOOK} and currency = ${currency} limit 1`;
  return rows.length > 0;
}

/** The list price in force now; undefined when the model is not for sale in this currency. */
export async function priceOf(
  { database, clock }: Books,
  model: string,
  currency: Currency,
): Promise<ModelPrice | undefined> {
  const [row] = await database.sql<(ModelPrice & { isWithdrawn: boolean })[]>`
    select model, currency, starts_at as "startsAt", input_micros_per_million as "inputMicrosPerMillionTokens",
           cached_micros_per_million as "cachedInputMicrosPerMillionTokens", output_micros_per_million as "outputMicrosPerMillionTokens",
           request_micros as "requestMicros", is_withdrawn as "isWithdrawn"
      from moat.prices where book = ${LIST_BOOK} and model = ${model} and currency = ${currency} and starts_at <= ${new Date(clock.now())}
     order by starts_at desc limit 1`;
  if (row === undefined || row.isWithdrawn) return undefined;
  const { isWithdrawn: _, ...price } = row;
  return price;
}
