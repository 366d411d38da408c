/**
 * Bits per byte: how many bits a model needs for a byte of UTF-8 text. Unlike loss per token or perplexity per word it
 * does not depend on the tokenizer, so models, n-grams and compressors stand on one scale.
 */
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';
import { type BootstrapOptions, bootstrapRatio } from './bootstrap.js';

/** What one document cost. */
export interface DocumentScore {
  /** −ln P of the document, summed over its tokens. */
  readonly nats: number;
  /** UTF-8 bytes of the document's text, specials not counted. */
  readonly bytes: number;
}

export interface BitsPerByte {
  readonly bitsPerByte: number;
  /** 95 % interval of a bootstrap over documents. */
  readonly low: number;
  readonly high: number;
  readonly documents: number;
  readonly bytes: number;
}

/** Fixed, so that the same scores always give the same interval. */
const BOOTSTRAP_SEED = 12345;

/**
 * Σ bits ÷ Σ bytes with its interval.
 * @throws MoatError `nothing-to-evaluate` when there is no text
 */
export function summarizeBitsPerByte(scores: readonly DocumentScore[], options: BootstrapOptions = {}): BitsPerByte {
  const withText = scores.filter(({ bytes }) => bytes > 0);
  const bytes = withText.reduce((sum, score) => sum + score.bytes, 0);
  if (bytes === 0) {
    throw new MoatError('nothing-to-evaluate', 'the test documents hold no text', {
      fix: 'Add documents, or raise the share that is held out.',
    });
  }
  const nats = withText.reduce((sum, score) => sum + score.nats, 0);
  const terms = withText.map((score) => ({ numerator: score.nats / Math.LN2, denominator: score.bytes }));
  const interval = bootstrapRatio(terms, Rng.fromSeed(BOOTSTRAP_SEED), options);
  return { bitsPerByte: bitsPerByte(nats, bytes), ...interval, documents: withText.length, bytes };
}

/** Infinity when nats are spent on no bytes at all. */
export function bitsPerByte(nats: number, bytes: number): number {
  return nats / Math.LN2 / bytes;
}

/** exp of the mean nats a unit: per token, per word or per byte, as the count is. */
export function perplexity(nats: number, count: number): number {
  return Math.exp(nats / count);
}

/** A perplexity per word, token or byte as bits per byte, given how many bytes a unit has on average. */
export function perplexityToBitsPerByte(unitPerplexity: number, bytesPerUnit: number): number {
  return Math.log2(unitPerplexity) / bytesPerUnit;
}

export function bitsPerByteToPerplexity(bits: number, bytesPerUnit: number): number {
  return 2 ** (bits * bytesPerUnit);
}
