import { expect, test } from 'vitest';
import { measureLengths } from './token-lengths.js';

/** One token a letter. */
const encode = (text: string): string => text;
const documentsOf = (...lengths: number[]) => lengths.map((length) => ({ text: 'x'.repeat(length), language: 'en' }));

test('counts lengths, quantiles and bins that double', async () => {
  const lengths = await measureLengths(documentsOf(1, 2, 3, 4, 30), encode);
  expect(lengths).toMatchObject({ unit: 'tokens', documents: 5, total: 40, mean: 8, longest: 30 });
  expect(lengths.quantiles).toEqual({ 0.01: 1, 0.05: 1, 0.25: 2, 0.5: 3, 0.75: 4, 0.95: 30, 0.99: 30 });
  expect(lengths.histogram).toEqual([
    { from: 1, to: 2, documents: 1 },
    { from: 2, to: 4, documents: 2 },
    { from: 4, to: 8, documents: 1 },
    { from: 8, to: 16, documents: 0 },
    { from: 16, to: 32, documents: 1 },
  ]);
});

test('says what each cut loses, up to the first that loses nothing', async () => {
  const { cuts, minima } = await measureLengths(documentsOf(10, 100, 300), encode);
  expect(cuts).toEqual([
    { length: 64, documents: 2, lost: 36 + 236, lostShare: 272 / 410 },
    { length: 128, documents: 1, lost: 172, lostShare: 172 / 410 },
    { length: 256, documents: 1, lost: 44, lostShare: 44 / 410 },
    { length: 512, documents: 0, lost: 0, lostShare: 0 },
  ]);
  expect(minima[1]).toEqual({ length: 16, documents: 1, lost: 10 });
  expect(minima[4]).toEqual({ length: 128, documents: 2, lost: 110 });
});

test('characters are counted where there is no tokenizer, and nothing where there is nothing', async () => {
  const lengths = await measureLengths([{ text: '😀é', language: 'zh' }], undefined);
  expect(lengths).toMatchObject({ unit: 'characters', total: 2, languages: { zh: { documents: 1, total: 2 } } });
  expect(await measureLengths([], encode)).toMatchObject({
    documents: 0,
    total: 0,
    longest: 0,
    histogram: [],
    quantiles: {},
  });
});
