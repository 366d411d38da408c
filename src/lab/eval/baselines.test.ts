import { brotliCompressSync, constants } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { measureBaselines, thinOut } from './baselines.js';
import { brotliBits } from './brotli.js';

const WORDS =
  'the function returns a promise that is resolved with an array of strings when file system is ready'.split(' ');
function makeText(rng: Rng, wordCount: number): string {
  return Array.from({ length: wordCount }, () => WORDS[rng.below(WORDS.length)]).join(' ');
}

test('on text of one kind, more knowledge costs fewer bits', async () => {
  const rng = Rng.fromSeed(1);
  const training = Array.from({ length: 200 }, () => makeText(rng, 30));
  const heldOut = Array.from({ length: 20 }, () => makeText(rng, 30));
  const baselines = await measureBaselines(training, heldOut);
  const { unigram, sixgram, brotli, brotliPrimed } = baselines;
  expect(unigram.bitsPerByte).toBeGreaterThan(brotli.bitsPerByte);
  expect(brotli.bitsPerByte).toBeGreaterThan(brotliPrimed.bitsPerByte);
  expect(brotliPrimed.bitsPerByte).toBeGreaterThan(sixgram.bitsPerByte);
  // a word is one of 18, some 6 bytes with its space: no model can do better than log2(18) ÷ 6.4
  expect(sixgram.bitsPerByte).toBeGreaterThan(0.64);
  expect(sixgram.bitsPerByte).toBeLessThan(0.85);
  for (const { bitsPerByte, low, high, documents } of [unigram, sixgram]) {
    expect(low).toBeLessThan(bitsPerByte);
    expect(high).toBeGreaterThan(bitsPerByte);
    expect(documents).toBe(20);
  }
  const bytes = heldOut.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  for (const baseline of [unigram, sixgram, brotli, brotliPrimed]) expect(baseline.bytes).toBe(bytes);
  expect(baselines.trainingBytes).toBe(training.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
});

test('bytes are those of UTF-8', async () => {
  const { unigram, brotli } = await measureBaselines(['一二三'], ['四五', '']);
  expect([unigram.bytes, unigram.documents, brotli.bytes]).toEqual([6, 1, 6]);
});

test('without held-out text there is nothing to compare; without training text there still is', async () => {
  await expect(measureBaselines(['text'], ['', ''])).rejects.toThrow('hold no text');
  const { sixgram, brotli, brotliPrimed } = await measureBaselines([], ['abc']);
  expect(sixgram.bitsPerByte).toBeCloseTo(8, 9);
  expect(brotliPrimed.bitsPerByte).toBeLessThanOrEqual(brotli.bitsPerByte);
});

test('brotli counts the bits of quality 11 with the largest window', async () => {
  const rng = Rng.fromSeed(2);
  const [training, heldOut] = [Buffer.from(makeText(rng, 500)), Buffer.from(makeText(rng, 100))];
  const bitsOf = (text: Buffer): number =>
    8 *
    brotliCompressSync(text, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
      },
    }).length;
  expect(await brotliBits(training, heldOut)).toEqual({
    alone: bitsOf(heldOut),
    primed: bitsOf(Buffer.concat([training, heldOut])) - bitsOf(training),
  });
});

describe('thinning', () => {
  const documents = Array.from({ length: 1000 }, (_, i) => Buffer.alloc(10 + (i % 7), i & 255));
  const size = (list: readonly Uint8Array[]): number => list.reduce((sum, { byteLength }) => sum + byteLength, 0);

  test('what fits is kept whole', () => {
    expect(thinOut(documents, size(documents))).toEqual(documents);
    expect(thinOut([], 10)).toEqual([]);
  });

  test.each([20, 500, 5000])('%i bytes are spread over the whole list', (maxBytes) => {
    const kept = thinOut(documents, maxBytes);
    expect(size(kept)).toBeLessThanOrEqual(maxBytes);
    expect(size(kept)).toBeGreaterThan(maxBytes - 20);
    const places = kept.map((document) => documents.indexOf(document as Buffer<ArrayBuffer>));
    const half = places.filter((place) => place < 500).length;
    expect(Math.abs(half - kept.length / 2)).toBeLessThanOrEqual(1 + kept.length * 0.02);
  });
});
