import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { fitLogistic, predictLogistic } from '../../eval/baselines/logistic-regression.js';
import { fitTfIdf } from '../../eval/baselines/tf-idf.js';
import { multiLabelScores } from '../../eval/metrics/multi-label.js';
import { scriptOf } from '../../eval/script.js';
import { type NgramScorer, fitNgramScorer, loadNgramScorer } from '../classification/ngram-classifier.js';
import { type Baseline, type Metric, type Task, defineTask } from '../task.js';

/** `sport/football` says `sport` too. */
const SEPARATOR = '/';

function withAncestors(labels: readonly string[]): string[] {
  const all = labels.flatMap((label) => {
    const parts = label.split(SEPARATOR);
    return parts.map((_, depth) => parts.slice(0, depth + 1).join(SEPARATOR));
  });
  return [...new Set(all)].sort();
}

const labelList = z.union([z.array(z.string()), z.string().transform((text) => text.split(/[;|,]/))]);
const exampleSchema = z.object({
  text: z.string().trim().min(1, 'the text is empty'),
  labels: labelList.transform((labels) =>
    withAncestors(labels.map((each) => each.trim()).filter((each) => each !== '')),
  ),
});
export type TopicExample = z.infer<typeof exampleSchema>;

export interface TopicOutput {
  readonly labels: readonly string[];
  readonly probabilities: Readonly<Record<string, number>>;
}

const settingsSchema = z.strictObject({
  longestGram: z.coerce.number().int().min(1).max(8).default(4),
  minTexts: z.coerce.number().int().min(1).default(2),
  c: z.coerce.number().positive().default(16),
});
type Settings = z.infer<typeof settingsSchema>;

/** Labels with fewer training examples are not learned: nothing could be said of them. */
const LEAST_EXAMPLES = 3;

