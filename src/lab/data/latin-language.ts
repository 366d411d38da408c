import { LATIN_WORDS, type LatinLanguage } from './language-words.js';

export interface LatinVerdict {
  readonly language: LatinLanguage;
  /** 0 to 1: the posterior, lowered when few words were known. */
  readonly confidence: number;
  /** Words looked at. */
  readonly words: number;
  /** Share of them that are on the language's list. */
  readonly knownShare: number;
}

const languages = Object.keys(LATIN_WORDS) as readonly LatinLanguage[];
const languageCount = languages.length;
const english = languages.indexOf('en');

/** Words looked at at most: more do not change the verdict. */
const MAX_WORDS = 200;
/** UTF-16 units of text whose beginning may speak for all of it; of longer text every n-th word is looked at. */
const SHORT_TEXT = 1024;
/** UTF-16 units a word takes with its space, about. */
const WORD_LENGTH = 6;
/** A lead (nats) over every other language at which the rest of the text is not looked at. */
const DECIDED = 15;
/** Words between two looks at the lead. */
const LOOK_EVERY = 4;
/** Added to every trigram's count: what a list of some hundred words has not seen is unlikely, not impossible. */
const SMOOTHING = 0.15;
/** Nats that a listed word counts for, shared out over the languages that list it. */
const WORD_WEIGHT = 4;
/** Nats in favour of English: most Latin text, and nearly all names and terms inside other text, is English. */
const ENGLISH_PRIOR = 8;

const wordScores = new Map<string, Float32Array>(); // word -> nats [languageCount]
const trigramScores = new Map<number, Float32Array>(); // trigram key -> log probability [languageCount]
const unseenScores = new Float32Array(languageCount); // log probability of an unseen trigram
learn();

function learn(): void {
  const totals = new Float32Array(languageCount);
  for (const [index, language] of languages.entries()) {
    for (const word of new Set(LATIN_WORDS[language].toLowerCase().split(/\s+/))) {
      rowOf(wordScores, word)[index] = 1;
      forEachTrigram(word, (key) => {
        const row = rowOf(trigramScores, key);
        row[index] = (row[index] ?? 0) + 1;
        totals[index] = (totals[index] ?? 0) + 1;
      });
    }
  }
  for (const row of wordScores.values()) {
    const listed = row.reduce((sum, value) => sum + value, 0);
    for (let i = 0; i < languageCount; i++) row[i] = ((row[i] ?? 0) * WORD_WEIGHT) / Math.sqrt(listed);
  }
  for (let i = 0; i < languageCount; i++) {
    const denominator = (totals[i] ?? 0) + SMOOTHING * trigramScores.size;
    unseenScores[i] = Math.log(SMOOTHING / denominator);
    for (const row of trigramScores.values()) row[i] = Math.log(((row[i] ?? 0) + SMOOTHING) / denominator);
  }
}

function rowOf<Key>(table: Map<Key, Float32Array>, key: Key): Float32Array {
  const existing = table.get(key);
  if (existing !== undefined) return existing;
  const row = new Float32Array(languageCount);
  table.set(key, row);
  return row;
}

/** Trigrams of the word between two spaces, as numbers of 3 x 10 bits. */
function forEachTrigram(word: string, visit: (key: number) => void): void {
  let previous = 0x20;
  let current = letterCode(word.charCodeAt(0));
  for (let i = 1; i <= word.length; i++) {
    const next = i < word.length ? letterCode(word.charCodeAt(i)) : 0x20;
    visit((previous << 20) | (current << 10) | next);
    previous = current;
    current = next;
  }
}

/** Ten bits: the Latin blocks up to Extended-B as they are, accents and Extended Additional behind them. */
function letterCode(unit: number): number {
  return unit < 0x250 ? unit : 0x250 + (unit & 0xff);
}

/** The most likely of the Latin-script languages of `language-words.ts`, by words and letter trigrams (naive Bayes). */
export function identifyLatin(text: string): LatinVerdict {
  const scores = new Float64Array(languageCount);
  const known = new Uint32Array(languageCount);
  scores[english] = ENGLISH_PRIOR;
  const lower = text.toLowerCase();
  const stride = lower.length <= SHORT_TEXT ? 1 : Math.ceil(lower.length / (WORD_LENGTH * MAX_WORDS));
  let words = 0;
  let seen = 0;
  for (let start = 0; start < lower.length && words < MAX_WORDS;) {
    if (!isLetter(lower.charCodeAt(start))) {
      start++;
      continue;
    }
    let end = start + 1;
    while (end < lower.length && isWordUnit(lower, end)) end++;
    const isWord = end - start > 1 && !joins(lower.charCodeAt(start - 1)) && !joins(lower.charCodeAt(end));
    if (isWord && seen++ % stride === 0) {
      addWord(lower.slice(start, end).replace('’', "'"), scores, known);
      words++;
      if (stride === 1 && words % LOOK_EVERY === 0 && leadOf(scores) > DECIDED) break;
    }
    start = end;
  }
  return verdictOf(scores, known, words);
}

/** Basic Latin to Latin Extended-B without the two arithmetic signs, combining accents, Latin Extended Additional. */
function isLetter(unit: number): boolean {
  if (unit < 0x80) return unit >= 0x61 && unit <= 0x7a;
  if (unit < 0x250) return unit >= 0xc0 && unit !== 0xd7 && unit !== 0xf7;
  return (unit >= 0x300 && unit < 0x370) || (unit >= 0x1e00 && unit < 0x1f00);
}

/** Digits, slash and underscore: letters beside them are versions, hashes, paths and identifiers. */
function joins(unit: number): boolean {
  return (unit >= 0x2f && unit <= 0x39) || unit === 0x5f;
}

/** A letter, or an apostrophe between two letters. */
function isWordUnit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (isLetter(unit)) return true;
  return (unit === 0x27 || unit === 0x2019) && isLetter(text.charCodeAt(at + 1)) && isLetter(text.charCodeAt(at - 1));
}

function addWord(word: string, scores: Float64Array, known: Uint32Array): void {
  const row = wordScores.get(word);
  if (row !== undefined) {
    for (let i = 0; i < languageCount; i++) {
      const score = row[i] ?? 0;
      if (score === 0) continue;
      scores[i] = (scores[i] ?? 0) + score;
      known[i] = (known[i] ?? 0) + 1;
    }
    return;
  }
  // Letters of one word are far from independent: a long word is worth no more than about three trigrams.
  const weight = Math.min(1, 3 / word.length);
  forEachTrigram(word, (key) => {
    const row = trigramScores.get(key) ?? unseenScores;
    for (let i = 0; i < languageCount; i++) scores[i] = (scores[i] ?? 0) + weight * (row[i] ?? 0);
  });
}

/** The distance (nats) of the best score to the second best. */
function leadOf(scores: Float64Array): number {
  let first = -Infinity;
  let second = -Infinity;
  for (const score of scores) {
    if (score > first) [first, second] = [score, first];
    else if (score > second) second = score;
  }
  return first - second;
}

function verdictOf(scores: Float64Array, known: Uint32Array, words: number): LatinVerdict {
  let best = 0;
  for (let i = 1; i < languageCount; i++) if ((scores[i] ?? 0) > (scores[best] ?? 0)) best = i;
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - (scores[best] ?? 0));
  const knownShare = words === 0 ? 0 : (known[best] ?? 0) / words;
  // The posterior of a naive model is too sure of itself; words it has never seen must cost confidence.
  const confidence = (1 / sum) * Math.min(1, 0.5 + 2 * knownShare);
  return { language: languages[best] ?? 'en', confidence, words, knownShare };
}
