/**
 * Texts as weighted counts of their n-grams (Salton & Buckley 1988), with scikit-learn's `TfidfVectorizer` formulas:
 * idf = ln((1 + texts) ÷ (1 + texts that have it)) + 1, rows scaled to length 1.
 */
import type { SparseRows } from './sparse-rows.js';

export interface TfIdfOptions {
  /** What is counted: `character` n-grams as they stand, or `word` n-grams (words of two letters or more, in lower case). */
  readonly unit: 'character' | 'word';
  /** Shortest and longest n-gram. */
  readonly lengths: readonly [number, number];
  /** n-grams in fewer texts are left out. Default 1. */
  readonly minTexts?: number;
  /** The most frequent so many are kept. Default: all. */
  readonly maxFeatures?: number;
  /** 1 + ln(count) in place of the count. Default false. */
  readonly sublinear?: boolean;
}

export interface TfIdf {
  readonly features: readonly string[];
  /** How rare each is. */
  readonly idf: Float64Array;
  transform(texts: readonly string[]): SparseRows;
}

/** Learns which n-grams there are and how rare each is. */
export function fitTfIdf(texts: readonly string[], options: TfIdfOptions): TfIdf {
  const { minTexts = 1, maxFeatures = Infinity } = options;
  const facts = new Map<string, { texts: number; count: number }>();
  for (const text of texts) {
    for (const [gram, count] of countsOf(text, options)) {
      const known = facts.get(gram);
      if (known === undefined) facts.set(gram, { texts: 1, count });
      else {
        known.texts++;
        known.count += count;
      }
    }
  }
  let kept = [...facts].filter(([, each]) => each.texts >= minTexts);
  const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number => (a[0] < b[0] ? -1 : 1);
  if (kept.length > maxFeatures) {
    kept = kept.sort((a, b) => b[1].count - a[1].count || byName(a, b)).slice(0, maxFeatures);
  }
  kept.sort(byName);
  const idf = Float64Array.from(kept, ([, each]) => Math.log((1 + texts.length) / (1 + each.texts)) + 1);
  return loadTfIdf(
    kept.map(([gram]) => gram),
    idf,
    options,
  );
}

/** From what a fitted one says of itself. */
export function loadTfIdf(features: readonly string[], idf: Float64Array, options: TfIdfOptions): TfIdf {
  const columnOf = new Map(features.map((gram, column) => [gram, column]));
  return {
    features,
    idf,
    transform(texts) {
      const starts = new Uint32Array(texts.length + 1);
      const columns: number[] = [];
      const values: number[] = [];
      for (const [row, text] of texts.entries()) {
        const start = columns.length;
        for (const [gram, count] of countsOf(text, options)) {
          const column = columnOf.get(gram);
          if (column === undefined) continue;
          columns.push(column);
          values.push((options.sublinear === true ? 1 + Math.log(count) : count) * (idf[column] as number));
        }
        let squares = 0;
        for (let at = start; at < values.length; at++) squares += (values[at] as number) ** 2;
        const length = Math.sqrt(squares);
        for (let at = start; at < values.length; at++) values[at] = (values[at] as number) / length;
        starts[row + 1] = columns.length;
      }
      return {
        rowCount: texts.length,
        columnCount: features.length,
        starts,
        columns: Uint32Array.from(columns),
        values: Float64Array.from(values),
      };
    },
  };
}

const WORD = /[\p{L}\p{N}_]{2,}/gu;

function countsOf(text: string, { unit, lengths: [shortest, longest] }: TfIdfOptions): Map<string, number> {
  const counts = new Map<string, number>();
  const lower = text.toLowerCase();
  const parts = unit === 'word' ? (lower.match(WORD) ?? []) : Array.from(lower.replaceAll(/\s\s+/gu, ' '));
  const between = unit === 'word' ? ' ' : '';
  for (let length = shortest; length <= longest; length++) {
    for (let at = 0; at + length <= parts.length; at++) {
      const gram = parts.slice(at, at + length).join(between);
      counts.set(gram, (counts.get(gram) ?? 0) + 1);
    }
  }
  return counts;
}
