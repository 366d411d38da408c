import { describe, expect, test } from 'vitest';
import {
  bitsPerByte,
  bitsPerByteToPerplexity,
  perplexity,
  perplexityToBitsPerByte,
  summarizeBitsPerByte,
} from './bits-per-byte.js';

describe('the figures of lm-evaluation-harness (lm_eval/api/metrics.py)', () => {
  // log-likelihoods −10, −20 of texts of 4 and 6 words, 20 and 35 bytes
  test('word and byte perplexity, bits per byte', () => {
    expect(perplexity(30, 4 + 6)).toBeCloseTo(20.085537, 6);
    expect(perplexity(30, 20 + 35)).toBeCloseTo(1.725392, 6);
    expect(bitsPerByte(30, 20 + 35)).toBeCloseTo(0.786925, 6);
    const scores = [
      { nats: 10, bytes: 20 },
      { nats: 20, bytes: 35 },
    ];
    expect(summarizeBitsPerByte(scores)).toMatchObject({ documents: 2, bytes: 55 });
    expect(summarizeBitsPerByte(scores).bitsPerByte).toBeCloseTo(0.786925, 6);
  });

  // published rows of WikiText-2: word perplexity, byte perplexity, bits per byte
  test.each([
    [21.9279, 1.6637, 0.7344],
    [16.6489, 1.5898, 0.6689],
  ])('the row %d, %d, %d', (word, byte, bits) => {
    expect(perplexityToBitsPerByte(byte, 1)).toBeCloseTo(bits, 3);
    // bytes a word, the same for every model on this text
    expect(Math.log2(word) / bits).toBeCloseTo(6.066, 2);
    expect(bitsPerByteToPerplexity(bits, 6.066)).toBeCloseTo(word, 1);
  });
});

test('documents count by their bytes, and ones without text not at all', () => {
  const scores = [
    { nats: Math.LN2 * 300, bytes: 100 },
    { nats: Math.LN2 * 100, bytes: 300 },
    { nats: 5, bytes: 0 },
  ];
  const summary = summarizeBitsPerByte(scores);
  expect(summary).toMatchObject({ documents: 2, bytes: 400 });
  expect(summary.bitsPerByte).toBeCloseTo(1, 12);
  expect(summary.low).toBeCloseTo(1 / 3, 12);
  expect(summary.high).toBeCloseTo(3, 12);
  expect(summarizeBitsPerByte(scores)).toEqual(summary);
});

test.each([[[]], [[{ nats: 3, bytes: 0 }]]])('no text is refused: %j', (scores) => {
  expect(() => summarizeBitsPerByte(scores)).toThrow('the test documents hold no text');
});
