import { describe, expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { type Alignment, alignSentences } from './align-sentences.js';
import { type Sentence, splitSentences } from './split-sentences.js';

/** A made-up language pair: words of English letters, and the same words as pairs of Han characters. */
const WORDS = Array.from({ length: 400 }, (_, index) => ({
  en: `${'bcdfglmnpr'[index % 10]}${'aeiou'[Math.floor(index / 10) % 5]}${'kstvz'[Math.floor(index / 50) % 5]}${'aeo'[Math.floor(index / 250)]}n`,
  zh: String.fromCharCode(0x4e00 + 2 * index, 0x4e01 + 2 * index),
}));

interface Made {
  readonly en: Sentence[];
  readonly zh: Sentence[];
  /** Index pairs of what belongs together, a list a record. */
  readonly pairs: { readonly en: readonly number[]; readonly zh: readonly number[] }[];
}

function makeTexts(records: number, rates: { removed: number; split: number }, seed: number): Made {
  const rng = Rng.fromSeed(seed);
  const made: Made = { en: [], zh: [], pairs: [] };
  const add = (side: 'en' | 'zh', words: readonly (typeof WORDS)[number][]): number[] => {
    if (rng.uniform() < rates.removed) return [];
    const middle = words.length >> 1;
    const parts = rng.uniform() < rates.split ? [words.slice(0, middle), words.slice(middle)] : [words];
    return parts.map((part) => {
      const text = part.map((word) => word[side]).join(side === 'en' ? ' ' : '');
      return made[side].push({ text: side === 'en' ? `${text}.` : `${text}。`, paragraph: 0 }) - 1;
    });
  };
  for (let record = 0; record < records; record++) {
    // frequent words are frequent, as in a real language
    const words = Array.from({ length: 4 + rng.below(14) }, () => WORDS[Math.floor(400 * rng.uniform() ** 2)] as never);
    made.pairs.push({ en: add('en', words), zh: add('zh', words) });
  }
  return made;
}

function measure(made: Made, { beads }: Alignment): { precision: number; recall: number } {
  const key = (en: readonly number[], zh: readonly number[]): string => `${en.join()}|${zh.join()}`;
  const wanted = new Set(
    made.pairs.filter(({ en, zh }) => en.length > 0 && zh.length > 0).map(({ en, zh }) => key(en, zh)),
  );
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
  const found = beads
    .filter((bead) => bead.score >= 0.5)
    .map((bead) => key(range(bead.sourceStart, bead.sourceEnd), range(bead.targetStart, bead.targetEnd)));
  const right = found.filter((each) => wanted.has(each)).length;
  return { precision: right / found.length, recall: right / wanted.size };
}

/** A page and its translation, written for this test; "+" and "−" mark what the other side lacks. */
const ENGLISH = `# Returning an item

You can return an item within 30 days of delivery. Please keep the box, the invoice and all parts.
Write to returns@shop.example first and wait for our answer.

- Parcels under 5 kg go by post.
- Parcels over 5 kg are collected by van, which costs 12.50 euros.

This paragraph stands only in the English text, because it is about the law of another country and nobody translated it. It has two sentences that nothing on the other side resembles at all.

We pay the money back within 14 days. Version 2.3 of this page was written on 4 May 2021.`;
const CHINESE = `# 退货

您可以在收货后 30 天内退货。请保留包装盒、发票和所有配件，请先写信到 returns@shop.example 并等待我们的答复。

- 5 公斤以下的包裹通过邮局寄送。
- 5 公斤以上的包裹由货车上门取件，费用为 12.50 欧元。

我们会在 14 天内退款。本页面的 2.3 版写于 2021 年 5 月 4 日。`;

test('a page and its translation, with a paragraph that was not translated', () => {
  const [en, zh] = [splitSentences(ENGLISH), splitSentences(CHINESE)];
  const { beads } = alignSentences(en, zh);
  const pairs = beads
    .filter((bead) => bead.score > 0)
    .map((bead) => [
      en.slice(bead.sourceStart, bead.sourceEnd).map(({ text }) => text.slice(0, 12)),
      zh.slice(bead.targetStart, bead.targetEnd).map(({ text }) => text.slice(0, 4)),
    ]);
  expect(pairs).toEqual([
    [['# Returning '], ['# 退货']],
    [['You can retu'], ['您可以在']],
    [['Please keep ', 'Write to ret'], ['请保留包']],
    [['- Parcels un'], ['- 5 ']],
    [['- Parcels ov'], ['- 5 ']],
    [['We pay the m'], ['我们会在']],
    [['Version 2.3 '], ['本页面的']],
  ]);
});

describe('two texts whose words are learned on the way', () => {
  test('every pair of clean texts is found', () => {
    const made = makeTexts(300, { removed: 0, split: 0 }, 1);
    const alignment = alignSentences(made.en, made.zh);
    expect(measure(made, alignment)).toEqual({ precision: 1, recall: 1 });
    expect(alignment.meanScore).toBeGreaterThan(0.9);
  });

  test('with removed and split sentences', () => {
    const made = makeTexts(400, { removed: 0.05, split: 0.05 }, 2);
    const { precision, recall } = measure(made, alignSentences(made.en, made.zh));
    expect(precision).toBeGreaterThan(0.95);
    expect(recall).toBeGreaterThan(0.95);
  });

  test('in a band, when the whole table would be too large', () => {
    const made = makeTexts(1500, { removed: 0.03, split: 0.03 }, 3);
    const { precision, recall } = measure(made, alignSentences(made.en, made.zh, { wholeTableCells: 0 }));
    expect(precision).toBeGreaterThan(0.95);
    expect(recall).toBeGreaterThan(0.95);
  });

  test('texts that have nothing to do with each other', () => {
    const [one, two] = [makeTexts(200, { removed: 0, split: 0 }, 4), makeTexts(200, { removed: 0, split: 0 }, 5)];
    const alignment = alignSentences(one.en, two.zh);
    expect(alignment.meanScore).toBeLessThan(0.6);
  });
});

test('every sentence is in exactly one bead, in order, whatever the texts are', () => {
  const rng = Rng.fromSeed(7);
  for (const [n, m] of [
    [0, 0],
    [1, 0],
    [0, 3],
    [1, 1],
    [40, 2],
    [3, 60],
    [200, 150],
  ] as const) {
    const side = (count: number): Sentence[] =>
      Array.from({ length: count }, () => ({ text: 'x'.repeat(rng.below(50)), paragraph: rng.below(2) }));
    const { beads } = alignSentences(side(n), side(m), { wholeTableCells: rng.below(2) * 10_000 });
    let [i, j] = [0, 0];
    for (const bead of beads) {
      expect([bead.sourceStart, bead.targetStart]).toEqual([i, j]);
      [i, j] = [bead.sourceEnd, bead.targetEnd];
    }
    expect([i, j]).toEqual([n, m]);
  }
});
