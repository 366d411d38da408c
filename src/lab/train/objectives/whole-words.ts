/**
 * Which tokens make up a word, so that a word is hidden whole: a piece of it would give the rest away. For Chinese, whose
 * characters are mostly tokens of their own, see Cui et al. 2021, "Pre-Training With Whole Word Masking for Chinese BERT"
 * (arXiv:1906.08101). Words are Unicode's and, for Chinese, those of ICU's dictionary.
 */
import type { TokenKnowledge } from './objectives.js';

/** @returns for each token of a row a number; neighbours with the same number are one word */
export type FindWords = (row: readonly number[]) => number[];

const HAN = /^\s?\p{Script=Han}/u;
const SPACE = 0x20;
/** Of bytes that continue a character of UTF-8. */
const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

export function createWordFinder({ tokenBytes }: Pick<TokenKnowledge, 'tokenBytes'>): FindWords {
  const segmenter = new Intl.Segmenter('zh', { granularity: 'word' });
  const spellings = new Map<number, Buffer>();
  const spellingOf = (id: number): Buffer => {
    let spelling = spellings.get(id);
    if (spelling === undefined) {
      spelling = Buffer.from(tokenBytes(id));
      // BERT's tokens set every Chinese character apart, and its words are then no longer found
      if (spelling[0] === SPACE && HAN.test(spelling.toString())) spelling = spelling.subarray(1);
      spellings.set(id, spelling);
    }
    return spelling;
  };
  return (row) => {
    const text = Buffer.concat(row.map(spellingOf));
    // a window may begin within a character
    let lead = 0;
    while (isContinuation(text[lead])) lead++;
    const wordAt = wordsByByte(text.subarray(lead), segmenter);
    let byte = -lead;
    return row.map((id, index) => {
      const spelling = spellingOf(id);
      const start = byte;
      byte += spelling.length;
      const begins = start + (spelling.length > 1 && spelling[0] === SPACE ? 1 : 0);
      // special tokens, and what stands before the first whole character, are words of their own
      return spelling.length === 0 || begins < 0 ? -1 - index : (wordAt[begins] as number);
    });
  };
}

/** The number of the word that each byte of a text belongs to. */
function wordsByByte(text: Buffer, segmenter: Intl.Segmenter): Int32Array {
  const wordAt = new Int32Array(text.length);
  let [byte, word] = [0, 0];
  for (const { segment } of segmenter.segment(text.toString())) {
    const end = Math.min(byte + Buffer.byteLength(segment), text.length);
    wordAt.fill(word++, byte, end);
    byte = end;
  }
  return wordAt;
}
