/** A teacher behind an API, asked for the answers that a student is to learn. */
import { createChatApi, parseModelAtUrl } from '../../base/chat-api.js';
import { formatMicros } from '../../base/money.js';
import { formatCount } from '../../base/units.js';
import type { Conversation } from '../../lab/train/supervised/read-conversations.js';
import { answersOfTeacher, teacherCostMicros } from '../../lab/train/supervised/teacher-answers.js';
import type { Objective, TuneOptions } from './tune-options.js';

/** `teacher` is `MODEL@http://host/v1`. */
export type RemoteTeacher = Extract<Objective, { readonly kind: 'answers' }>;

const CONCURRENCY = 4;

/** @throws MoatError `bad-url`, `too-many-requests`, `chat-api-failed` */
export async function askTeacher(
  records: readonly Conversation[],
  { teacher, maxRequests, maxTokens }: RemoteTeacher,
  { out, reporter, signal, apiKey, prices }: Pick<TuneOptions, 'out' | 'reporter' | 'signal' | 'apiKey' | 'prices'>,
): Promise<readonly Conversation[]> {
  const { model, baseUrl } = parseModelAtUrl(teacher);
  const stage = reporter.stage('teacher');
  // beside the result, not in it: answers that were paid for outlive a run that failed
  const answersFile = `${out}-answers.jsonl`;
  const answers = await answersOfTeacher(records, {
    ask: createChatApi({ baseUrl, model, apiKey, signal }),
    model,
    answersFile,
    maxRequests,
    maxTokens,
    temperature: 0,
    concurrency: CONCURRENCY,
    signal,
    onAnswer: (done, total) => stage.progress({ fraction: done / total, text: `${done} of ${total} answers` }),
  });
  const { requests, inputTokens, outputTokens, empty, conversations } = answers;
  stage.done(
    `${formatCount(conversations.length)} answers of ${model}, ${formatCount(requests)} asked now: ` +
      `${formatCount(inputTokens)} tokens in, ${formatCount(outputTokens)} out` +
      (prices === undefined ? '' : `, which cost ${formatMicros(teacherCostMicros(answers, prices))}`) +
      (empty > 0 ? `; ${empty} empty ones left out` : ''),
  );
  return conversations;
}
