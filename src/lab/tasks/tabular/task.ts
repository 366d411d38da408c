import { z } from 'zod';
import { predictLogistic } from '../../eval/baselines/logistic-regression.js';
import { sparseFromDense } from '../../eval/baselines/sparse-rows.js';
import {
  type ClassOutput,
  accuracyMetric,
  classOutput,
  classTables,
  decisionMetrics,
  macroF1,
  probabilityMetrics,
  rankingMetrics,
  rocAuc,
} from '../class-metrics.js';
import { labelProblem, majorityBaseline, numberLabels } from '../labels.js';
import { type Baseline, type Task, defineTask } from '../task.js';
import { type Row, brokenFigure, encodeRows, featureCount, fitEncoders } from './features.js';
import { type LabelledRows, type TabularModel, fitLinear, fitTabular, loadTabular } from './tabular-model.js';

export interface TableExample {
  readonly features: Row;
  readonly label: string;
}

const cell = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .transform((value) => (value === null ? '' : String(value)));
const rowSchema = z.record(z.string(), cell);
const toExample = ({ label = '', ...features }: Row): TableExample => ({ features, label: label.trim() });

const settingsSchema = z.strictObject({
  /** Width of the network's two layers. */
  hidden: z.coerce.number().int().min(1).max(4096).default(32),
  learningRate: z.coerce.number().positive().default(0.003),
  weightDecay: z.coerce.number().min(0).default(0.5),
  epochs: z.coerce.number().int().min(1).default(60),
});
type Settings = z.infer<typeof settingsSchema>;

const labelOf = ({ label }: TableExample): string => label;

function labelled(examples: readonly TableExample[], labels: readonly string[]): LabelledRows {
  return {
    rows: examples.map(({ features }) => features),
    classes: Uint16Array.from(examples, ({ label }) => labels.indexOf(label)),
  };
}

const linearBaseline: Baseline<TableExample, ClassOutput> = {
  name: 'logistic regression',
  async fit({ train, validation }) {
    const { labels } = numberLabels(train);
    const encoders = fitEncoders(train.map(({ features }) => features));
    const known = validation.filter(({ label }) => labels.includes(label));
    const model = fitLinear(encoders, labelled(train, labels), labelled(known, labels), labels.length);
    return {
      async predict(examples) {
        const inputs = encodeRows(
          encoders,
          examples.map(({ features }) => features),
        );
        return predictLogistic(model, sparseFromDense(inputs, featureCount(encoders))).map((of) =>
          classOutput(labels, of),
        );
      },
    };
  },
};

/** Columns by whose groups figures should be told apart, because people are in them. */
const GROUP_COLUMN = /(?:^|_)(?:sex|gender|age|race|nationality|性别|年龄|民族)(?:_|$)/i;
const YOUNG = 30;
const OLD = 50;

function groupOf(value: string): string {
  const age = Number(value);
  if (value.trim() === '' || !Number.isFinite(age)) return value === '' ? 'missing' : value;
  return age < YOUNG ? `under ${YOUNG}` : age < OLD ? `${YOUNG} to ${OLD - 1}` : `${OLD} and more`;
}

const SHOWN_CELLS = 12;

export const tabular: Task<TableExample, ClassOutput, Settings> = {
  name: 'tabular',
  title: 'Classes of rows of a table',
  description:
    'A row of figures and words gets one of several labels: credit risk, diagnosis, churn. Mean of a logistic regression and a small network.',
  fieldNames: { label: ['target', 'class', 'outcome', 'diagnosis', 'creditability', 'churned'] },
  example: rowSchema.refine(({ label = '' }) => label.trim() !== '', 'the row has no label').transform(toExample),
  question: rowSchema.transform(toExample),
  settings: settingsSchema,
  searchSpace: {
    hidden: { kind: 'choice', values: [8, 16, 32, 64] },
    learningRate: { kind: 'range', low: 0.0005, high: 0.02, isLog: true },
    weightDecay: { kind: 'range', low: 0.01, high: 2, isLog: true },
  },
  textOf: ({ features }) => JSON.stringify(features),
  groupOf: ({ features }) => JSON.stringify(features),
  problem: (sides) =>
    labelProblem(sides) ??
    brokenFigure([...sides.train, ...sides.validation, ...sides.test].map(({ features }) => features)),
  async fit({ train, validation }, { settings, seed, threads }) {
    const { labels } = numberLabels(train);
    const known = validation.filter(({ label }) => labels.includes(label));
    const model = await fitTabular(labelled(train, labels), labelled(known, labels), labels, settings, {
      seed,
      threads,
    });
    const facts = { architecture: 'logistic regression and perceptron, their mean', parameters: model.parameterCount };
    return { ...answering(model), facts, save: (folder) => model.save(folder) };
  },
  async load(folder) {
    return answering(await loadTabular(folder));
  },
  baselines: [linearBaseline, majorityBaseline],
  metrics: [
    rocAuc(labelOf),
    ...rankingMetrics<TableExample>(labelOf),
    macroF1(labelOf),
    ...decisionMetrics<TableExample>(labelOf),
    ...probabilityMetrics<TableExample>(labelOf),
  ],
  sliceMetric: accuracyMetric(labelOf),
  slices: ({ features, label }) => ({
    label,
    ...Object.fromEntries(
      Object.entries(features)
        .filter(([column]) => GROUP_COLUMN.test(column))
        .map(([column, value]) => [column, groupOf(value)]),
    ),
  }),
  show: ({ features, label }, output) => ({
    input: Object.entries(features)
      .slice(0, SHOWN_CELLS)
      .map(([column, value]) => `${column} ${value}`)
      .join(', '),
    expected: label,
    given: output.label,
    badness: 1 - (output.probabilities[label] ?? 0),
  }),
  details: (examples, outputs) => classTables(examples, outputs, labelOf),
  notice:
    'What records of the past say, and no advice: a decision on a person’s credit, health or work is a person’s to make and to explain.',
};

function answering(model: TabularModel) {
  return {
    async predict(examples: readonly Pick<TableExample, 'features'>[]): Promise<ClassOutput[]> {
      const probabilities = await model.classify(examples.map(({ features }) => features));
      return probabilities.map((each) => classOutput(model.labels, each));
    },
  };
}

export const tabularTask = defineTask(tabular);
