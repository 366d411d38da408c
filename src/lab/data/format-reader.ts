import type { Line } from './lines.js';

/** What a reader found in one file: texts, and what it had to leave out. */
export type Passage =
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly line?: number | undefined;
      /** The record's own, where it names one; it goes before the source's. */
      readonly licence?: string | undefined;
      /** The record is a changed copy: what it says of the one it was made from. */
      readonly augmentedFrom?: string | undefined;
      /** Stands in the document's id in place of its running number; no two of a file are the same: `page=12`. */
      readonly fragment?: string | undefined;
    }
  | { readonly kind: 'too-long'; readonly line: number; readonly length: number }
  | { readonly kind: 'malformed'; readonly line: number; readonly reason: string; readonly detail: string };

export interface ReadOptions {
  readonly maxCharacters: number;
  /** The field or column that holds the document; undefined: found by the record's shape. */
  readonly textField?: string | undefined;
  /** A malformed record ends the run instead of being dropped. */
  readonly strict?: boolean | undefined;
}

/** A file on disk, or what was unpacked from one. */
export interface OpenedFile {
  /** Names the file in ids and errors: relative to the source's root, an archive's name before that of what is in it. */
  readonly origin: string;
  /** Where its bytes lie now. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** A file whose encoding is known. Both may be called more than once; each call reads from the start. */
export interface OpenedText extends OpenedFile {
  /** Its characters in chunks of any length, byte order mark removed. */
  text(): AsyncIterable<string>;
  /** Its lines; those over the limit of the options come marked. */
  lines(): AsyncIterable<Line>;
}

interface Format {
  /** What `--format` calls it. */
  readonly name: string;
  /** How file names end, dot included, in lower case. */
  readonly extensions: readonly string[];
}

/** One kind of text file. To add one, write a record and list it in `formats.ts`. */
export interface TextFormat extends Format {
  readonly content: 'text';
  /**
   * Whether a file that begins so is of this kind, whatever its name. Only for kinds that cannot be taken for prose.
   * @param head its first characters, without white space before them
   */
  looksLike?(head: string): boolean;
  /** @throws MoatError when the file as a whole cannot be used, naming `file.origin` */
  read(file: OpenedText, options: ReadOptions): AsyncIterable<Passage>;
}

/** One kind of file that is not text, known by its first bytes. */
export interface BinaryFormat extends Format {
  readonly content: 'binary';
  /** @param head the first 512 bytes, or all of a shorter file */
  hasSignature(head: Buffer): boolean;
  /** For kinds that share their signature: whether the whole file is of this one. */
  isOneOf?(file: OpenedFile): Promise<boolean>;
  /** @throws MoatError when the file as a whole cannot be used, naming `file.origin` */
  read(file: OpenedFile, options: ReadOptions): AsyncIterable<Passage>;
}
