/**
 * Trains a perceptron on your own table and says how well it tells two outcomes apart:
 *
 *     npx tsx examples/tabular.ts customers.csv --target churned --hidden 32,16
 *
 * Columns of numbers are standardised, all others one-hot encoded, both by what the training rows hold. A fifth of the
 * rows is kept aside to measure on, a tenth of the rest to know when to stop. Read from the top: table → features →
 * split → training → area under the curve.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { MoatError } from '../src/base/errors.js';
import { Rng } from '../src/base/rng.js';
import { accuracy, wilsonInterval } from '../src/lab/eval/metrics/accuracy.js';
import { areaUnderRoc } from '../src/lab/eval/metrics/ranking-curves.js';
import { readModelConfig } from '../src/lab/models/registry.js';
import { type LabelledExamples, fitClassifier, predict } from '../src/lab/train/fit-classifier.js';
import type { OptimizerSettings } from '../src/lab/train/optimizers.js';
import { type CsvTable, parseCsv } from './csv.js';

export interface TabularSettings {
  readonly target: string;
  readonly hidden: readonly number[];
  readonly seed: number;
}

export interface TabularResult {
  readonly auc: number;
  readonly accuracy: number;
  /** 95 %, Wilson. */
  readonly accuracyInterval: readonly [number, number];
  readonly testRows: number;
  /** The two outcomes; the second is the positive one. */
  readonly classes: readonly string[];
  readonly features: number;
  readonly epochs: number;
}

const OPTIMIZER: OptimizerSettings = {
  kind: 'adamw',
  learningRate: 0.003,
  embeddingLearningRate: 0.003,
  headLearningRate: 0.003,
  vectorLearningRate: 0.003,
  weightDecay: 0.5,
  betas: [0.9, 0.999],
};
const SCHEDULE = { kind: 'cosine', warmupSteps: 5, decayFraction: 1, finalScale: 0.05 } as const;
const TEST_SHARE = 0.2;
const VALIDATION_SHARE = 0.1;

export interface Split {
  readonly train: readonly number[];
  readonly validation: readonly number[];
  readonly test: readonly number[];
}

/** Row numbers, each in one part, by the seed. */
export function splitRows(count: number, seed: number): Split {
  const order = Rng.fromSeed(seed).shuffle(Array.from({ length: count }, (_, index) => index));
  const testCount = Math.ceil(count * TEST_SHARE);
  const validationCount = Math.ceil((count - testCount) * VALIDATION_SHARE);
  return {
    test: order.slice(0, testCount),
    validation: order.slice(testCount, testCount + validationCount),
    train: order.slice(testCount + validationCount),
  };
}

/** Turns one column into numbers, a fixed count a row. */
interface Encoder {
  readonly width: number;
  encode(value: string): readonly number[];
}

/** @param training the column's values in the training rows */
export function columnEncoder(training: readonly string[]): Encoder {
  const given = training.filter((value) => value.trim() !== '');
  if (given.length > 0 && given.every((value) => Number.isFinite(Number(value)))) {
    const numbers = given.map(Number);
    const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
    const deviation = Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length) || 1;
    // what is missing, or no number outside of training, counts as average
    const encode = (value: string): readonly number[] => {
      const x = value.trim() === '' ? Number.NaN : Number(value);
      return [Number.isFinite(x) ? (x - mean) / deviation : 0];
    };
    return { width: 1, encode };
  }
  const known = [...new Set(training)].sort();
  return { width: known.length, encode: (value) => known.map((each) => Number(each === value)) };
}

