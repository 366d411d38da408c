/** Documents that answer questions: the ones that fit best, the sentences of them that do, or that none does. */
import { type Found, createBm25, fuseRankings } from '../../eval/retrieval/bm25.js';
import { searchTerms } from '../../eval/retrieval/search-terms.js';

export interface BaseDocument {
  readonly id: string;
  /** Found by as well, never part of an answer. */
  readonly title: string;
  readonly text: string;
}

export interface BaseAnswer {
  /** Ids of the documents that fit, the best first. */
  readonly cited: readonly string[];
  /** Sentences of the first of them, word for word; empty when refused. */
  readonly text: string;
  /** How well the best document fits, in [0, 1]: of what the question's words could give. */
  readonly support: number;
}

export interface DocumentBase {
  readonly documents: readonly BaseDocument[];
  /** @param without a document that is not to be found */
  answer(question: string, without?: string): BaseAnswer;
}

const CITED = 5;
const LOOKED_AT = 50;
const MAX_SENTENCES = 6;
/** A document of many paragraphs is found by any of them. */
const PARAGRAPH = /\n+/;
const SENTENCE_END = /(?<=[。！？!?])|(?<=\.)(?=\s)|\n/u;

export function createDocumentBase(documents: readonly BaseDocument[]): DocumentBase {
  const whole = createBm25(documents.map(({ title, text }) => `${title}\n${text}`));
  const paragraphs = documents.flatMap(({ title, text }, document) =>
    [title, ...text.split(PARAGRAPH)].map((paragraph) => ({ document, paragraph })),
  );
  const parts = createBm25(paragraphs.map(({ paragraph }) => paragraph));
  const byParts = (question: string): Found[] => {
    const best = new Map<number, Found>();
    for (const { passage, score } of parts.search(question, paragraphs.length)) {
      const { document } = paragraphs[passage] as (typeof paragraphs)[number];
      if (!best.has(document)) best.set(document, { passage: document, score });
    }
    return [...best.values()].slice(0, LOOKED_AT);
  };
  return {
    documents,
    answer(question, without) {
      const isAllowed = ({ passage }: Found): boolean => documents[passage]?.id !== without;
      const byWhole = whole.search(question, LOOKED_AT).filter(isAllowed);
      const fused = fuseRankings([byWhole, byParts(question).filter(isAllowed)], CITED);
      const [first] = fused;
      const best = byWhole[0]?.score ?? 0;
      const possible = whole.bestPossible(question);
      return {
        cited: fused.map(({ passage }) => documents[passage]?.id as string),
        text: first === undefined ? '' : fittingSentences(documents[first.passage]?.text as string, question),
        support: possible === 0 ? 0 : Math.min(1, best / possible),
      };
    },
  };
}

/** From the sentence with most of the question's words on; what follows it explains it. */
function fittingSentences(text: string, question: string): string {
  const wanted = new Set(searchTerms(question));
  const sentences = text
    .split(SENTENCE_END)
    .map((each) => each.trim())
    .filter((each) => each !== '');
  const fits = sentences.map((sentence) => new Set(searchTerms(sentence).filter((term) => wanted.has(term))).size);
  const start = fits.indexOf(Math.max(...fits));
  return sentences.slice(Math.max(0, start), Math.max(0, start) + MAX_SENTENCES).join(' ');
}
