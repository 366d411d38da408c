import { type C4Result, keptByC4 } from './c4-lines.js';
import { codePoints } from './code-points.js';
import { LATIN_WORDS } from './language-words.js';
import { measureRepetition, type Repetition } from './repetition.js';
import { splitWords } from './split-words.js';
import { flaggedShare } from './toxic-words.js';

/** What the quality rules look at, each measured once, when a rule asks. Lengths are in code points. */
export interface TextStatistics {
  readonly text: string;
  /** False for Chinese, Japanese and Thai, where every character of the script counts as one word. */
  readonly isSpaced: boolean;
  length(): number;
  words(): readonly string[];
  ofWords(): WordStatistics;
  ofCharacters(): CharacterStatistics;
  ellipses(): number;
  /** Split as Gopher splits: at every line end, the last one not opening another line. */
  lines(): readonly string[];
  paragraphs(): readonly string[];
  /** Repeated word n-grams. */
  repetition(): Repetition;
  /** What C4 leaves of it. */
  c4(): C4Result;
  /** How much of it is obscenities and slurs; undefined where that cannot be told. */
  flaggedShare(): number | undefined;
}

export interface WordStatistics {
  /** Words that are not punctuation, and the sum of their lengths. */
  readonly properWords: number;
  readonly properWordLength: number;
  readonly alphabeticWords: number;
  readonly longestWord: number;
  /** Different stop words of the language; undefined when it has no list. */
  readonly stopWords: number | undefined;
}

export interface CharacterStatistics {
  readonly hashSigns: number;
  readonly lineFeeds: number;
  /** Characters that are not white space, by kind. */
  readonly visible: number;
  readonly han: number;
  readonly punctuation: number;
  readonly alphanumeric: number;
}

/** The eight English words of Gopher (arXiv:2112.11446, appendix A1.1). */
const ENGLISH_STOP_WORDS = ['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with'];
const STOP_WORDS = new Map<string, ReadonlySet<string>>(
  Object.entries(LATIN_WORDS).map(([language, words]) => [
    language,
    new Set(language === 'en' ? ENGLISH_STOP_WORDS : words.split(/\s+/).slice(0, 8)),
  ]),
);
const UNSPACED = /^(zh|ja|th)\b/;

/** What the reference implementation (datatrove `PUNCTUATION`) leaves out when it counts words. */
const PUNCTUATION_WORD = /^[\p{P}\p{Cc}$+<=>^`|~´►]+$/u;
const LINE_END = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/;

/** Measures a text, each figure when it is first asked for. @param language as `identifyLanguage` names it */
export function measureText(text: string, language: string): TextStatistics {
  const isSpaced = !UNSPACED.test(language);
  const words = once(() => splitWords(text, isSpaced));
  const ofWords = once(() => measureWords(words(), STOP_WORDS.get(language)));
  const ofCharacters = once(() => countCharacters(text));
  const length = once(() => codePoints(text));
  const lines = once(() => linesOf(text));
  const paragraphs = once(() => text.trim().split(/\n{2,}/));
  const ellipses = once(() => countOf(text, '...') + countOf(text, '…'));
  return {
    text,
    isSpaced,
    length,
    words,
    ofWords,
    ofCharacters,
    ellipses,
    lines,
    paragraphs,
    repetition: once(() => measureRepetition(words())),
    c4: once(() => keptByC4(text, { isSpaced })),
    flaggedShare: once(() => flaggedShare(text, language, words, () => ofCharacters().han)),
  };
}

function once<T>(measure: () => T): () => T {
  let measured: { readonly value: T } | undefined;
  return () => (measured ??= { value: measure() }).value;
}

/** Lines at every kind of line end; a text that ends in one has no empty line after it. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split(LINE_END);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const isLatin = (unit: number): boolean => (unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a;

function measureWords(words: readonly string[], stopList: ReadonlySet<string> | undefined): WordStatistics {
  let properWords = 0;
  let properWordLength = 0;
  let alphabeticWords = 0;
  let longestWord = 0;
  const stopWords = new Set<string>();
  for (const word of words) {
    const length = word.length === 1 ? 1 : codePoints(word);
    if (length > longestWord) longestWord = length;
    if (isLatin(word.charCodeAt(0)) || /\p{L}/u.test(word)) alphabeticWords++;
    else if (PUNCTUATION_WORD.test(word)) continue;
    properWords++;
    properWordLength += length;
    if (stopList?.has(word) === true) stopWords.add(word);
  }
  return {
    properWords,
    properWordLength,
    alphabeticWords,
    longestWord,
    stopWords: stopList === undefined ? undefined : stopWords.size,
  };
}

const OTHER = 0;
const SPACE = 1;
const PUNCTUATION = 2;
const ALPHANUMERIC = 3;
const HAN = 4;

/** UTF-16 unit -> kind; the two halves of a pair count as one other character. */
const kindOf = new Uint8Array(0x10000);
for (let unit = 0; unit < 0x10000; unit++) {
  const character = String.fromCharCode(unit);
  if (/\s/.test(character)) kindOf[unit] = SPACE;
  else if (/\p{sc=Han}/u.test(character)) kindOf[unit] = HAN;
  else if (/[\p{L}\p{M}\p{N}]/u.test(character)) kindOf[unit] = ALPHANUMERIC;
  else if (/[\p{P}\p{S}]/u.test(character)) kindOf[unit] = PUNCTUATION;
  else kindOf[unit] = OTHER;
}

function countCharacters(text: string): CharacterStatistics {
  const counts = new Uint32Array(5);
  let hashSigns = 0;
  let lineFeeds = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Ideographs beyond the first plane; of every pair only the first half is counted.
    if (unit >= 0xdc00 && unit <= 0xdfff) continue;
    const kind = unit >= 0xd840 && unit <= 0xd8bf ? HAN : (kindOf[unit] ?? OTHER);
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (unit === 0x23) hashSigns++;
    else if (unit === 0x0a) lineFeeds++;
  }
  const [other = 0, , punctuation = 0, letters = 0, han = 0] = counts;
  return {
    hashSigns,
    lineFeeds,
    visible: other + punctuation + letters + han,
    han,
    punctuation,
    alphanumeric: letters + han,
  };
}

function countOf(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}
