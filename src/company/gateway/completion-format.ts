import type { ApiProblem } from './api-problem.js';
import type { AnswerDone, AnswerEnd, AnswerPart, ToolCallDelta } from './backend.js';
import { type ScoreFormat, scoreFormat } from './score-format.js';

/** The names and numbers that every message about one answer carries. */
export interface AnswerHead {
  readonly form: 'chat' | 'text';
  readonly requestId: string;
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly choices: number;
  /** Further ones of the response. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of a local engine's tokens, where answers are scored. */
  readonly tokenBytes: (token: number) => Uint8Array;
}

const idOf = ({ form, requestId }: AnswerHead): string =>
  `${form === 'chat' ? 'chatcmpl' : 'cmpl'}-${requestId.slice(4)}`;

const usageOf = (done: AnswerDone): object => ({
  prompt_tokens: done.inputTokens,
  completion_tokens: done.outputTokens,
  total_tokens: done.inputTokens + done.outputTokens,
  prompt_tokens_details: { cached_tokens: done.cachedTokens },
  completion_tokens_details: { reasoning_tokens: done.reasoningTokens },
});

/** An answer that was cut off has no reason of OpenAI's; `length` says what matters: there would have been more. */
const reasonOf = (reason: AnswerEnd): string => (reason === 'aborted' ? 'length' : reason);

/** A whole answer while it is collected. */
export interface WholeAnswer {
  push(part: AnswerPart): void;
  body(done: AnswerDone): object;
}

/** One choice of it. */
interface Collected {
  text: string;
  reasoning: string;
  refusal: string;
  readonly calls: ToolCall[];
  readonly scores: ScoreFormat;
  readonly formattedScores: object[];
}

interface ToolCall {
  id: string;
  type: string;
  function: { name: string; arguments: string };
}

/** Puts the pieces of streamed tool calls together. */
function addCalls(calls: ToolCall[], deltas: readonly ToolCallDelta[]): void {
  for (const { index, id, type, function: piece } of deltas) {
    const call = (calls[index] ??= { id: '', type: 'function', function: { name: '', arguments: '' } });
    call.id ||= id ?? '';
    call.type = type ?? call.type;
    call.function.name += piece?.name ?? '';
    call.function.arguments += piece?.arguments ?? '';
  }
}

/** Log-probabilities that came formatted, a piece a part, as one: their lists one behind the other. */
function joinScores(pieces: readonly object[]): object | null {
  if (pieces.length === 0) return null;
  const joined: Record<string, unknown> = {};
  for (const piece of pieces) {
    for (const [name, value] of Object.entries(piece)) {
      const before = joined[name];
      joined[name] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : (value as unknown);
    }
  }
  return joined;
}

/** The answers of one request, not streamed. */
export function wholeAnswer(head: AnswerHead): WholeAnswer {
  const choices = Array.from({ length: head.choices }, (): Collected => ({
    text: '',
    reasoning: '',
    refusal: '',
    calls: [],
    scores: scoreFormat(head),
    formattedScores: [],
  }));
  return {
    push({ choice, text, logprobs, formattedLogprobs, toolCalls, reasoning, refusal }) {
      const one = choices[choice];
      if (one === undefined) return;
      one.text += text;
      one.reasoning += reasoning ?? '';
      one.refusal += refusal ?? '';
      one.scores.push(logprobs ?? []);
      if (formattedLogprobs !== undefined) one.formattedScores.push(formattedLogprobs);
      if (toolCalls !== undefined) addCalls(one.calls, toolCalls);
    },
    body: (done) => ({
      id: idOf(head),
      object: head.form === 'chat' ? 'chat.completion' : 'text_completion',
      created: head.created,
      model: head.model,
      choices: choices.map((one, index) => choiceJson(head, one, index, done.finishReasons[index] ?? 'stop')),
      usage: usageOf(done),
    }),
  };
}

