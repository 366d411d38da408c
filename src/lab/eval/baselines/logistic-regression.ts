/**
 * Logistic regression, for two classes or more: the mean of C · Σ nats + ½ Σ weights² is made least, as in scikit-learn
 * (intercepts are not penalised), by L-BFGS (Liu & Nocedal 1989).
 */
import { minimize } from './l-bfgs.js';
import type { SparseRows } from './sparse-rows.js';

export interface LogisticOptions {
  /** How much the data weigh against the penalty. Default 1. */
  readonly c?: number;
  readonly maxIterations?: number;
}

export interface LogisticModel {
  readonly classCount: number;
  readonly columnCount: number;
  /** `[outputs · (columns + 1)]`, the intercept last in each; one output for two classes, else one a class. */
  readonly weights: Float64Array;
}

/** @param labels class numbers in 0 … classCount − 1 */
export function fitLogistic(
  rows: SparseRows,
  labels: ArrayLike<number>,
  classCount: number,
  { c = 1, maxIterations = 1000 }: LogisticOptions = {},
): LogisticModel {
  const outputs = classCount === 2 ? 1 : classCount;
  const width = rows.columnCount + 1;
  const evaluate = (weights: Float64Array, gradient: Float64Array): number => {
    gradient.fill(0);
    let loss = 0;
    const scores = new Float64Array(outputs);
    for (let row = 0; row < rows.rowCount; row++) {
      scoresOf(rows, row, weights, width, scores);
      const label = labels[row] as number;
      loss += outputs === 1 ? binaryLoss(scores, label) : softmaxLoss(scores, label);
      addGradient(rows, row, scores, gradient, width);
    }
    let penalty = 0;
    for (let at = 0; at < weights.length; at++) {
      const isIntercept = at % width === width - 1;
      const weight = weights[at] as number;
      gradient[at] = c * (gradient[at] as number) + (isIntercept ? 0 : weight);
      if (!isIntercept) penalty += weight * weight;
    }
    return c * loss + penalty / 2;
  };
  const weights = minimize(new Float64Array(outputs * width), evaluate, {
    maxIterations,
    tolerance: 1e-6 * rows.rowCount * c,
  });
  return { classCount, columnCount: rows.columnCount, weights };
}

/** @returns probabilities of the classes, an array a row */
export function predictLogistic({ classCount, columnCount, weights }: LogisticModel, rows: SparseRows): Float64Array[] {
  const outputs = classCount === 2 ? 1 : classCount;
  const scores = new Float64Array(outputs);
  return Array.from({ length: rows.rowCount }, (_, row) => {
    scoresOf(rows, row, weights, columnCount + 1, scores);
    if (outputs === 1) {
      const second = sigmoid(scores[0] as number);
      return Float64Array.of(1 - second, second);
    }
    softmaxLoss(scores, -1);
    return scores.slice();
  });
}

function scoresOf(
  { starts, columns, values }: SparseRows,
  row: number,
  weights: Float64Array,
  width: number,
  scores: Float64Array,
): void {
  const [start, end] = [starts[row] as number, starts[row + 1] as number];
  for (let output = 0; output < scores.length; output++) {
    const base = output * width;
    let score = weights[base + width - 1] as number;
    for (let at = start; at < end; at++)
      score += (values[at] as number) * (weights[base + (columns[at] as number)] as number);
    scores[output] = score;
  }
}

const sigmoid = (score: number): number => 1 / (1 + Math.exp(-score));

/** Puts the loss's derivative in place of the score. @returns nats */
function binaryLoss(scores: Float64Array, label: number): number {
  const score = scores[0] as number;
  scores[0] = sigmoid(score) - label;
  const margin = label === 1 ? score : -score;
  return margin > 0 ? Math.log1p(Math.exp(-margin)) : -margin + Math.log1p(Math.exp(margin));
}

/** Puts p − 1[label] in place of the scores; with a label of −1 the probabilities. @returns nats */
function softmaxLoss(scores: Float64Array, label: number): number {
  const most = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const labelled = scores[label] ?? 0;
  let total = 0;
  for (let c = 0; c < scores.length; c++) total += scores[c] = Math.exp((scores[c] as number) - most);
  for (let c = 0; c < scores.length; c++) scores[c] = (scores[c] as number) / total - (c === label ? 1 : 0);
  return Math.log(total) + most - labelled;
}

function addGradient(
  { starts, columns, values }: SparseRows,
  row: number,
  errors: Float64Array,
  gradient: Float64Array,
  width: number,
): void {
  const [start, end] = [starts[row] as number, starts[row + 1] as number];
  for (let output = 0; output < errors.length; output++) {
    const base = output * width;
    const error = errors[output] as number;
    for (let at = start; at < end; at++) {
      const place = base + (columns[at] as number);
      gradient[place] = (gradient[place] as number) + error * (values[at] as number);
    }
    gradient[base + width - 1] = (gradient[base + width - 1] as number) + error;
  }
}
