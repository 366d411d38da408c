import { expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { maskTokens } from '../masked-language-objective.js';
import { createWordFinder } from './whole-words.js';

/** As WordPiece adds to a text: a space before words, none before pieces; the first is a special token. */
const spelled = ['', ' un', 'believ', 'able', ' 我', ' 是', ' 一', ' 名', ' 程', ' 序', ' 员', '.', ' story'];
const tokens = { tokenBytes: (id: number) => Buffer.from(spelled[id] as string) };
const idOf = (text: string): number => spelled.indexOf(text);

/** Spelled words of a row, joined where they are one. */
function wordsIn(row: readonly number[], numbers: readonly number[]): string[] {
  const words: string[] = [];
  for (const [index, id] of row.entries()) {
    const text = (spelled[id] as string).trim();
    if (index > 0 && numbers[index] === numbers[index - 1]) words.push(`${words.pop()}${text}`);
    else words.push(text);
  }
  return words;
}

test('pieces of a word belong together, and so do the characters of a Chinese word', () => {
  const findWords = createWordFinder(tokens);
  const english = [idOf(''), idOf(' un'), idOf('believ'), idOf('able'), idOf(' story'), idOf('.')];
  expect(wordsIn(english, findWords(english))).toEqual(['', 'unbelievable', 'story', '.']);
  const chinese = [' 我', ' 是', ' 一', ' 名', ' 程', ' 序', ' 员'].map(idOf);
  expect(wordsIn(chinese, findWords(chinese))).toContain('程序');
  expect(wordsIn(chinese, findWords(chinese)).join('')).toBe('我是一名程序员');
});

test('a row that begins within a character is cut into words all the same', () => {
  const bytes = Buffer.from('我 word');
  // byte-level tokens: the last two bytes of 我, then " wo", "rd"
  const pieces = [bytes.subarray(1, 3), bytes.subarray(3, 6), bytes.subarray(6)];
  const numbers = createWordFinder({ tokenBytes: (id) => pieces[id] as Buffer })([0, 1, 2]);
  expect(numbers[1]).toBe(numbers[2]);
  expect(numbers[0]).not.toBe(numbers[1]);
});

test('a word is hidden whole or not at all', () => {
  const row = [' un', 'believ', 'able', ' story', ' 我', ' 是', ' 程', ' 序', ' 员', '.'].map(idOf);
  const findWords = createWordFinder(tokens);
  const numbers = findWords(row);
  const rows = Array.from({ length: 20 }, () => row);
  const shape = { batchSize: 20, sequenceLength: 10, maskedCount: 100 };
  const rules = { maskToken: 50, padToken: 0, vocabularySize: 13, kept: new Set([0]), share: 0.3, findWords };
  const { places, weights } = maskTokens(rows, shape, rules, Rng.fromSeed(1));
  const hidden = new Set(Array.from(places?.data ?? [], Number).filter((_, index) => Number(weights?.data[index]) > 0));
  expect(hidden.size).toBe(60);
  for (let place = 0; place < 200; place++) {
    const [here, next] = [place % 10, (place + 1) % 10];
    if (next !== 0 && numbers[here] === numbers[next]) expect(hidden.has(place)).toBe(hidden.has(place + 1));
  }
});
