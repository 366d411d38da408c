import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../../lab/tokenizer/tokenizer.js';
import { createTokenCounter } from './token-counter.js';

const tokenizer = await loadTokenizer('tests/golden/chat');
const counted = (pieces: readonly string[]): number => {
  const counter = createTokenCounter(tokenizer.encode);
  return pieces.reduce((sum, piece) => sum + counter.add(piece), 0);
};

test('pieces that are tokens are counted one by one, however long the text', () => {
  const text = 'The router keeps every customer on the same shelf. '.repeat(40);
  const pieces = tokenizer.encode(text).map((id) => Buffer.from(tokenizer.tokenBytes(id)).toString('utf8'));
  const counter = createTokenCounter(tokenizer.encode);
  expect(pieces.join('')).toBe(text);
  expect(pieces.every((piece) => counter.add(piece) <= 2)).toBe(true);
  expect(Math.abs(counted(pieces) - pieces.length)).toBeLessThanOrEqual(pieces.length * 0.02);
});

test('words that come whole are counted as in the whole text', () => {
  const word = fc.string({ unit: fc.constantFrom(...'abcdeé数123.,'), minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 120 }), (words) => {
      const pieces = words.map((word, at) => (at === 0 ? word : ` ${word}`));
      expect(counted(pieces)).toBe(tokenizer.encode(pieces.join('')).length);
    }),
    { numRuns: 200 },
  );
});

test('however a text is cut, it is never counted short', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { maxLength: 60 }), (pieces) => {
      expect(counted(pieces)).toBeGreaterThanOrEqual(tokenizer.encode(pieces.join('')).length);
    }),
    { numRuns: 200 },
  );
});
