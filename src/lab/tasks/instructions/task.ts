/**
 * What a model answers to people's questions, beside the answers they should have had. Nothing is fitted here: models are made
 * by `moat tune`, or come from elsewhere; this measures their folders, and any model behind an API, on the same questions.
 */
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { type Message, conversationOf } from '../../data/conversations.js';
import { exactMatch, tokenF1 } from '../../eval/metrics/answers.js';
import { scriptOf } from '../../eval/script.js';
import { chrfOf, chrfSignature, chrfStatistics } from '../../eval/text-metrics/chrf.js';
import { repetition } from '../../eval/text-metrics/diversity.js';
import { sumStatistics } from '../../eval/text-metrics/bleu.js';
import { tokenizeForRouge } from '../../eval/text-metrics/rouge.js';
import type { TextEngine } from '../../generate/engine.js';
import { loadModelOrAdapter } from '../../generate/load-adapted-model.js';
import { createLocalEngine } from '../../generate/local-engine.js';
import type { Metric, Predictor, Task } from '../task.js';

export interface Question {
  /** Up to the last turn of a user. */
  readonly messages: readonly Message[];
  readonly answer: string;
}

export interface GivenAnswer {
  readonly text: string;
  /** It ended by itself, and not at the limit. */
  readonly ended: boolean;
}

const questionSchema = z.record(z.string(), z.unknown()).transform((record, context): Question => {
  const read = conversationOf(record);
  const problem = 'problem' in read ? read.problem : undefined;
  const messages = 'problem' in read ? [] : read.messages;
  const last = messages.at(-1);
  if (problem === undefined && last?.role === 'assistant' && messages.length > 1) {
    return { messages: messages.slice(0, -1), answer: last.content };
  }
  context.addIssue({ code: 'custom', message: problem ?? 'it does not end with an answer' });
  return z.NEVER;
});

const settingsSchema = z.strictObject({
  /** Of an answer, at most. */
  maxTokens: z.coerce.number().int().min(1).max(100_000).default(200),
});
export type InstructionSettings = z.infer<typeof settingsSchema>;

type AnswerMetric = Metric<Question, GivenAnswer>;

function meanOf(
  name: string,
  better: 'higher' | 'lower',
  value: (question: Question, answer: GivenAnswer) => number,
  signature?: string,
): AnswerMetric {
  return {
    name,
    better,
    ...(signature === undefined ? {} : { signature }),
    prepare(questions, answers) {
      const values = Float64Array.from(questions, (question, row) => value(question, answers[row] as GivenAnswer));
      return (rows) => {
        let total = 0;
        for (let i = 0; i < rows.length; i++) total += values[rows[i] as number] as number;
        return total / rows.length;
      };
    },
  };
}

const chrf: AnswerMetric = {
  name: 'chrF',
  better: 'higher',
  signature: chrfSignature(1),
  prepare(questions, answers) {
    const each = questions.map(({ answer }, row) => chrfStatistics(answers[row]?.text ?? '', [answer]));
    return (rows) => chrfOf(sumStatistics(Array.from(rows, (row) => each[row] as Float64Array)));
  },
};

const notFitted = (): Promise<never> =>
  Promise.reject(
    new MoatError('not-fitted', 'instructions are not learned by moat task', {
      fix: 'Teach a model with moat tune, and measure its folder with moat eval --chat FOLDER --data FILE.',
    }),
  );

export const instructions: Task<Question, GivenAnswer, InstructionSettings> = {
  name: 'instructions',
  title: 'Following instructions',
  description: 'A question, or a conversation, gets an answer in words; measured against the answers people gave.',
  fieldNames: {},
  example: questionSchema,
  question: questionSchema,
  settings: settingsSchema,
  searchSpace: {},
  textOf: ({ messages }) => messages.map(({ content }) => content).join('\n'),
  fit: notFitted,
  load: (folder, { settings, threads, signal }) => openAnswering(folder, { ...settings, threads, signal }),
  baselines: [],
  metrics: [
    meanOf('token F1', 'higher', ({ answer }, { text }) => tokenF1(text, answer), 'words, or Chinese characters'),
    chrf,
    meanOf('exact match', 'higher', ({ answer }, { text }) => Number(exactMatch(text, answer))),
    meanOf('ends by itself', 'higher', (_, { ended }) => Number(ended)),
    meanOf('repeated 4-grams', 'lower', (_, { text }) => repetition(tokenizeForRouge(text, 'characters'))),
  ],
  slices: ({ messages }) => ({ language: scriptOf(messages.at(-1)?.content ?? '') }),
  show: ({ messages, answer }, { text }) => ({
    input: messages.at(-1)?.content ?? '',
    expected: answer,
    given: text,
    badness: 1 - tokenF1(text, answer),
  }),
  asked: {
    maxTokens: 400,
    messages: ({ messages }) => messages.map(({ role, content }) => ({ role: roleOf(role), content })),
    read: (text) => ({ text, ended: true }),
    unreadable: { text: '', ended: false },
  },
};

/** Chat templates know three roles; what a tool said is told by the user. */
const roleOf = (role: Message['role']): 'system' | 'user' | 'assistant' =>
  role === 'system' || role === 'assistant' ? role : 'user';

const AT_ONCE = 4;

interface AnsweringOptions extends InstructionSettings {
  readonly threads: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A model's folder, or an adapter's, answering greedily. @throws MoatError those of `loadModelOrAdapter` */
async function openAnswering(
  folder: string,
  { maxTokens, threads, signal }: AnsweringOptions,
): Promise<Predictor<Question, GivenAnswer>> {
  const engine = await createLocalEngine(await loadModelOrAdapter(folder), {
    modelId: folder,
    maxConcurrent: AT_ONCE,
    queueLimit: AT_ONCE,
    ...(threads === undefined ? {} : { threads }),
  });
  return {
    async predict(questions) {
      const answers: GivenAnswer[] = [];
      let next = 0;
      const work = async (): Promise<void> => {
        for (let row = next++; row < questions.length && signal?.aborted !== true; row = next++) {
          answers[row] = await answerTo(engine, questions[row] as Question, maxTokens, signal);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return questions.map((_, row) => answers[row] ?? { text: '', ended: false });
    },
    close: () => engine.close(),
  };
}

async function answerTo(
  engine: TextEngine,
  { messages }: Question,
  maxTokens: number,
  signal: AbortSignal | undefined,
): Promise<GivenAnswer> {
  const promptTokens = engine.encodeChat(messages.map(({ role, content }) => ({ role: roleOf(role), content })));
  const room = Math.min(maxTokens, engine.contextLength - promptTokens.length);
  // a question that leaves no room is not answered
  if (room < 1) return { text: '', ended: false };
  let text = '';
  let ended = false;
  for await (const part of engine.generate({ promptTokens, maxTokens: room, temperature: 0 }, signal)) {
    if (part.type === 'text') text += part.text;
    else ended = part.finishReasons[0] === 'stop';
  }
  return { text: text.trim(), ended };
}
