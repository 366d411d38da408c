/** DeepFM fitted to a log of clicks: log loss of mini-batches, stopped by the log loss of the validation rows. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { mul, sigmoid } from '../../graph/ops/arithmetic.js';
import { sum } from '../../graph/ops/reshape.js';
import { type Tensor, input } from '../../graph/tensor.js';
import { type DeepFmConfig, type DeepFmInputs, deepFmLogits, deepFmParameters } from '../../models/deep-fm.js';
import { INFERENCE, parameterCount } from '../../models/model.js';
import { type Value, compile, floats, integers } from '../../runtime/program.js';
import { binaryCrossEntropy } from '../../train/binary-cross-entropy.js';
import { type FitObjectiveOptions, type Weights, fitObjective } from '../../train/fit-objective.js';
import { type BuildObjective, parameterInputs } from '../../train/objective.js';
import { loadWeights, saveWeights } from '../model-weights.js';
import {
  type ClickColumns,
  type ClickRow,
  type EncodedRows,
  clickColumnsSchema,
  encodeRows,
  findColumns,
} from './click-features.js';
import { natsOf } from './click-metrics.js';

export interface DeepFmSettings {
  readonly bucketCount: number;
  readonly vectorSize: number;
  readonly hidden: number;
  readonly dropout: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly weightDecay: number;
}

export interface ClickRows {
  readonly rows: readonly ClickRow[];
  /** 1 for a click, 0 for none. */
  readonly clicks: ArrayLike<number>;
}

export interface ClickModel {
  readonly columns: ClickColumns;
  readonly parameterCount: number;
  /** @returns the probability of a click, one a row */
  probabilities(rows: readonly ClickRow[]): Promise<Float32Array>;
  save(folder: string): Promise<void>;
}

type Compiling = { readonly threads?: number };

const BATCH = 256;
/** Epochs without a lower log loss after which training ends. */
const PATIENCE = 3;

function inputsOf(
  { wordColumns, figureColumns }: DeepFmConfig,
  batch: number,
): { fed: Tensor[]; inputs: DeepFmInputs } {
  const inputs = {
    ...(wordColumns > 0 ? { words: input('words', [batch, wordColumns], 'int64') } : {}),
    ...(figureColumns > 0 ? { figures: input('figures', [batch, figureColumns]) } : {}),
  };
  return { fed: Object.values(inputs), inputs };
}

/** Feeds what the model reads, and `targets` and `weights` `[batch]`; loss = Σ weight · nats. */
export function deepFmObjective(config: DeepFmConfig, batch: number): BuildObjective {
  return (parameters, pass) => {
    const { fed, inputs } = inputsOf(config, batch);
    const targets = input('targets', [batch]);
    const weights = input('weights', [batch]);
    const nats = binaryCrossEntropy(deepFmLogits(parameters, inputs, config, pass), targets);
    return { inputs: [...fed, targets, weights], loss: sum(mul(nats, weights)) };
  };
}

/** Some rows of many, filled up with the first of them. */
function feedsOf(encoded: EncodedRows, at: ArrayLike<number>, config: DeepFmConfig): Record<string, Value> {
  const { wordColumns, figureColumns, bucketCount } = config;
  const words = new Float64Array(BATCH * wordColumns);
  const figures = new Float32Array(BATCH * figureColumns);
  for (let row = 0; row < BATCH; row++) {
    const from = at[Math.min(row, at.length - 1)] as number;
    for (let c = 0; c < wordColumns; c++)
      words[row * wordColumns + c] = (encoded.words[from * wordColumns + c] as number) % bucketCount;
    figures.set(encoded.figures.subarray(from * figureColumns, (from + 1) * figureColumns), row * figureColumns);
  }
  return {
    ...(wordColumns > 0 ? { words: integers(words, [BATCH, wordColumns]) } : {}),
    ...(figureColumns > 0 ? { figures: floats(figures, [BATCH, figureColumns]) } : {}),
  };
}

function* batchesOf(
  encoded: EncodedRows,
  clicks: ArrayLike<number>,
  order: readonly number[],
  config: DeepFmConfig,
): Generator<Record<string, Value>> {
  for (let start = 0; start < order.length; start += BATCH) {
    const at = order.slice(start, start + BATCH);
    const targets = new Float32Array(BATCH);
    const weights = new Float32Array(BATCH).fill(1 / at.length, 0, at.length);
    for (const [row, from] of at.entries()) targets[row] = clicks[from] as number;
    yield { ...feedsOf(encoded, at, config), targets: floats(targets, [BATCH]), weights: floats(weights, [BATCH]) };
  }
}

