/** Log-probabilities of tokens in OpenAI's two forms: a list of objects for chats, parallel lists for plain completions. */
import type { ScoredToken, TokenLogprob } from '../../lab/generate/engine.js';
import type { AnswerHead } from './completion-format.js';

/** The scores of one answer, as they come. */
export interface ScoreFormat {
  /** @returns what these tokens add, for a stream; null where there are none */
  push(scores: readonly ScoredToken[]): object | null;
  /** All of them; null where there were none. */
  whole(): object | null;
}

export function scoreFormat({ form, tokenBytes }: Pick<AnswerHead, 'form' | 'tokenBytes'>): ScoreFormat {
  const all: ScoredToken[] = [];
  let offset = 0;
  const text = (token: number): string => Buffer.from(tokenBytes(token)).toString('utf8');
  const chatToken = ({ token, logprob }: TokenLogprob) => ({
    token: text(token),
    logprob: finite(logprob),
    bytes: [...tokenBytes(token)],
  });
  const render = (scores: readonly ScoredToken[], start: number): object | null => {
    if (scores.length === 0) return null;
    if (form === 'chat')
      return {
        content: scores.map((one) => ({ ...chatToken(one), top_logprobs: one.top.map(chatToken) })),
        refusal: null,
      };
    let position = start;
    return {
      tokens: scores.map(({ token }) => text(token)),
      token_logprobs: scores.map(({ logprob }) => finite(logprob)),
      top_logprobs: scores.map(({ top }) =>
        Object.fromEntries(top.map(({ token, logprob }) => [text(token), finite(logprob)])),
      ),
      text_offset: scores.map(({ token }) => {
        const before = position;
        position += text(token).length;
        return before;
      }),
    };
  };
  return {
    push(scores) {
      const part = render(scores, offset);
      all.push(...scores);
      offset += scores.reduce((sum, { token }) => sum + text(token).length, 0);
      return part;
    },
    whole: () => render(all, 0),
  };
}

/** JSON has no infinity; OpenAI says −9999 for a token that could not have come. */
const finite = (logprob: number): number => Math.max(logprob, -9999);
