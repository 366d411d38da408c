import { expect, test } from 'vitest';
import { exactMcNemar } from '../../lab/eval/metrics/paired.js';
import { compareItems } from './compare-reports.js';

const items = (values: readonly number[], names = values.map((_, row) => `e${row}`), metric = 'accuracy') => ({
  metric,
  better: 'higher' as const,
  examples: names,
  values,
});

test('right and wrong answers to the same examples are paired by name, in any order, and tested by McNemar', () => {
  // ours alone is right on eight, theirs alone on one, both on one
  const ours = items([1, 1, 1, 1, 1, 1, 1, 1, 0, 1]);
  const theirs = items(
    [1, 1, 0, 0, 0, 0, 0, 0, 0, 0].map((value, row) => (row === 1 ? 1 : value)),
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((row) => `e${row}`),
  );
  const compared = compareItems(ours, theirs);
  expect(compared).toMatchObject({ test: 'mcnemar', examples: 10, onlyLeft: 8, onlyRight: 1, verdict: 'better' });
  expect(compared?.difference).toBeCloseTo(0.7);
  expect(compared?.pValue).toBeCloseTo(exactMcNemar(8, 1), 12);
  expect(compared?.pValue).toBeCloseTo(20 / 512, 12);
});

test('other figures are paired by bootstrap; only the examples in common count', () => {
  const ours = items(
    Array.from({ length: 40 }, (_, row) => 0.5 + (row % 5) / 10),
    undefined,
    'token-F1',
  );
  const theirs = items(
    Array.from({ length: 60 }, (_, row) => 0.3 + (row % 5) / 10),
    undefined,
    'token-F1',
  );
  const compared = compareItems(ours, theirs);
  expect(compared).toMatchObject({
    test: 'bootstrap',
    examples: 40,
    leftExamples: 40,
    rightExamples: 60,
    verdict: 'better',
  });
  expect(compared?.difference).toBeCloseTo(0.2);
  expect(compareItems(theirs, ours)?.verdict).toBe('worse');
});

test('nothing in common is no comparison', () => {
  expect(compareItems(items([1]), items([1], ['other']))).toBeNull();
  expect(compareItems(items([1]), items([1], undefined, 'F1'))).toBeNull();
  expect(compareItems(undefined, items([1]))).toBeNull();
});

test('an example that stands twice in one report is paired as often as it stands in the other', () => {
  expect(compareItems(items([1, 0], ['a', 'a']), items([1], ['a']))?.examples).toBe(1);
});
