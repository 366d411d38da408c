/** Okapi BM25 (Robertson & Zaragoza 2009), with Lucene's inverse document frequency, which is never negative. */
import { searchTerms } from './search-terms.js';

export interface Bm25Options {
  /** How soon a term that is repeated adds no more. Default 0.9, and `b` 0.4, as Anserini has them for passages. */
  readonly k1?: number;
  /** How much long passages are held back. */
  readonly b?: number;
}

export interface Found {
  /** Number of the passage. */
  readonly passage: number;
  readonly score: number;
}

export interface Bm25 {
  /** Passages that share a term with the question, the best first. */
  search(question: string, count: number): Found[];
  /** The best score that a passage could have: every term of the question, as often as pays. */
  bestPossible(question: string): number;
}

interface Posting {
  readonly passage: number;
  readonly count: number;
}

export function createBm25(passages: readonly string[], { k1 = 0.9, b = 0.4 }: Bm25Options = {}): Bm25 {
  const postings = new Map<string, Posting[]>();
  const lengths = passages.map((text, passage) => {
    const counts = new Map<string, number>();
    const terms = searchTerms(text);
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    for (const [term, count] of counts) {
      const known = postings.get(term);
      if (known === undefined) postings.set(term, [{ passage, count }]);
      else known.push({ passage, count });
    }
    return terms.length;
  });
  const mean = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, passages.length);
  const rarity = (having: number): number => Math.log(1 + (passages.length - having + 0.5) / (having + 0.5));
  return {
    search(question, count) {
      const scores = new Map<number, number>();
      for (const term of new Set(searchTerms(question))) {
        const having = postings.get(term) ?? [];
        for (const { passage, count: repeated } of having) {
          const length = k1 * (1 - b + (b * (lengths[passage] as number)) / mean);
          const share = (rarity(having.length) * repeated * (k1 + 1)) / (repeated + length);
          scores.set(passage, (scores.get(passage) ?? 0) + share);
        }
      }
      const found = Array.from(scores, ([passage, score]): Found => ({ passage, score }));
      return found.sort((one, other) => other.score - one.score || one.passage - other.passage).slice(0, count);
    },
    bestPossible(question) {
      const terms = new Set(searchTerms(question));
      return Array.from(terms, (term) => rarity(postings.get(term)?.length ?? 0) * (k1 + 1)).reduce((a, c) => a + c, 0);
    },
  };
}

/**
 * Several rankings as one (Cormack et al. 2009): a passage gets 1 ÷ (60 + its place) from each, so that scores of different
 * kinds need not be comparable.
 */
export function fuseRankings(rankings: readonly (readonly Found[])[], count: number, k = 60): Found[] {
  const scores = new Map<number, number>();
  for (const ranking of rankings) {
    for (const [place, { passage }] of ranking.entries()) {
      scores.set(passage, (scores.get(passage) ?? 0) + 1 / (k + place + 1));
    }
  }
  const found = Array.from(scores, ([passage, score]): Found => ({ passage, score }));
  return found.sort((one, other) => other.score - one.score || one.passage - other.passage).slice(0, count);
}
