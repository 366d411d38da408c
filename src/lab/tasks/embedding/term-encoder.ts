/**
 * Vectors of texts from their words: the mean of a learned vector a term (words, Chinese characters and pairs of them),
 * trained so that the two texts of a pair are nearer to each other than to any other of their batch (InfoNCE; van den Oord et
 * al. 2018, as SimCSE's supervised form uses it). Across languages as well: a word has its own vector in each.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { Rng } from '../../../base/rng.js';
import { openSafetensors, writeSafetensors } from '../../checkpoint/safetensors.js';
import { searchTerms } from '../../eval/retrieval/search-terms.js';
import { add, div, mul, scale, sqrt } from '../../graph/ops/arithmetic.js';
import { gather } from '../../graph/ops/indexing.js';
import { matmul } from '../../graph/ops/matmul.js';
import { crossEntropy } from '../../graph/ops/normalize.js';
import { reshape, sum } from '../../graph/ops/reshape.js';
import { type Tensor, input, scalar } from '../../graph/tensor.js';
import { initialize } from '../../models/initialize.js';
import type { ParameterSpec } from '../../models/model.js';
import { createKernels } from '../../runtime/kernels.js';
import { type Value, floats, integers } from '../../runtime/program.js';
import { createLearner } from '../../train/learner.js';
import type { BuildObjective } from '../../train/objective.js';
import { createParameterStore, trainingBytes } from '../../train/parameter-store.js';
import type { TaskContext } from '../task.js';

export interface TextPair {
  readonly source: string;
  readonly target: string;
}

export interface EncoderSettings {
  readonly epochs: number;
  readonly width: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Similarities are divided by it. */
  readonly temperature: number;
}

export interface TermEncoder {
  readonly parameterCount: number;
  readonly width: number;
  /** Known terms of each text, the rest of a long one included. */
  count(texts: readonly string[]): number[];
  /** A vector a text, of length 1; zeros for a text without a known term. */
  embed(texts: readonly string[]): Float32Array[];
  save(folder: string): Promise<void>;
}

/** Terms of a text that count; the rest of a long one is left. */
export const MAX_TERMS = 96;
const TABLE = 'terms.weight';

interface Vocabulary {
  readonly terms: readonly string[];
  /** How much each term counts in a mean: its inverse document frequency. */
  readonly weights: Float32Array;
}

function learnVocabulary(texts: readonly string[]): Vocabulary {
  const having = new Map<string, number>();
  for (const text of texts)
    for (const term of new Set(searchTerms(text))) having.set(term, (having.get(term) ?? 0) + 1);
  const terms = [...having.keys()].sort();
  const weights = Float32Array.from(terms, (term) => Math.log(1 + texts.length / (having.get(term) as number)));
  return { terms, weights };
}

type TermNumbers = (text: string) => number[];

/** A text's known terms by number. */
function createTermNumbers({ terms }: Vocabulary): TermNumbers {
  const numberOf = new Map(terms.map((term, index) => [term, index]));
  return (text) => searchTerms(text).flatMap((term) => numberOf.get(term) ?? []);
}

/** A text's terms by number, and how much each counts; the last row of the table stands for nothing. */
function createTermReader(
  { weights }: Vocabulary,
  numbersOf: TermNumbers,
): (text: string) => { ids: number[]; shares: number[] } {
  return (text) => {
    const ids = numbersOf(text).slice(0, MAX_TERMS);
    const total = ids.reduce((sumOf, id) => sumOf + (weights[id] as number), 0);
    return { ids, shares: ids.map((id) => (weights[id] as number) / total) };
  };
}

/** @returns `[batch, width]`, each of length 1 */
function encode(table: Tensor, ids: Tensor, shares: Tensor, batch: number, width: number): Tensor {
  const rows = gather(table, ids); // [batch, terms, width]
  const mean = reshape(matmul(reshape(shares, [batch, 1, MAX_TERMS]), rows), [batch, width]);
  const length = sqrt(add(sum(mul(mean, mean), [1], true), scalar(1e-12)));
  return div(mean, length);
}

function contrastiveObjective(batch: number, width: number, temperature: number): BuildObjective {
  return (parameters) => {
    const side = (name: string) => ({
      ids: input(`${name}.ids`, [batch, MAX_TERMS], 'int64'),
      shares: input(`${name}.shares`, [batch, MAX_TERMS]),
    });
    const [source, target] = [side('source'), side('target')];
    const own = input('own', [batch], 'int64');
    const table = parameters(TABLE);
    const [a, b] = [source, target].map(({ ids, shares }) => encode(table, ids, shares, batch, width)) as [
      Tensor,
      Tensor,
    ];
    const forth = crossEntropy(scale(matmul(a, b, { transposeB: true }), 1 / temperature), own);
    const back = crossEntropy(scale(matmul(b, a, { transposeB: true }), 1 / temperature), own);
    const loss = scale(sum(add(forth, back)), 1 / (2 * batch));
    return { inputs: [source.ids, source.shares, target.ids, target.shares, own], loss };
  };
}

