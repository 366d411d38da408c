/** A tokenizer's vocabulary as a constraint sees it. */
import type { Tokenizer } from '../../tokenizer/tokenizer.js';
import type { TokenBytes } from './constraint.js';

/** @param endTokens the ids that end an answer; those that stand for no token are left out */
export function vocabularyOf(
  { vocabSize, tokenBytes }: Pick<Tokenizer, 'vocabSize' | 'tokenBytes'>,
  endTokens: Iterable<number>,
): TokenBytes {
  return {
    size: vocabSize,
    endTokens: new Set([...endTokens].filter((id) => id < vocabSize)),
    bytesOf(id) {
      const bytes = tokenBytes(id);
      return bytes.length === 0 ? undefined : bytes;
    },
  };
}
