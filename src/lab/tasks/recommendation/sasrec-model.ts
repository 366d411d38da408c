/** SASRec fitted to sequences of items: full-softmax cross entropy over all items at every place (Klenitskiy & Vasilev 2023). */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { openSafetensors, writeSafetensors } from '../../checkpoint/safetensors.js';
import { mul } from '../../graph/ops/arithmetic.js';
import { crossEntropy } from '../../graph/ops/normalize.js';
import { reshape, sum } from '../../graph/ops/reshape.js';
import { input } from '../../graph/tensor.js';
import { INFERENCE } from '../../models/model.js';
import { type SasRecConfig, itemScores, lastStates, sasRecParameters, sasRecStates } from '../../models/sasrec.js';
import { type Program, type Value, compile, floats, integers } from '../../runtime/program.js';
import { type FitObjectiveOptions, type Weights, fitObjective } from '../../train/fit-objective.js';
import { type BuildObjective, parameterInputs } from '../../train/objective.js';

export interface SasRecSettings {
  readonly width: number;
  readonly blocks: number;
  readonly heads: number;
  readonly maxLength: number;
  readonly dropout: number;
  readonly epochs: number;
  readonly learningRate: number;
}

export interface SasRecModel {
  /** Names of the items; item n has row n + 1 of the table. */
  readonly items: readonly string[];
  readonly parameterCount: number;
  /** A score for every item after each history, an array a history. */
  score(histories: readonly (readonly string[])[]): Promise<Float32Array[]>;
  save(folder: string): Promise<void>;
}

const BATCH = 64;
/** Epochs without a better score after which training ends. */
const PATIENCE = 10;

/** Feeds: `items` `[batch, maxLength]`, `mask`, `targets` and `weights` `[batch · maxLength]`; loss = Σ weight · nats. */
export function sasRecObjective(config: SasRecConfig, batch: number): BuildObjective {
  const rows = batch * config.maxLength;
  return (parameters, pass) => {
    const items = input('items', [batch, config.maxLength], 'int64');
    const mask = input('mask', [batch, config.maxLength]);
    const targets = input('targets', [rows], 'int64');
    const weights = input('weights', [rows]);
    const states = sasRecStates(parameters, items, mask, config, pass);
    const nats = crossEntropy(itemScores(parameters, reshape(states, [rows, config.width])), targets);
    return { inputs: [items, mask, targets, weights], loss: sum(mul(nats, weights)) };
  };
}

/** @param score of the model on the validation events, higher is better */
export async function fitSasRec(
  sequences: readonly (readonly string[])[],
  settings: SasRecSettings,
  {
    seed,
    threads,
    signal,
    onEpoch,
  }: Pick<FitObjectiveOptions, 'seed' | 'signal' | 'onEpoch'> & { readonly threads: number | undefined },
  score: (model: SasRecModel) => Promise<number>,
): Promise<SasRecModel> {
  const items = [...new Set(sequences.flat())].sort();
  const numberOf = new Map(items.map((item, index) => [item, index + 1]));
  const config: SasRecConfig = { ...settings, itemCount: items.length + 1 };
  const numbered = sequences
    .filter(({ length }) => length > 1)
    .map((sequence) => sequence.map((item) => numberOf.get(item) as number));
  const compiling = threads === undefined ? {} : { threads };
  const scorer = await createScorer(items, config, compiling);
  try {
    const { weights } = await fitObjective({
      parameters: sasRecParameters(config),
      objective: sasRecObjective(config, BATCH),
      batches: (rng) => batchesOf(rng.shuffle([...numbered]), config),
      batchesPerEpoch: Math.ceil(numbered.length / BATCH),
      epochs: settings.epochs,
      learningRate: settings.learningRate,
      weightDecay: 0,
      seed,
      patience: PATIENCE,
      ...compiling,
      ...(signal === undefined ? {} : { signal }),
      ...(onEpoch === undefined ? {} : { onEpoch }),
      score: (weights) => score(scorer.with(weights)),
    });
    return scorer.with(weights, true);
  } finally {
    await scorer.close();
  }
}

function* batchesOf(
  sequences: readonly (readonly number[])[],
  { maxLength }: SasRecConfig,
): Generator<Record<string, Value>> {
  for (let start = 0; start < sequences.length; start += BATCH) {
    const items = new Float64Array(BATCH * maxLength);
    const mask = new Float32Array(BATCH * maxLength);
    const targets = new Float64Array(BATCH * maxLength);
    let counted = 0;
    for (const [row, sequence] of sequences.slice(start, start + BATCH).entries()) {
      const latest = sequence.slice(-(maxLength + 1));
      const offset = (row + 1) * maxLength - (latest.length - 1);
      for (let at = 0; at + 1 < latest.length; at++) {
        items[offset + at] = latest[at] as number;
        mask[offset + at] = 1;
        targets[offset + at] = latest[at + 1] as number;
        counted++;
      }
    }
    const dims = [BATCH, maxLength];
    const weights = floats(
      mask.map((each) => each / counted),
      [BATCH * maxLength],
    );
    yield {
      items: integers(items, dims),
      mask: floats(mask, dims),
      targets: integers(targets, [BATCH * maxLength]),
      weights,
    };
  }
}

