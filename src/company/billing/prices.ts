import { MoatError } from '../../base/errors.js';
import type { Currency, Micros } from '../../base/money.js';
import type { Price } from './cost.js';
import { type Books, checkCurrency } from './customers.js';

export interface ModelPrice extends Price {
  readonly model: string;
  readonly currency: Currency;
  readonly startsAt: Date;
}

const MAX_MICROS_PER_MILLION: Micros = 10_000_000_000n;

/**
 * Sells a model at this price from `startsAt` (default: now). Earlier prices stay for what was sold under them.
 * @throws MoatError `bad-price`
 */
export async function setPrice(
  { database, clock }: Books,
  price: Price & { model: string; currency?: Currency; startsAt?: Date },
): Promise<ModelPrice> {
  const currency = price.currency ?? 'USD';
  checkCurrency(currency);
  for (const field of ['inputMicrosPerMillionTokens', 'outputMicrosPerMillionTokens'] as const) {
    if (price[field] < 0n || price[field] > MAX_MICROS_PER_MILLION) {
      throw new MoatError(
        'bad-price',
        `${price.model}: ${field} is ${price[field]}, not between 0 and ${MAX_MICROS_PER_MILLION}`,
      );
    }
  }
  const startsAt = price.startsAt ?? new Date(clock.now());
  await database.sql`
    insert into moat.prices (model, currency, input_micros_per_million, output_micros_per_million, starts_at)
    values (${price.model}, ${currency}, ${price.inputMicrosPerMillionTokens}, ${price.outputMicrosPerMillionTokens}, ${startsAt})`.catch(
    (error: unknown) => {
      throw new MoatError(
        'bad-price',
        `${price.model}: there is already a price that starts at ${startsAt.toISOString()}`,
        { cause: error },
      );
    },
  );
  return {
    model: price.model,
    currency,
    startsAt,
    inputMicrosPerMillionTokens: price.inputMicrosPerMillionTokens,
    outputMicrosPerMillionTokens: price.outputMicrosPerMillionTokens,
  };
}

/** The price in force now; undefined when the model is not for sale in this currency. */
export async function priceOf(
  { database, clock }: Books,
  model: string,
  currency: Currency,
): Promise<ModelPrice | undefined> {
  const [row] = await database.sql<ModelPrice[]>`
    select model, currency, starts_at as "startsAt", input_micros_per_million as "inputMicrosPerMillionTokens",
           output_micros_per_million as "outputMicrosPerMillionTokens"
      from moat.prices where model = ${model} and currency = ${currency} and starts_at <= ${new Date(clock.now())}
     order by starts_at desc limit 1`;
  return row;
}
