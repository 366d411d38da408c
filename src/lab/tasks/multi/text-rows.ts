/** Texts as rows of an encoder, and which token stands for which word. */
import type { Tokenizer } from '../../tokenizer/tokenizer.js';
import { type TextToken, textTokens } from '../text-tokens.js';

export interface TextRow {
  readonly ids: readonly number[];
  readonly words: readonly TextToken[];
  /** Of each word the place of its first token in the row; −1 for words behind the end. */
  readonly firstTokens: readonly number[];
}

/** The text may be cut off at the end: `maxTokens` hold the first and the last sign too. */
export type ReadText = (text: string) => TextRow;

/** Every word is encoded by itself, so that it is known where its tokens begin. */
export function createTextReader(tokenizer: Tokenizer, maxTokens: number): ReadText {
  const start = tokenizer.special.get('[CLS]');
  const end = tokenizer.special.get('[SEP]') ?? tokenizer.endOfText;
  const known = new Map<string, readonly number[]>();
  const idsOf = (word: string): readonly number[] => {
    let ids = known.get(word);
    if (ids === undefined) known.set(word, (ids = tokenizer.encode(word)));
    return ids;
  };
  return (text) => {
    const ids = start === undefined ? [] : [start];
    const words = textTokens(text);
    let isFull = false;
    const firstTokens = words.map(({ text: word }) => {
      const pieces = idsOf(word);
      isFull ||= ids.length + pieces.length + 1 > maxTokens;
      if (isFull || pieces.length === 0) return -1;
      ids.push(...pieces);
      return ids.length - pieces.length;
    });
    ids.push(end);
    return { ids, words, firstTokens };
  };
}
