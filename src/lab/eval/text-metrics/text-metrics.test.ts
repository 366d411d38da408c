import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type BleuOptions, bleuOf, bleuSignature, bleuStatistics, corpusBleu, sumStatistics } from './bleu.js';
import { tokenizeForBleu } from './bleu-tokenizers.js';
import { type ChrfOptions, chrfOf, chrfSignature, chrfStatistics } from './chrf.js';
import { createMemoryIndex, distinct, repetition } from './diversity.js';
import { rouge, rougeTokenizerFor } from './rouge.js';
import { terOf, terStatistics } from './ter.js';

const sentence = z.object({ hyp: z.string(), refs: z.array(z.string()) });
const figure = z.object({ data: z.enum(['en', 'zh']), nrefs: z.number(), score: z.number(), signature: z.string() });
const names = z.enum(['13a', 'intl', 'zh', 'char', 'none']);
const triple = z.tuple([z.number(), z.number(), z.number()]);
/** By sacreBLEU 2.6.0 and rouge-score 0.1.2: tests/golden/text-metrics/make.py. */
const golden = z
  .object({
    en: z.array(sentence),
    zh: z.array(sentence),
    bleu: z.array(
      figure.extend({
        options: z.object({
          tokenize: names.optional(),
          lowercase: z.boolean().optional(),
          max_ngram_order: z.number().optional(),
          smooth_method: z.enum(['exp', 'floor', 'add-k', 'none']).optional(),
          smooth_value: z.number().optional(),
        }),
      }),
    ),
    chrf: z.array(
      figure.extend({
        options: z.object({
          word_order: z.number().optional(),
          eps_smoothing: z.boolean().optional(),
          beta: z.number().optional(),
          lowercase: z.boolean().optional(),
        }),
      }),
    ),
    ter: z.array(figure.extend({ caseSensitive: z.boolean() })),
    tokens: z.record(names.exclude(['none']), z.array(z.string())),
    sentenceBleu: z.array(z.number()),
    sentenceTer: z.array(z.number()),
    sentenceChrf: z.array(z.number()),
    rouge: z.array(z.object({ rouge1: triple, rouge2: triple, rougeL: triple })),
  })
  .parse(
    JSON.parse(await readFile(new URL('../../../../tests/golden/text-metrics/figures.json', import.meta.url), 'utf8')),
  );

const DIGITS = 9;
const dataOf = ({ data, nrefs }: { readonly data: 'en' | 'zh'; readonly nrefs: number }) => ({
  hyps: golden[data].map(({ hyp }) => hyp),
  refs: golden[data].map(({ refs }) => refs.slice(0, nrefs)),
});

describe('figures are those of sacreBLEU', () => {
  it.each(golden.bleu)('BLEU $signature', (each) => {
    const { hyps, refs } = dataOf(each);
    const { tokenize, lowercase, max_ngram_order, smooth_method, smooth_value } = each.options;
    const options: BleuOptions = {
      ...(tokenize === undefined ? {} : { tokenizer: tokenize }),
      ...(lowercase === undefined ? {} : { lowercase }),
      ...(max_ngram_order === undefined ? {} : { maxOrder: max_ngram_order }),
      ...(smooth_method === undefined ? {} : { smoothing: smooth_method }),
      ...(smooth_value === undefined ? {} : { smoothingValue: smooth_value }),
    };
    expect(corpusBleu(hyps, refs, options).score).toBeCloseTo(each.score, DIGITS);
    expect(bleuSignature(each.nrefs, options)).toBe(each.signature);
  });

  it.each(golden.chrf)('chrF $signature', (each) => {
    const { hyps, refs } = dataOf(each);
    const { word_order, eps_smoothing, beta, lowercase } = each.options;
    const options: ChrfOptions = {
      ...(word_order === undefined ? {} : { wordOrder: word_order }),
      ...(eps_smoothing === undefined ? {} : { epsilonSmoothing: eps_smoothing }),
      ...(beta === undefined ? {} : { beta }),
      ...(lowercase === undefined ? {} : { lowercase }),
    };
    const statistics = hyps.map((hyp, row) => chrfStatistics(hyp, refs[row] ?? [], options));
    expect(chrfOf(sumStatistics(statistics), options)).toBeCloseTo(each.score, DIGITS);
    expect(chrfSignature(each.nrefs, options)).toBe(each.signature);
  });

  it.each(golden.ter)('TER $signature', (each) => {
    const { hyps, refs } = dataOf(each);
    const statistics = hyps.map((hyp, row) => terStatistics(hyp, refs[row] ?? [], each.caseSensitive));
    expect(terOf(sumStatistics(statistics))).toBeCloseTo(each.score, DIGITS);
  });

  it('sentence by sentence', () => {
    for (const [row, { hyp, refs }] of golden.en.entries()) {
      const bleu = bleuOf(bleuStatistics(hyp, refs), { effectiveOrder: true });
      expect(bleu.score).toBeCloseTo(golden.sentenceBleu[row] as number, DIGITS);
      expect(terOf(terStatistics(hyp, refs))).toBeCloseTo(golden.sentenceTer[row] as number, DIGITS);
    }
    for (const [row, { hyp, refs }] of golden.zh.entries()) {
      const chrf = chrfOf(chrfStatistics(hyp, refs, { wordOrder: 2 }));
      expect(chrf).toBeCloseTo(golden.sentenceChrf[row] as number, DIGITS);
    }
  });

  it.each(Object.entries(golden.tokens))('words by %s', (name, lines) => {
    const texts = golden[name === 'zh' ? 'zh' : 'en'].slice(-8);
    for (const [row, { hyp }] of texts.entries()) {
      expect(tokenizeForBleu(hyp, names.parse(name))).toEqual(lines[row]?.split(/\s+/u).filter((word) => word !== ''));
    }
  });
});

