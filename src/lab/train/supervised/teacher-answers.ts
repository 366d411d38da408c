/**
 * A teacher behind an API answers what the records ask, and the student learns from its answers (sequence-level
 * distillation; Kim & Rush 2016). Answers cost money: each is written down when it comes, and never asked for twice.
 */
import { createHash } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ChatAnswer, ChatApi } from '../../../base/chat-api.js';
import { MoatError, systemCode } from '../../../base/errors.js';
import { type Micros, multiplyCeil } from '../../../base/money.js';
import type { Message } from '../../data/conversations.js';
import type { Conversation } from './read-conversations.js';

export interface TeacherOptions {
  readonly ask: ChatApi;
  /** The teacher's name: answers of another are asked for anew. */
  readonly model: string;
  /** JSON lines, one an answer; made when it is not there. */
  readonly answersFile: string;
  /** New questions in all. */
  readonly maxRequests: number;
  /** Of one answer. */
  readonly maxTokens: number;
  readonly temperature: number;
  /** Questions under way at once. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
  readonly onAnswer?: (done: number, total: number) => void;
}

export interface TeacherAnswers {
  /** The records with the teacher's answer in place of their last. */
  readonly conversations: readonly Conversation[];
  /** Asked now; the others were written down before. */
  readonly requests: number;
  /** As the server counted them, of the requests made now. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Questions the teacher answered with nothing: left out. */
  readonly empty: number;
}

const lineSchema = z.object({ question: z.string(), answer: z.string() });

/**
 * @throws MoatError `too-many-requests` before anything is asked; what `ask` throws (`chat-api-failed`), with the answers so
 *   far written down; `no-conversations` when all answers are empty
 */
export async function answersOfTeacher(
  conversations: readonly Conversation[],
  options: TeacherOptions,
): Promise<TeacherAnswers> {
  const known = await knownAnswers(options.answersFile);
  const asked = conversations.map((conversation) => {
    const messages = questionOf(conversation.messages);
    return { conversation, messages, key: keyOf(options, messages) };
  });
  const open = [...new Map(asked.filter(({ key }) => !known.has(key)).map((each) => [each.key, each])).values()];
  if (open.length > options.maxRequests) {
    throw new MoatError(
      'too-many-requests',
      `${open.length} questions for the teacher, the limit is ${options.maxRequests}`,
      {
        fix: 'Give fewer records, or raise --max-requests.',
      },
    );
  }
  const used = { inputTokens: 0, outputTokens: 0 };
  let done = 0;
  await inParallel(open, options, async ({ key, messages }) => {
    const answer = await askFor(messages, options);
    used.inputTokens += answer.inputTokens;
    used.outputTokens += answer.outputTokens;
    known.set(key, answer.text);
    await appendFile(options.answersFile, `${JSON.stringify({ question: key, answer: answer.text })}\n`);
    options.onAnswer?.(++done, open.length);
  });
  const answered = asked.flatMap(({ conversation, messages, key }): Conversation[] => {
    const content = known.get(key) ?? '';
    return content === '' ? [] : [{ ...conversation, messages: [...messages, { role: 'assistant', content }] }];
  });
  if (answered.length === 0)
    throw new MoatError('no-conversations', `${options.model}: every answer is empty`, {
      fix: 'Raise --teacher-tokens.',
    });
  return { conversations: answered, requests: open.length, ...used, empty: asked.length - answered.length };
}

/** What stands before the last answer. */
function questionOf(messages: readonly Message[]): readonly Message[] {
  const last = messages.findLastIndex(({ role }) => role === 'assistant');
  return messages.slice(0, last === -1 ? messages.length : last);
}

function keyOf({ model, maxTokens, temperature }: TeacherOptions, messages: readonly Message[]): string {
  const asked = messages.map(({ role, content }) => [role, content]);
  return createHash('sha256')
    .update(JSON.stringify([model, maxTokens, temperature, asked]))
    .digest('hex');
}

function askFor(messages: readonly Message[], { ask, maxTokens, temperature }: TeacherOptions): Promise<ChatAnswer> {
  return ask({ messages, maxTokens, temperature });
}

/** A line that a kill cut short is asked for again. */
async function knownAnswers(file: string): Promise<Map<string, string>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  // a torn last line must not swallow the next answer
  if (text !== '' && !text.endsWith('\n')) await appendFile(file, '\n');
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      try {
        const { question, answer } = lineSchema.parse(JSON.parse(line));
        return [[question, answer]];
      } catch {
        return [];
      }
    }),
  );
}

/** So many at a time; the first failure stops the others from beginning. */
async function inParallel<T>(
  items: readonly T[],
  { concurrency, signal }: Pick<TeacherOptions, 'concurrency' | 'signal'>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      signal?.throwIfAborted();
      const item = items[next++] as T;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.max(1, concurrency) }, worker));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** What the answers cost. @param prices millionths of the currency for a million tokens @returns millionths, rounded up */
export function teacherCostMicros(
  { inputTokens, outputTokens }: Pick<TeacherAnswers, 'inputTokens' | 'outputTokens'>,
  prices: { readonly inputMicros: Micros; readonly outputMicros: Micros },
): Micros {
  const total = BigInt(inputTokens) * prices.inputMicros + BigInt(outputTokens) * prices.outputMicros;
  return multiplyCeil(total, { numerator: 1n, denominator: 1_000_000n });
}
