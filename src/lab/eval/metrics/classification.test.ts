import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  accuracyOf,
  averageScores,
  classScores,
  cohensKappa,
  confusionMatrix,
  matthewsCorrelation,
} from './confusion.js';
import { multiLabelScores } from './multi-label.js';
import { brierScore, calibrationError, logLoss, reliability } from './probability.js';
import { areaUnderRoc, averagePrecision, kolmogorovSmirnov } from './ranking-curves.js';

const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const averages = z.record(z.enum(['macro', 'weighted', 'micro']), z.tuple([figure, figure, figure]));
/** By scikit-learn 1.9.1: tests/golden/metrics/classification.py. */
const golden = z
  .object({
    cases: z.array(
      z.object({
        classes: z.number(),
        expected: z.array(z.number()),
        predicted: z.array(z.number()),
        confusion: z.array(z.array(z.number())),
        accuracy: z.number(),
        mcc: z.number(),
        kappa: z.number(),
        averages: z.object({ '0': averages, '1': averages, nan: averages }),
        probabilities: z.array(z.array(z.number())),
        logLoss: z.number(),
      }),
    ),
    multi: z.array(
      z.object({
        labels: z.number(),
        expected: z.array(z.array(z.number())),
        named: z.array(z.array(z.number())),
        macroF1: z.number(),
        microF1: z.number(),
        exact: z.number(),
        hamming: z.number(),
      }),
    ),
    curves: z.array(
      z.object({
        positive: z.array(z.number()),
        scores: z.array(z.number()),
        auc: z.number(),
        averagePrecision: z.number(),
        ks: z.number(),
        brier: z.number(),
      }),
    ),
  })
  .parse(
    JSON.parse(
      await readFile(new URL('../../../../tests/golden/metrics/classification.json', import.meta.url), 'utf8'),
    ),
  );

const DIGITS = 12;

describe('figures are those of scikit-learn', () => {
  it.each(golden.cases)('of $classes classes', ({ classes, expected, predicted, ...want }) => {
    const counts = confusionMatrix(expected, predicted, classes);
    expect(counts.map((row) => [...row])).toEqual(want.confusion);
    expect(accuracyOf(counts)).toBeCloseTo(want.accuracy, DIGITS);
    expect(matthewsCorrelation(counts)).toBeCloseTo(want.mcc, DIGITS);
    expect(cohensKappa(counts)).toBeCloseTo(want.kappa, DIGITS);
    for (const [division, zero] of [
      ['0', 0],
      ['1', 1],
      ['nan', Number.NaN],
    ] as const) {
      for (const average of ['macro', 'weighted', 'micro'] as const) {
        const { precision, recall, f1 } = averageScores(counts, average, zero);
        const [p, r, f] = want.averages[division][average] ?? [];
        expect(precision).toBeCloseTo(p ?? 0, DIGITS);
        expect(recall).toBeCloseTo(r ?? 0, DIGITS);
        expect(f1).toBeCloseTo(f ?? 0, DIGITS);
      }
    }
    expect(logLoss(want.probabilities, expected)).toBeCloseTo(want.logLoss, DIGITS);
  });

  it.each(golden.multi)('of $labels labels at once', ({ labels, expected, named, ...want }) => {
    const scores = multiLabelScores(expected, named, labels, [...expected.keys()]);
    for (const name of ['macroF1', 'microF1', 'exact', 'hamming'] as const) {
      expect(scores[name]).toBeCloseTo(want[name], DIGITS);
    }
  });

  it.each(golden.curves)('of $scores.length scores', ({ positive, scores, auc, averagePrecision: ap, ks, brier }) => {
    expect(areaUnderRoc(scores, positive)).toBeCloseTo(auc, DIGITS);
    expect(averagePrecision(scores, positive)).toBeCloseTo(ap, DIGITS);
    expect(kolmogorovSmirnov(scores, positive)).toBeCloseTo(ks, DIGITS);
    expect(brierScore(scores, positive)).toBeCloseTo(brier, DIGITS);
  });
});

describe('known figures', () => {
  it('of small cases', () => {
    const counts = confusionMatrix([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 3);
    expect(averageScores(counts, 'macro')).toEqual({
      precision: expect.closeTo(0.222222, 6),
      recall: expect.closeTo(0.333333, 6),
      f1: expect.closeTo(0.266667, 6),
    });
    const absent = confusionMatrix([0, 0, 1], [0, 1, 1], 3);
    expect(averageScores(absent, 'macro', 1)).toEqual({
      precision: expect.closeTo(0.833333, 6),
      recall: expect.closeTo(0.833333, 6),
      f1: expect.closeTo(0.777778, 6),
    });
    expect(averageScores(absent, 'macro', Number.NaN).f1).toBeCloseTo(0.666667, 6);
    expect(areaUnderRoc([0.1, 0.4, 0.35, 0.8], [false, false, true, true])).toBe(0.75);
    expect(averagePrecision([0.1, 0.4, 0.35, 0.8], [false, false, true, true])).toBeCloseTo(0.833333, 6);
    expect(
      logLoss(
        [
          [0.1, 0.9],
          [0.9, 0.1],
          [0.8, 0.2],
          [0.35, 0.65],
        ],
        [1, 0, 0, 1],
      ),
    ).toBeCloseTo(0.21616187468, 9);
    expect(brierScore([0.1, 0.9, 0.8, 0.3], [0, 1, 1, 0])).toBeCloseTo(0.0375, 12);
  });

  it('one class has no curve; a class that nobody named has a share of nothing', () => {
    expect(areaUnderRoc([0.1, 0.2], [true, true])).toBeNaN();
    expect(areaUnderRoc([1, 1, 1], [true, false, true])).toBe(0.5);
    expect(averagePrecision([0.1], [false])).toBeNaN();
    expect(classScores(confusionMatrix([0, 0], [0, 0], 2), 1)[1]).toEqual({
      precision: 1,
      recall: 1,
      f1: 1,
      support: 0,
    });
    expect(() => confusionMatrix([0], [3], 2)).toThrow(/no such class/);
  });

  it('confidence that is right as often as it says is calibrated', () => {
    const confidence = [0.75, 0.75, 0.75, 0.75, 1, 0.05];
    const right = [true, true, true, false, true, false];
    expect(calibrationError(confidence, right)).toBeCloseTo(0.05 / 6, 12);
    expect(reliability(confidence, right).map(({ count }) => count)).toEqual([1, 4, 1]);
    expect(() => reliability([1.2], [true])).not.toThrow();
    expect(() => reliability([-0.2], [true])).toThrow(/not in/);
  });
});
