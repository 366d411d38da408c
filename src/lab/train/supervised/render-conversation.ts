/**
 * A conversation as tokens, and which of them are learned: what assistants said, with the token that ends each turn. Found
 * by rendering beginnings of the conversation and comparing, so that it holds for any template that only appends; the
 * renderer is the one that serves, so a model is asked in the words it was taught.
 */
import { MoatError } from '../../../base/errors.js';
import type { Message } from '../../data/conversations.js';
import type { Tokenizer } from '../../tokenizer/tokenizer.js';

/** From the first to before the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface RenderedConversation {
  readonly id: string;
  readonly origin: string;
  /** As the template writes it, special tokens spelled out. */
  readonly text: string;
  readonly tokens: Int32Array;
  /** 1 for a token that is learned, 0 for one that is given. */
  readonly mask: Uint8Array;
  /** The learned tokens of each answer. */
  readonly answers: readonly Span[];
  /** The same in the text, in UTF-16 units. */
  readonly answersInText: readonly Span[];
  /** Whether every answer ends with a special token: else the model does not learn to stop. */
  readonly endsTurns: boolean;
}

type Renderer = Pick<Tokenizer, 'renderConversation' | 'tokenBytes' | 'decode'>;

interface Named {
  readonly id: string;
  readonly origin: string;
  readonly messages: readonly Message[];
}

/**
 * @throws MoatError `unlearnable-conversation` for a template that changes earlier turns, drops an answer or refuses the
 *   roles of this record, naming it
 */
export function renderConversation(tokenizer: Renderer, { id, origin, messages }: Named): RenderedConversation {
  const fail = (what: string, cause?: unknown): MoatError =>
    new MoatError('unlearnable-conversation', `${origin}: ${what}`, {
      fix: 'Change the record, or the chat template of the model.',
      cause,
    });
  const render = (count: number, beginsAnswer: boolean): { text: string; ids: readonly number[] } => {
    try {
      return tokenizer.renderConversation(messages.slice(0, count), { beginsAnswer });
    } catch (error) {
      if (error instanceof MoatError) throw fail(error.message, error);
      throw error;
    }
  };
  const whole = render(messages.length, false);
  const spans = messages.flatMap((message, index) => {
    if (message.role !== 'assistant') return [];
    const asked = render(index, true);
    const answered = index + 1 === messages.length ? whole : render(index + 1, false);
    if (!answered.text.startsWith(asked.text) || !whole.text.startsWith(answered.text))
      throw fail(`the chat template rewrites what stands up to turn ${index + 1}, so no answer can be told apart`);
    if (!answered.text.slice(asked.text.length).includes(message.content.trim()))
      throw fail(`the chat template leaves out what the assistant says in turn ${index + 1}`);
    return [answerSpans(tokenizer, whole, asked, answered)];
  });
  const mask = new Uint8Array(whole.ids.length);
  for (const { inTokens } of spans) mask.fill(1, inTokens.start, inTokens.end);
  return {
    id,
    origin,
    text: whole.text,
    tokens: Int32Array.from(whole.ids),
    mask,
    answers: spans.map(({ inTokens }) => inTokens),
    answersInText: spans.map(({ inText }) => inText),
    endsTurns: spans.every(({ endsTurn }) => endsTurn),
  };
}

/** As `renderConversation`, of which the last answer alone is learned: what is compared in preferences. */
export function renderAnswer(tokenizer: Renderer, conversation: Named): RenderedConversation {
  const rendered = renderConversation(tokenizer, conversation);
  const mask = new Uint8Array(rendered.mask.length);
  const last = rendered.answers.at(-1);
  if (last !== undefined) mask.fill(1, last.start, last.end);
  return {
    ...rendered,
    mask,
    answers: rendered.answers.slice(-1),
    answersInText: rendered.answersInText.slice(-1),
  };
}

interface Rendering {
  readonly text: string;
  readonly ids: readonly number[];
}

/**
 * Where white space at an answer's beginning joins the prompt's last token, that token is learned too. White space that
 * the template writes after the end of a turn is not: nobody generates it.
 */
function answerSpans(
  tokenizer: Renderer,
  whole: Rendering,
  asked: Rendering,
  answered: Rendering,
): { inTokens: Span; inText: Span; endsTurn: boolean } {
  const start = commonLength(asked.ids, whole.ids);
  const end = commonLength(answered.ids, whole.ids);
  const isSpecial = (id: number): boolean => tokenizer.tokenBytes(id).length === 0;
  let last = end;
  while (last > start && !isSpecial(whole.ids[last - 1] as number)) last--;
  const inText = { start: asked.text.length, end: answered.text.length };
  const endsTurn = last > start && tokenizer.decode(whole.ids.slice(last, end)).trim() === '';
  if (!endsTurn) return { inTokens: { start, end }, inText, endsTurn };
  const trimmed = answered.text.slice(inText.start).trimEnd();
  return { inTokens: { start, end: last }, inText: { ...inText, end: inText.start + trimmed.length }, endsTurn };
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}
