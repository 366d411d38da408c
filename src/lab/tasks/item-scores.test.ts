import { expect, test } from 'vitest';
import { accuracyMetric, classOutput, macroF1, rocAuc } from './class-metrics.js';
import { itemScores } from './item-scores.js';

interface Example {
  readonly label: string;
  readonly text: string;
}

const labelOf = ({ label }: Example): string => label;
const textOf = ({ text }: Example): string => text;
const examples = ['a', 'b', 'a', 'a'].map((label, row) => ({ label, text: `text ${row}` }));
const outputs = [0.9, 0.8, 0.3, 0.6].map((first) => classOutput(['a', 'b'], [first, 1 - first]));

test('the first figure that is a mean over examples is kept, example by example', () => {
  const metrics = [macroF1(labelOf), rocAuc(labelOf), accuracyMetric(labelOf)];
  const items = itemScores({ metrics, textOf }, examples, outputs);
  expect(items).toMatchObject({ metric: 'accuracy', better: 'higher', values: [1, 0, 0, 1] });
  expect(new Set(items?.examples).size).toBe(4);
  expect(items?.examples).toEqual(itemScores({ metrics, textOf }, examples, outputs)?.examples);
  expect(items?.examples.join('')).not.toContain('text');
});

test('where no figure is one, and where there are no examples, there are none', () => {
  expect(itemScores({ metrics: [macroF1(labelOf)], textOf }, examples, outputs)).toBeUndefined();
  expect(itemScores({ metrics: [accuracyMetric(labelOf)], textOf }, [], [])).toBeUndefined();
});