describe('published vectors', () => {
  const hyps = ['The dog bit the man.', "It wasn't surprising.", 'The man had just bitten him.'];
  const first = ['The dog bit the man.', 'It was not unexpected.', 'The man bit him first.'];
  const second = ['The dog had bit the man.', 'No one was surprised.', 'The man had bitten the dog.'];
  const refs = first.map((ref, row) => [ref, second[row] as string]);

  it('of sacreBLEU', () => {
    expect(corpusBleu(hyps, refs).score).toBeCloseTo(48.530827, 5);
    expect(corpusBleu(hyps, refs, { tokenizer: 'none' }).score).toBeCloseTo(49.1919566, 6);
    expect(corpusBleu(hyps, refs, { tokenizer: 'intl' }).score).toBeCloseTo(43.91623493, 7);
    expect(corpusBleu(['', '', ''], refs).score).toBe(0);
    const byOrder = [1, 2, 3, 4, 5, 6].map((maxOrder) => corpusBleu(hyps, refs, { maxOrder }).score.toFixed(2));
    expect(byOrder).toEqual(['77.65', '60.50', '53.93', '48.53', '46.14', '43.28']);
    expect(chrfOf(sumStatistics(hyps.map((hyp, row) => chrfStatistics(hyp, refs[row] ?? []))))).toBeCloseTo(
      59.7275178,
      6,
    );
    expect(terOf(sumStatistics(hyps.map((hyp, row) => terStatistics(hyp, refs[row] ?? []))))).toBeCloseTo(40, 9);
    expect(terOf(terStatistics('d e f g h a b c', ['a b c d e f g h']))).toBeCloseTo(12.5, 9);
    expect([terOf(terStatistics('', [''])), terOf(terStatistics('', ['a']))]).toEqual([0, 100]);
  });

  it('of Chinese', () => {
    const chinese = [
      ['今天天气很好。', '今天天气非常好。'],
      ['我喜欢机器学习——它很有趣。', '我喜欢机器学习，它非常有趣。'],
    ] as const;
    const score = corpusBleu(
      chinese.map(([hyp]) => hyp),
      chinese.map(([, ref]) => [ref]),
      { tokenizer: 'zh' },
    );
    expect(score.score).toBeCloseTo(50.74153266, 7);
    expect(score.precisions.map((p) => p.toFixed(1))).toEqual(['81.0', '63.2', '47.1', '33.3']);
    expect(tokenizeForBleu("你好world，I'm 20岁。", 'zh').join(' ')).toBe("你 好 world ， I'm 20 岁 。");
    expect(tokenizeForBleu('a→b∑c', 'zh')).toEqual(['a', '→', 'b', '∑', 'c']);
    expect(tokenizeForBleu('𠮷𠮷x', 'zh')).toEqual(['𠮷𠮷x']);
  });
});

describe('ROUGE', () => {
  it('is that of rouge-score', () => {
    for (const [row, { hyp, refs }] of golden.en.entries()) {
      const scores = rouge(hyp, refs[0] as string, 'words');
      for (const [name, wanted] of Object.entries(golden.rouge[row] ?? {})) {
        const { precision, recall, f1 } = scores[z.enum(['rouge1', 'rouge2', 'rougeL']).parse(name)];
        for (const [at, value] of [precision, recall, f1].entries())
          expect(value).toBeCloseTo(wanted[at] as number, DIGITS);
      }
    }
  });

  it('counts characters where there are Chinese ones, instead of nothing', () => {
    expect(rougeTokenizerFor('今天 API')).toBe('characters');
    expect(rouge('今天天气很好', '今天天气非常好', 'characters').rouge1.f1).toBeCloseTo((2 * 5) / 13, 9);
    expect(rouge('今天天气很好', '今天天气非常好', 'words').rouge1.f1).toBe(0);
  });
});

describe('repetition and memory', () => {
  it('count n-grams that come again', () => {
    expect(distinct([['a', 'b', 'a', 'b']], 2)).toBeCloseTo(2 / 3, 12);
    expect(repetition(['a', 'b', 'c', 'd', 'a', 'b', 'c', 'd'])).toBeCloseTo(1 / 5, 12);
    expect(repetition(['a'])).toBe(0);
    expect(distinct([], 1)).toBeNaN();
  });

  it('find passages that stand in the training text, whole and nowhere else', () => {
    const training = Array.from({ length: 40 }, (_, n) =>
      `Sentence ${n} of what the model read, with ${n * n} words of its own in it. `.repeat(1 + (n % 3)),
    );
    const index = createMemoryIndex(training, 30);
    const stolen = (training[7] as string).slice(11, 60);
    const text = `Quite new words here: ${stolen} and then others.`;
    const { share, longest } = index.measure(text);
    expect(longest).toContain(stolen.trim());
    expect(share).toBeCloseTo(longest.length / text.length, 12);
    expect(index.measure('Nothing of this was ever seen by anybody, I am sure of that.')).toEqual({
      share: 0,
      longest: '',
    });
    // 29 characters are under the limit
    expect(index.measure(`xx${(training[20] as string).slice(3, 32)}yy`).share).toBe(0);
    expect(index.measure('').share).toBe(0);
  });
});