function choiceJson({ form }: AnswerHead, one: Collected, index: number, end: AnswerEnd): object {
  const logprobs = one.scores.whole() ?? joinScores(one.formattedScores);
  const finish = { index, logprobs, finish_reason: reasonOf(end) };
  if (form === 'text') return { ...finish, text: one.text };
  const calls = one.calls.length === 0 ? {} : { tool_calls: one.calls };
  const thought = one.reasoning === '' ? {} : { reasoning_content: one.reasoning };
  const content = one.text === '' && one.calls.length > 0 ? null : one.text;
  const refusal = one.refusal === '' ? null : one.refusal;
  return { ...finish, message: { role: 'assistant', content, refusal, ...calls, ...thought } };
}

/** The streamed answers' messages, as server-sent events. */
export interface StreamFormat {
  /** A chat begins by saying who speaks. */
  opening(): string;
  /** Empty where a part has nothing to show. */
  part(part: AnswerPart): string;
  finish(reasons: readonly AnswerEnd[]): string;
  usage(done: AnswerDone): string;
  /** The last of a stream, where nothing went wrong. */
  readonly end: string;
  /** The last of one that failed after it began. */
  failed(problem: ApiProblem): string;
}

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
  const plainText = aroundText(event, chat, head.choices);
  const ending = (reason: AnswerEnd) =>
    chat ? { delta: {}, finish_reason: reasonOf(reason) } : { text: '', finish_reason: reasonOf(reason) };
  const scores = Array.from({ length: head.choices }, () => scoreFormat(head));
  const speaker = { delta: { role: 'assistant', content: '' }, finish_reason: null };
  return {
    opening: () => (chat ? scores.map((_, index) => event(index, speaker)).join('') : ''),
    part(part) {
      const { choice, text, logprobs = [], formattedLogprobs } = part;
      const around = isPlainText(part) ? plainText[choice] : undefined;
      if (around !== undefined) return around[0] + JSON.stringify(text) + around[1];
      const delta = chat ? deltaOf(part) : undefined;
      const isEmpty = delta === undefined ? text === '' : Object.keys(delta).length === 0;
      if (isEmpty && logprobs.length === 0 && formattedLogprobs === undefined) return '';
      const scored = scores[choice]?.push(logprobs) ?? formattedLogprobs ?? null;
      return event(
        choice,
        delta === undefined ? { text, finish_reason: null } : { delta, finish_reason: null },
        scored,
      );
    },
    finish: (reasons) => reasons.map((reason, index) => event(index, ending(reason))).join(''),
    usage: (done) => `data: ${JSON.stringify({ ...shared, choices: [], usage: usageOf(done) })}\n\n`,
    end: 'data: [DONE]\n\n',
    failed: (problem) => `data: ${JSON.stringify(problem.body)}\n\n`,
  };
}

/** Nothing but text: nearly every part of nearly every stream. */
const isPlainText = ({ text, logprobs, formattedLogprobs, toolCalls, reasoning, refusal }: AnswerPart): boolean =>
  text !== '' &&
  logprobs === undefined &&
  formattedLogprobs === undefined &&
  toolCalls === undefined &&
  reasoning === undefined &&
  refusal === undefined;

/** What stands before and behind the text in the events of each choice, so that a part is one string put between two. */
function aroundText(
  event: (index: number, choice: object) => string,
  chat: boolean,
  choices: number,
): (readonly [before: string, behind: string])[] {
  const mark = JSON.stringify('\uE000');
  const choice = chat ? { delta: { content: '\uE000' }, finish_reason: null } : { text: '\uE000', finish_reason: null };
  return Array.from({ length: choices }, (_, index) => {
    const whole = event(index, choice);
    const at = whole.lastIndexOf(mark);
    return [whole.slice(0, at), whole.slice(at + mark.length)] as const;
  });
}

/** What a part adds to a message; scores without text still say an empty text, as OpenAI does. */
function deltaOf({ text, logprobs, formattedLogprobs, toolCalls, reasoning, refusal }: AnswerPart): object {
  const scored = (logprobs?.length ?? 0) > 0 || formattedLogprobs !== undefined;
  return {
    ...(text !== '' || (scored && toolCalls === undefined) ? { content: text } : {}),
    ...(toolCalls === undefined ? {} : { tool_calls: toolCalls }),
    ...(reasoning === undefined || reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(refusal === undefined || refusal === '' ? {} : { refusal }),
  };
}
