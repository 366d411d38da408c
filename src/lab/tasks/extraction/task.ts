import { z } from 'zod';
import { exactMatch, tokenF1 } from '../../eval/metrics/answers.js';
import { createBm25 } from '../../eval/retrieval/bm25.js';
import { scriptOf } from '../../eval/script.js';
import { type Baseline, type Metric, type Sides, type Task, defineTask } from '../task.js';
import { type RankedContext, type SpanRanker, fitSpanRanker, loadSpanRanker } from './span-ranker.js';

export interface ExtractionExample extends RankedContext {
  /** Examples of one group stand on one side of the split: questions to one text. */
  readonly group?: string | undefined;
}

export interface ExtractionOutput {
  /** Empty where the text does not answer. */
  readonly answer: string;
  /** UTF-16 units in the text; 0 and 0 where it does not answer. */
  readonly start: number;
  readonly end: number;
  /** Of this stretch among all stretches and no answer. */
  readonly probability: number;
}

const MAX_CONTEXT = 200_000;
const answerSchema = z.union([
  z.string(),
  z.object({ text: z.string(), start: z.coerce.number().int().min(0).optional(), answer_start: z.int().optional() }),
]);
const asked = {
  question: z.string().trim().min(1, 'the question is empty'),
  context: z
    .string()
    .max(MAX_CONTEXT)
    .refine((text) => text.trim() !== '', 'the context is empty'),
  group: z
    .union([z.string(), z.number()])
    .optional()
    .transform((value) => value?.toString()),
};

/** SQuAD's `{ text: [...], answer_start: [...] }` (Hugging Face), its list of objects, plain texts, or one text. */
const answersSchema = z.union([
  z
    .object({ text: z.array(z.string()), answer_start: z.array(z.int()) })
    .transform(({ text, answer_start: starts }) => text.map((each, index) => ({ text: each, start: starts[index] }))),
  z
    .union([z.array(answerSchema), answerSchema.transform((one) => [one])])
    .transform((all) =>
      all.map((each) =>
        typeof each === 'string'
          ? { text: each, start: undefined }
          : { text: each.text, start: each.start ?? each.answer_start },
      ),
    ),
  z.null().transform(() => []),
]);

const recordSchema = z.object({ ...asked, answers: answersSchema }).transform((record, context): ExtractionExample => {
  const { question, context: text, group } = record;
  const answers: { start: number; end: number }[] = [];
  for (const { text: answer, start } of record.answers) {
    if (answer.trim() === '') continue;
    const at = start ?? text.indexOf(answer);
    if (at < 0 || !text.startsWith(answer, at)) {
      const where = at < 0 ? 'is nowhere in the context' : `does not stand in the context at ${at}`;
      context.addIssue({ code: 'custom', path: ['answers'], message: `"${answer.slice(0, 60)}" ${where}` });
      return z.NEVER;
    }
    answers.push({ start: at, end: at + answer.length });
  }
  return { question, context: text, answers, group };
});

const settingsSchema = z.strictObject({
  c: z.coerce.number().positive().default(4),
  maxIterations: z.coerce.number().int().min(1).max(10_000).default(80),
  /** How much likelier than no answer one must be, as a logarithm; chosen on the validation examples when absent. */
  leastMargin: z.coerce.number().default(Number.NaN),
});
type Settings = z.infer<typeof settingsSchema>;

const REFUSAL: ExtractionOutput = { answer: '', start: 0, end: 0, probability: 0 };

const textsOf = ({ context, answers }: RankedContext): string[] =>
  answers.map(({ start, end }) => context.slice(start, end));

/** The best over the answers that are right; of a question without any, whether none was given. */
function bestOf(
  example: ExtractionExample,
  { answer }: ExtractionOutput,
  of: (answer: string, expected: string) => number,
): number {
  const expected = textsOf(example);
  return expected.length === 0 ? Number(answer === '') : Math.max(...expected.map((each) => of(answer, each)));
}

function answerWith(ranker: SpanRanker, leastMargin: number, example: ExtractionExample): ExtractionOutput {
  const best = ranker.best(example);
  if (best === undefined || best.margin < leastMargin) return REFUSAL;
  const { start, end, probability } = best;
  return { answer: example.context.slice(start, end), start, end, probability };
}

/** The margin at which token F1 on the validation examples is highest; 0 without any. */
function chooseMargin(ranker: SpanRanker, validation: readonly ExtractionExample[]): number {
  const judged = validation.map((example) => {
    const best = ranker.best(example);
    const output = answerWith(ranker, -Infinity, example);
    return {
      margin: best?.margin ?? -Infinity,
      given: bestOf(example, output, tokenF1),
      refused: bestOf(example, REFUSAL, tokenF1),
    };
  });
  const scoreAt = (least: number): number =>
    judged.reduce((sum, { margin, given, refused }) => sum + (margin < least ? refused : given), 0);
  const tried = judged.map(({ margin }) => margin).filter(Number.isFinite);
  return tried.reduce((best, margin) => (scoreAt(margin) > scoreAt(best) ? margin : best), 0);
}

