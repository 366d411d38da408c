/** Conversations made to fit a model's context: the earliest turns go first, and how many went is counted. */
import { MoatError } from '../../../base/errors.js';
import type { Tokenizer } from '../../tokenizer/tokenizer.js';
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
}

type Renderer = Parameters<typeof renderConversation>[0];

/**
 * @param maxTokens of one conversation, as tokens
 * @throws MoatError `unlearnable-conversation`; `no-conversations` when none fits
 */
export function fitConversations(
  tokenizer: Renderer | Tokenizer,
  conversations: readonly Conversation[],
  maxTokens: number,
): FittedConversations {
  const fitted: RenderedConversation[] = [];
  const counts = { shortened: 0, turnsDropped: 0, cut: 0, leftOut: 0 };
  for (const conversation of conversations) {
    const { rendered, turnsDropped } = withoutEarliestTurns(tokenizer, conversation, maxTokens);
    if (turnsDropped > 0) counts.shortened++;
    counts.turnsDropped += turnsDropped;
    const short = rendered.tokens.length <= maxTokens ? rendered : beginningOf(rendered, maxTokens);
    // the first token is never a target
    if (short.mask.indexOf(1, 1) === -1) counts.leftOut++;
    else fitted.push(short);
    if (short !== rendered && short.mask.indexOf(1, 1) !== -1) counts.cut++;
  }
  if (fitted.length > 0) return { conversations: fitted, ...counts };
  throw new MoatError(
    'no-conversations',
    `no answer of ${conversations.length} conversations fits in ${maxTokens} tokens`,
    {
      fix: 'Allow longer conversations, or give shorter ones.',
    },
  );
}

/** What the system says stays; what is dropped ends where a user speaks again, so that a question always comes first. */
function withoutEarliestTurns(
  tokenizer: Renderer,
  conversation: Conversation,
  maxTokens: number,
): { rendered: RenderedConversation; turnsDropped: number } {
  const { messages } = conversation;
  const opening = messages.findIndex(({ role }) => role !== 'system');
  let from = opening;
  for (;;) {
    const kept = [...messages.slice(0, opening), ...messages.slice(from)];
    const rendered = renderConversation(tokenizer, { ...conversation, messages: kept });
    const next = messages.findIndex(
      ({ role }, index) => index > from && role === 'user' && messages[index - 1]?.role === 'assistant',
    );
    const holdsAnswer = next !== -1 && messages.slice(next).some(({ role }) => role === 'assistant');
    if (rendered.tokens.length <= maxTokens || !holdsAnswer) return { rendered, turnsDropped: from - opening };
    from = next;
  }
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
