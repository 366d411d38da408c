import { type Micros, multiplyCeil } from '../../base/money.js';

/** What a million tokens cost; 0 is a decision to give the model away, a missing price is a refusal to sell it. */
export interface Price {
  readonly inputMicrosPerMillionTokens: Micros;
  /** Of the prompt's tokens that a cache had. */
  readonly cachedInputMicrosPerMillionTokens: Micros;
  readonly outputMicrosPerMillionTokens: Micros;
  /** Of each request, beside its tokens. */
  readonly requestMicros: Micros;
}

/** Disjoint: what the cache had is not among the input tokens; what a model thinks aloud is among the output. */
export interface TokenCounts {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
}

/**
 * The exact cost of one answer, rounded up to a whole micro-unit once, over all tokens together. The database computes the same in
 * `moat.cost_micros`; a test holds the two against each other.
 */
export function costOf({ inputTokens, cachedInputTokens, outputTokens }: TokenCounts, price: Price): Micros {
  const product =
    BigInt(inputTokens) * price.inputMicrosPerMillionTokens +
    BigInt(cachedInputTokens) * price.cachedInputMicrosPerMillionTokens +
    BigInt(outputTokens) * price.outputMicrosPerMillionTokens;
  return multiplyCeil(product, { numerator: 1n, denominator: 1_000_000n }) + price.requestMicros;
}