/** Keeps the table of the epoch whose score on the validation pairs is highest. */
export async function fitTermEncoder(
  pairs: readonly TextPair[],
  settings: EncoderSettings,
  context: Pick<TaskContext, 'seed' | 'threads' | 'signal' | 'onProgress'>,
  score: (encoder: TermEncoder) => number,
): Promise<TermEncoder> {
  const { epochs, width } = settings;
  const batchSize = Math.min(settings.batchSize, pairs.length);
  const vocabulary = learnVocabulary(pairs.flatMap(({ source, target }) => [source, target]));
  const rng = Rng.fromSeed(context.seed);
  const { learner, current } = await createTableLearner(vocabulary, { ...settings, batchSize }, rng, context);
  const feedsOf = createFeeds(vocabulary, batchSize);
  let best: { readonly table: Float32Array; readonly score: number } | undefined;
  const steps = Math.max(1, Math.floor(pairs.length / batchSize));
  try {
    for (let epoch = 0; epoch < epochs && context.signal?.aborted !== true; epoch++) {
      const order = rng.shuffle([...pairs.keys()]);
      for (let step = 0; step < steps; step++) {
        const chosen = order.slice(step * batchSize, (step + 1) * batchSize).map((row) => pairs[row] as TextPair);
        const done = (epoch * steps + step) / (epochs * steps);
        const { loss } = await learner.step(feedsOf(chosen), 1 - done);
        context.onProgress?.(done, `epoch ${epoch + 1}, loss ${loss.toFixed(2)}`);
      }
      const table = current();
      const reached = score(createEncoder(vocabulary, table, width));
      if (best === undefined || reached > best.score) best = { table, score: reached };
    }
  } finally {
    await learner.close();
  }
  return createEncoder(vocabulary, best?.table ?? current(), width);
}

/** The table of term vectors, learning; the last row stands for nothing. */
async function createTableLearner(
  { terms }: Vocabulary,
  { width, batchSize, learningRate, temperature }: EncoderSettings,
  rng: Rng,
  { seed, threads }: Pick<TaskContext, 'seed' | 'threads'>,
) {
  const initializer = { kind: 'normal', standardDeviation: width ** -0.5 } as const;
  const specs: ParameterSpec[] = [{ name: TABLE, shape: [terms.length + 1, width], initializer, role: 'embedding' }];
  const store = createParameterStore(createKernels(trainingBytes(specs)), specs);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const learner = await createLearner({
    store,
    objective: contrastiveObjective(batchSize, width, temperature),
    optimizer: {
      kind: 'adamw',
      learningRate,
      embeddingLearningRate: learningRate,
      headLearningRate: learningRate,
      vectorLearningRate: learningRate,
      weightDecay: 0,
      betas: [0.9, 0.999],
    },
    seed,
    ...(threads === undefined ? {} : { threads }),
  });
  const [stored] = store.parameters;
  if (stored === undefined) throw new Error('the table is a parameter');
  return { learner, current: () => stored.value.view().slice() };
}

function createFeeds(vocabulary: Vocabulary, batchSize: number): (pairs: readonly TextPair[]) => Record<string, Value> {
  const read = createTermReader(vocabulary, createTermNumbers(vocabulary));
  const nothing = vocabulary.terms.length;
  const own = integers(
    Float64Array.from({ length: batchSize }, (_, row) => row),
    [batchSize],
  );
  return (pairs) => ({
    ...side(
      'source',
      pairs.map(({ source }) => read(source)),
      nothing,
    ),
    ...side(
      'target',
      pairs.map(({ target }) => read(target)),
      nothing,
    ),
    own,
  });
}

function side(
  name: string,
  texts: readonly { ids: number[]; shares: number[] }[],
  nothing: number,
): Record<string, Value> {
  const ids = new Float64Array(texts.length * MAX_TERMS).fill(nothing);
  const shares = new Float32Array(texts.length * MAX_TERMS);
  for (const [row, text] of texts.entries()) {
    ids.set(text.ids, row * MAX_TERMS);
    shares.set(text.shares, row * MAX_TERMS);
  }
  const dims = [texts.length, MAX_TERMS];
  return { [`${name}.ids`]: integers(ids, dims), [`${name}.shares`]: floats(shares, dims) };
}

function createEncoder(vocabulary: Vocabulary, table: Float32Array, width: number): TermEncoder {
  const numbersOf = createTermNumbers(vocabulary);
  const read = createTermReader(vocabulary, numbersOf);
  return {
    parameterCount: table.length,
    width,
    count: (texts) => texts.map((text) => numbersOf(text).length),
    embed: (texts) =>
      texts.map((text) => {
        const vector = new Float32Array(width);
        const { ids, shares } = read(text);
        for (const [at, id] of ids.entries()) {
          const share = shares[at] as number;
          for (let i = 0; i < width; i++) vector[i] = (vector[i] as number) + share * (table[id * width + i] as number);
        }
        const length = Math.sqrt(vector.reduce((total, each) => total + each * each, 0));
        return length === 0 ? vector : vector.map((each) => each / length);
      }),
    async save(folder) {
      const facts = { kind: 'terms', width, terms: vocabulary.terms };
      await writeFile(path.join(folder, FACTS_FILE), JSON.stringify(facts), { flag: 'wx' });
      await writeSafetensors(path.join(folder, WEIGHTS_FILE), [
        { name: TABLE, shape: [table.length / width, width], data: table },
        { name: 'weights', shape: [vocabulary.weights.length], data: vocabulary.weights },
      ]);
    },
  };
}

export const FACTS_FILE = 'terms.json';
const WEIGHTS_FILE = 'terms.safetensors';
const factsSchema = z.object({ kind: z.literal('terms'), width: z.int().positive(), terms: z.array(z.string()) });

/** @throws MoatError `bad-task-model` */
export async function loadTermEncoder(folder: string): Promise<TermEncoder> {
  const file = path.join(folder, FACTS_FILE);
  let facts;
  try {
    facts = factsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not an encoder as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
  const { width, terms } = facts;
  const tensors = await openSafetensors(path.join(folder, WEIGHTS_FILE));
  try {
    const weights = await tensors.readFloat32('weights', new Float32Array(terms.length));
    const table = await tensors.readFloat32(TABLE, new Float32Array((terms.length + 1) * width));
    return createEncoder({ terms, weights }, table, width);
  } finally {
    await tensors.close();
  }
}
