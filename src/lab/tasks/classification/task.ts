import { z } from 'zod';
import { fitLogistic, predictLogistic } from '../../eval/baselines/logistic-regression.js';
import { fitTfIdf } from '../../eval/baselines/tf-idf.js';
import { averageScores, confusionMatrix } from '../../eval/metrics/confusion.js';
import { scriptOf } from '../../eval/script.js';
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
import { type Baseline, type Examples, type Task, defineTask } from '../task.js';
import { type NgramClassifier, fitNgramClassifier, loadNgramClassifier } from './ngram-classifier.js';

const exampleSchema = z.object({
  text: z.string().trim().min(1, 'the text is empty'),
  label: z.union([z.string().trim().min(1, 'the label is empty'), z.number(), z.boolean()]).transform(String),
});
export type TextExample = z.infer<typeof exampleSchema>;

const settingsSchema = z.strictObject({
  /** Longest character n-gram. */
  longestGram: z.coerce.number().int().min(1).max(8).default(4),
  /** n-grams in fewer texts are left out. */
  minTexts: z.coerce.number().int().min(1).default(2),
  /** How much the data weigh against the penalty. */
  c: z.coerce.number().positive().default(16),
});
type Settings = z.infer<typeof settingsSchema>;

const labelOf = ({ label }: TextExample): string => label;

const PENALTIES = [1, 3, 10];

/** @param choose the penalty on the validation examples, as a careful founder would; else scikit-learn's default */
function tfIdfBaseline(name: string, choose: boolean): Baseline<TextExample, ClassOutput> {
  return {
    name,
    async fit({ train, validation }) {
      const { labels, classes } = numberLabels(train);
      const texts = train.map(({ text }) => text);
      const grams = fitTfIdf(texts, { unit: 'character', lengths: [1, 3] });
      const rows = grams.transform(texts);
      const answer = (c: number) => {
        const model = fitLogistic(rows, classes, labels.length, { c, maxIterations: 300 });
        return (examples: readonly TextExample[]): ClassOutput[] =>
          predictLogistic(model, grams.transform(examples.map(({ text }) => text))).map((of) =>
            classOutput(labels, of),
          );
      };
      const tried = (choose && validation.length > 0 ? PENALTIES : [1]).map(answer);
      const scored = tried.map((predict) => ({ predict, score: macroF1On(validation, predict(validation), labels) }));
      const best = scored.reduce((one, other) => (other.score > one.score ? other : one));
      return { predict: async (examples) => best.predict(examples) };
    },
  };
}

function macroF1On(
  examples: readonly TextExample[],
  outputs: readonly ClassOutput[],
  labels: readonly string[],
): number {
  const all = [...new Set([...labels, ...examples.map(labelOf)])];
  const numbers = (named: readonly string[]): number[] => named.map((label) => all.indexOf(label));
  const counts = confusionMatrix(
    numbers(examples.map(labelOf)),
    numbers(outputs.map(({ label }) => label)),
    all.length,
  );
  return averageScores(counts, 'macro').f1;
}

const SHORT = 20;
const LONG = 100;

export const classification: Task<TextExample, ClassOutput, Settings> = {
  name: 'classification',
  title: 'Text classification',
  description:
    'A text gets one of several labels: opinion, topic, intent. Naive-Bayes-weighted n-grams in a linear model (Wang & Manning 2012).',
  fieldNames: {
    text: ['sentence', 'content', 'review', 'comment', 'body'],
    label: ['labels', 'class', 'category', 'sentiment'],
  },
  example: exampleSchema,
  question: exampleSchema.extend({
    label: z
      .unknown()
      .optional()
      .transform(() => ''),
  }),
  settings: settingsSchema,
  searchSpace: {
    longestGram: { kind: 'choice', values: [2, 3, 4, 5] },
    minTexts: { kind: 'choice', values: [1, 2, 3] },
    c: { kind: 'range', low: 0.5, high: 100, isLog: true },
  },
  leavesOutCopies: true,
  textOf: ({ text }) => text,
  problem: labelProblem,
  async fit({ train }: Examples<TextExample>, { settings }) {
    const { labels, classes } = numberLabels(train);
    const model = fitNgramClassifier(
      train.map(({ text }) => text),
      classes,
      labels,
      settings,
    );
    const facts = { architecture: 'n-grams weighted by naive Bayes, linear', parameters: model.parameterCount };
    return { ...answering(model), facts, save: (folder) => model.save(folder) };
  },
  async load(folder) {
    return answering(await loadNgramClassifier(folder));
  },
  baselines: [
    tfIdfBaseline('TF-IDF (character 1–3-grams) + logistic regression', false),
    tfIdfBaseline('the same, its penalty chosen on the validation examples', true),
    majorityBaseline,
  ],
  metrics: [
    macroF1(labelOf),
    ...decisionMetrics<TextExample>(labelOf),
    rocAuc(labelOf),
    ...rankingMetrics<TextExample>(labelOf),
    ...probabilityMetrics<TextExample>(labelOf),
  ],
  sliceMetric: accuracyMetric(labelOf),
  slices: ({ text, label }) => ({
    label,
    language: scriptOf(text),
    length:
      text.length < SHORT ? `under ${SHORT}` : text.length < LONG ? `${SHORT} to ${LONG - 1}` : `${LONG} and more`,
  }),
  show: ({ text, label }, output) => ({
    input: text,
    expected: label,
    given: output.label,
    badness: 1 - (output.probabilities[label] ?? 0),
  }),
  details: (examples, outputs) => classTables(examples, outputs, labelOf),
  asked: {
    maxTokens: 20,
    messages({ text }, { train }) {
      const { labels } = numberLabels(train);
      const shown = labels.flatMap((wanted) => train.filter(({ label }) => label === wanted).slice(0, 2));
      const samples = shown.map((each) => `Text: ${each.text}\nLabel: ${each.label}`);
      const rules = `Label the text with exactly one of: ${labels.join(', ')}. Answer with the label alone.`;
      return [
        { role: 'system', content: rules },
        { role: 'user', content: [...samples, `Text: ${text}\nLabel:`].join('\n\n') },
      ];
    },
    read(answer, { train }) {
      const { labels } = numberLabels(train);
      const said = answer.trim().toLowerCase();
      const exact = labels.filter((label) => said === label.toLowerCase());
      const found = exact.length > 0 ? exact : labels.filter((label) => said.includes(label.toLowerCase()));
      const [only] = found;
      if (only === undefined || found.length > 1) return undefined;
      return { label: only, probabilities: Object.fromEntries(labels.map((label) => [label, Number(label === only)])) };
    },
    unreadable: { label: '(unreadable)', probabilities: {} },
  },
};

function answering(model: NgramClassifier) {
  return {
    async predict(examples: readonly Pick<TextExample, 'text'>[]): Promise<ClassOutput[]> {
      const probabilities = model.classify(examples.map(({ text }) => text));
      return probabilities.map((each) => classOutput(model.labels, each));
    },
  };
}

export const classificationTask = defineTask(classification);
