import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { discountedGain, hitAt, listGain, normalizedGain, recallAt, reciprocalRank } from './recommendation.js';

/** By scikit-learn 1.9.1: tests/golden/metrics/make.py. */
const { ranked } = z
  .object({
    ranked: z.array(
      z.object({
        gains: z.array(z.number()),
        scores: z.array(z.number()),
        at: z.array(z.object({ cutoff: z.number(), dcg: z.number(), ndcg: z.number() })),
      }),
    ),
  })
  .parse(JSON.parse(await readFile(new URL('../../../../tests/golden/metrics/make.json', import.meta.url), 'utf8')));

it.each(ranked)('gains of $gains.length items are those of scikit-learn, ties shared', ({ gains, scores, at }) => {
  for (const { cutoff, dcg, ndcg } of at) {
    expect(discountedGain(gains, scores, cutoff)).toBeCloseTo(dcg, 10);
    expect(normalizedGain(gains, scores, cutoff)).toBeCloseTo(ndcg, 10);
  }
});

it('known figures', () => {
  const [gains, scores] = [
    [10, 0, 0, 1, 5],
    [0.1, 0.2, 0.3, 4, 70],
  ];
  expect(normalizedGain(gains, scores)).toBeCloseTo(0.6956940444, 9);
  expect(discountedGain(gains, scores)).toBeCloseTo(9.4994578259, 9);
});

it('lists of items', () => {
  const [list, relevant] = [['c', 'a', 'x', 'b'], new Set(['a', 'b', 'missing'])];
  expect(reciprocalRank(list, relevant)).toBe(1 / 2);
  expect(reciprocalRank(list, relevant, 1)).toBe(0);
  expect(reciprocalRank(list, new Set(['z']))).toBe(0);
  expect([1, 2].map((k) => hitAt(list, relevant, k))).toEqual([0, 1]);
  expect([1, 2, 4].map((k) => recallAt(list, relevant, k))).toEqual([0, 1 / 3, 2 / 3]);
  const [second, third, fourth] = [1 / Math.log2(3), 1 / 2, 1 / Math.log2(5)];
  expect(listGain(list, relevant)).toBeCloseTo((second + fourth) / (1 + second + third), 12);
  expect(listGain(list, relevant, 2)).toBeCloseTo(second / (1 + second), 12);
  expect(listGain(list, new Set())).toBeNaN();
});

it('refuses what has no figure', () => {
  expect(() => discountedGain([1], [1, 2])).toThrow(/belong together/);
  expect(() => discountedGain([1, 2], [1, Number.NaN])).toThrow(/NaN/);
  expect(() => normalizedGain([-1, 2], [1, 2])).toThrow(/from 0 up/);
  expect(() => hitAt(['a'], new Set(['a']), 0)).toThrow(/1 or more/);
  expect(() => recallAt(['a', 'a'], new Set(['a']), 2)).toThrow(/twice/);
});
