import { expect, it } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { bootstrapFigure, drawnFigures, eachDraw, meanOf, percentileInterval, standardError } from './intervals.js';
import { areaUnderRoc } from './ranking-curves.js';

const normals = (count: number, seed: number): Float64Array => {
  const rng = Rng.fromSeed(seed);
  return Float64Array.from({ length: count }, () => rng.normal());
};
const meanFigure =
  (values: Float64Array) =>
  (rows: Uint32Array): number =>
    meanOf(Float64Array.from(rows, (row) => values[row] as number));

it('the interval of a mean is what its standard error says', () => {
  const values = normals(400, 3);
  const { value, low, high, undefinedDraws } = bootstrapFigure(meanFigure(values), 400, Rng.fromSeed(1));
  const error = standardError(values);
  expect(value).toBeCloseTo(meanOf(values), 12);
  expect(undefinedDraws).toBe(0);
  expect((high - low) / (2 * 1.96 * error)).toBeGreaterThan(0.9);
  expect((high - low) / (2 * 1.96 * error)).toBeLessThan(1.1);
  expect(bootstrapFigure(meanFigure(values), 400, Rng.fromSeed(1))).toEqual({ value, low, high, undefinedDraws });
});

it('nine in ten intervals of 90 % hold the true mean', () => {
  const held = Array.from({ length: 200 }, (_, seed) => {
    const options = { resamples: 300, confidence: 0.9 };
    const { low, high } = bootstrapFigure(meanFigure(normals(60, 100 + seed)), 60, Rng.fromSeed(seed), options);
    return low <= 0 && 0 <= high;
  });
  const share = held.filter(Boolean).length / held.length;
  expect(share).toBeGreaterThan(0.84);
  expect(share).toBeLessThan(0.95);
});

it('whole clusters are drawn: ten copies of each example say no more than one', () => {
  const single = normals(40, 8);
  const copies = Float64Array.from({ length: 400 }, (_, row) => single[row % 40] as number);
  const clusters = Array.from(copies, (_, row) => row % 40);
  const width = ({ low, high }: { low: number; high: number }): number => high - low;
  const once = width(bootstrapFigure(meanFigure(single), 40, Rng.fromSeed(2)));
  expect(width(bootstrapFigure(meanFigure(copies), 400, Rng.fromSeed(2), { clusters }))).toBeCloseTo(once, 12);
  expect(width(bootstrapFigure(meanFigure(copies), 400, Rng.fromSeed(2)))).toBeLessThan(once / 2.5);
  const [draw] = eachDraw(4, 1, Rng.fromSeed(1), ['a', 'b', 'a', 'b']);
  const rows = [...(draw ?? [])];
  expect(rows.filter((row) => row === 0)).toHaveLength(rows.filter((row) => row === 2).length);
});

it('draws on which a figure is undefined are left out and counted', () => {
  const [scores, positive] = [
    [0.1, 0.4, 0.35, 0.8],
    [false, false, true, true],
  ];
  const auc = (rows: Uint32Array): number =>
    areaUnderRoc(
      [...rows].map((row) => scores[row] as number),
      [...rows].map((row) => positive[row] as boolean),
    );
  const { value, low, undefinedDraws } = bootstrapFigure(auc, 4, Rng.fromSeed(4), { resamples: 1000 });
  expect(value).toBe(0.75);
  expect(low).toBeGreaterThanOrEqual(0);
  // one class alone is drawn with chance 2 · (1/2)⁴
  expect(undefinedDraws).toBeGreaterThan(80);
  expect(undefinedDraws).toBeLessThan(170);
  expect(percentileInterval(drawnFigures(() => Number.NaN, [new Uint32Array(1)]))).toEqual({
    low: Number.NaN,
    high: Number.NaN,
  });
});

it('the standard error is sd (n − 1) ÷ √n', () => {
  expect(standardError([1, 2, 3, 4])).toBeCloseTo(Math.sqrt(5 / 3 / 4), 12);
  expect(standardError([7])).toBeNaN();
});

it('refuses what cannot be drawn', () => {
  const rng = Rng.fromSeed(1);
  expect(() => meanOf([])).toThrow(/no values/);
  expect(() => bootstrapFigure(() => 1, 0, rng)).toThrow(/nothing to draw from/);
  expect(() => bootstrapFigure(() => 1, 5, rng, { resamples: 0 })).toThrow(/resamples is 0/);
  expect(() => bootstrapFigure(() => 1, 3, rng, { clusters: ['a'] })).toThrow(/1 cluster names for 3/);
});
