/**
 * The contract of constrained output: which tokens may come next so that the answer ends up in a given form. The sampler
 * knows no schema, and a constraint knows neither model nor probabilities.
 */

/** Which tokens may come next in one answer. */
export interface Constraint {
  /**
   * One bit a token id, least significant bit first in each 32-bit word: 1 = allowed. Valid until the next `accept`, and
   * shared between answers: do not change it. End tokens are allowed exactly when the text so far is complete; after an
   * end token nothing is.
   * @throws MoatError `constraint-too-ambiguous` for a schema whose alternatives cannot be told apart in bounded time
   */
  allowed(): Uint32Array;
  /** @throws MoatError `constraint-violated` for a token that was not allowed; the constraint stays as it was */
  accept(token: number): void;
  /** The text so far could end here. */
  readonly isComplete: boolean;
}

/** Compiled once per (schema, vocabulary); every answer takes its own `start()`. */
export interface CompiledConstraint {
  start(): Constraint;
}

/** A vocabulary as bytes. Ids are 0 … size − 1. */
export interface TokenBytes {
  readonly size: number;
  /** They end an answer and stand for no text. */
  readonly endTokens: ReadonlySet<number>;
  /** The bytes a token stands for; undefined for special tokens, which are never allowed inside. */
  bytesOf(id: number): Uint8Array | undefined;
}
