import { MoatError } from '../../base/errors.js';
import type { Encode } from './bpe-encoder.js';

/** What the kinds of `tokenizer.json` differ in. */
export interface Vocabulary {
  /** What each token adds to a text that stands before it, in UTF-8; nothing for special tokens. Index = id. */
  readonly tokens: readonly Uint8Array[];
  /** A text between added tokens, already normalised. */
  readonly encodeText: Encode;
  /** Special tokens are left out. @param ids known ones */
  decode(ids: readonly number[]): string;
  /** Stands for what no token spells; undefined where all text is spelled. */
  readonly unknown: number | undefined;
  /** Spellings of the special tokens that the file puts before every text. */
  readonly start: readonly string[];
  /** SHA-256 in hexadecimal: equal exactly when ids mean the same. */
  readonly hash: string;
}

export function unsupported(folder: string, what: string): MoatError {
  return new MoatError('tokenizer-unsupported', `${folder}/tokenizer.json: ${what}`, {
    fix: 'Make it again with moat tokenizer.',
  });
}

/**
 * Every id has one token.
 * @param count of tokens in the file: not a loop over the largest id, which a file may put anywhere
 * @throws MoatError `tokenizer-unsupported`
 */
export function checkIds(tokens: readonly unknown[], count: number, folder: string): void {
  if (tokens.length > count) throw unsupported(folder, `no token has the id ${tokens.findIndex((token) => !token)}`);
  for (let id = 0; id < tokens.length; id++) {
    if (tokens[id] === undefined) throw unsupported(folder, `no token has the id ${id}`);
  }
}
