import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { fitTfIdf } from '../../eval/baselines/tf-idf.js';
import { scriptOf } from '../../eval/script.js';
import { loadSentenceEncoder } from '../../generate/embed.js';
import { type Baseline, type Metric, type Task, defineTask } from '../task.js';
import { type TermEncoder, type TextPair, fitTermEncoder, loadTermEncoder } from './term-encoder.js';

const text = (what: string) => z.string().trim().min(1, `the ${what} is empty`);
const pairSchema = z.object({ source: text('source'), target: text('target') });

const settingsSchema = z.strictObject({
  epochs: z.coerce.number().int().min(1).default(20),
  width: z.coerce.number().int().min(8).max(4096).default(128),
  batchSize: z.coerce.number().int().min(2).max(4096).default(128),
  learningRate: z.coerce.number().positive().default(0.01),
  temperature: z.coerce.number().positive().default(0.05),
});
type Settings = z.infer<typeof settingsSchema>;

interface PairVectors {
  readonly source: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}

/** At which place, from 0, each source finds its own target among all; of equal ones it comes last. */
function ranksOf(vectors: readonly PairVectors[]): Float64Array {
  return Float64Array.from(vectors, ({ source, target }, row) => {
    const own = dot(source, target);
    let ahead = 0;
    for (const [other, each] of vectors.entries()) if (other !== row && dot(source, each.target) >= own) ahead++;
    return ahead;
  });
}

type PairMetric = Metric<TextPair, PairVectors>;

function rankMetric(name: string, value: (rank: number) => number): PairMetric {
  return {
    name,
    better: 'higher',
    signature: 'among all targets of the test',
    prepare(_, outputs) {
      const values = ranksOf(outputs).map(value);
      return (rows) => {
        let total = 0;
        for (let i = 0; i < rows.length; i++) total += values[rows[i] as number] as number;
        return total / rows.length;
      };
    },
  };
}

const reciprocal = (rank: number): number => 1 / (rank + 1);

const overlapBaseline: Baseline<TextPair, PairVectors> = {
  name: 'TF-IDF of character 2–4-grams: names and figures that stand in both',
  async fit({ train }) {
    const grams = fitTfIdf(
      train.flatMap(({ source, target }) => [source, target]),
      { unit: 'character', lengths: [2, 4], maxFeatures: 8192, sublinear: true },
    );
    const vectorsOf = (texts: readonly string[]): Float32Array[] => {
      const { starts, columns, values, columnCount } = grams.transform(texts);
      return texts.map((_, row) => {
        const vector = new Float32Array(columnCount);
        for (let at = starts[row] as number; at < (starts[row + 1] as number); at++)
          vector[columns[at] as number] = values[at] as number;
        return vector;
      });
    };
    return { predict: async (pairs) => bothSides(pairs, async (texts) => vectorsOf(texts)) };
  },
};

async function bothSides(
  pairs: readonly TextPair[],
  embed: (texts: readonly string[]) => Promise<Float32Array[]>,
): Promise<PairVectors[]> {
  const sources = await embed(pairs.map(({ source }) => source));
  const targets = await embed(pairs.map(({ target }) => target));
  return sources.map((source, row) => ({ source, target: targets[row] as Float32Array }));
}

const BASE_FILE = 'base.json';

/** The encoder of a folder as it is: what it is worth on these pairs without any training. */
async function baseEncoder(folder: string, threads: number | undefined) {
  const encoder = await loadSentenceEncoder(folder, threads === undefined ? {} : { threads });
  return {
    predict: (pairs: readonly TextPair[]) => bothSides(pairs, (texts) => encoder.embed(texts)),
    close: () => encoder.close(),
    facts: { architecture: `the encoder of ${path.basename(folder)}, not trained further`, width: encoder.width },
    save: (target: string) => writeFile(path.join(target, BASE_FILE), JSON.stringify({ folder }), { flag: 'wx' }),
  };
}

const answering = (encoder: TermEncoder) => ({
  predict: (pairs: readonly TextPair[]) => bothSides(pairs, async (texts) => encoder.embed(texts)),
});

export const embedding: Task<TextPair, PairVectors, Settings> = {
  name: 'embedding',
  title: 'Sentence vectors and search',
  description:
    'Texts that belong together get vectors that are near: a question and its answer, a sentence and its translation. Learned term vectors by contrast with the others of a batch (InfoNCE), or with --from the encoder of a folder as it is.',
  fieldNames: { source: ['question', 'query', 'anchor', 'en'], target: ['answer', 'document', 'positive', 'zh'] },
  example: pairSchema,
  question: pairSchema.extend({ target: z.string().default('') }),
  settings: settingsSchema,
  searchSpace: {
    width: { kind: 'choice', values: [64, 128, 256] },
    learningRate: { kind: 'range', low: 0.001, high: 0.05, isLog: true },
    temperature: { kind: 'range', low: 0.02, high: 0.2, isLog: true },
  },
  leavesOutCopies: true,
  textOf: ({ source }) => source,
  problem: ({ train }) => (train.length < 2 ? 'contrast needs two training pairs at least' : undefined),
  async fit({ train, validation }, context) {
    if (context.base !== undefined) return baseEncoder(context.base, context.threads);
    const score = (encoder: TermEncoder): number => {
      const [sources, targets] = [
        encoder.embed(validation.map(({ source }) => source)),
        encoder.embed(validation.map(({ target }) => target)),
      ];
      const ranks = ranksOf(sources.map((source, row) => ({ source, target: targets[row] as Float32Array })));
      return ranks.reduce((total, rank) => total + reciprocal(rank), 0) / Math.max(1, ranks.length);
    };
    const encoder = await fitTermEncoder(train, context.settings, context, score);
    const facts = { architecture: 'mean of term vectors', parameters: encoder.parameterCount };
    return { ...answering(encoder), facts, save: (folder) => encoder.save(folder) };
  },
  async load(folder, { base, threads }) {
    if (base !== undefined) return baseEncoder(base, threads);
    return answering(await loadTermEncoder(folder).catch((error: unknown) => Promise.reject(needsBase(folder, error))));
  },
  baselines: [overlapBaseline],
  metrics: [
    rankMetric('MRR', reciprocal),
    rankMetric('recall@1', (rank) => Number(rank < 1)),
    rankMetric('recall@5', (rank) => Number(rank < 5)),
  ],
  slices: ({ source }) => ({ language: scriptOf(source) }),
  show: ({ source, target }, vectors) => ({
    input: source,
    expected: target,
    given: `similarity ${dot(vectors.source, vectors.target).toFixed(3)}`,
    badness: -dot(vectors.source, vectors.target),
  }),
};

const needsBase = (folder: string, cause: unknown): MoatError =>
  new MoatError('bad-task-model', `${folder}: there are no term vectors`, {
    fix: 'A model that is another folder’s encoder is asked with moat embed.',
    cause,
  });

export const embeddingTask = defineTask(embedding);
