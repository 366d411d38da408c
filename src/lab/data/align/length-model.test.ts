import { expect, test } from 'vitest';
import { fitLengthModel, lengthCost, roughLengthModel } from './length-model.js';

test('the cost is −log of a two-sided tail of the normal distribution', () => {
  // |55 − 45| / √(50 · 1) = √2, and erfc(1) = 0.157299207…
  expect(lengthCost(45, 55, { ratio: 1, variance: 1 })).toBeCloseTo(-Math.log(0.1572992070502851), 5);
  expect(lengthCost(10, 30, { ratio: 3, variance: 5 })).toBeCloseTo(0, 6);
  expect(lengthCost(0, 0, { ratio: 3, variance: 5 })).toBe(0);
  expect(Number.isFinite(lengthCost(1, 1e6, { ratio: 1, variance: 0.5 }))).toBe(true);
});

test('ratio and variance are those of the texts, whatever a few wrong pairs say', () => {
  const right = Array.from({ length: 100 }, (_, index): [number, number] => [
    50 + index,
    2 * (50 + index) + ((index % 5) - 2),
  ]);
  const wrong = Array.from({ length: 10 }, (_, index): [number, number] => [50, 5 + index]);
  const { ratio, variance } = fitLengthModel([...right, ...wrong], { ratio: 1, variance: 1 });
  expect(ratio).toBeCloseTo(2, 1);
  expect(variance).toBe(0.5);
  const rough = roughLengthModel(1000, 300);
  expect(fitLengthModel(right.slice(0, 5), rough)).toBe(rough);
  expect(rough.ratio).toBe(0.3);
});
