/** Figures that can be counted by hand, on a tokenizer of bytes and one of merges. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Tokenizer } from './tokenizer.js';
import { reportTokenizer } from './tokenizer-report.js';
import { SPECIAL_TOKENS } from './special-tokens.js';
import { trainTokenizer } from './train-tokenizer.js';

const BYTES_ALONE = 256 + SPECIAL_TOKENS.length;

let root: string;
let bytes: Tokenizer;
let english: Tokenizer;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-tokenizer-report-'));
  bytes = await trainTokenizer(path.join(root, 'bytes'), ['a'], { vocabularySize: BYTES_ALONE });
  // the most frequent pair first, of equal ones that with the smaller ids: "he", "the", " the"
  english = await trainTokenizer(path.join(root, 'english'), ['the the the the'], { vocabularySize: BYTES_ALONE + 3 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('bytes, characters, words and tokens are counted by language', async () => {
  const report = await reportTokenizer(bytes, [
    { text: 'the cat', language: 'en' },
    { text: '天气', language: 'zh-Hans' },
    { text: 'a 😀', language: 'en' },
  ]);
  expect(Object.keys(report.languages)).toEqual(['en', 'zh-Hans']);
  // "the cat" and "a 😀": 7 + 6 bytes, 7 + 3 characters, 2 + 1 words; a token is a byte
  expect(report.languages['en']).toMatchObject({ documents: 2, bytes: 13, characters: 10, words: 3, tokens: 13 });
  expect(report.languages['en']?.bytesPerToken).toBe(1);
  expect(report.languages['en']?.fertility).toBeCloseTo(13 / 3, 12);
  // the four bytes of 😀 are parts of a character, and all six of 天气
  expect(report.languages['en']?.splitCharacterRate).toBeCloseTo(4 / 13, 12);
  expect(report.languages['zh-Hans']).toMatchObject({ characters: 2, words: 1, tokens: 6, splitCharacterRate: 1 });
  expect(report.total).toMatchObject({ documents: 3, bytes: 19, tokens: 19 });
});

test('the use of the vocabulary is told, special tokens apart', async () => {
  const { vocabulary, total, vocabularySize } = await reportTokenizer(english, [
    { text: 'the the the', language: 'en' },
  ]);
  expect(vocabularySize).toBe(BYTES_ALONE + 3);
  // "the" once, " the" twice
  expect(total).toMatchObject({ tokens: 3, bytes: 11, unknownRate: 0 });
  expect(vocabulary.used).toBe(2);
  expect(vocabulary.longest).toEqual([' the', 'the']);
  expect(vocabulary.rare).toBe(vocabularySize);
  expect(vocabulary.neverUsed).toEqual(['he']);
});

test('an unknown token is counted where there is one', async () => {
  const folder = path.join(root, 'words');
  const words = await trainTokenizer(folder, ['one two'], { vocabularySize: 197, model: 'wordpiece' });
  const report = await reportTokenizer(words, [{ text: 'one 龘 two', language: 'und' }]);
  expect(report.total.unknownRate).toBeCloseTo(1 / report.total.tokens, 12);
});

test('no text at all gives no division by zero', async () => {
  const { total, languages } = await reportTokenizer(bytes, []);
  expect(languages).toEqual({});
  expect(total).toMatchObject({ bytesPerToken: 0, fertility: 0, unknownRate: 0 });
});
