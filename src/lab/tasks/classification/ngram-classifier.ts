/**
 * Classes of texts by their character n-grams: a linear model whose features are scaled by how much more often each n-gram
 * stands in one class than in the others (log-count ratios of naive Bayes; Wang & Manning 2012, "NBSVM"), one against the
 * rest. On short texts it is hard to beat, and it is fitted in seconds.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { openSafetensors, writeSafetensors } from '../../checkpoint/safetensors.js';
import { fitLogistic, predictLogistic } from '../../eval/baselines/logistic-regression.js';
import type { SparseRows } from '../../eval/baselines/sparse-rows.js';
import { type TfIdf, type TfIdfOptions, fitTfIdf, loadTfIdf } from '../../eval/baselines/tf-idf.js';

export interface NgramSettings {
  readonly longestGram: number;
  readonly minTexts: number;
  /** How much the data weigh against the penalty. */
  readonly c: number;
}

/** Says of each text how likely it is of each class, one class against all others. */
export interface NgramScorer {
  readonly parameterCount: number;
  /** @returns probabilities, an array a text */
  score(texts: readonly string[]): Float64Array[];
  save(folder: string): Promise<void>;
}

export interface NgramClassifier {
  readonly labels: readonly string[];
  readonly parameterCount: number;
  /** @returns probabilities of the labels, which sum to 1, an array a text */
  classify(texts: readonly string[]): Float64Array[];
  save(folder: string): Promise<void>;
}

/** Linear scores of one class against the rest, the n-grams' ratios in the weights; the last weight is the intercept. */
type ClassWeights = Float64Array;

/** @param members for each class, whether each text is of it; texts may be of several classes or none */
export function fitNgramScorer(
  texts: readonly string[],
  members: readonly Uint8Array[],
  { longestGram, minTexts, c }: NgramSettings,
): NgramScorer {
  const options = { unit: 'character', lengths: [1, longestGram], minTexts, sublinear: true } as const;
  const exact = fitTfIdf(texts, options);
  // as precise as they are saved, so that a model that is loaded answers the same
  const grams = loadTfIdf(exact.features, Float64Array.from(Float32Array.from(exact.idf)), options);
  const rows = grams.transform(texts);
  const weights = members.map((isOne) => {
    const ratios = logCountRatios(rows, isOne);
    const scaled = {
      ...rows,
      values: rows.values.map((value, at) => value * (ratios[rows.columns[at] as number] as number)),
    };
    const fitted = fitLogistic(scaled, isOne, 2, { c, maxIterations: 300 }).weights;
    return Float64Array.from(Float32Array.from(fitted, (weight, column) => weight * (ratios[column] ?? 1)));
  });
  return createScorer(grams, options, weights);
}

/** @param labels of all classes, in the order of the probabilities */
export function fitNgramClassifier(
  texts: readonly string[],
  classes: ArrayLike<number>,
  labels: readonly string[],
  settings: NgramSettings,
): NgramClassifier {
  // of two classes one says all
  const wanted = labels.length === 2 ? [1] : [...labels.keys()];
  const members = wanted.map((each) =>
    Uint8Array.from({ length: classes.length }, (_, row) => Number(classes[row] === each)),
  );
  return classifierOver(fitNgramScorer(texts, members, settings), labels);
}

function classifierOver(scorer: NgramScorer, labels: readonly string[]): NgramClassifier {
  return {
    labels,
    parameterCount: scorer.parameterCount,
    classify: (texts) =>
      scorer.score(texts).map((ones) => {
        if (labels.length === 2) return Float64Array.of(1 - (ones[0] as number), ones[0] as number);
        const total = ones.reduce((sum, one) => sum + one, 0);
        return ones.map((one) => (total === 0 ? 1 / ones.length : one / total));
      }),
    async save(folder) {
      await scorer.save(folder);
      await writeFile(path.join(folder, LABELS_FILE), JSON.stringify(labels), { flag: 'wx' });
    },
  };
}

/** ln of how often each n-gram stands in texts of the class, as a share of all n-grams there, against the others. */
function logCountRatios({ columns, starts, rowCount, columnCount }: SparseRows, isOne: Uint8Array): Float64Array {
  const counts = [new Float64Array(columnCount).fill(1), new Float64Array(columnCount).fill(1)] as const;
  for (let row = 0; row < rowCount; row++) {
    const of = counts[isOne[row] as 0 | 1];
    for (let at = starts[row] as number; at < (starts[row + 1] as number); at++) {
      of[columns[at] as number] = (of[columns[at] as number] as number) + 1;
    }
  }
  const [others, ones] = counts.map((of) => of.reduce((a, b) => a + b, 0)) as [number, number];
  return counts[1].map((count, column) => Math.log(count / ones / ((counts[0][column] as number) / others)));
}

function createScorer(grams: TfIdf, options: TfIdfOptions, weights: readonly ClassWeights[]): NgramScorer {
  const columnCount = grams.features.length;
  return {
    parameterCount: weights.length * (columnCount + 1),
    score(texts) {
      const rows = grams.transform(texts);
      const each = weights.map((of) => predictLogistic({ classCount: 2, columnCount, weights: of }, rows));
      return texts.map((_, row) => Float64Array.from(each, (of) => of[row]?.[1] as number));
    },
    async save(folder) {
      const idf = { name: 'idf', shape: [columnCount], data: Float32Array.from(grams.idf) };
      const tensors = weights.map((data, index) => ({
        name: `weights.${index}`,
        shape: [columnCount + 1],
        data: Float32Array.from(data),
      }));
      await writeSafetensors(path.join(folder, WEIGHTS_FILE), [idf, ...tensors]);
      const facts = { kind: 'ngram', options, outputs: weights.length, features: grams.features };
      await writeFile(path.join(folder, FACTS_FILE), JSON.stringify(facts), { flag: 'wx' });
    },
  };
}

const WEIGHTS_FILE = 'ngrams.safetensors';
const FACTS_FILE = 'ngrams.json';
const LABELS_FILE = 'labels.json';

const factsSchema = z.object({
  kind: z.literal('ngram'),
  options: z.object({
    unit: z.enum(['character', 'word']),
    lengths: z.tuple([z.int().positive(), z.int().positive()]),
    sublinear: z.boolean().exactOptional(),
  }),
  outputs: z.int().positive(),
  features: z.array(z.string()),
});

/** @throws MoatError `bad-task-model` */
export async function loadNgramScorer(folder: string): Promise<NgramScorer> {
  const { options, outputs, features } = await readFacts(path.join(folder, FACTS_FILE), factsSchema);
  const tensors = await openSafetensors(path.join(folder, WEIGHTS_FILE));
  try {
    const idf = Float64Array.from(await tensors.readFloat32('idf', new Float32Array(features.length)));
    const weights: Float64Array[] = [];
    for (let index = 0; index < outputs; index++) {
      const into = new Float32Array(features.length + 1);
      weights.push(Float64Array.from(await tensors.readFloat32(`weights.${index}`, into)));
    }
    return createScorer(loadTfIdf(features, idf, options), options, weights);
  } finally {
    await tensors.close();
  }
}

/** @throws MoatError `bad-task-model` */
export async function loadNgramClassifier(folder: string): Promise<NgramClassifier> {
  const labels = await readFacts(path.join(folder, LABELS_FILE), z.array(z.string()).min(2));
  return classifierOver(await loadNgramScorer(folder), labels);
}

/** @throws MoatError `bad-task-model` naming the file */
async function readFacts<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not of a model as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
}
