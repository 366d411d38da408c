/** Golden values of tests/golden/text-metrics/stems.json, made by make_stems.py there with NLTK and rouge-score. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { porterStem } from './porter-stemmer.js';
import { rouge } from './rouge.js';

type Triple = [precision: number, recall: number, f1: number];
interface Golden {
  readonly words: Record<string, string>;
  readonly rouge: {
    readonly target: string;
    readonly prediction: string;
    readonly rouge1: Triple;
    readonly rouge2: Triple;
    readonly rougeL: Triple;
  }[];
}
const file = new URL('../../../../tests/golden/text-metrics/stems.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;

test('stems are NLTK’s', () => {
  const wrong = Object.entries(golden.words).filter(([word, stem]) => porterStem(word) !== stem);
  expect(wrong.map(([word, stem]) => `${word}: ${porterStem(word)}, not ${stem}`)).toEqual([]);
  expect(Object.keys(golden.words).length).toBeGreaterThan(500);
});

test.each(golden.rouge)('ROUGE with stems: $prediction', ({ target, prediction, ...expected }) => {
  const scores = rouge(prediction, target, 'stems');
  for (const name of ['rouge1', 'rouge2', 'rougeL'] as const) {
    const { precision, recall, f1 } = scores[name];
    expect(
      [precision, recall, f1].map((value) => value.toFixed(9)),
      name,
    ).toEqual(expected[name].map((value) => value.toFixed(9)));
  }
});
