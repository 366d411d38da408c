/** Measures of answers that name a class, for every task whose answers do. */
import { accuracyOf, averageScores, confusionMatrix, matthewsCorrelation } from '../eval/metrics/confusion.js';
import { brierScore, calibrationError, logLoss, reliability } from '../eval/metrics/probability.js';
import { areaUnderRoc, averagePrecision, kolmogorovSmirnov } from '../eval/metrics/ranking-curves.js';
import type { Metric, ReportTable } from './task.js';

export interface ClassOutput {
  readonly label: string;
  /** Of every class that training knew. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** The class of the highest probability; of equal ones the first. */
export function classOutput(labels: readonly string[], probabilities: ArrayLike<number>): ClassOutput {
  let best = 0;
  for (let c = 1; c < labels.length; c++) if ((probabilities[c] as number) > (probabilities[best] as number)) best = c;
  return {
    label: labels[best] as string,
    probabilities: Object.fromEntries(labels.map((label, c) => [label, probabilities[c] as number])),
  };
}

type ClassMetric<Example> = Metric<Example, ClassOutput>;
type LabelOf<Example> = (example: Example) => string;

/** Labels in the order of their characters: those of the examples, and those that were named. */
function labelsOf(expected: readonly string[], outputs: readonly ClassOutput[]): string[] {
  return [...new Set([...expected, ...outputs.map(({ label }) => label)])].sort();
}

function fromConfusion<Example>(
  name: string,
  labelOf: LabelOf<Example>,
  figure: (counts: readonly Float64Array[]) => number,
  signature?: string,
): ClassMetric<Example> {
  return {
    name,
    better: 'higher',
    ...(signature === undefined ? {} : { signature }),
    prepare(examples, outputs) {
      const expected = examples.map(labelOf);
      const labels = labelsOf(expected, outputs);
      const numberOf = new Map(labels.map((label, index) => [label, index]));
      const [truth, named] = [expected, outputs.map(({ label }) => label)].map((each) =>
        Uint16Array.from(each, (label) => numberOf.get(label) as number),
      );
      const pick = (from: Uint16Array, rows: ArrayLike<number>): Uint16Array =>
        Uint16Array.from(rows, (row) => from[row] as number);
      return (rows) =>
        figure(confusionMatrix(pick(truth as Uint16Array, rows), pick(named as Uint16Array, rows), labels.length));
    },
  };
}

/** Of the probability that training gives the second of two classes; undefined (NaN) for more. */
function fromScores<Example>(
  name: string,
  better: 'higher' | 'lower',
  labelOf: LabelOf<Example>,
  figure: (scores: Float64Array, positive: Uint8Array) => number,
): ClassMetric<Example> {
  return {
    name,
    better,
    prepare(examples, outputs) {
      const labels = Object.keys(outputs[0]?.probabilities ?? {}).sort();
      const positiveLabel = labels.length === 2 ? labels[1] : undefined;
      if (positiveLabel === undefined) return () => Number.NaN;
      const scores = Float64Array.from(outputs, ({ probabilities }) => probabilities[positiveLabel] ?? 0);
      const positive = Uint8Array.from(examples, (example) => Number(labelOf(example) === positiveLabel));
      return (rows) =>
        figure(
          Float64Array.from(rows, (row) => scores[row] as number),
          Uint8Array.from(rows, (row) => positive[row] as number),
        );
    },
  };
}

const BINS = 10;

function calibration<Example>(labelOf: LabelOf<Example>): ClassMetric<Example> {
  return {
    name: 'ECE',
    better: 'lower',
    signature: `${BINS} bins of equal width, of the class named`,
    prepare(examples, outputs) {
      const confidence = Float64Array.from(outputs, ({ label, probabilities }) => probabilities[label] ?? 0);
      const isRight = outputs.map(({ label }, row) => label === labelOf(examples[row] as Example));
      return (rows) =>
        calibrationError(
          Float64Array.from(rows, (row) => confidence[row] as number),
          Array.from(rows, (row) => isRight[row] as boolean),
          BINS,
        );
    },
  };
}

function nats<Example>(labelOf: LabelOf<Example>): ClassMetric<Example> {
  return {
    name: 'log loss',
    better: 'lower',
    prepare(examples, outputs) {
      const each = Float64Array.from(outputs, ({ probabilities }, row) => {
        const labels = Object.keys(probabilities);
        const expected = labels.indexOf(labelOf(examples[row] as Example));
        // a class that training never saw has no probability: the most that the clipping allows
        return expected < 0 ? logLoss([[1, 0]], [1]) : logLoss([Object.values(probabilities)], [expected]);
      });
      return (rows) => Array.from(rows, (row) => each[row] as number).reduce((a, b) => a + b, 0) / rows.length;
    },
  };
}

export const macroF1 = <Example>(labelOf: LabelOf<Example>): ClassMetric<Example> =>
  fromConfusion('macro-F1', labelOf, (counts) => averageScores(counts, 'macro').f1, 'zero_division 0');

export const rocAuc = <Example>(labelOf: LabelOf<Example>): ClassMetric<Example> =>
  fromScores('ROC AUC', 'higher', labelOf, areaUnderRoc);

/** Those that only rank: for two classes. */
export const rankingMetrics = <Example>(labelOf: LabelOf<Example>): ClassMetric<Example>[] => [
  fromScores('KS', 'higher', labelOf, kolmogorovSmirnov),
  fromScores('PR AUC', 'higher', labelOf, averagePrecision),
];

export const accuracyMetric = <Example>(labelOf: LabelOf<Example>): ClassMetric<Example> =>
  fromConfusion('accuracy', labelOf, accuracyOf);

export const decisionMetrics = <Example>(labelOf: LabelOf<Example>): ClassMetric<Example>[] => [
  accuracyMetric(labelOf),
  fromConfusion('weighted F1', labelOf, (counts) => averageScores(counts, 'weighted').f1),
  fromConfusion('MCC', labelOf, matthewsCorrelation),
];

export const probabilityMetrics = <Example>(labelOf: LabelOf<Example>): ClassMetric<Example>[] => [
  nats(labelOf),
  fromScores('Brier', 'lower', labelOf, brierScore),
  calibration(labelOf),
];

const MAX_SHOWN_CLASSES = 30;

/** Which class was taken for which, every class's scores, and how far confidence can be believed. */
export function classTables<Example>(
  examples: readonly Example[],
  outputs: readonly ClassOutput[],
  labelOf: LabelOf<Example>,
): ReportTable[] {
  const expected = examples.map(labelOf);
  const labels = labelsOf(expected, outputs).slice(0, MAX_SHOWN_CLASSES);
  const isRight = outputs.map(({ label }, row) => label === expected[row]);
  const confidence = outputs.map(({ label, probabilities }) => probabilities[label] ?? 0);
  const counted = (row: string, column: string): number =>
    outputs.filter(({ label }, at) => label === column && expected[at] === row).length;
  return [
    {
      title: 'confusion',
      columns: ['is \\ was called', ...labels],
      rows: labels.map((row) => [row, ...labels.map((column) => counted(row, column))]),
    },
    {
      title: 'reliability',
      columns: ['confidence', 'examples', 'mean confidence', 'right'],
      rows: reliability(confidence, isRight, BINS).map(({ low, high, count, meanConfidence, accuracy }) => [
        `${low.toFixed(1)}–${high.toFixed(1)}`,
        count,
        Number(meanConfidence.toFixed(3)),
        Number(accuracy.toFixed(3)),
      ]),
    },
  ];
}