/** One program for any weights of a shape; models that are to stay get one of their own. */
async function createScorer(items: readonly string[], config: SasRecConfig, compiling: { readonly threads?: number }) {
  const numberOf = new Map(items.map((item, index) => [item, index + 1]));
  const program = await compileScores(config, compiling);
  const scoresBy = (running: Program, weights: Weights) => async (histories: readonly (readonly string[])[]) => {
    const { maxLength, itemCount } = config;
    const scores: Float32Array[] = [];
    for (let start = 0; start < histories.length; start += BATCH) {
      const part = histories.slice(start, start + BATCH);
      const rows = new Float64Array(BATCH * maxLength);
      const mask = new Float32Array(BATCH * maxLength);
      for (const [row, history] of part.entries()) {
        const known = history.flatMap((item) => numberOf.get(item) ?? []).slice(-maxLength);
        rows.set(known, (row + 1) * maxLength - known.length);
        mask.fill(1, (row + 1) * maxLength - known.length, (row + 1) * maxLength);
      }
      const dims = [BATCH, maxLength];
      const feeds = { ...Object.fromEntries(weights), items: integers(rows, dims), mask: floats(mask, dims) };
      const data = (await running.run(feeds))['scores']?.data as Float32Array;
      // row 0 of the table is padding and never an answer
      for (const row of part.keys()) scores.push(data.slice(row * itemCount + 1, (row + 1) * itemCount));
    }
    return scores;
  };
  return {
    with(weights: Weights, ownProgram = false): SasRecModel {
      return {
        items,
        parameterCount: [...weights.values()].reduce((total, { data }) => total + data.length, 0),
        async score(histories) {
          const running = ownProgram ? await compileScores(config, compiling) : program;
          try {
            return await scoresBy(running, weights)(histories);
          } finally {
            if (ownProgram) await running.close();
          }
        },
        save: (folder) => saveSasRec(folder, items, config, weights),
      };
    },
    close: () => program.close(),
  };
}

function compileScores(config: SasRecConfig, compiling: { readonly threads?: number }): Promise<Program> {
  const { lookUp, tensors } = parameterInputs(sasRecParameters(config));
  const items = input('items', [BATCH, config.maxLength], 'int64');
  const mask = input('mask', [BATCH, config.maxLength]);
  const states = sasRecStates(lookUp, items, mask, config, INFERENCE);
  return compile({ scores: itemScores(lookUp, lastStates(states, config)) }, [items, mask, ...tensors], compiling);
}

const FACTS_FILE = 'sasrec.json';
const WEIGHTS_FILE = 'sasrec.safetensors';
const count = z.int().positive();
const factsSchema = z.object({
  kind: z.literal('sasrec'),
  items: z.array(z.string()),
  config: z.object({
    itemCount: count,
    maxLength: count,
    width: count,
    blocks: count,
    heads: count,
    dropout: z.number(),
  }),
});

async function saveSasRec(
  folder: string,
  items: readonly string[],
  config: SasRecConfig,
  weights: Weights,
): Promise<void> {
  const { itemCount, maxLength, width, blocks, heads, dropout } = config;
  const facts = { kind: 'sasrec', items, config: { itemCount, maxLength, width, blocks, heads, dropout } };
  await writeFile(path.join(folder, FACTS_FILE), JSON.stringify(facts), { flag: 'wx' });
  const tensors = [...weights].map(([name, { data, dims }]) => ({ name, shape: dims, data: data as Float32Array }));
  await writeSafetensors(path.join(folder, WEIGHTS_FILE), tensors);
}

/** @throws MoatError `bad-task-model` */
export async function loadSasRec(folder: string, threads: number | undefined): Promise<SasRecModel> {
  const file = path.join(folder, FACTS_FILE);
  let facts;
  try {
    facts = factsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not a recommender as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
  const { items, config } = facts;
  const tensors = await openSafetensors(path.join(folder, WEIGHTS_FILE));
  const weights = new Map<string, Value>();
  try {
    for (const { name, shape } of sasRecParameters(config))
      weights.set(name, floats(await tensors.readFloat32(name), shape));
  } finally {
    await tensors.close();
  }
  const scorer = await createScorer(items, config, threads === undefined ? {} : { threads });
  await scorer.close();
  return scorer.with(weights, true);
}
