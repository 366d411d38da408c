/** Counts the tokens of a text that arrives in pieces, without encoding it from its start each time. */
export interface TokenCounter {
  /** @returns the tokens by which the text grew; 0 where the piece only lengthens its last token */
  add(piece: string): number;
}

/** A text is cut where no tokenizer joins: before the space between two words. */
const TAIL_LENGTH = 48;
const LONGEST_TAIL = 256;

/** The counts sum to those of the whole text, save where a piece makes earlier tokens fewer: what was counted stays counted. */
export function createTokenCounter(encode: (text: string) => { readonly length: number }): TokenCounter {
  let tail = '';
  let tailTokens = 0;
  /** Tokens of what stands before the tail. */
  let before = 0;
  let counted = 0;

  const shorten = (): void => {
    const cut = tail.length > LONGEST_TAIL ? tail.length - TAIL_LENGTH : lastBoundary(tail);
    if (cut <= 0) return;
    tail = tail.slice(cut);
    // the difference, so that what a tokenizer puts before every text is not counted again
    const shorter = encode(tail).length;
    before += tailTokens - shorter;
    tailTokens = shorter;
  };

  return {
    add(piece) {
      if (piece === '') return 0;
      tail += piece;
      tailTokens = encode(tail).length;
      const grown = Math.max(0, before + tailTokens - counted);
      counted += grown;
      if (tail.length > TAIL_LENGTH) shorten();
      return grown;
    },
  };
}

function lastBoundary(text: string): number {
  for (let at = text.length - 2; at > 0; at--) {
    if (text[at] === ' ' && /\S/.test(text[at - 1] as string) && /\S/.test(text[at + 1] as string)) return at;
  }
  return 0;
}
