import { type Micros, multiplyCeil } from '../../base/money.js';

/** What a million tokens cost; 0 is a decision to give the model away, a missing price is a refusal to sell it. */
export interface Price {
  readonly inputMicrosPerMillionTokens: Micros;
  readonly outputMicrosPerMillionTokens: Micros;
}

/**
 * The exact cost of one answer, rounded up to a whole micro-unit once, over input and output together. The database
 * computes the same in `moat.cost_micros`; a test holds the two against each other.
 */
export function costOf(inputTokens: number, outputTokens: number, price: Price): Micros {
  const product =
    BigInt(inputTokens) * price.inputMicrosPerMillionTokens + BigInt(outputTokens) * price.outputMicrosPerMillionTokens;
  return multiplyCeil(product, { numerator: 1n, denominator: 1_000_000n });
}
