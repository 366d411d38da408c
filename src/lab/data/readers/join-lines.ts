/** Lines that were broken to fit a page or a screen, made whole again. */

const CJK = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef`;
const ENDS_IN_CJK = new RegExp(`[${CJK}“”‘’…—]$`, 'u');
const STARTS_WITH_CJK = new RegExp(`^[${CJK}“”‘’…—]`, 'u');
const CJK_PUNCTUATION = /[\u3001-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/u;
const HYPHENATED = /\p{Script=Latin}[-\u2010\u00ad]$/u;
const STARTS_LOWER = /^(?=\p{Script=Latin})\p{Ll}/u;

/** Two lines of one paragraph as one: with a space, or without one between characters of scripts that have none. */
export function joinLines(first: string, second: string): string {
  const before = first.trimEnd();
  const after = second.trimStart();
  if (before === '' || after === '') return before + after;
  return before + (isUnspaced(before, after) ? '' : ' ') + after;
}

/** `joinLines` over any number of lines, in time that grows with their length alone. */
export function joinAllLines(lines: readonly string[]): string {
  const pieces: string[] = [];
  let last = '';
  for (const line of lines) {
    const piece = line.trim();
    if (piece === '') continue;
    // Two code units hold the character that decides, whatever its script.
    if (last !== '' && !isUnspaced(last.slice(-2), piece.slice(0, 2))) pieces.push(' ');
    pieces.push(piece);
    last = piece;
  }
  return pieces.join('');
}

/**
 * As `joinLines`, and a Latin word that was divided at the end of the line loses its hyphen. (So does a compound that was
 * broken at its own hyphen.)
 */
export function joinDividedLines(first: string, second: string): string {
  const before = first.trimEnd();
  const after = second.trimStart();
  if (HYPHENATED.test(before) && STARTS_LOWER.test(after)) return before.slice(0, -1) + after;
  return joinLines(before, after);
}

function isUnspaced(before: string, after: string): boolean {
  if (ENDS_IN_CJK.test(before) && STARTS_WITH_CJK.test(after)) return true;
  return CJK_PUNCTUATION.test(before.slice(-1)) || CJK_PUNCTUATION.test(after[0] ?? '');
}
