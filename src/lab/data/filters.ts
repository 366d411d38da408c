import { repairMojibake } from './mojibake.js';

/**
 * What happens to every text between reader and corpus, as one table, applied from top to bottom. A filter returns the
 * text it lets through (changed or not) or why it does not. To add one, add a record.
 */
export interface Filter {
  /** Also the reason under which documents are dropped. */
  readonly name: string;
  /** Meaning differs from filter to filter and stands beside each; may be replaced by `thresholds` of the caller. */
  readonly threshold: number;
  apply(text: string, threshold: number): string | Rejection;
}

export interface Rejection {
  /** What was seen, for a person. */
  readonly detail: string;
}

export const FILTERS: readonly Filter[] = [
  {
    // UTF-8 that was read as Latin-1, Windows-1252 or GBK; first, since control characters are part of it.
    name: 'mojibake',
    threshold: 0,
    apply: (text) => repairMojibake(text),
  },
  {
    name: 'line-ends',
    threshold: 0,
    apply: (text) => text.replace(/\r\n?/g, '\n'),
  },
  {
    // Control characters other than tab and line feed, unpaired surrogates, and byte order marks inside the text.
    name: 'control-characters',
    threshold: 0,
    apply: (text) => text.replace(/[\p{Cc}\p{Cs}\uFEFF]/gu, (character) => (/[\t\n]/.test(character) ? character : '')),
  },
  {
    // Unicode Standard Annex 15: one spelling for what looks the same. After the removals, which can join a letter
    // and its accent.
    name: 'unicode-nfc',
    threshold: 0,
    apply: (text) => text.normalize('NFC'),
  },
  {
    name: 'trailing-space',
    threshold: 0,
    apply: (text) => text.replace(/[^\S\n]+$/gm, ''),
  },
  {
    /** Blank lines in a row that are kept. */
    name: 'blank-lines',
    threshold: 1,
    apply: (text, threshold) =>
      text.replace(/\n{2,}/g, (run) => '\n'.repeat(Math.min(run.length, threshold + 1))).replace(/^\n+|\n+$/g, ''),
  },
  {
    name: 'empty',
    threshold: 0,
    apply: (text) => (text === '' ? { detail: 'nothing is left after cleaning' } : text),
  },
  {
    /** Characters (code points) a document must have. */
    name: 'too-short',
    threshold: 32,
    apply: (text, threshold) => {
      const length = characterCount(text, threshold);
      return length < threshold ? { detail: `${length} characters, at least ${threshold} are wanted` } : text;
    },
  },
];

/** Code points, counted exactly only while it matters. */
function characterCount(text: string, enough: number): number {
  return text.length >= 2 * enough ? enough : [...text].length;
}

export type Filtered =
  | { readonly kind: 'kept'; readonly text: string }
  | { readonly kind: 'dropped'; readonly reason: string; readonly detail: string };

/** Runs a text through the table. @param thresholds replaces thresholds by filter name */
export function applyFilters(
  text: string,
  thresholds: Readonly<Record<string, number>> = {},
  filters: readonly Filter[] = FILTERS,
): Filtered {
  let current = text;
  for (const filter of filters) {
    const result = filter.apply(current, thresholds[filter.name] ?? filter.threshold);
    if (typeof result !== 'string') return { kind: 'dropped', reason: filter.name, detail: result.detail };
    current = result;
  }
  return { kind: 'kept', text: current };
}
