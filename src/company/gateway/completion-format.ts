import type { FinishReason, GenerateDone } from '../../lab/generate/engine.js';
import type { CompletionRequest } from './completion-request.js';

/** The names and numbers that every message about one answer carries. */
export interface AnswerHead {
  readonly form: CompletionRequest['form'];
  readonly requestId: string;
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
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

/** The whole answer, not streamed. */
export function wholeAnswer(head: AnswerHead, text: string, done: GenerateDone): object {
  const finish = { index: 0, logprobs: null, finish_reason: reasonOf(done.finishReason) };
  const choice =
    head.form === 'chat'
      ? { ...finish, message: { role: 'assistant', content: text, refusal: null } }
      : { ...finish, text };
  return {
    id: idOf(head),
    object: head.form === 'chat' ? 'chat.completion' : 'text_completion',
    created: head.created,
    model: head.model,
    choices: [choice],
    usage: usageOf(done),
  };
}

/** The streamed answer's messages, as server-sent events. */
export interface StreamFormat {
  /** A chat begins by saying who speaks. */
  opening(): string;
  text(text: string): string;
  finish(reason: FinishReason): string;
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
  const event = (choice: object): string =>
    `data: ${JSON.stringify({ ...shared, choices: [{ index: 0, ...choice, logprobs: null }], ...nothing })}\n\n`;
  const chat = head.form === 'chat';
  return {
    opening: () => (chat ? event({ delta: { role: 'assistant', content: '' }, finish_reason: null }) : ''),
    text: (text) => event(chat ? { delta: { content: text }, finish_reason: null } : { text, finish_reason: null }),
    finish: (reason) =>
      event(chat ? { delta: {}, finish_reason: reasonOf(reason) } : { text: '', finish_reason: reasonOf(reason) }),
    usage: (done) => `data: ${JSON.stringify({ ...shared, choices: [], usage: usageOf(done) })}\n\n`,
  };
}
