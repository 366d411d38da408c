/** Two files that are translations of each other become records of aligned passages. */
import { MoatError } from '../../../base/errors.js';
import { identifyLanguage } from '../language.js';
import { readDocuments } from '../read-documents.js';
import { alignSentences } from './align-sentences.js';
import { type Sentence, splitSentences } from './split-sentences.js';

export interface AlignFilesOptions {
  /** BCP 47 tags of both; default: as identified. */
  readonly languages?: readonly [string, string] | undefined;
  /** Pairs below are left out. Default 0.05, which keeps nearly all that are right. */
  readonly leastScore?: number;
}

/** One aligned passage: its text under the primary tag of each language (`en`, `zh`), and how sure it is. */
export type AlignedPair = Readonly<Record<string, string | number>> & { readonly score: number };

export interface AlignedFiles {
  readonly pairs: readonly AlignedPair[];
  readonly languages: readonly [string, string];
  readonly counts: {
    readonly sentences: readonly [number, number];
    /** Passages of the pairs that were kept, by their kind: "1-1", "2-1" … */
    readonly kinds: Readonly<Record<string, number>>;
    /** Pairs left out for their score. */
    readonly belowScore: number;
    /** Sentences without a counterpart. */
    readonly alone: readonly [number, number];
    /** Identical pairs seen before. */
    readonly repeated: number;
  };
  readonly meanScore: number;
}

/** Longer texts are refused: their table of costs would not fit. */
export const MOST_SENTENCES = 200_000;
const MOST_CHARACTERS = 100_000_000;
const LEAST_SCORE = 0.05;
/** Strangers stay below one half, translations of a few dozen sentences and more are above. */
const LEAST_MEAN_SCORE = 0.5;

/**
 * @param files two files of any kind that `readDocuments` reads
 * @throws MoatError `align-empty`, `same-language`, `align-too-long`, `not-translations`; what `readDocuments` throws
 */
export async function alignFiles(
  files: readonly [string, string],
  { languages, leastScore = LEAST_SCORE }: AlignFilesOptions = {},
): Promise<AlignedFiles> {
  const [first, second] = [await readText(files[0]), await readText(files[1])];
  const tags = languages ?? [languageOf(first, files[0]), languageOf(second, files[1])];
  if (primaryTag(tags[0]) === primaryTag(tags[1])) {
    throw new MoatError('same-language', `${files[0]} and ${files[1]} are both in ${tags[0]}`, {
      fix: 'Give a text and its translation; name their languages with --languages en,zh-Hans if they were misjudged.',
    });
  }
  const [a, b] = [sentencesOf(first, files[0]), sentencesOf(second, files[1])];
  const { beads, meanScore } = alignSentences(a, b);
  if (meanScore < LEAST_MEAN_SCORE) {
    throw new MoatError(
      'not-translations',
      `${files[0]} and ${files[1]} do not look like the same text: their sentences fit with ${meanScore.toFixed(2)} of 1`,
      { fix: `Give a text and its own translation, in the same order; at least ${LEAST_MEAN_SCORE} is needed.` },
    );
  }
  const kinds: Record<string, number> = {};
  const pairs: AlignedPair[] = [];
  const seen = new Set<string>();
  const alone: [number, number] = [0, 0];
  let [belowScore, repeated] = [0, 0];
  for (const { sourceStart, sourceEnd, targetStart, targetEnd, score } of beads) {
    const [sources, targets] = [sourceEnd - sourceStart, targetEnd - targetStart];
    if (sources === 0 || targets === 0) {
      alone[0] += sources;
      alone[1] += targets;
      continue;
    }
    if (score < leastScore) {
      belowScore++;
      continue;
    }
    const texts = [joined(a.slice(sourceStart, sourceEnd)), joined(b.slice(targetStart, targetEnd))] as const;
    const key = JSON.stringify(texts);
    if (seen.has(key)) {
      repeated++;
      continue;
    }
    seen.add(key);
    kinds[`${sources}-${targets}`] = (kinds[`${sources}-${targets}`] ?? 0) + 1;
    const [x, y] = tags.map(primaryTag) as [string, string];
    pairs.push({ [x]: texts[0], [y]: texts[1], score: Math.round(score * 1000) / 1000 });
  }
  const counts = { sentences: [a.length, b.length] as const, kinds, belowScore, alone, repeated };
  return { pairs, languages: [tags[0], tags[1]], counts, meanScore };
}

async function readText(file: string): Promise<string> {
  const texts: string[] = [];
  let length = 0;
  for await (const item of readDocuments(file)) {
    if (item.kind !== 'document') continue;
    texts.push(item.document.text);
    length += item.document.text.length;
    if (length > MOST_CHARACTERS) throw tooLong(file, `more than ${MOST_CHARACTERS} characters`);
  }
  const text = texts.join('\n\n');
  if (text.trim() !== '') return text;
  throw new MoatError('align-empty', `${file}: there is no text in it`, { fix: 'Give a file with sentences.' });
}

function sentencesOf(text: string, file: string): Sentence[] {
  const sentences = splitSentences(text);
  if (sentences.length <= MOST_SENTENCES) return sentences;
  throw tooLong(file, `${sentences.length} sentences, the limit is ${MOST_SENTENCES}`);
}

function tooLong(file: string, what: string): MoatError {
  return new MoatError('align-too-long', `${file}: ${what}`, { fix: 'Align it chapter by chapter.' });
}

function languageOf(text: string, file: string): string {
  const { language } = identifyLanguage(text);
  if (language !== 'und') return language;
  throw new MoatError('language-unknown', `${file}: its language cannot be told`, {
    fix: 'Name the languages of both files, such as --languages en,zh-Hans.',
  });
}

const primaryTag = (tag: string): string => tag.split('-')[0] as string;

/** Two sentences in one passage, with the space their language puts between them. */
function joined(sentences: readonly Sentence[]): string {
  return sentences.reduce(
    (text, sentence) =>
      text === '' || /[。！？；…”」』）]$/u.test(text) ? text + sentence.text : `${text} ${sentence.text}`,
    '',
  );
}
