/** The texts most like a text, by their character n-grams. */
import { fitTfIdf } from '../baselines/tf-idf.js';

export interface NearestText {
  /** Number of the text that is most like it. */
  readonly index: number;
  /** Cosine of weighted n-gram counts, 0 to 1. */
  readonly similarity: number;
}

export interface NearestTexts {
  /** Undefined where no text shares an n-gram. */
  find(text: string): NearestText | undefined;
}

export function createNearestTexts(texts: readonly string[]): NearestTexts {
  const grams = fitTfIdf(texts, { unit: 'character', lengths: [2, 4], sublinear: true });
  const { starts, columns, values } = grams.transform(texts);
  // for each n-gram the texts that have it
  const postings = Array.from({ length: grams.features.length }, (): [number, number][] => []);
  for (let row = 0; row < texts.length; row++) {
    for (let at = starts[row] as number; at < (starts[row + 1] as number); at++) {
      postings[columns[at] as number]?.push([row, values[at] as number]);
    }
  }
  return {
    find(text) {
      const asked = grams.transform([text]);
      const scores = new Map<number, number>();
      for (const [at, column] of asked.columns.entries()) {
        for (const [row, value] of postings[column] ?? []) {
          scores.set(row, (scores.get(row) ?? 0) + value * (asked.values[at] as number));
        }
      }
      let best: NearestText | undefined;
      for (const [index, similarity] of scores) {
        if (best === undefined || similarity > best.similarity) best = { index, similarity };
      }
      return best;
    },
  };
}
