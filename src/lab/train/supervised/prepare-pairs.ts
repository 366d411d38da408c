/** Preferences as tokens: what was asked with each of the two answers, of which the answer alone is learned. */
import { MoatError } from '../../../base/errors.js';
import type { PreferencePair } from './dpo.js';
import type { MaskedTokens } from './conversation-source.js';
import type { Preference } from './read-conversations.js';
import { renderAnswer } from './render-conversation.js';

export interface PreparedPairs {
  readonly pairs: readonly PreferencePair[];
  /** Pairs of which an answer does not fit: cutting one of two would decide between them. */
  readonly leftOut: number;
}

/**
 * @param maxTokens of one answer with what was asked
 * @throws MoatError `unlearnable-conversation`; `no-conversations` when no pair fits
 */
export function preparePairs(
  tokenizer: Parameters<typeof renderAnswer>[0],
  preferences: readonly Preference[],
  maxTokens: number,
): PreparedPairs {
  const pairs = preferences.flatMap(({ id, origin, prompt, chosen, rejected }): PreferencePair[] => {
    const tokensOf = (content: string): MaskedTokens =>
      renderAnswer(tokenizer, { id, origin, messages: [...prompt, { role: 'assistant', content }] });
    const pair = { id, origin, chosen: tokensOf(chosen), rejected: tokensOf(rejected) };
    return Math.max(pair.chosen.tokens.length, pair.rejected.tokens.length) <= maxTokens ? [pair] : [];
  });
  if (pairs.length > 0) return { pairs, leftOut: preferences.length - pairs.length };
  throw new MoatError('no-conversations', `none of ${preferences.length} pairs fits in ${maxTokens} tokens`, {
    fix: 'Allow longer conversations, or give shorter ones.',
  });
}
