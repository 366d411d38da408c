import { expect, test } from 'vitest';
import { Rng } from '../../src/base/rng.js';
import { fitSlope } from './slope.js';

const rng = Rng.fromSeed(5);
const series = (perSecond: number, noise: number) =>
  Array.from({ length: 200 }, (_, second) => [second, 7 + perSecond * second + noise * rng.normal()] as const);

test('a line is found exactly, a rise in noise is told from no rise', () => {
  expect(fitSlope(series(2, 0))).toMatchObject({ perHour: expect.closeTo(7200, 6), low: expect.closeTo(7200, 6) });
  const rising = fitSlope(series(0.05, 1));
  expect(rising.low).toBeGreaterThan(0);
  expect(rising.perHour).toBeGreaterThan(150);
  expect(rising.perHour).toBeLessThan(210);
  const flat = fitSlope(series(0, 1));
  expect(flat.low).toBeLessThan(0);
  expect(flat.high).toBeGreaterThan(0);
});

test('residuals that hang together widen the interval', () => {
  let walk = 0;
  const points = Array.from({ length: 200 }, (_, second) => [second, (walk += rng.normal())] as const);
  const { low, high } = fitSlope(points);
  const shuffled = fitSlope(rng.shuffle(points.map(([, y]) => y)).map((y, second) => [second, y] as const));
  expect(high - low).toBeGreaterThan(2 * (shuffled.high - shuffled.low));
});
