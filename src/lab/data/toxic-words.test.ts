import { describe, expect, it, test } from 'vitest';
import { judgeQuality } from './quality.js';
import { flaggedShare } from './toxic-words.js';

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
const ENGLISH = decode('c2hpdA==');
const CHINESE = decode('5YK76YC8');
const PLAIN = 'the river runs past an old mill and nobody in town remembers who built it'.split(' ');
const textOf = (words: number, flagged: number): string =>
  Array.from({ length: words }, (_, at) => (at < flagged ? ENGLISH : `${PLAIN[at % PLAIN.length]}${at}`)).join(' ');
const chineseOf = (characters: number, flagged: number): string =>
  Array.from({ length: characters - 2 * flagged }, (_, at) => String.fromCodePoint(0x4e00 + 37 * at)).join('') +
  CHINESE.repeat(flagged);

describe('flagged words', () => {
  test('English: what is more than one word in a hundred is left out', () => {
    expect(judgeQuality(textOf(300, 3), 'en')).toBeUndefined();
    expect(judgeQuality(textOf(300, 4), 'en')).toEqual({
      rule: 'flagged_words',
      detail: '0.0133, at most 0.01 is wanted',
    });
    expect(judgeQuality(textOf(300, 4).toUpperCase(), 'en')?.rule).toBe('flagged_words');
    expect(judgeQuality(textOf(300, 4), 'en', { thresholds: { flagged_words: 1 } })).toBeUndefined();
  });

  test('Chinese: counted in characters', () => {
    expect(judgeQuality(chineseOf(400, 3), 'zh-Hans')).toBeUndefined();
    expect(judgeQuality(chineseOf(400, 4), 'zh-Hans')?.rule).toBe('zh_flagged_words');
    expect(judgeQuality(chineseOf(400, 4), 'zh-Hans', { thresholds: { zh_flagged_words: 1 } })).toBeUndefined();
  });

  it.each([
    ['a short outburst', textOf(30, 4), 'en'],
    ['a short Chinese outburst', chineseOf(40, 4), 'zh-Hans'],
    ['words of another language', textOf(300, 30), 'no'],
    ['words that only begin like one', `${'Shitake Scunthorpe titter cockpit assessment '.repeat(40)}`, 'en'],
  ])('say nothing of %s', (_, text, language) => {
    const words = (): string[] => text.split(' ');
    expect(flaggedShare(text, language, words, () => text.length) ?? 0).toBe(0);
  });

  test('words are not even split where nothing looks like one', () => {
    const never = (): never => {
      throw new Error('asked for');
    };
    expect(flaggedShare(textOf(300, 0), 'en', never, never)).toBe(0);
    expect(flaggedShare(chineseOf(300, 0), 'zh-Hant', never, never)).toBe(0);
  });
});
