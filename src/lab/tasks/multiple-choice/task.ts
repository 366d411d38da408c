/**
 * Which of several answers a model thinks likeliest, as lm-evaluation-harness measures it. Nothing is fitted here: any causal
 * model's folder is measured, and any model behind an API, which is asked for a letter.
 */
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { type ContinuationRequest, scoreContinuations } from '../../eval/continuation-likelihood.js';
import { type Choice, type Chosen, choose } from '../../eval/metrics/multiple-choice.js';
import { scriptOf } from '../../eval/script.js';
import { loadModelOrAdapter } from '../../generate/load-adapted-model.js';
import type { Metric, Predictor, Task, TaskContext } from '../task.js';
import { type ChoiceQuestion, choiceSchema } from './choice-records.js';

/** Which choice each figure is of; undefined where it is taken by lot, which is right once in as many choices. */
export type GivenChoice = { readonly [Way in keyof Chosen]: number | undefined };

type ChoiceMetric = Metric<ChoiceQuestion, GivenChoice>;

const settingsSchema = z.strictObject({
  /** What a model reads: `{question}` and, at the end, `{choice}`. */
  template: z
    .string()
    .max(10_000)
    .refine((text) => text.split('{question}').length === 2, 'it has no {question}, or more than one')
    .refine(
      (text) => /^[^]*\{choice\}$/.test(text) && text.split('{choice}').length === 2,
      'it does not end with {choice}',
    )
    .default('Question: {question}\nAnswer: {choice}'),
});
export type ChoiceSettings = z.infer<typeof settingsSchema>;

/** What is read before a choice; a function, because a question may hold what `replace` takes for a pattern. */
export const contextOf = (template: string, question: string): string =>
  template.slice(0, -'{choice}'.length).replace('{question}', () => question);

const shareRight = (chosen: number | undefined, { choices, answer }: ChoiceQuestion): number =>
  chosen === undefined ? 1 / choices.length : Number(chosen === answer);

function accuracy(name: string, way: keyof Chosen, signature: string): ChoiceMetric {
  return {
    name,
    better: 'higher',
    signature,
    prepare(questions, given) {
      const right = Float64Array.from(questions, (question, row) => shareRight(given[row]?.[way], question));
      return (rows) => {
        let total = 0;
        for (let at = 0; at < rows.length; at++) total += right[rows[at] as number] as number;
        return total / rows.length;
      };
    },
  };
}

const same = (chosen: number | undefined): GivenChoice => ({
  acc: chosen,
  accNorm: chosen,
  accBytes: chosen,
  accMutualInfo: chosen,
});

/** Compared with whatever is measured: a set whose right answers are the longest needs no model. */
export const choiceBaselines: readonly { name: string; predictor: Predictor<ChoiceQuestion, GivenChoice> }[] = [
  {
    name: 'a choice by lot',
    predictor: { predict: async (questions) => questions.map(() => same(undefined)) },
  },
  {
    name: 'always the longest choice',
    predictor: {
      predict: async (questions) =>
        questions.map(({ choices }) => {
          const lengths = choices.map((choice) => [...choice].length);
          return same(lengths.indexOf(Math.max(...lengths)));
        }),
    },
  },
];

const notFitted = (): Promise<never> =>
  Promise.reject(
    new MoatError('not-fitted', 'multiple choice is not learned by moat task', {
      fix: 'Measure a model with moat eval --choices FILE.',
    }),
  );

const letterOf = (index: number): string => String.fromCodePoint('A'.codePointAt(0)! + index);

export const multipleChoice: Task<ChoiceQuestion, GivenChoice, ChoiceSettings> = {
  name: 'multiple-choice',
  title: 'Multiple choice',
  description:
    'A question with several answers, of which a model finds one likeliest; by log-likelihood, nothing is written.',
  fieldNames: {
    question: ['query', 'ctx', 'goal', 'input', 'sentence', 'prompt', '题目', '问题'],
    choices: ['endings', 'options', '选项'],
    answer: ['gold', 'label', 'answerKey', 'target', 'correct', '答案'],
  },
  example: choiceSchema(true),
  question: choiceSchema(false),
  settings: settingsSchema,
  searchSpace: {},
  textOf: ({ question, choices }) => [question, ...choices].join('\n'),
  fit: notFitted,
  load: (folder, context) => openChoosing(folder, context),
  baselines: choiceBaselines.map(({ name, predictor }) => ({ name, fit: async () => predictor })),
  metrics: [
    accuracy('acc', 'acc', 'the likeliest choice'),
    accuracy('acc_norm', 'accNorm', 'log-likelihood ÷ characters'),
    accuracy('acc_bytes', 'accBytes', 'log-likelihood ÷ UTF-8 bytes'),
    accuracy('acc_mutual_info', 'accMutualInfo', 'less the log-likelihood without the question'),
  ],
  slices: ({ question, choices }) => ({ language: scriptOf(question), choices: `${choices.length}` }),
  show: ({ question, choices, answer }, { accNorm }) => ({
    input: question,
    expected: choices[answer] ?? '',
    given: accNorm === undefined ? '' : (choices[accNorm] ?? ''),
    badness: Number(accNorm !== answer),
  }),
  asked: {
    maxTokens: 10,
    messages: ({ question, choices }) => [
      { role: 'system', content: 'Answer with the letter of the right choice alone.' },
      { role: 'user', content: [question, ...choices.map((choice, at) => `${letterOf(at)}. ${choice}`)].join('\n') },
    ],
    read: (answer) => {
      const letter = /(?<![A-Za-z])[A-Z](?![A-Za-z])/.exec(answer)?.[0];
      return letter === undefined
        ? undefined
        : same((letter.codePointAt(0) as number) - ('A'.codePointAt(0) as number));
    },
    unreadable: same(-1),
  },
};

/** A model's folder, or an adapter's. @throws MoatError those of `loadModelOrAdapter` */
async function openChoosing(
  folder: string,
  { settings, threads, signal, onProgress }: TaskContext<ChoiceSettings>,
): Promise<Predictor<ChoiceQuestion, GivenChoice>> {
  const loaded = await loadModelOrAdapter(folder);
  return {
    async predict(questions) {
      const requests = questions.flatMap(({ question, choices }): ContinuationRequest[] => {
        const context = contextOf(settings.template, question);
        const blank = context.slice(context.trimEnd().length);
        return [
          ...choices.map((continuation) => ({ context, continuation })),
          // with the blank before it, as it is spelled after the question
          ...choices.map((choice) => ({ context: '', continuation: blank + choice })),
        ];
      });
      const scores = await scoreContinuations(loaded, requests, {
        threads,
        signal,
        onProgress: (scored) => onProgress?.(scored / requests.length, `${scored} of ${requests.length} choices read`),
      });
      let first = 0;
      return questions.map(({ choices }): GivenChoice => {
        const own = choices.map((text, at): Choice => ({
          text,
          logLikelihood: scores[first + at]?.logLikelihood ?? Number.NaN,
          unconditional: scores[first + choices.length + at]?.logLikelihood ?? Number.NaN,
        }));
        first += 2 * choices.length;
        return choose(own);
      });
    },
  };
}
