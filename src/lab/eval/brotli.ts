/**
 * Brotli (RFC 7932) at its strongest as a baseline: what a general-purpose compressor makes of the same text. It runs
 * in Node's thread pool, so other work goes on meanwhile; quality 11 takes some 3 s a megabyte.
 */
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

const compress = promisify(brotliCompress);

/** Bytes after compression: quality 11, window 2^24, text mode. */
async function compressedBytes(text: Uint8Array): Promise<number> {
  const compressed = await compress(text, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: text.byteLength,
    },
  });
  return compressed.byteLength;
}

export interface BrotliBits {
  /** Bits for the held-out text alone. */
  readonly alone: number;
  /** Bits that the held-out text adds after the training text. */
  readonly primed: number;
}

export async function brotliBits(training: Uint8Array, heldOut: Uint8Array): Promise<BrotliBits> {
  const [trainingBytes, bothBytes, aloneBytes] = await Promise.all([
    compressedBytes(training),
    compressedBytes(Buffer.concat([training, heldOut])),
    compressedBytes(heldOut),
  ]);
  return { alone: 8 * aloneBytes, primed: 8 * (bothBytes - trainingBytes) };
}
