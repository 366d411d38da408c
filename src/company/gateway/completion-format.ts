import type { FinishReason, GenerateDone, TextChunk } from '../../lab/generate/engine.js';
import type { CompletionRequest } from './completion-request.js';
import { type ScoreFormat, scoreFormat } from './score-format.js';

/** The names and numbers that every message about one answer carries. */
export interface AnswerHead {
  readonly form: CompletionRequest['form'];
  readonly requestId: string;
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly choices: number;
  /** Further ones of the response. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tokenBytes: (token: number) => Uint8Array;
}

const idOf = ({ form, requestId }: AnswerHead): string =>
  `${form === 'chat' ? 'chatcmpl' : 'cmpl'}-${requestId.slice(4)}`;

const usageOf = (done: GenerateDone): object => ({
  prompt_tokens: done.inputTokens,
  completion_tokens: done.outputTokens,
  total_tokens: done.inputTokens + done.outputTokens,
  prompt_tokens_details: { cached_tokens: done.cachedTokens },
});

/** An answer that was cut off has no reason of OpenAI's; `length` says what matters: there would have been more. */
const reasonOf = (reason: FinishReason): string => (reason === 'stop' ? 'stop' : 'length');

/** A whole answer while it is collected. */
export interface WholeAnswer {
  push(chunk: TextChunk): void;
  body(done: GenerateDone): object;
}

/** The answers of one request, not streamed. */
export function wholeAnswer(head: AnswerHead): WholeAnswer {
  const choices = Array.from({ length: head.choices }, () => ({ text: '', scores: scoreFormat(head) }));
  const choiceOf = ({ text, scores }: { text: string; scores: ScoreFormat }, index: number, done: GenerateDone) => {
    const reason = reasonOf(done.finishReasons[index] ?? 'stop');
    const finish = { index, logprobs: scores.whole(), finish_reason: reason };
    return head.form === 'chat'
      ? { ...finish, message: { role: 'assistant', content: text, refusal: null } }
      : { ...finish, text };
  };
  return {
    push({ choice, text, logprobs }) {
      const one = choices[choice];
      if (one === undefined) return;
      one.text += text;
      one.scores.push(logprobs ?? []);
    },
    body: (done) => ({
      id: idOf(head),
      object: head.form === 'chat' ? 'chat.completion' : 'text_completion',
      created: head.created,
      model: head.model,
      choices: choices.map((one, index) => choiceOf(one, index, done)),
      usage: usageOf(done),
    }),
  };
}

/** The streamed answers' messages, as server-sent events. */
export interface StreamFormat {
  /** A chat begins by saying who speaks. */
  opening(): string;
  /** Empty where a chunk has nothing to show. */
  text(chunk: TextChunk): string;
  finish(reasons: readonly FinishReason[]): string;
  usage(done: GenerateDone): string;
}

export const STREAM_END = 'data: [DONE]\n\n';

export function streamFormat(head: AnswerHead, includeUsage: boolean): StreamFormat {
  const shared = {
    id: idOf(head),
    object: head.form === 'chat' ? 'chat.completion.chunk' : 'text_completion',
    created: head.created,
    model: head.model,
  };
  const nothing = includeUsage ? { usage: null } : {};
  const event = (index: number, choice: object, logprobs: object | null = null): string =>
    `data: ${JSON.stringify({ ...shared, choices: [{ index, ...choice, logprobs }], ...nothing })}\n\n`;
  const chat = head.form === 'chat';
  const ending = (reason: FinishReason) =>
    chat ? { delta: {}, finish_reason: reasonOf(reason) } : { text: '', finish_reason: reasonOf(reason) };
  const scores = Array.from({ length: head.choices }, () => scoreFormat(head));
  const speaker = { delta: { role: 'assistant', content: '' }, finish_reason: null };
  return {
    opening: () => (chat ? scores.map((_, index) => event(index, speaker)).join('') : ''),
    text({ choice, text, logprobs = [] }) {
      if (text === '' && logprobs.length === 0) return '';
      const part = scores[choice]?.push(logprobs) ?? null;
      return event(
        choice,
        chat ? { delta: { content: text }, finish_reason: null } : { text, finish_reason: null },
        part,
      );
    },
    finish: (reasons) => reasons.map((reason, index) => event(index, ending(reason))).join(''),
    usage: (done) => `data: ${JSON.stringify({ ...shared, choices: [], usage: usageOf(done) })}\n\n`,
  };
}
