/**
 * Tokens of a text, as small as the ends of a name or of an answer ask for: runs of letters, runs of digits, and every other sign
 * alone; scripts written without spaces letter by letter.
 */

export interface TextToken {
  readonly text: string;
  /** First UTF-16 unit in the text. */
  readonly start: number;
  readonly end: number;
}

const TOKEN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}]+?(?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[^\p{L}\p{M}]|$)|\p{N}+|[^\s]/gu;

export function textTokens(text: string): TextToken[] {
  return Array.from(text.matchAll(TOKEN), ({ 0: token, index }) => ({
    text: token,
    start: index,
    end: index + token.length,
  }));
}
