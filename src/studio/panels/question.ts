/** What is asked of a model, from what was said and what is set. Pure. */
import type { Question } from '../api/asked.js';
import type { Mode } from './composer.js';
import type { Sampling } from './sampling.js';
import type { Turn } from './use-conversation.js';

/** What is set beside the words themselves. */
export interface Wish {
  readonly mode: Mode;
  readonly sampling: Sampling;
  readonly showsTokens: boolean;
}

/** How many other tokens are named. */
const OTHERS = 4;

/** A chat sends what was said so far, less the answers that never came; a completion only the text just written. */
export function questionOf({ mode, sampling, showsTokens }: Wish, model: string, turns: readonly Turn[]): Question {
  if (mode === 'completion') {
    const prompt = turns.findLast(({ role }) => role === 'user')?.content ?? '';
    return { model, prompt, ...sampling, ...(showsTokens ? { logprobs: OTHERS } : {}) };
  }
  const messages = turns.filter((turn) => turn.content !== '').map(({ role, content }) => ({ role, content }));
  return { model, messages, ...sampling, ...(showsTokens ? { logprobs: true, top_logprobs: OTHERS } : {}) };
}

/** What was said up to the last question; an example where nothing was. */
export function askedIn(turns: readonly Turn[], example: string): readonly Turn[] {
  const last = turns.findLastIndex(({ role }) => role === 'user');
  return last < 0 ? [{ role: 'user', content: example }] : turns.slice(0, last + 1);
}
