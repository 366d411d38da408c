import type { Tokenizer } from './tokenizer.js';

/** Text out of tokens one by one, never half a character. */
export interface TextStream {
  /** The text that became whole with this token; often empty inside a character. */
  push(id: number): string;
  /** What is left at the end: U+FFFD where a character stayed incomplete. */
  flush(): string;
}

/** All pushed text joined equals `tokenizer.decode` of all ids. */
export function createTextStream(tokenizer: Pick<Tokenizer, 'tokenBytes'>): TextStream {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    push: (id) => decoder.decode(tokenizer.tokenBytes(id), { stream: true }),
    flush: () => decoder.decode(),
  };
}
