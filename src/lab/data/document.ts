/** One text with where it came from: what the data room hands to the tokenizer and to evaluation. */
export interface Document {
  /** Stable across runs: derived from origin and position, e.g. `globals.d.ts#12`. */
  id: string;
  text: string;
  /** File relative to the source's root, URL, or package path. */
  origin: string;
  /** 1-based line in the origin where the text starts, where that means something. */
  line?: number;
  /** SPDX identifier, or undefined when unknown. */
  licence?: string;
  /** BCP 47 tag of the language it is written in; `und` when that cannot be told. */
  language?: string;
  /** A changed copy of the last document before it that is none: it trains with that one, and measures nothing. */
  augmentedFrom?: string;
}

/** Why a document is not in the corpus. */
export interface Dropped {
  id: string;
  origin: string;
  /** The filter's name: `empty`, `too-short`, `binary`, `exact-duplicate` … */
  reason: string;
  /** What was seen, for a person: `is the same text as globals.d.ts#3`. */
  detail: string;
  /** Of its text in UTF-8, where a text was read. */
  bytes?: number | undefined;
  /** How its text begins, where one was read. */
  excerpt?: string | undefined;
  /** Of a copy: the id of the text that was kept. */
  copyOf?: string | undefined;
  /** Of a changed copy: what it was made from. */
  augmentedFrom?: string | undefined;
}
