/** Conversations made to fit a model's context: the earliest turns go first, and how many went is counted. */
import { MoatError } from '../../../base/errors.js';
import type { Conversation } from './read-conversations.js';
import { type RenderedConversation, renderConversation } from './render-conversation.js';

export interface FittedConversations {
  readonly conversations: readonly RenderedConversation[];
  /** Conversations that lost their earliest turns, and how many turns that were. */
  readonly shortened: number;
  readonly turnsDropped: number;
  /** Whose last answer alone is too long: its end is cut off. */
  readonly cut: number;
  /** Of which no learned token fits. */
  readonly leftOut: number;
  /** Tokens of the longest conversation as it was given. */
  readonly longest: number;
}

type Renderer = Parameters<typeof renderConversation>[0];

/**
 * @param maxTokens of one conversation, as tokens
 * @throws MoatError `unlearnable-conversation`; `no-conversations` when none fits
 */
export function fitConversations(
  tokenizer: Renderer,
  conversations: readonly Conversation[],
  maxTokens: number,
): FittedConversations {
  const fitted: RenderedConversation[] = [];
  const counts = { shortened: 0, turnsDropped: 0, cut: 0, leftOut: 0 };
  let longest = 0;
  for (const conversation of conversations) {
    const { rendered, turnsDropped, wholeLength } = withoutEarliestTurns(tokenizer, conversation, maxTokens);
    longest = Math.max(longest, wholeLength);
    if (turnsDropped > 0) counts.shortened++;
    counts.turnsDropped += turnsDropped;
    const short = rendered.tokens.length <= maxTokens ? rendered : beginningOf(rendered, maxTokens);
    // the first token is never a target
    if (short.mask.indexOf(1, 1) === -1) counts.leftOut++;
    else fitted.push(short);
    if (short !== rendered && short.mask.indexOf(1, 1) !== -1) counts.cut++;
  }
  if (fitted.length > 0) return { conversations: fitted, ...counts, longest };
  throw new MoatError(
    'no-conversations',
    `no answer of ${conversations.length} conversations fits in ${maxTokens} tokens`,
    {
      fix: 'Allow longer conversations, or give shorter ones.',
    },
  );
}

/**
 * What the system says stays; what is kept begins where a user speaks after an answer, so that a question comes first. Of
 * these places the earliest that fits is searched by halving, as each look renders the rest anew.
 */
function withoutEarliestTurns(
  tokenizer: Renderer,
  conversation: Conversation,
  maxTokens: number,
): { rendered: RenderedConversation; turnsDropped: number; wholeLength: number } {
  const { messages } = conversation;
  const opening = messages.findIndex(({ role }) => role !== 'system');
  const lastAnswer = messages.findLastIndex(({ role }) => role === 'assistant');
  const from = (start: number): RenderedConversation =>
    renderConversation(tokenizer, {
      ...conversation,
      messages: [...messages.slice(0, opening), ...messages.slice(start)],
    });
  const whole = from(opening);
  const wholeLength = whole.tokens.length;
  const starts = messages.flatMap(({ role }, index) =>
    role === 'user' && index > opening && index < lastAnswer && messages[index - 1]?.role === 'assistant'
      ? [index]
      : [],
  );
  if (wholeLength <= maxTokens || starts.length === 0) return { rendered: whole, turnsDropped: 0, wholeLength };
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (from(starts[middle] as number).tokens.length <= maxTokens) high = middle;
    else low = middle + 1;
  }
  const start = starts[low] as number;
  return { rendered: from(start), turnsDropped: start - opening, wholeLength };
}

function beginningOf(rendered: RenderedConversation, maxTokens: number): RenderedConversation {
  return {
    ...rendered,
    tokens: rendered.tokens.subarray(0, maxTokens),
    mask: rendered.mask.subarray(0, maxTokens),
    answers: rendered.answers
      .filter(({ start }) => start < maxTokens)
      .map(({ start, end }) => ({ start, end: Math.min(end, maxTokens) })),
    endsTurns: false,
  };
}
