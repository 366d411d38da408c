/**
 * Near duplicates by MinHash and locality-sensitive hashing (Broder 1997; Indyk & Motwani 1998) with the numbers of
 * FineWeb (Penedo et al. 2024): 112 hashes in 14 bands of 8, over 5-grams of words, or of characters where a language
 * writes no spaces. Two texts that share a band are compared by their signatures, so that alike means alike.
 *
 * Memory is some 300 bytes a text kept, whatever its length: one byte of each hash, and 14 places in tables of numbers.
 */
import { createLeastHashes, type LeastHashes } from '../runtime/kernels.js';

const BANDS = 14;
const ROWS = 8;
const HASHES = BANDS * ROWS;
const SHINGLE = 5;

export interface NearDuplicate {
  /** The first text that is so alike. */
  readonly id: string;
  /** Estimated share of 5-grams that both have of those that either has (Jaccard), 0 to 1. */
  readonly similarity: number;
}

export interface NearDuplicateIndex {
  /** The text kept before that is most alike, if it is alike enough; else undefined, and this one is kept. */
  findOrKeep(text: string, id: string): NearDuplicate | undefined;
}

/** @param threshold the least similarity of near duplicates; with 112 hashes the estimate is good to about 0.08 */
export function createNearDuplicateIndex(threshold: number): NearDuplicateIndex {
  const ids: string[] = [];
  let signatures = new Uint8Array(1024 * HASHES);
  const tables = Array.from({ length: BANDS }, () => createTable());
  const minima = new Uint32Array(HASHES);
  return {
    findOrKeep(text, id) {
      signatureOf(shinglesOf(text), minima);
      const keys = Array.from({ length: BANDS }, (_, band) => bandKey(minima, band));
      let best: { readonly index: number; readonly similarity: number } | undefined;
      const seen = new Set<number>();
      for (const [band, key] of keys.entries()) {
        for (const index of (tables[band] as Table).find(key)) {
          if (seen.has(index)) continue;
          seen.add(index);
          const similarity = similarityTo(minima, signatures.subarray(index * HASHES, (index + 1) * HASHES));
          if (similarity >= threshold && similarity > (best?.similarity ?? 0)) best = { index, similarity };
        }
      }
      if (best !== undefined) return { id: ids[best.index] as string, similarity: best.similarity };
      const index = ids.push(id) - 1;
      if (signatures.length < ids.length * HASHES) signatures = grown(signatures);
      for (let i = 0; i < HASHES; i++) signatures[index * HASHES + i] = (minima[i] as number) & 0xff;
      for (const [band, key] of keys.entries()) (tables[band] as Table).add(key, index);
      return undefined;
    },
  };
}

function grown(array: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** One byte of a hash agrees by chance once in 256 times. */
function similarityTo(minima: Uint32Array, bytes: Uint8Array): number {
  let equal = 0;
  for (let i = 0; i < HASHES; i++) if (((minima[i] as number) & 0xff) === bytes[i]) equal++;
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

function bandKey(minima: Uint32Array, band: number): number {
  let key = band + 1;
  for (let row = 0; row < ROWS; row++) key = mix(Math.imul(key, 0x01000193) ^ (minima[band * ROWS + row] as number));
  return key >>> 0;
}

interface Table {
  find(key: number): Iterable<number>;
  add(key: number, index: number): void;
}

/** Texts by the key of a band: chains in two flat arrays, 12 bytes a text and up to 8 for the table. */
function createTable(): Table {
  let heads = new Uint32Array(1024);
  let keys = new Uint32Array(512);
  let nexts = new Uint32Array(512);
  let count = 0;
  const chain = (index: number): void => {
    const slot = (keys[index] as number) % heads.length;
    nexts[index] = heads[slot] as number;
    heads[slot] = index + 1;
  };
  return {
    *find(key) {
      for (let at = heads[key % heads.length] as number; at !== 0; at = nexts[at - 1] as number) {
        if (keys[at - 1] === key) yield at - 1;
      }
    },
    add(key, index) {
      if (index >= keys.length) {
        keys = doubled(keys);
        nexts = doubled(nexts);
        heads = new Uint32Array(heads.length * 2);
        for (let each = 0; each < count; each++) chain(each);
      }
      keys[index] = key;
      count = index + 1;
      chain(index);
    },
  };
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
