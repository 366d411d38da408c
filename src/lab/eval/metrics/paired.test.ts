import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Rng } from '../../../base/rng.js';
import { eachDraw, meanOf } from './intervals.js';
import { exactMcNemar, mcNemar, pairedBootstrap, pairedRandomization, verdictOf } from './paired.js';

/** By statsmodels 0.15.0: tests/golden/metrics/make.py. */
const { paired } = z
  .object({ paired: z.array(z.object({ onlyOurs: z.number(), onlyTheirs: z.number(), pValue: z.number() })) })
  .parse(JSON.parse(await readFile(new URL('../../../../tests/golden/metrics/make.json', import.meta.url), 'utf8')));

const flags = (right: number, wrong: number): boolean[] =>
  Array.from({ length: right + wrong }, (_, row) => row < right);

describe('McNemar', () => {
  it.each(paired)('of $onlyOurs and $onlyTheirs is that of statsmodels', ({ onlyOurs, onlyTheirs, pValue }) => {
    const ours = exactMcNemar(onlyOurs, onlyTheirs);
    expect(Math.abs(ours - pValue)).toBeLessThanOrEqual(1e-9 * pValue);
  });

  it('finds on paired answers what single intervals cannot', () => {
    const base = flags(700, 300);
    const better = base.map((right, row) => right || row >= 975);
    expect(mcNemar(better, base)).toMatchObject({ difference: 0.025, verdict: 'better' });
    expect(mcNemar(base, better).verdict).toBe('worse');
    const { low, high, pValue, verdict } = mcNemar(base, base);
    expect([low < 0, high > 0, pValue, verdict]).toEqual([true, true, 1, 'not decisive']);
    const { low: from, high: to } = mcNemar(better, base);
    // Bonett & Price (2012): (26 − 1) ÷ 1002 ± 1.96 · √((27 ÷ 1002 − (25 ÷ 1002)²) ÷ 1002)
    expect((from + to) / 2).toBeCloseTo(25 / 1002, 12);
    expect(to - from).toBeCloseTo(2 * 1.959963984540054 * Math.sqrt((27 / 1002 - (25 / 1002) ** 2) / 1002), 12);
  });

  it('refuses answers that are not of the same examples', () => {
    expect(() => mcNemar([true], [true, false])).toThrow(/1 and 2 answers/);
    expect(() => mcNemar([], [])).toThrow(/paired/);
  });
});

const noisy = (shift: number, seed: number, count = 200): Float64Array => {
  const [shared, own] = [Rng.fromSeed(77), Rng.fromSeed(seed)];
  return Float64Array.from({ length: count }, () => shift + 3 * shared.normal() + 0.3 * own.normal());
};
const figureOf =
  (values: Float64Array) =>
  (rows: Uint32Array): number =>
    meanOf(Float64Array.from(rows, (row) => values[row] as number));
const draws = [...eachDraw(200, 1000, Rng.fromSeed(5))];

describe('paired bootstrap', () => {
  it('sees a small difference under large variance that both share', () => {
    const compared = pairedBootstrap(figureOf(noisy(0.2, 1)), figureOf(noisy(0, 2)), 200, draws);
    expect(compared.verdict).toBe('better');
    expect(compared.low).toBeGreaterThan(0);
    expect(compared.low).toBeLessThan(compared.difference);
    expect(compared.difference).toBeLessThan(compared.high);
    expect(pairedBootstrap(figureOf(noisy(0.2, 1)), figureOf(noisy(0, 2)), 200, draws, 'lower').verdict).toBe('worse');
  });

  it('equal models are not decisive', () => {
    const values = noisy(0, 1);
    expect(pairedBootstrap(figureOf(values), figureOf(values), 200, draws)).toEqual({
      difference: 0,
      low: 0,
      high: 0,
      pValue: 1,
      verdict: 'not decisive',
    });
    expect(pairedBootstrap(() => Number.NaN, figureOf(values), 200, draws).verdict).toBe('not decisive');
  });
});

const statistics = (values: Float64Array): number[][] => Array.from(values, (value) => [value, 1]);
const ratio = ([sum = 0, count = 0]: Float64Array): number => sum / count;

describe('approximate randomisation', () => {
  it('agrees with the exact sign-flip test of few examples', () => {
    const [ours, theirs] = [
      [1, 2, 3, 4, 5, 6],
      [0, 2.5, 1, 3, 2, 1],
    ];
    const differences = ours.map((value, row) => value - (theirs[row] as number));
    const observed = Math.abs(differences.reduce((a, b) => a + b, 0));
    const extreme = Array.from({ length: 64 }, (_, signs) =>
      Math.abs(differences.reduce((sum, value, row) => sum + (((signs >> row) & 1) === 1 ? -value : value), 0)),
    ).filter((value) => value >= observed - 1e-9);
    const of = (values: readonly number[]) => statistics(Float64Array.from(values));
    const { pValue, difference } = pairedRandomization(of(ours), of(theirs), ratio, Rng.fromSeed(1));
    expect(difference).toBeCloseTo(observed / 6, 12);
    expect(Math.abs(pValue - extreme.length / 64)).toBeLessThan(0.01);
  });

  it('decides, and says when it cannot', () => {
    const [one, other] = [statistics(noisy(0.2, 1)), statistics(noisy(0, 2))];
    const options = { resamples: 1000 };
    expect(pairedRandomization(one, other, ratio, Rng.fromSeed(1), options).verdict).toBe('better');
    expect(pairedRandomization(one, other, ratio, Rng.fromSeed(1), { ...options, better: 'lower' }).verdict).toBe(
      'worse',
    );
    expect(pairedRandomization(one, one, ratio, Rng.fromSeed(1), options)).toMatchObject({
      pValue: 1,
      verdict: 'not decisive',
    });
  });

  it('refuses statistics that do not belong together', () => {
    const rng = Rng.fromSeed(1);
    expect(() => pairedRandomization([[1]], [], ratio, rng)).toThrow(/1 and 0 answers/);
    expect(() => pairedRandomization([[1]], [[1, 2]], ratio, rng)).toThrow(/same length/);
    expect(() => pairedRandomization([], [], ratio, rng)).toThrow(/nothing to draw from/);
  });
});

it('a verdict follows the direction of the metric', () => {
  expect([verdictOf(1, 0.01, 'higher'), verdictOf(1, 0.01, 'lower'), verdictOf(1, 0.05, 'higher')]).toEqual([
    'better',
    'worse',
    'not decisive',
  ]);
});
