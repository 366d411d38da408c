import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { minimize } from './l-bfgs.js';
import { fitLogistic, predictLogistic } from './logistic-regression.js';
import { sparseFromDense } from './sparse-rows.js';
import { fitTfIdf } from './tf-idf.js';

/** By scikit-learn 1.9.1: tests/golden/baselines/linear.py. */
const golden = z
  .object({
    fits: z.array(
      z.object({
        classes: z.number(),
        c: z.number(),
        x: z.array(z.number()),
        y: z.array(z.number()),
        coefficients: z.array(z.array(z.number())),
        intercepts: z.array(z.number()),
        probabilities: z.array(z.array(z.number())),
      }),
    ),
    texts: z.array(z.string()),
    vectors: z.array(
      z.object({
        options: z.object({
          analyzer: z.enum(['char', 'word']),
          ngram_range: z.tuple([z.number(), z.number()]),
          min_df: z.number().optional(),
          sublinear_tf: z.boolean().optional(),
          max_features: z.number().optional(),
        }),
        features: z.array(z.string()),
        rows: z.array(z.array(z.tuple([z.number(), z.number()]))),
      }),
    ),
  })
  .parse(
    JSON.parse(await readFile(new URL('../../../../tests/golden/baselines/linear.json', import.meta.url), 'utf8')),
  );

describe('logistic regression is that of scikit-learn', () => {
  it.each(golden.fits)('$classes classes, C = $c', ({ classes, c, x, y, coefficients, intercepts, probabilities }) => {
    const rows = sparseFromDense(x, 5);
    const model = fitLogistic(rows, y, classes, { c });
    for (const [output, theirs] of coefficients.entries()) {
      const ours = model.weights.subarray(6 * output, 6 * output + 6);
      for (const [column, value] of theirs.entries()) expect(ours[column]).toBeCloseTo(value, 4);
    }
    // for several classes all intercepts may move together
    const shift = classes === 2 ? 0 : (model.weights[5] as number) - (intercepts[0] as number);
    for (const [output, value] of intercepts.entries()) {
      expect((model.weights[6 * output + 5] as number) - shift).toBeCloseTo(value, 4);
    }
    const predicted = predictLogistic(model, rows);
    for (const [row, theirs] of probabilities.entries()) {
      for (const [column, value] of theirs.entries()) expect(predicted[row]?.[column]).toBeCloseTo(value, 4);
    }
  });
});

describe('TF-IDF is that of scikit-learn', () => {
  it.each(golden.vectors)('$options', ({ options, features, rows }) => {
    const fitted = fitTfIdf(golden.texts, {
      unit: options.analyzer === 'char' ? 'character' : 'word',
      lengths: options.ngram_range,
      ...(options.min_df === undefined ? {} : { minTexts: options.min_df }),
      ...(options.sublinear_tf === undefined ? {} : { sublinear: options.sublinear_tf }),
      ...(options.max_features === undefined ? {} : { maxFeatures: options.max_features }),
    });
    expect(fitted.features).toEqual(features);
    const { starts, columns, values } = fitted.transform(golden.texts);
    for (const [row, pairs] of rows.entries()) {
      const ours = Array.from(columns.subarray(starts[row], starts[row + 1]), (column, at) => {
        return [column, values[(starts[row] as number) + at] as number] as const;
      }).toSorted(([a], [b]) => a - b);
      expect(ours.map(([column]) => column)).toEqual(pairs.map(([column]) => column));
      for (const [at, [, value]] of pairs.entries()) expect(ours[at]?.[1]).toBeCloseTo(value, 10);
    }
  });
});

it('finds the bottom of a narrow valley (Rosenbrock 1960)', () => {
  const found = minimize(
    Float64Array.of(-1.2, 1),
    ([x = 0, y = 0], gradient) => {
      gradient.set([-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)]);
      return 100 * (y - x * x) ** 2 + (1 - x) ** 2;
    },
    { maxIterations: 200, tolerance: 1e-10 },
  );
  expect(found[0]).toBeCloseTo(1, 8);
  expect(found[1]).toBeCloseTo(1, 8);
});