function knownLabels(train: readonly TopicExample[]): string[] {
  const counts = new Map<string, number>();
  for (const label of train.flatMap(({ labels }) => labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count >= LEAST_EXAMPLES)
    .map(([label]) => label)
    .sort();
}

const membersOf = (examples: readonly TopicExample[], label: string): Uint8Array =>
  Uint8Array.from(examples, ({ labels }) => Number(labels.includes(label)));

/** The threshold of each label at which its F1 on the validation examples is highest (Yang 2001, "SCut"); 0.5 without any. */
function chooseThresholds(
  scores: readonly Float64Array[],
  validation: readonly TopicExample[],
  labels: readonly string[],
): number[] {
  return labels.map((label, column) => {
    const isOne = membersOf(validation, label);
    const positives = isOne.reduce((sum, each) => sum + each, 0);
    const order = [...scores.keys()].sort((a, b) => (scores[b]?.[column] as number) - (scores[a]?.[column] as number));
    let best = { f1: 0, threshold: 0.5 };
    let right = 0;
    for (const [place, row] of order.entries()) {
      right += isOne[row] as number;
      const f1 = (2 * right) / (place + 1 + positives);
      const score = scores[row]?.[column] as number;
      const next = scores[order[place + 1] ?? -1]?.[column] ?? 0;
      if (f1 > best.f1 && next < score) best = { f1, threshold: (score + next) / 2 };
    }
    return best.threshold;
  });
}

function outputOf(scores: Float64Array, labels: readonly string[], thresholds: readonly number[]): TopicOutput {
  const named = labels.filter((_, column) => (scores[column] as number) >= (thresholds[column] as number));
  // an example belongs somewhere: where no label reaches its threshold, the one that comes nearest
  const nearest = [...labels.keys()].reduce((best, each) => {
    const [one, other] = [each, best].map((column) => (scores[column] as number) / (thresholds[column] as number)) as [
      number,
      number,
    ];
    return one > other ? each : best;
  }, 0);
  return {
    labels: withAncestors(named.length === 0 ? [labels[nearest] as string] : named),
    probabilities: Object.fromEntries(labels.map((label, column) => [label, scores[column] as number])),
  };
}

type TopicMetric = Metric<TopicExample, TopicOutput>;

function metricOf(
  name: string,
  better: 'higher' | 'lower',
  pick: (scores: ReturnType<typeof multiLabelScores>) => number,
  signature?: string,
): TopicMetric {
  return {
    name,
    better,
    ...(signature === undefined ? {} : { signature }),
    prepare(examples, outputs) {
      const labels = [...new Set([...examples, ...outputs].flatMap((each) => each.labels))].sort();
      const numbers = (each: { readonly labels: readonly string[] }): number[] =>
        each.labels.map((label) => labels.indexOf(label));
      const [expected, named] = [examples.map(numbers), outputs.map(numbers)];
      return (rows) => pick(multiLabelScores(expected, named, labels.length, rows));
    },
  };
}

const linearBaseline: Baseline<TopicExample, TopicOutput> = {
  name: 'TF-IDF (character 1–3-grams) + logistic regression a label, at one half',
  async fit({ train }) {
    const labels = knownLabels(train);
    const grams = fitTfIdf(
      train.map(({ text }) => text),
      { unit: 'character', lengths: [1, 3] },
    );
    const rows = grams.transform(train.map(({ text }) => text));
    const models = labels.map((label) => fitLogistic(rows, membersOf(train, label), 2, { maxIterations: 300 }));
    return {
      async predict(examples) {
        const asked = grams.transform(examples.map(({ text }) => text));
        const scores = models.map((model) => predictLogistic(model, asked));
        return examples.map((_, row) => {
          const each = Float64Array.from(scores, (of) => of[row]?.[1] as number);
          const named = labels.filter((__, column) => (each[column] as number) >= 0.5);
          return {
            labels: named,
            probabilities: Object.fromEntries(labels.map((label, column) => [label, each[column] as number])),
          };
        });
      },
    };
  },
};

const frequentBaseline: Baseline<TopicExample, TopicOutput> = {
  name: 'always the most frequent set of labels',
  async fit({ train }) {
    const counts = new Map<string, number>();
    for (const { labels } of train) counts.set(labels.join('\n'), (counts.get(labels.join('\n')) ?? 0) + 1);
    const [most = ''] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
    return { predict: async (examples) => examples.map(() => ({ labels: most.split('\n'), probabilities: {} })) };
  },
};

export const topics: Task<TopicExample, TopicOutput, Settings> = {
  name: 'topics',
  title: 'Several topics of a text',
  description:
    'A text gets any number of labels, which may form a hierarchy (sport/football is sport too). Naive-Bayes-weighted n-grams a label (Wang & Manning 2012), thresholds tuned on the validation examples.',
  fieldNames: { text: ['sentence', 'content', 'body'], labels: ['topics', 'label', 'categories', 'tags', 'source'] },
  example: exampleSchema.refine(({ labels }) => labels.length > 0, 'there is no label'),
  question: exampleSchema.extend({
    labels: z
      .unknown()
      .optional()
      .transform((): string[] => []),
  }),
  settings: settingsSchema,
  searchSpace: {
    longestGram: { kind: 'choice', values: [2, 3, 4, 5] },
    c: { kind: 'range', low: 0.5, high: 100, isLog: true },
  },
  leavesOutCopies: true,
  textOf: ({ text }) => text,
  problem({ train, test }) {
    const known = new Set(knownLabels(train));
    if (known.size < 2) return `fewer than two labels have ${LEAST_EXAMPLES} training examples or more`;
    const unseen = test.find(({ labels }) => !labels.some((label) => known.has(label)));
    return unseen && `the labels ${unseen.labels.join(', ')} stand in the test but hardly in training`;
  },
  async fit({ train, validation }, { settings }) {
    const labels = knownLabels(train);
    const scorer = fitNgramScorer(
      train.map(({ text }) => text),
      labels.map((label) => membersOf(train, label)),
      settings,
    );
    const thresholds = chooseThresholds(scorer.score(validation.map(({ text }) => text)), validation, labels);
    const facts = {
      architecture: 'n-grams weighted by naive Bayes, linear, one a label',
      labels: labels.length,
      parameters: scorer.parameterCount,
    };
    return {
      ...answering(scorer, labels, thresholds),
      facts,
      async save(folder) {
        await scorer.save(folder);
        await writeFile(path.join(folder, FILE), JSON.stringify({ labels, thresholds }), { flag: 'wx' });
      },
    };
  },
  async load(folder) {
    const { labels, thresholds } = await readThresholds(path.join(folder, FILE));
    return answering(await loadNgramScorer(folder), labels, thresholds);
  },
  baselines: [linearBaseline, frequentBaseline],
  metrics: [
    metricOf('macro-F1', 'higher', ({ macroF1 }) => macroF1, 'zero_division 0'),
    metricOf('micro-F1', 'higher', ({ microF1 }) => microF1),
    metricOf('all labels right', 'higher', ({ exact }) => exact),
    metricOf('Hamming loss', 'lower', ({ hamming }) => hamming),
  ],
  sliceMetric: metricOf('micro-F1', 'higher', ({ microF1 }) => microF1),
  slices: ({ text, labels }) => ({ language: scriptOf(text), topic: labels[0] ?? '' }),
  show: ({ text, labels }, output) => ({
    input: text,
    expected: labels.join(', '),
    given: output.labels.join(', '),
    badness: labels
      .filter((label) => !output.labels.includes(label))
      .reduce((sum, label) => sum + 1 - (output.probabilities[label] ?? 0), 0),
  }),
};

function answering(scorer: NgramScorer, labels: readonly string[], thresholds: readonly number[]) {
  return {
    predict: async (examples: readonly Pick<TopicExample, 'text'>[]): Promise<TopicOutput[]> =>
      scorer.score(examples.map(({ text }) => text)).map((scores) => outputOf(scores, labels, thresholds)),
  };
}

const FILE = 'topics.json';
const fileSchema = z.object({ labels: z.array(z.string()), thresholds: z.array(z.number()) });

async function readThresholds(file: string): Promise<z.infer<typeof fileSchema>> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not of a model as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
}

export const topicsTask = defineTask(topics);
