/**
 * What a text is searched by: words of Latin letters and digits, cut to their stem where English adds an s, ing or ed; of
 * Chinese, Japanese and Thai characters and pairs of them, since nothing separates words there.
 */
const STOP_WORDS = new Set(
  'a an and are as at be been by can could do does for from had has have how i if in into is it its me my not of on or our should that the their them there they this to was we were what when where which who why will with would you your'.split(
    ' ',
  ),
);
/** Characters that carry no more than a comma does. */
const STOP_CHARACTERS = new Set('的了是在和与或吗呢吧么什怎样如何为有我你他她它们这那个之也都');

const PIECES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+|[\p{L}\p{N}]+(?:[._+-][\p{L}\p{N}]+)*/gu;
const UNSPACED = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** @returns terms in their order, with repetitions */
export function searchTerms(text: string): string[] {
  const terms: string[] = [];
  for (const piece of text.normalize('NFKC').toLowerCase().match(PIECES) ?? []) {
    if (!UNSPACED.test(piece)) {
      if (!STOP_WORDS.has(piece)) terms.push(stemOf(piece));
      // the parts of a compound are looked for too: a name such as dpkg-reconfigure
      const parts = piece.split(/[._+-]/);
      if (parts.length > 1)
        for (const part of parts) if (part.length > 1 && !STOP_WORDS.has(part)) terms.push(stemOf(part));
      continue;
    }
    const characters = [...piece];
    for (const [at, character] of characters.entries()) {
      if (!STOP_CHARACTERS.has(character)) terms.push(character);
      const next = characters[at + 1];
      if (next !== undefined) terms.push(character + next);
    }
  }
  return terms;
}

/** Endings that leave what a word is about, taken off words long enough to have one (Harman 1991, "S stemmer", and two more). */
function stemOf(word: string): string {
  if (word.length < 4) return word;
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:[^aeiou])ing$/.test(word) && word.length > 6) return word.slice(0, -3);
  if (/(?:[^e])ed$/.test(word) && word.length > 5) return word.slice(0, -2);
  if (/[^su]s$/.test(word)) return word.slice(0, -1);
  return word;
}
