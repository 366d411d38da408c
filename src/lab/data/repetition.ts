import { codePoints } from './code-points.js';

/** Characters (code points) that lie in repeated word n-grams, by n. */
export interface Repetition {
  /** n = 2, 3, 4: length of the most frequent n-gram, its words joined by a space, times how often it occurs. */
  readonly topCharacters: Readonly<Record<number, number>>;
  /** n = 5 … 10: characters of n-grams seen before, reading on behind each one found. */
  readonly duplicateCharacters: Readonly<Record<number, number>>;
}

const TOP_SIZES = [2, 3, 4];
const DUPLICATE_SIZES = [5, 6, 7, 8, 9, 10];

/**
 * Repeated n-grams as Gopher counts them (arXiv:2112.11446, table A1). N-grams are compared word by word through a hash
 * table of positions, so nothing is joined and nothing collides.
 */
export function measureRepetition(words: readonly string[]): Repetition {
  const { ids, lengths } = numberWords(words);
  const topCharacters: Record<number, number> = {};
  const duplicateCharacters: Record<number, number> = {};
  // of the n-gram that starts here
  const hashes = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) hashes[i] = Math.imul((ids[i] as number) + 1, 0x9e3779b1);
  const largest = DUPLICATE_SIZES.at(-1) ?? 0;
  for (let n = 2; n <= largest; n++) {
    for (let i = 0; i + n <= ids.length; i++) {
      const hash = hashes[i] as number;
      hashes[i] = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) + (ids[i + n - 1] as number);
    }
    const table = new NgramTable(ids, hashes, n);
    if (TOP_SIZES.includes(n)) topCharacters[n] = topOf(table, lengths);
    else duplicateCharacters[n] = duplicatesOf(table, lengths);
    // where nothing is said twice, nothing longer is
    if (!TOP_SIZES.includes(n) && duplicateCharacters[n] === 0) break;
  }
  for (const n of DUPLICATE_SIZES) duplicateCharacters[n] ??= 0;
  return { topCharacters, duplicateCharacters };
}

function numberWords(words: readonly string[]): { ids: Int32Array; lengths: Int32Array } {
  const known = new Map<string, number>();
  const ids = new Int32Array(words.length);
  const lengths = new Int32Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    let id = known.get(word);
    if (id === undefined) known.set(word, (id = known.size));
    ids[i] = id;
    lengths[i] = word.length === 1 ? 1 : codePoints(word);
  }
  return { ids, lengths };
}

/** Lent to one table after the other. */
let slots = new Int32Array(1024);

/** Open addressing over the positions where n-grams start. Valid until the next is made. */
class NgramTable {
  readonly count: number;
  readonly #slots: Int32Array; // position + 1, or 0
  readonly #mask: number;

  constructor(
    readonly ids: Int32Array,
    readonly hashes: Int32Array,
    readonly n: number,
  ) {
    this.count = Math.max(0, ids.length - n + 1);
    const size = 2 ** (32 - Math.clz32(2 * this.count + 1));
    if (slots.length < size) slots = new Int32Array(size);
    this.#slots = slots.fill(0, 0, size);
    this.#mask = size - 1;
  }

  /** Where the n-gram at `position` was first added; adds it when it is new. */
  firstOf(position: number): number {
    const hash = this.hashes[position] as number;
    for (let slot = (hash ^ (hash >>> 16)) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const first = (this.#slots[slot] as number) - 1;
      if (first < 0) {
        this.#slots[slot] = position + 1;
        return position;
      }
      if (this.#isSame(first, position)) return first;
    }
  }

  #isSame(a: number, b: number): boolean {
    if (this.hashes[a] !== this.hashes[b]) return false;
    for (let k = 0; k < this.n; k++) if (this.ids[a + k] !== this.ids[b + k]) return false;
    return true;
  }
}

function charactersAt(lengths: Int32Array, position: number, n: number): number {
  let characters = 0;
  for (let k = 0; k < n; k++) characters += lengths[position + k] ?? 0;
  return characters;
}

/** Of equally frequent n-grams the first in the text counts. */
function topOf(table: NgramTable, lengths: Int32Array): number {
  if (table.count === 0) return 0;
  const counts = new Int32Array(table.count); // by first position
  for (let i = 0; i < table.count; i++) {
    const first = table.firstOf(i);
    counts[first] = (counts[first] ?? 0) + 1;
  }
  let top = 0;
  for (let i = 1; i < table.count; i++) if ((counts[i] ?? 0) > (counts[top] ?? 0)) top = i;
  return (charactersAt(lengths, top, table.n) + table.n - 1) * (counts[top] ?? 0);
}

function duplicatesOf(table: NgramTable, lengths: Int32Array): number {
  let characters = 0;
  for (let i = 0; i < table.count;) {
    if (table.firstOf(i) === i) {
      i++;
    } else {
      characters += charactersAt(lengths, i, table.n);
      i += table.n;
    }
  }
  return characters;
}
