/**
 * Near duplicates by MinHash and locality-sensitive hashing (Broder 1997; Indyk & Motwani 1998) with the numbers of
 * FineWeb (Penedo et al. 2024): 112 hashes in 14 bands of 8, over 5-grams of words, or of characters where a language
 * writes no spaces. Two texts that share a band are compared by their signatures, so that alike means alike.
 *
 * Memory is some 220 bytes a text kept, whatever its length: one byte of each hash, and 14 places in tables of numbers.
 */
import { createLeastHashes, type LeastHashes } from '../runtime/kernels.js';

const BANDS = 14;
const ROWS = 8;
const HASHES = BANDS * ROWS;
const SHINGLE = 5;

export interface NearDuplicate {
  /** Alike enough to be left out; else the two only belong together. */
  readonly isCopy: boolean;
  /** The number of the text kept before that is most alike. */
  readonly document: number;
  /** Estimated share of 5-grams that both have of those that either has (Jaccard), 0 to 1. */
  readonly similarity: number;
}

export interface NearDuplicateIndex {
  /**
   * The text kept before that is most alike, if half of their 5-grams are. This one is kept unless it is a copy.
   * @param minima as `minHash` gives them
   */
  findOrKeep(minima: Uint32Array, document: number): NearDuplicate | undefined;
}

/** The least of each hash over the text's 5-grams. @returns `[112]` */
export function minHash(text: string): Uint32Array {
  const minima = new Uint32Array(HASHES);
  signatureOf(shinglesOf(text), minima);
  return minima;
}

/** Texts that share so much belong on the same side of a split. */
const RELATED = 0.5;

/**
 * @param threshold the least similarity of copies, above 1 for none; with 112 hashes the estimate is good to about 0.08
 * @param rows hashes of a band. With 8, in 14 bands, texts half alike meet once in 20 times; with 4, in 28 bands, five times of
 *   six, for twice the memory and more to compare
 */
export function createNearDuplicateIndex(threshold: number, rows: 4 | 8 = ROWS): NearDuplicateIndex {
  const kept = createKeptTexts();
  const bands = Array.from({ length: HASHES / rows }, (_, band) => createBand(kept, band * rows, rows));
  const bytes = new Uint8Array(HASHES);
  const least = Math.min(threshold, RELATED);
  return {
    findOrKeep(minima, document) {
      for (let i = 0; i < HASHES; i++) bytes[i] = (minima[i] as number) & 0xff;
      let best: { readonly index: number; readonly similarity: number } | undefined;
      const seen = new Set<number>();
      for (const band of bands) {
        for (const index of band.find(bytes)) {
          if (seen.has(index)) continue;
          seen.add(index);
          const similarity = similarityTo(bytes, kept.bytesOf(index));
          if (similarity >= least && similarity > (best?.similarity ?? 0)) best = { index, similarity };
        }
      }
      const isCopy = best !== undefined && best.similarity >= threshold;
      if (!isCopy) {
        const index = kept.add(bytes, document);
        for (const band of bands) band.add(index);
      }
      return best && { isCopy, document: kept.documentOf(best.index), similarity: best.similarity };
    },
  };
}

/** One byte of a hash agrees by chance once in 256 times. */
function similarityTo(one: Uint8Array, other: Uint8Array): number {
  let equal = 0;
  for (let i = 0; i < HASHES; i++) if (one[i] === other[i]) equal++;
  return Math.max(0, (equal / HASHES - 1 / 256) / (1 - 1 / 256));
}

const SPACE = 0;
const LETTER = 1;
const DIGIT = 2;
const MARK = 3;
/** A letter of a language that writes no spaces between words. */
const SYLLABLE = 4;

/** What a UTF-16 unit is; half of a surrogate pair counts as a syllable, as most of those are Han. */
const CLASSES = Uint8Array.from({ length: 65536 }, (_, unit) => {
  const character = String.fromCharCode(unit);
  if (unit >= 0xd800 && unit < 0xe000) return SYLLABLE;
  if (/[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]/u.test(character))
    return SYLLABLE;
  if (/\p{L}/u.test(character)) return LETTER;
  if (/\p{Nd}/u.test(character)) return DIGIT;
  return /\p{M}/u.test(character) ? MARK : SPACE;
});

/**
 * Hashes of a text's 5-grams, each as often as it comes. What differs in case, accents, digits, punctuation or space alone
 * is the same, as FineWeb compares texts.
 */
export function shinglesOf(text: string): Uint32Array {
  const plain = text.toLowerCase().normalize('NFKD');
  let syllables = 0;
  for (let i = 0; i < plain.length; i++) if (CLASSES[plain.charCodeAt(i)] === SYLLABLE) syllables++;
  const parts = syllables * 2 > plain.length ? characterHashes(plain) : wordHashes(plain);
  const count = Math.max(1, parts.length - SHINGLE + 1);
  const shingles = new Uint32Array(count);
  for (let at = 0; at < count; at++) {
    let shingle = FIRST;
    const end = Math.min(at + SHINGLE, parts.length);
    for (let i = at; i < end; i++) shingle = Math.imul(shingle ^ (parts[i] as number), PRIME);
    shingles[at] = mix(shingle);
  }
  return shingles;
}