function meanNats(probabilities: Float32Array, clicks: ArrayLike<number>): number {
  const total = probabilities.reduce((sum, probability, row) => sum + natsOf(probability, clicks[row] as number), 0);
  return total / probabilities.length;
}

async function compileProbabilities(config: DeepFmConfig, compiling: Compiling) {
  const { lookUp, tensors } = parameterInputs(deepFmParameters(config));
  const { fed, inputs } = inputsOf(config, BATCH);
  const outputs = { probabilities: sigmoid(deepFmLogits(lookUp, inputs, config, INFERENCE)) };
  const program = await compile(outputs, [...fed, ...tensors], compiling);
  return {
    async run(encoded: EncodedRows, weights: Weights): Promise<Float32Array> {
      const results = new Float32Array(encoded.count);
      const named = Object.fromEntries(weights);
      for (let start = 0; start < encoded.count; start += BATCH) {
        const at = Array.from({ length: Math.min(BATCH, encoded.count - start) }, (_, row) => start + row);
        const { probabilities } = await program.run({ ...named, ...feedsOf(encoded, at, config) });
        results.set((probabilities as Value & { readonly data: Float32Array }).data.subarray(0, at.length), start);
      }
      return results;
    },
    close: () => program.close(),
  };
}

/** @throws MoatError `bad-examples` when no column tells one row from another */
export async function fitDeepFm(
  train: ClickRows,
  validation: ClickRows,
  { hidden, bucketCount, vectorSize, dropout, ...settings }: DeepFmSettings,
  options: Pick<FitObjectiveOptions, 'seed' | 'signal' | 'onEpoch'> & Compiling,
): Promise<ClickModel> {
  const columns = findColumns(train.rows);
  const [wordColumns, figureColumns] = [columns.words.length, columns.figures.length];
  if (wordColumns + figureColumns === 0) {
    throw new MoatError('bad-examples', 'no column tells one row from another', { fix: 'Add columns.' });
  }
  const hiddenSizes = [hidden, Math.ceil(hidden / 2)];
  const config = { bucketCount, wordColumns, figureColumns, vectorSize, hiddenSizes, dropout };
  const [trained, measured] = [train, validation].map(({ rows }) => encodeRows(columns, rows)) as [
    EncodedRows,
    EncodedRows,
  ];
  const compiling = options.threads === undefined ? {} : { threads: options.threads };
  const scorer = await compileProbabilities(config, compiling);
  try {
    const { weights } = await fitObjective({
      ...options,
      ...settings,
      parameters: deepFmParameters(config),
      objective: deepFmObjective(config, BATCH),
      batchesPerEpoch: Math.ceil(trained.count / BATCH),
      batches: (rng) => batchesOf(trained, train.clicks, rng.shuffle([...train.rows.keys()]), config),
      patience: PATIENCE,
      ...(measured.count === 0
        ? {}
        : { score: async (tried: Weights) => -meanNats(await scorer.run(measured, tried), validation.clicks) }),
    });
    return createModel(columns, config, weights, compiling);
  } finally {
    await scorer.close();
  }
}

function createModel(columns: ClickColumns, config: DeepFmConfig, weights: Weights, compiling: Compiling): ClickModel {
  return {
    columns,
    parameterCount: parameterCount(deepFmParameters(config)),
    async probabilities(rows) {
      const program = await compileProbabilities(config, compiling);
      try {
        return await program.run(encodeRows(columns, rows), weights);
      } finally {
        await program.close();
      }
    },
    async save(folder) {
      const facts = JSON.stringify({ kind: 'deep-fm', columns, config });
      await writeFile(path.join(folder, FACTS_FILE), facts, { flag: 'wx' });
      await saveWeights(path.join(folder, WEIGHTS_FILE), weights);
    },
  };
}

const FACTS_FILE = 'deep-fm.json';
const WEIGHTS_FILE = 'deep-fm.safetensors';
const size = z.int().positive().max(100_000_000);
const factsSchema = z.object({
  kind: z.literal('deep-fm'),
  columns: clickColumnsSchema,
  config: z.object({
    bucketCount: size,
    wordColumns: z.int().min(0),
    figureColumns: z.int().min(0),
    vectorSize: size,
    hiddenSizes: z.array(size).max(8),
    dropout: z.number(),
  }),
});

/** @throws MoatError `bad-task-model` */
export async function loadDeepFm(folder: string, compiling: Compiling): Promise<ClickModel> {
  const file = path.join(folder, FACTS_FILE);
  let facts;
  try {
    facts = factsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not a model of clicks as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
  const weights = await loadWeights(path.join(folder, WEIGHTS_FILE), deepFmParameters(facts.config));
  return createModel(facts.columns, facts.config, weights, compiling);
}
