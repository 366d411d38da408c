import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keptByC4 } from './c4-lines.js';
import { QUALITY_RULES, type QualityRule } from './quality-rules.js';
import { firstBroken, judgeQuality, qualityRules } from './quality.js';
import { measureText } from './text-statistics.js';

type Verdicts = Partial<Record<QualityRule['family'], string | null>>;
type Case = Verdicts & {
  text: string;
  published: Verdicts;
  top?: Record<number, number>;
  duplicates?: Record<number, number>;
};
/** Made by tests/golden/quality/make.py from datatrove 0.10.1. */
const cases = JSON.parse(
  readFileSync(new URL('../../../tests/golden/quality/cases.json', import.meta.url), 'utf8'),
) as Case[];
const families = ['gopher-repetition', 'gopher-quality', 'c4', 'fineweb'] as const;

const verdictOf = (family: string, text: string): string | null =>
  firstBroken(
    QUALITY_RULES.filter((rule) => rule.family === family),
    measureText(text, 'en'),
  )?.rule ?? null;

describe('quality rules', () => {
  it.each(families)('%s drop what the reference drops, by the same name', (family) => {
    const filled = cases.filter(({ text }) => text !== '');
    for (const example of filled) {
      // C4 stops at the first condemning line, whichever rule that is; the table has an order.
      expect([example.text.slice(0, 60), verdictOf(family, example.text)]).toEqual([
        example.text.slice(0, 60),
        example[family],
      ]);
    }
    expect(new Set(filled.map((example) => example[family])).size).toBeGreaterThan(2);
  });

  it('count repeated n-grams as the reference does', () => {
    const counted = cases.filter(({ top }) => top !== undefined);
    expect(counted.length).toBeGreaterThan(25);
    for (const { text, top, duplicates } of counted) {
      const { topCharacters, duplicateCharacters } = measureText(text, 'en').repetition();
      expect([topCharacters, duplicateCharacters]).toEqual([top, duplicates]);
    }
  });

  it('agree with the word splitter that the reference ships', () => {
    let same = 0;
    let all = 0;
    for (const { text, published } of cases) {
      if (text === '') continue;
      for (const family of ['gopher-repetition', 'gopher-quality'] as const) {
        all++;
        if (verdictOf(family, text) === published[family]) same++;
      }
    }
    expect(same / all).toBeGreaterThanOrEqual(0.9);
  });

  it('have names of their own, a source and a threshold', () => {
    expect(new Set(QUALITY_RULES.map(({ name }) => name)).size).toBe(QUALITY_RULES.length);
    for (const { source, threshold } of QUALITY_RULES) {
      expect(source).not.toBe('');
      expect(Number.isFinite(threshold)).toBe(true);
    }
    expect(qualityRules('none')).toEqual([]);
    expect(qualityRules('basic').length).toBeLessThan(qualityRules('web').length);
  });

  it.each([
    ['很好，下次还会再来。', 'zh-Hans'],
    ['Nice...', 'en'],
    ['质量不错', 'zh-Hans'],
    ['5', 'und'],
    ['', 'und'],
    ['Size: M\nColour: blue\nPrice: 12', 'en'],
  ])('keep the short text %j in the basic set', (text, language) => {
    expect(judgeQuality(text, language)).toBeUndefined();
  });

  it.each([
    ['好好好好好好好好好好好好好好好好好好好好好好好好好好好好', 'zh_character_repetition'],
    ['！！！！！？？？？？。。。。。', 'zh_alphanumeric_ratio'],
    ['第一行是一样的。\n第一行是一样的。\n第一行是一样的。', 'dup_line_frac'],
  ])('drop %j as %s', (text, rule) => {
    expect(judgeQuality(text, 'zh-Hans')?.rule).toBe(rule);
  });

  it('say what was measured, and take other thresholds', () => {
    expect(judgeQuality('Too short.', 'en', { set: 'web', thresholds: { top_2_gram: 2, top_3_gram: 2 } })).toEqual({
      rule: 'gopher_short_doc',
      detail: '2, at least 50 is wanted',
    });
  });

  it('remove lines as C4 does', () => {
    const text = 'A line that stays here.[12]\nmenu\nEnable JavaScript to go on.\nWe use cookies on this site.\nNo end';
    expect(keptByC4(text, { isSpaced: true })).toMatchObject({
      text: 'A line that stays here.',
      sentences: 1,
      removed: { no_terminal_punc: 2, javascript: 1, policy: 1 },
    });
  });

  it('take linear time on a text of one repeated word', () => {
    const start = performance.now();
    judgeQuality('same '.repeat(200_000), 'en', { set: 'web' });
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
