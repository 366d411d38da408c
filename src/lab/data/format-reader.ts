import type { Line } from './lines.js';

/** What a reader found in one file: texts, and what it had to leave out. */
export type Passage =
  | { readonly kind: 'text'; readonly text: string; readonly line: number }
  | { readonly kind: 'too-long'; readonly line: number; readonly length: number };

/** One kind of file: how its name ends, and how its lines become texts. */
export interface FormatReader {
  readonly extensions: readonly string[];
  /** @param origin names the file in errors */
  read(lines: AsyncIterable<Line>, origin: string, maxCharacters: number): AsyncIterable<Passage>;
}
