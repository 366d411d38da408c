import fc from 'fast-check';
import { expect, test } from 'vitest';
import { forEachGrapheme } from './graphemes.js';

function graphemesOf(text: string): string[] {
  const found: string[] = [];
  forEachGrapheme(text, (grapheme) => found.push(grapheme));
  return found;
}
const reference = (text: string): string[] =>
  Array.from(new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(text), ({ segment }) => segment);

const unit = fc.oneof(
  fc.constantFrom(
    'a',
    ' ',
    '\r',
    '\n',
    '天',
    '。',
    '！',
    'é',
    'e\u0301',
    '\u0301',
    '\u200D',
    '👍🏽',
    '👩‍👩‍👧‍👦',
    '🇨',
    '🇳',
    '한',
    'ᄒ',
    'ᅡ',
    'क्ष',
    'ﾊﾟ',
    '❤️',
    '\uD83D',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);

test('are those of the segmenter, whatever the text', () => {
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 60 }), (parts) => {
      expect(graphemesOf(parts.join(''))).toEqual(reference(parts.join('')));
    }),
    { numRuns: 500, seed: 1 },
  );
});

test('are whole where the parts meet that the segmenter sees, and longer than a part where they are', () => {
  for (const text of ['👩‍👩‍👧‍👦'.repeat(700), `a${'\u0301'.repeat(5000)}b`, '🇨🇳'.repeat(1025), 'क्ष'.repeat(2000)]) {
    expect(graphemesOf(text)).toEqual(reference(text));
  }
});
