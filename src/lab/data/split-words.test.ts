import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitWords } from './split-words.js';

test('cuts words with what is inside them, runs of signs, and syllables singly', () => {
  expect(splitWords("It's state-of-the-art... 3.14 -- e.g. snake_case!", true)).toEqual([
    "It's",
    'state-of-the-art',
    '...',
    '3.14',
    '--',
    'e.g',
    '.',
    'snake_case',
    '!',
  ]);
  expect(splitWords('学AI-2号。。', false)).toEqual(['学', 'AI', '-', '2', '号', '。。']);
});

test('the table finds what the expressions find', () => {
  const unit = fc.oneof(
    fc.constantFrom(
      'a',
      'é',
      'e\u0301',
      "'",
      '’',
      '.',
      '-',
      '_',
      ' ',
      '\n',
      '\u00a0',
      '学',
      'カ',
      'ส',
      '。',
      '9',
      '!',
      '\ufeff',
      '\u0085',
      '\0',
    ),
    fc.string({ unit: fc.integer({ min: 0, max: 0xd7ff }).map((code) => String.fromCharCode(code)), maxLength: 2 }),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 50 }), fc.boolean(), (parts, isSpaced) => {
      const text = parts.join('');
      // a character beyond the first plane sends the whole text to the expressions
      expect(splitWords(text, isSpaced)).toEqual(splitWords(`${text} 😀`, isSpaced).slice(0, -1));
    }),
    { numRuns: 500, seed: 5 },
  );
});
