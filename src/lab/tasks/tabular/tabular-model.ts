/** A linear model and a small network on the same features; what they answer is the mean of both, which is steadier than either. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { openSafetensors, writeSafetensors } from '../../checkpoint/safetensors.js';
import { type LogisticModel, fitLogistic, predictLogistic } from '../../eval/baselines/logistic-regression.js';
import { sparseFromDense } from '../../eval/baselines/sparse-rows.js';
import { logLoss } from '../../eval/metrics/probability.js';
import type { ClassifierModel } from '../../models/model.js';
import { readModelConfig } from '../../models/registry.js';
import { type Value, floats } from '../../runtime/program.js';
import { fitClassifier, predict } from '../../train/fit-classifier.js';
import { type Encoder, type Row, encodeRows, encodersSchema, featureCount, fitEncoders } from './features.js';

export interface TabularSettings {
  readonly hidden: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly epochs: number;
}

export interface LabelledRows {
  readonly rows: readonly Row[];
  readonly classes: ArrayLike<number>;
}

export interface TabularModel {
  readonly labels: readonly string[];
  readonly parameterCount: number;
  /** @returns probabilities of the labels, an array a row */
  classify(rows: readonly Row[]): Promise<Float64Array[]>;
  save(folder: string): Promise<void>;
}

interface Parts {
  readonly encoders: readonly Encoder[];
  readonly labels: readonly string[];
  readonly linear: LogisticModel;
  readonly hidden: number;
  readonly weights: ReadonlyMap<string, Value>;
}

const PENALTIES = [0.01, 0.03, 0.1, 0.3, 1, 3];

/** Of several penalties the one whose log loss on the validation rows is least; 1 where there are none. */
export function fitLinear(
  encoders: readonly Encoder[],
  train: LabelledRows,
  validation: LabelledRows,
  classCount: number,
): LogisticModel {
  const width = featureCount(encoders);
  const rowsOf = (rows: readonly Row[]) => sparseFromDense(encodeRows(encoders, rows), width);
  const trained = rowsOf(train.rows);
  const fit = (c: number): LogisticModel => fitLogistic(trained, train.classes, classCount, { c });
  if (validation.rows.length === 0) return fit(1);
  const measured = rowsOf(validation.rows);
  const tried = PENALTIES.map((c) => {
    const model = fit(c);
    return { model, loss: logLoss(predictLogistic(model, measured), validation.classes) };
  });
  return tried.reduce((best, each) => (each.loss < best.loss ? each : best)).model;
}

export async function fitTabular(
  train: LabelledRows,
  validation: LabelledRows,
  labels: readonly string[],
  { hidden, learningRate, weightDecay, epochs }: TabularSettings,
  { seed, threads }: { readonly seed: number; readonly threads: number | undefined },
): Promise<TabularModel> {
  const encoders = fitEncoders(train.rows);
  const width = featureCount(encoders);
  if (width === 0) throw new MoatError('bad-examples', 'no column tells one row from another', { fix: 'Add columns.' });
  const linear = fitLinear(encoders, train, validation, labels.length);
  const inputsOf = ({ rows, classes }: LabelledRows) => ({ inputs: encodeRows(encoders, rows), labels: classes });
  const { weights } = await fitClassifier(networkOf(width, hidden, labels.length), inputsOf(train), {
    epochs,
    batchSize: 32,
    optimizer: {
      kind: 'adamw',
      learningRate,
      embeddingLearningRate: learningRate,
      headLearningRate: learningRate,
      vectorLearningRate: learningRate,
      weightDecay,
      betas: [0.9, 0.999],
    },
    schedule: { kind: 'cosine', warmupSteps: 5, decayFraction: 1, finalScale: 0.05 },
    seed,
    ...(validation.rows.length === 0 ? {} : { validation: inputsOf(validation), patience: 15 }),
    threads: threads ?? 1,
  });
  return createModel({ encoders, labels, linear, hidden, weights });
}

function networkOf(width: number, hidden: number, classCount: number): ClassifierModel {
  const config = {
    model_type: 'mlp',
    input_size: width,
    hidden_sizes: [hidden, hidden],
    num_labels: classCount,
    dropout: 0.1,
  };
  const { model } = readModelConfig(config, 'tabular');
  if (model.kind !== 'classifier') throw new Error('a perceptron is a classifier');
  return model;
}

function createModel(parts: Parts): TabularModel {
  const { encoders, labels, linear, hidden, weights } = parts;
  const width = featureCount(encoders);
  const network = networkOf(width, hidden, labels.length);
  const size = ({ data }: Value): number => data.length;
  return {
    labels,
    parameterCount: linear.weights.length + [...weights.values()].reduce((sum, value) => sum + size(value), 0),
    async classify(rows) {
      if (rows.length === 0) return [];
      const inputs = encodeRows(encoders, rows);
      const straight = predictLogistic(linear, sparseFromDense(inputs, width));
      const bent = await predict(network, weights, inputs);
      return straight.map((of, row) => of.map((p, c) => (p + (bent[row]?.[c] ?? 0)) / 2));
    },
    async save(folder) {
      const tensors = [...weights].map(([name, { data, dims }]) => ({
        name: `network.${name}`,
        shape: dims,
        data: data as Float32Array,
      }));
      await writeSafetensors(path.join(folder, WEIGHTS_FILE), [
        { name: 'linear', shape: [linear.weights.length], data: linear.weights },
        ...tensors,
      ]);
      await writeFile(path.join(folder, FACTS_FILE), JSON.stringify({ kind: 'tabular', encoders, labels, hidden }), {
        flag: 'wx',
      });
    },
  };
}

const WEIGHTS_FILE = 'tabular.safetensors';
const FACTS_FILE = 'tabular.json';
const factsSchema = z.object({
  kind: z.literal('tabular'),
  encoders: encodersSchema,
  labels: z.array(z.string()).min(2),
  hidden: z.int().positive(),
});

/** @throws MoatError `bad-task-model` */
export async function loadTabular(folder: string): Promise<TabularModel> {
  const file = path.join(folder, FACTS_FILE);
  let facts;
  try {
    facts = factsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not a model of a table as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
  const { encoders, labels, hidden } = facts;
  const width = featureCount(encoders);
  const tensors = await openSafetensors(path.join(folder, WEIGHTS_FILE));
  try {
    const length = (labels.length === 2 ? 1 : labels.length) * (width + 1);
    const linear = Float64Array.from(await tensors.readFloat32('linear', new Float32Array(length)));
    const weights = new Map<string, Value>();
    for (const { name, shape } of networkOf(width, hidden, labels.length).parameters) {
      weights.set(name, floats(await tensors.readFloat32(`network.${name}`), shape));
    }
    return createModel({
      encoders,
      labels,
      hidden,
      weights,
      linear: { classCount: labels.length, columnCount: width, weights: linear },
    });
  } finally {
    await tensors.close();
  }
}
