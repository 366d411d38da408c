/**
 * How many terminal columns text takes. East Asian wide characters and emoji take two, combining marks and ANSI colour
 * codes none (Unicode UAX #11). Ambiguous characters count as one, as terminals outside legacy CJK locales draw them.
 */

const ESCAPE = '\u001b';
const ANSI = new RegExp(`${ESCAPE}\\[[0-9;]*[A-Za-z]`, 'g');
const ANSI_OR_TEXT = new RegExp(`(${ESCAPE}\\[[0-9;]*[A-Za-z])`);
const PLAIN_ASCII = /^[\u0020-\u007e]*$/;
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u;
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** First and last code point of each block drawn two columns wide. */
const WIDE_BLOCKS: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f], // Hangul Jamo initials
  [0x2e80, 0x303e], // CJK radicals, Kangxi, CJK punctuation
  [0x3041, 0x33ff], // kana, bopomofo, enclosed CJK
  [0x3400, 0x4dbf], // CJK extension A
  [0x4e00, 0x9fff], // CJK unified ideographs
  [0xa000, 0xa4cf], // Yi
  [0xac00, 0xd7a3], // Hangul syllables
  [0xf900, 0xfaff], // CJK compatibility ideographs
  [0xfe30, 0xfe4f], // CJK compatibility forms
  [0xff00, 0xff60], // full-width forms
  [0xffe0, 0xffe6],
  [0x20000, 0x3fffd], // CJK extensions B and later
];

export function stripAnsi(text: string): string {
  return text.replace(ANSI, '');
}

/** Columns the text takes on one line; line breaks count as nothing. */
export function displayWidth(text: string): number {
  const plain = stripAnsi(text);
  if (PLAIN_ASCII.test(plain)) return plain.length;
  let columns = 0;
  for (const { segment } of graphemes.segment(plain)) columns += graphemeWidth(segment);
  return columns;
}

function graphemeWidth(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0;
  if (EMOJI.test(grapheme)) return 2;
  const point = grapheme.codePointAt(0) ?? 0;
  return WIDE_BLOCKS.some(([first, last]) => point >= first && point <= last) ? 2 : 1;
}

/** Cuts to at most `columns`, ending in "…" when something was cut. Colour codes are kept and closed. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns <= 0) return '';
  let kept = '';
  let used = 0;
  let coloured = false;
  for (const piece of text.split(ANSI_OR_TEXT)) {
    if (piece.startsWith(ESCAPE)) {
      kept += piece;
      coloured = true;
      continue;
    }
    for (const { segment } of graphemes.segment(piece)) {
      const width = graphemeWidth(segment);
      if (used + width > columns - 1) return `${kept}…${coloured ? `${ESCAPE}[0m` : ''}`;
      kept += segment;
      used += width;
    }
  }
  return kept;
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - displayWidth(text))) + text;
}

/** Breaks text at spaces into lines of at most `columns`; a longer word (or a run of CJK text) is cut where it must be. */
export function wrap(text: string, columns: number): string[] {
  const limit = Math.max(1, columns);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const candidate = line === '' ? word : `${line} ${word}`;
    if (displayWidth(candidate) <= limit) {
      line = candidate;
      continue;
    }
    if (line !== '') lines.push(line);
    const pieces = cutWord(word, limit);
    lines.push(...pieces.slice(0, -1));
    line = pieces.at(-1) ?? '';
  }
  lines.push(line);
  return lines;
}

function cutWord(word: string, columns: number): string[] {
  if (displayWidth(word) <= columns) return [word];
  const pieces: string[] = [];
  let piece = '';
  for (const { segment } of graphemes.segment(word)) {
    if (piece !== '' && displayWidth(piece + segment) > columns) {
      pieces.push(piece);
      piece = '';
    }
    piece += segment;
  }
  return [...pieces, piece];
}
