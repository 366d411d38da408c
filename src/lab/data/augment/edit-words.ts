/**
 * Small changes of a text that leave its meaning: random deletion, random swap and replacement by synonyms, three of the four
 * operations of EDA (Wei & Zou 2019, "Easy Data Augmentation"). Words are those of `Intl.Segmenter`, so that Chinese,
 * Japanese and Thai are changed word by word too, or character by character where that is asked for.
 */
import type { Rng } from '../../../base/rng.js';

export type Unit = 'word' | 'character';

/** Rates the paper found best for a few hundred to a few thousand examples. */
export const EDA_RATE = 0.1;

/** A text in pieces: those at `words` may be changed, between them are spaces and marks. */
interface Pieces {
  readonly pieces: string[];
  /** Indices into `pieces`. */
  readonly words: readonly number[];
}

const segmenters = {
  word: new Intl.Segmenter(undefined, { granularity: 'word' }),
  character: new Intl.Segmenter(undefined, { granularity: 'grapheme' }),
} as const;

const UNSPACED = /^[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]+$/u;

/** By character only where words are not kept apart by spaces; a letter of English is no unit of meaning. */
function cut(text: string, unit: Unit): Pieces {
  const pieces: string[] = [];
  const words: number[] = [];
  for (const { segment, isWordLike } of segmenters.word.segment(text)) {
    if (isWordLike !== true) {
      pieces.push(segment);
    } else if (unit === 'character' && UNSPACED.test(segment)) {
      for (const { segment: character } of segmenters.character.segment(segment))
        words.push(pieces.push(character) - 1);
    } else {
      words.push(pieces.push(segment) - 1);
    }
  }
  return { pieces, words };
}

/**
 * Leaves each word out with probability `rate`, and the space before it; at least one word stays.
 * @param rate 0 to 1
 */
export function deleteWords(text: string, rate: number, rng: Rng, unit: Unit = 'word'): string {
  const { pieces, words } = cut(text, unit);
  const spared = words.length === 0 ? -1 : (words[rng.below(words.length)] as number);
  for (const index of words) {
    if (rng.uniform() >= rate || index === spared) continue;
    pieces[index] = '';
    if (index > 0 && /^\s+$/.test(pieces[index - 1] as string)) pieces[index - 1] = '';
  }
  return pieces.join('').trim();
}

/** Changes places of two words, once for every `1 / rate` words and at least once. */
export function swapWords(text: string, rate: number, rng: Rng, unit: Unit = 'word'): string {
  const { pieces, words } = cut(text, unit);
  if (words.length < 2 || rate === 0) return text;
  for (let count = timesFor(rate, words.length); count > 0; count--) {
    const first = rng.below(words.length);
    const second = (first + 1 + rng.below(words.length - 1)) % words.length;
    const [a, b] = [words[first] as number, words[second] as number];
    [pieces[a], pieces[b]] = [pieces[b] as string, pieces[a] as string];
  }
  return pieces.join('');
}

/** Replaces words that have synonyms by one of them, one in `1 / rate` words and at least one. */
export function replaceWords(
  text: string,
  rate: number,
  rng: Rng,
  synonymsOf: (word: string) => readonly string[],
): string {
  const { pieces, words } = cut(text, 'word');
  const known = rng.shuffle(words.filter((index) => synonymsOf(pieces[index] as string).length > 0));
  if (rate === 0) return text;
  for (const index of known.slice(0, timesFor(rate, words.length))) {
    const word = pieces[index] as string;
    const synonyms = synonymsOf(word);
    pieces[index] = inCaseOf(word, synonyms[rng.below(synonyms.length)] as string);
  }
  return pieces.join('');
}

const timesFor = (rate: number, words: number): number => Math.max(1, Math.round(rate * words));

function inCaseOf(word: string, synonym: string): string {
  if (/^\p{Lu}{2,}$/u.test(word)) return synonym.toUpperCase();
  return /^\p{Lu}/u.test(word) ? synonym.charAt(0).toUpperCase() + synonym.slice(1) : synonym;
}
