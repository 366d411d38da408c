import type { Line } from './lines.js';

/** What a reader found in one file: texts, and what it had to leave out. */
export type Passage =
  | { readonly kind: 'text'; readonly text: string; readonly line: number }
  | { readonly kind: 'too-long'; readonly line: number; readonly length: number }
  | { readonly kind: 'malformed'; readonly line: number; readonly reason: string; readonly detail: string };

export interface ReadOptions {
  readonly maxCharacters: number;
  /** The field or column that holds the document; undefined: found by the record's shape. */
  readonly textField?: string | undefined;
  /** A malformed record ends the run instead of being dropped. */
  readonly strict?: boolean | undefined;
}

/** One kind of file: how its name ends, and how its lines become texts. */
export interface FormatReader {
  readonly extensions: readonly string[];
  /** @param origin names the file in errors */
  read(lines: AsyncIterable<Line>, origin: string, options: ReadOptions): AsyncIterable<Passage>;
}
