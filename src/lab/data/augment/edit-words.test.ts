import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { deleteWords, replaceWords, swapWords } from './edit-words.js';

const ENGLISH = 'The quick brown fox, 3.5 years old, jumps over the lazy dog.';
const CHINESE = '这家公司的退货政策非常清楚，客户可以在三十天内退货。';
const letters = (text: string): string => [...text.replaceAll(/\s/g, '')].sort().join('');
const words = (text: string): number =>
  [...new Intl.Segmenter('en', { granularity: 'word' }).segment(text)].filter((s) => s.isWordLike).length;

describe('deletion', () => {
  test('leaves out about the share asked for, in English and in Chinese', () => {
    for (const text of [ENGLISH, CHINESE]) {
      const rng = Rng.fromSeed(1);
      let left = 0;
      for (let round = 0; round < 500; round++) left += words(deleteWords(text, 0.2, rng));
      expect(left / 500 / words(text)).toBeGreaterThan(0.76);
      expect(left / 500 / words(text)).toBeLessThan(0.88);
    }
  });

  test('rate 0 changes nothing, rate 1 leaves one word', () => {
    expect(deleteWords(ENGLISH, 0, Rng.fromSeed(1))).toBe(ENGLISH);
    expect(words(deleteWords('one two three', 1, Rng.fromSeed(1)))).toBe(1);
    expect(deleteWords('', 0.5, Rng.fromSeed(1))).toBe('');
  });

  test('character by character in Chinese, word by word in English', () => {
    const left = deleteWords(CHINESE, 0.3, Rng.fromSeed(3), 'character');
    expect(left.length).toBeLessThan(CHINESE.length);
    for (const word of deleteWords(ENGLISH, 0.5, Rng.fromSeed(3), 'character').match(/\p{L}+/gu) ?? []) {
      expect(ENGLISH).toMatch(new RegExp(`\\b${word}\\b`));
    }
  });
});

test('a swap keeps all words, and marks where they were', () => {
  fc.assert(
    fc.property(fc.integer(), fc.double({ min: 0.01, max: 1, noNaN: true }), fc.string(), (seed, rate, text) => {
      expect(letters(swapWords(text, rate, Rng.fromSeed(seed)))).toBe(letters(text));
    }),
  );
  expect(swapWords('one, two.', 0.1, Rng.fromSeed(1))).toBe('two, one.');
  expect(swapWords('退货', 0.1, Rng.fromSeed(1), 'character')).toBe('货退');
  expect(swapWords('alone', 0.1, Rng.fromSeed(1))).toBe('alone');
});

test('synonyms take the case of the word; words without any stay', () => {
  const synonyms = (word: string): string[] =>
    word.toLowerCase() === 'quick' ? ['fast'] : word === '清楚' ? ['明确'] : [];
  const replaced = (text: string): string => replaceWords(text, 0.1, Rng.fromSeed(1), synonyms);
  expect(replaced('Quick!')).toBe('Fast!');
  expect(replaced('QUICK')).toBe('FAST');
  expect(replaced(ENGLISH)).toBe(ENGLISH.replace('quick', 'fast'));
  expect(replaced(CHINESE)).toBe(CHINESE.replace('清楚', '明确'));
  expect(replaced('nothing here')).toBe('nothing here');
});