function meanMetric(
  name: string,
  value: (example: ExtractionExample, output: ExtractionOutput) => number | undefined,
  { better = 'higher' as 'higher' | 'lower', signature }: { better?: 'higher' | 'lower'; signature?: string } = {},
): Metric<ExtractionExample, ExtractionOutput> {
  return {
    name,
    better,
    ...(signature === undefined ? {} : { signature }),
    prepare(examples, outputs) {
      const values = examples.map((example, row) => value(example, outputs[row] as ExtractionOutput));
      return (rows) => {
        const counted = Array.from(rows, (row) => values[row]).filter((each) => each !== undefined);
        return counted.reduce((sum, each) => sum + each, 0) / counted.length;
      };
    },
  };
}

const hasAnswer = ({ answers }: ExtractionExample): boolean => answers.length > 0;

function sentenceBaseline(
  name: string,
  choose: (question: string, sentences: readonly string[]) => number,
): Baseline<ExtractionExample, ExtractionOutput> {
  return {
    name,
    async fit() {
      return {
        predict: async (examples) =>
          examples.map(({ question, context }) => {
            const sentences = [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(context)];
            const found =
              sentences[
                choose(
                  question,
                  sentences.map(({ segment }) => segment),
                )
              ];
            if (found === undefined) return REFUSAL;
            const answer = found.segment.trim();
            const start = context.indexOf(answer, found.index);
            return { answer, start, end: start + answer.length, probability: 1 };
          }),
      };
    },
  };
}

function problemOf({ train }: Sides<ExtractionExample>): string | undefined {
  return train.some(hasAnswer) ? undefined : 'no training example has an answer in its context';
}

export const extraction: Task<ExtractionExample, ExtractionOutput, Settings> = {
  name: 'extraction',
  title: 'The answer within a text',
  description:
    'From a question and a text the stretch of the text that answers it, or that none does: a log-linear ranker of stretches (after Rajpurkar et al. 2016). Answers are texts, or SQuAD’s with their starts; an empty list says that the text does not answer.',
  fieldNames: {
    context: ['text', 'passage', 'document'],
    answers: ['answer', 'span'],
    group: ['title', 'document_id'],
  },
  example: recordSchema,
  question: z.object(asked).transform((record): ExtractionExample => ({ ...record, answers: [] })),
  settings: settingsSchema,
  searchSpace: { c: { kind: 'range', low: 0.1, high: 50, isLog: true } },
  leavesOutCopies: true,
  textOf: ({ question, context }) => `${question}\n${context}`,
  groupOf: ({ group, context }) => group ?? context,
  problem: problemOf,
  async fit({ train, validation }, { settings, onProgress }) {
    let passes = 0;
    const onPass = (): void => {
      passes++;
      onProgress?.(Math.min(1, passes / settings.maxIterations), `pass ${passes}`);
    };
    const { ranker, unreachable } = fitSpanRanker(train, { ...settings, onPass });
    const leastMargin = Number.isNaN(settings.leastMargin) ? chooseMargin(ranker, validation) : settings.leastMargin;
    return {
      predict: async (examples) => examples.map((example) => answerWith(ranker, leastMargin, example)),
      facts: {
        architecture: 'log-linear ranker of stretches',
        parameters: ranker.parameterCount,
        'answers out of reach in training': unreachable,
        'least margin': Number(leastMargin.toFixed(3)),
      },
      save: (folder) => ranker.save(folder, leastMargin),
    };
  },
  async load(folder) {
    const { ranker, leastMargin } = await loadSpanRanker(folder);
    return { predict: async (examples) => examples.map((example) => answerWith(ranker, leastMargin, example)) };
  },
  baselines: [
    sentenceBaseline(
      'the sentence most like the question (BM25)',
      (question, sentences) => createBm25(sentences).search(question, 1)[0]?.passage ?? 0,
    ),
    sentenceBaseline('the first sentence', () => 0),
  ],
  metrics: [
    meanMetric('token F1', (example, output) => bestOf(example, output, tokenF1), {
      signature: 'SQuAD 2.0; characters of Chinese; of no answer, whether none was given',
    }),
    meanMetric('exact match', (example, output) =>
      bestOf(example, output, (given, wanted) => Number(exactMatch(given, wanted))),
    ),
    meanMetric('token F1 where there is an answer', (example, output) =>
      hasAnswer(example) ? bestOf(example, output, tokenF1) : undefined,
    ),
    meanMetric('right to refuse', (example, output) => (hasAnswer(example) ? undefined : Number(output.answer === ''))),
  ],
  slices: (example) => ({
    language: scriptOf(example.question),
    answer: hasAnswer(example) ? 'there is one' : 'there is none',
  }),
  show: (example, output) => ({
    input: example.question,
    expected: textsOf(example)[0] ?? 'no answer',
    given: output.answer === '' ? 'no answer' : output.answer,
    badness: (1 - bestOf(example, output, tokenF1)) * (output.answer === '' ? 0.5 : output.probability),
  }),
};

export const extractionTask = defineTask(extraction);
