/** A report of a task and an evaluation of a run in the shapes that are written to disk; their figures are invented. */
import type { Evaluation } from '../../src/lab/eval/evaluation-file.js';
import type { Score } from '../../src/lab/tasks/score.js';
import type { TaskReport } from '../../src/lab/tasks/task-report.js';

const score = (metric: string, value: number, half = 0.03): Score => ({
  metric,
  better: 'higher',
  value,
  low: value - half,
  high: value + half,
});

const peer = (
  name: string,
  value: number,
  verdict: 'better' | 'worse' | 'not decisive',
): TaskReport['peers'][number] => ({
  name,
  kind: 'baseline',
  seconds: 1,
  scores: [score('macro-F1', value), score('accuracy', value + 0.02)],
  comparison: {
    against: name,
    metric: 'macro-F1',
    value,
    difference: 0.9 - value,
    low: 0.86 - value,
    high: 0.94 - value,
    pValue: verdict === 'not decisive' ? 0.31 : 0.002,
    verdict,
  },
});

/** @param value of its first score */
export function exampleReport(name: string, value = 0.9): TaskReport {
  return {
    schemaVersion: 1,
    name,
    task: { name: 'classification', title: 'Text classification' },
    data: {
      files: [{ file: 'mails.jsonl', sizeBytes: 52_000, sha256: '0'.repeat(64) }],
      records: 1240,
      leftOut: { count: 3, shown: [] },
      sameTwice: 12,
      removedCopies: 4,
      train: 980,
      validation: 120,
      test: 121,
    },
    model: { base: undefined, settings: { epochs: 4 }, seed: 1, facts: { parameters: 412_000 } },
    versions: { moat: '0.0.0' },
    time: { fitSeconds: 41.2, predictSeconds: 0.8 },
    trainedTokens: 182_000,
    cost: { micros: '1166', currency: 'USD', hourlyMicros: '100000' },
    scores: [
      score('macro-F1', value),
      score('accuracy', value + 0.02),
      { ...score('ROC AUC', Number.NaN), low: Number.NaN, high: Number.NaN },
    ],
    peers: [
      peer('always the most frequent label', 0.21, 'better'),
      peer('TF-IDF (character 1–3-grams) + logistic regression', 0.88, 'not decisive'),
    ],
    slices: [
      { name: 'label: refund', count: 52, score: score('macro-F1', value + 0.03, 0.05) },
      { name: 'label: delivery', count: 41, score: score('macro-F1', value - 0.02, 0.06) },
      { name: 'label: invoice', count: 28, score: score('macro-F1', value - 0.11, 0.09) },
    ],
    items: {
      metric: 'accuracy',
      better: 'higher',
      examples: Array.from({ length: 121 }, (_, row) => `example-${row}`),
      values: Array.from({ length: 121 }, (_, row) => Number((row * 37) % 121 < 121 * (value + 0.02))),
    },
    worst: [
      {
        input: 'The parcel came, the invoice did not.',
        expected: 'invoice',
        given: 'delivery',
        badness: 4.1,
        place: 'mails.jsonl:88',
      },
      { input: 'I sent it back a week ago', expected: 'refund', given: 'delivery', badness: 3.2, place: undefined },
    ],
    tables: [
      {
        title: 'confusion',
        columns: ['is \\ was called', 'delivery', 'invoice', 'refund'],
        rows: [
          ['delivery', 37, 1, 3],
          ['invoice', 4, 23, 1],
          ['refund', 2, 0, 50],
        ],
      },
      {
        title: 'reliability',
        columns: ['confidence', 'examples', 'mean confidence', 'right'],
        rows: [
          ['0.5–0.6', 9, 0.55, 0.556],
          ['0.8–0.9', 31, 0.861, 0.839],
          ['0.9–1.0', 81, 0.97, 0.963],
        ],
      },
    ],
  };
}

const bits = (bitsPerByte: number) => ({
  bitsPerByte,
  low: bitsPerByte - 0.06,
  high: bitsPerByte + 0.07,
  documents: 212,
  bytes: 96_400,
});

export const exampleEvaluation: Pick<Evaluation, 'model' | 'baselines'> = {
  model: bits(1.42),
  baselines: {
    unigram: bits(4.61),
    sixgram: bits(2.1),
    brotli: { bitsPerByte: 2.63, bytes: 96_400 },
    brotliPrimed: { bitsPerByte: 1.88, bytes: 96_400 },
    trainingBytes: 1_200_000,
  },
};
