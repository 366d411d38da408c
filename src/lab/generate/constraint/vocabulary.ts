/** A tokenizer's vocabulary as a constraint sees it. */
import type { Tokenizer } from '../../tokenizer/tokenizer.js';
import type { TokenBytes } from './constraint.js';

/**
 * The tokens' bytes. Make it once per tokenizer and keep it: what is derived from a vocabulary is cached by identity.
 * @param endTokens the ids that end an answer; by default `endOfText` and `endOfTurn`
 */
export function vocabularyOf(
  tokenizer: Pick<Tokenizer, 'vocabSize' | 'endOfText' | 'endOfTurn' | 'tokenBytes'>,
  endTokens: Iterable<number> = [tokenizer.endOfText, tokenizer.endOfTurn],
): TokenBytes {
  return {
    size: tokenizer.vocabSize,
    endTokens: new Set(endTokens),
    bytesOf: (id) => {
      const bytes = tokenizer.tokenBytes(id);
      return bytes.length === 0 ? undefined : bytes;
    },
  };
}
