/**
 * Words as the quality rules count them: letters, marks, digits and underscores with inner apostrophes, points and hyphens,
 * or a run of one other sign. Where a writing has no spaces, every character of it is a word of its own.
 */

/** Of a UTF-16 unit. */
const SIGN = 0;
const SPACE = 1;
const WORD = 2;
/** A word character of a writing without spaces. */
const SYLLABLE = 3;
/** May stand between two word characters of one word. */
const JOINT = 4;
const SURROGATE = 5;
/** Of the script of a writing without spaces, but no letter: ㋐. */
const SYLLABIC_SIGN = 6;

const CLASSES = Uint8Array.from({ length: 0x10000 }, (_, unit) => {
  const character = String.fromCharCode(unit);
  if (unit >= 0xd800 && unit < 0xe000) return SURROGATE;
  const isLetter = /[\p{L}\p{M}\p{N}_]/u.test(character);
  if (/[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]/u.test(character)) return isLetter ? SYLLABLE : SYLLABIC_SIGN;
  if (isLetter) return WORD;
  if (/\s/.test(character)) return SPACE;
  return "'’.-".includes(character) ? JOINT : SIGN;
});

const SPACED_WORD = /[\p{L}\p{M}\p{N}_]+(?:['’.-][\p{L}\p{M}\p{N}_]+)*|([^\s\p{L}\p{M}\p{N}_])\1*/gu;
const UNSPACED_WORD =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]|(?:(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}])[\p{L}\p{M}\p{N}_])+|([^\s\p{L}\p{M}\p{N}_])\1*/gu;

/** @param isSpaced false for Chinese, Japanese and Thai */
export function splitWords(text: string, isSpaced: boolean): readonly string[] {
  // characters beyond the first plane are rare: the expressions know them, the table does not
  return scan(text, isSpaced) ?? text.match(isSpaced ? SPACED_WORD : UNSPACED_WORD) ?? [];
}

/** The same by a table, ten times as fast; undefined for a text with surrogates. */
function scan(text: string, isSpaced: boolean): string[] | undefined {
  const words: string[] = [];
  for (let start = 0; start < text.length;) {
    const kind = CLASSES[text.charCodeAt(start)];
    if (kind === SURROGATE) return undefined;
    let end = start + 1;
    const isSign = kind === SIGN || kind === JOINT || (isSpaced && kind === SYLLABIC_SIGN);
    if (isSign) while (text.charCodeAt(end) === text.charCodeAt(start)) end++;
    else if (isSpaced && kind !== SPACE) end = endOfWord(text, end);
    else if (kind === WORD) while (CLASSES[text.charCodeAt(end)] === WORD) end++;
    if (kind !== SPACE) words.push(text.slice(start, end));
    start = end;
  }
  return words;
}

const isLetter = (text: string, at: number): boolean => {
  const kind = CLASSES[text.charCodeAt(at)];
  return kind === WORD || kind === SYLLABLE;
};

/** Of a word in a writing with spaces, whose first character is before `end`. */
function endOfWord(text: string, end: number): number {
  for (;;) {
    if (isLetter(text, end)) end++;
    else if (CLASSES[text.charCodeAt(end)] === JOINT && isLetter(text, end + 1)) end += 2;
    else return end;
  }
}
