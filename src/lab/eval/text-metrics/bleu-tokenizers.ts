/** How BLEU cuts texts into words, with sacreBLEU's names and results. Each gives words with single spaces between them. */

export type BleuTokenizer = '13a' | 'intl' | 'zh' | 'char' | 'none';

/** White space as Python's `str.split` sees it, which differs from JavaScript's `\s`. */
// oxlint-disable-next-line no-control-regex -- U+001C to U+001F are white space to Python
const SPACE = /[\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

/** Words between white space. */
export const wordsOf = (text: string): string[] => text.split(SPACE).filter((word) => word !== '');

const withoutEnd = (text: string): string => text.replace(new RegExp(`${SPACE.source}$`, 'u'), '');

const tokenizers: Readonly<Record<BleuTokenizer, (text: string) => string[]>> = {
  none: wordsOf,
  char: (text) => [...text].filter((character) => wordsOf(character).length > 0),
  '13a': (text) => western(` ${unescaped(text)} `),
  intl: (text) =>
    wordsOf(
      text
        .replaceAll(/(\P{N})(\p{P})/gu, '$1 $2 ')
        .replaceAll(/(\p{P})(\P{N})/gu, ' $1 $2')
        .replaceAll(/(\p{S})/gu, ' $1 '),
    ),
  zh: (text) => western([...wordsOf(text).join(' ')].map((each) => (isChinese(each) ? ` ${each} ` : each)).join('')),
};

export function tokenizeForBleu(text: string, tokenizer: BleuTokenizer): string[] {
  return tokenizers[tokenizer](withoutEnd(text));
}

function unescaped(text: string): string {
  return text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
}

/** Punctuation apart, but for dots and commas within numbers (mteval-v13a). */
function western(text: string): string[] {
  return wordsOf(
    text
      .replaceAll(/([{-~[-` -&(-+:-@/])/gu, ' $1 ')
      .replaceAll(/([^0-9])([.,])/gu, '$1 $2 ')
      .replaceAll(/([.,])([^0-9])/gu, ' $1 $2')
      .replaceAll(/([0-9])(-)/gu, '$1 $2 '),
  );
}

/**
 * First and last of the ranges that count as Chinese. U+2001 to U+2A6D (dashes, quotes, arrows) are among them and the
 * ideographs of the supplementary planes are not: the reference writes `\u20000` where it means U+20000, and figures are
 * compared with those of the reference.
 */
const CHINESE: readonly (readonly [number, number])[] = [
  [0x3400, 0x4db5],
  [0x4e00, 0x9fbb],
  [0xf900, 0xfa2d],
  [0xfa30, 0xfa6a],
  [0xfa70, 0xfad9],
  [0x2001, 0x2a6d],
  [0x2f81, 0x2fa1],
  [0xff00, 0xffef],
  [0x2e80, 0x2eff],
  [0x3000, 0x303f],
  [0x31c0, 0x31ef],
  [0x2f00, 0x2fdf],
  [0x2ff0, 0x2fff],
  [0x3100, 0x312f],
  [0x31a0, 0x31bf],
  [0xfe10, 0xfe1f],
  [0xfe30, 0xfe4f],
  [0x2600, 0x27bf],
  [0x3200, 0x33ff],
];

function isChinese(character: string): boolean {
  const code = character.codePointAt(0) as number;
  return CHINESE.some(([first, last]) => code >= first && code <= last);
}