/** Of FNV-1a. */
const FIRST = 0x811c9dc5;
const PRIME = 0x01000193;

function characterHashes(plain: string): number[] {
  const hashes: number[] = [];
  for (let i = 0; i < plain.length; i++) {
    const unit = plain.charCodeAt(i);
    const kind = CLASSES[unit] as number;
    if (kind !== SPACE && kind !== MARK) hashes.push(mix(kind === DIGIT ? 0 : unit));
  }
  return hashes;
}

function wordHashes(plain: string): number[] {
  const hashes: number[] = [];
  let word = FIRST;
  let before = SPACE;
  for (let i = 0; i <= plain.length; i++) {
    const unit = i === plain.length ? 0x20 : plain.charCodeAt(i);
    const kind = CLASSES[unit] as number;
    if (kind === MARK) continue;
    if (kind === SPACE) {
      if (before !== SPACE) hashes.push(mix(word));
      word = FIRST;
    } else if (kind !== DIGIT || before !== DIGIT) {
      // a run of digits is one
      word = Math.imul(word ^ (kind === DIGIT ? 0 : unit), PRIME);
    }
    before = kind;
  }
  return hashes;
}

/** The finisher of MurmurHash3: every bit of the input changes every bit of the result. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** Two numbers a hash function: an odd factor and an offset. */
const FACTORS = Int32Array.from({ length: HASHES }, (_, index) => mix(2 * index + 1) | 1);
const OFFSETS = Int32Array.from({ length: HASHES }, (_, index) => mix(0x9e3779b9 + index));

/** The least value of each hash function over all 5-grams. @param into `[112]` */
function signatureOf(shingles: Uint32Array, into: Uint32Array): void {
  leastHashes ??= createLeastHashes(FACTORS, OFFSETS);
  leastHashes(shingles, into.fill(0xffffffff));
}
let leastHashes: LeastHashes | undefined;

/** Grown by chunks of so many texts, as one array that doubles would for a moment take three times its size. */
const CHUNK = 16_384;

interface KeptTexts {
  /** The low byte of each hash of a text, `[112]`. */
  bytesOf(index: number): Uint8Array;
  documentOf(index: number): number;
  /** @returns its index, from 0 */
  add(bytes: Uint8Array, document: number): number;
}

function createKeptTexts(): KeptTexts {
  const signatures: Uint8Array[] = [];
  const documents = createNumbers();
  let count = 0;
  return {
    bytesOf(index) {
      const start = (index % CHUNK) * HASHES;
      return (signatures[Math.floor(index / CHUNK)] as Uint8Array).subarray(start, start + HASHES);
    },
    documentOf: (index) => documents.at(index),
    add(bytes, document) {
      if (count % CHUNK === 0) signatures.push(new Uint8Array(CHUNK * HASHES));
      signatures[signatures.length - 1]?.set(bytes, (count % CHUNK) * HASHES);
      documents.set(count, document);
      return count++;
    },
  };
}

interface Numbers {
  at(index: number): number;
  /** @param index of a number that is there, or the next */
  set(index: number, value: number): void;
}

function createNumbers(): Numbers {
  const chunks: Uint32Array[] = [];
  return {
    at: (index) => (chunks[Math.floor(index / CHUNK)] as Uint32Array)[index % CHUNK] as number,
    set(index, value) {
      const chunk = (chunks[Math.floor(index / CHUNK)] ??= new Uint32Array(CHUNK));
      chunk[index % CHUNK] = value;
    },
  };
}

interface Band {
  /** Indices of kept texts with the same band. */
  find(bytes: Uint8Array): Iterable<number>;
  add(index: number): void;
}

/** Texts a slot, at most: chains are short enough, and the slots of 14 bands take little room. */
const LOAD = 8;

/**
 * Texts by one band, chained in flat arrays: 5 bytes a text. Bands are equal when the low bytes of their hashes are;
 * those of different bands are so once in 2^64.
 */
function createBand(kept: KeptTexts, start: number, rows: number): Band {
  let heads = new Uint32Array(512);
  const nexts = createNumbers();
  let count = 0;
  const slotOf = (bytes: Uint8Array): number => {
    let key = 0;
    for (let row = start; row < start + rows; row++) key = Math.imul(key ^ (bytes[row] as number), PRIME);
    return (mix(key) >>> 0) % heads.length;
  };
  const chain = (index: number): void => {
    const slot = slotOf(kept.bytesOf(index));
    nexts.set(index, heads[slot] as number);
    heads[slot] = index + 1;
  };
  return {
    *find(bytes) {
      for (let at = heads[slotOf(bytes)] as number; at !== 0; at = nexts.at(at - 1)) {
        if (isSameBand(bytes, kept.bytesOf(at - 1), start, rows)) yield at - 1;
      }
    },
    add(index) {
      if (index >= LOAD * heads.length) {
        heads = new Uint32Array(heads.length * 2);
        for (let each = 0; each < count; each++) chain(each);
      }
      count = index + 1;
      chain(index);
    },
  };
}

function isSameBand(one: Uint8Array, other: Uint8Array, start: number, rows: number): boolean {
  for (let row = start; row < start + rows; row++) if (one[row] !== other[row]) return false;
  return true;
}