/** @throws MoatError `bad-table` */
export function encodeTable(table: CsvTable, target: string, split: Split) {
  const column = table.columns.indexOf(target);
  if (column < 0) {
    throw new MoatError('bad-table', `there is no column "${target}"`, {
      fix: `There are: ${table.columns.join(', ')}.`,
    });
  }
  const classes = [...new Set(table.rows.map((row) => row[column] as string))].sort();
  if (classes.length !== 2) {
    throw new MoatError('bad-table', `column "${target}" has ${classes.length} different values, not two`, {
      fix: 'Choose a column with two outcomes as --target.',
    });
  }
  const encoders = table.columns.flatMap((_, index) =>
    index === column ? [] : [{ index, ...columnEncoder(split.train.map((row) => table.rows[row]?.[index] ?? '')) }],
  );
  const features = encoders.reduce((sum, { width }) => sum + width, 0);
  const part = (rows: readonly number[]): LabelledExamples => ({
    inputs: Float32Array.from(
      rows.flatMap((row) => encoders.flatMap(({ index, encode }) => encode(table.rows[row]?.[index] ?? ''))),
    ),
    labels: rows.map((row) => classes.indexOf(table.rows[row]?.[column] as string)),
  });
  return { classes, features, train: part(split.train), validation: part(split.validation), test: part(split.test) };
}

export async function trainOnTable(table: CsvTable, settings: TabularSettings): Promise<TabularResult> {
  const split = splitRows(table.rows.length, settings.seed);
  const { classes, features, train, validation, test } = encodeTable(table, settings.target, split);
  const config = {
    model_type: 'mlp',
    input_size: features,
    hidden_sizes: settings.hidden,
    num_labels: 2,
    dropout: 0.1,
  };
  const { model } = readModelConfig(config, 'examples/tabular.ts');
  if (model.kind !== 'classifier') throw new Error('a perceptron is a classifier');
  const fitted = await fitClassifier(model, train, {
    epochs: 60,
    batchSize: 32,
    optimizer: OPTIMIZER,
    schedule: SCHEDULE,
    seed: settings.seed,
    validation,
    patience: 15,
    threads: 1,
  });
  const probabilities = await predict(model, fitted.weights, test.inputs);
  const labels = Array.from(test.labels);
  const share = accuracy(probabilities, labels);
  return {
    auc: areaUnderRoc(
      probabilities.map((of) => of[1] as number),
      labels.map((label) => label === 1),
    ),
    accuracy: share,
    accuracyInterval: wilsonInterval(Math.round(share * labels.length), labels.length),
    testRows: labels.length,
    classes,
    features,
    epochs: fitted.epoch,
  };
}

const USAGE =
  'usage: npx tsx examples/tabular.ts FILE.csv --target COLUMN [--hidden 32,16] [--seed 1] [--splits 1] [--write-splits FILE]';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      target: { type: 'string' },
      hidden: { type: 'string', default: '32,16' },
      seed: { type: 'string', default: '1' },
      splits: { type: 'string', default: '1' },
      'write-splits': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [file] = positionals;
  if (values.help || file === undefined || values.target === undefined) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const table = parseCsv(await readFile(file, 'utf8'), file);
  const hidden = values.hidden.split(',').map(Number);
  const seeds = Array.from({ length: Number(values.splits) }, (_, index) => Number(values.seed) + index);
  const results: TabularResult[] = [];
  for (const seed of seeds) {
    const result = await trainOnTable(table, { target: values.target, hidden, seed });
    results.push(result);
    const [low, high] = result.accuracyInterval;
    console.log(
      `split ${seed}: AUC ${result.auc.toFixed(4)}, accuracy ${result.accuracy.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}) ` +
        `on ${result.testRows} rows never trained on; best after ${result.epochs} epochs`,
    );
  }
  const first = results[0] as TabularResult;
  const mean = results.reduce((sum, { auc }) => sum + auc, 0) / results.length;
  console.log(
    `mean AUC ${mean.toFixed(4)} for "${first.classes[1]}" against "${first.classes[0]}", from ${first.features} features`,
  );
  const written = values['write-splits'];
  if (written !== undefined) {
    const splits = seeds.map((seed, i) => ({ seed, ...splitRows(table.rows.length, seed), auc: results[i]?.auc }));
    await writeFile(
      written,
      JSON.stringify({ file, target: values.target, hidden, positive: first.classes[1], splits }),
    );
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main().catch((error: unknown) => {
    if (!(error instanceof MoatError)) throw error;
    console.error(`${error.message}${error.fix === undefined ? '' : ` ${error.fix}`}`);
    process.exitCode = 1;
  });
}
