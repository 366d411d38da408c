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
  const hashes = Int32Array.from(ids, (id) => Math.imul(id + 1, 0x9e3779b1)); // of the n-gram that starts here
  const largest = DUPLICATE_SIZES.at(-1) ?? 0;
  for (let n = 2; n <= largest; n++) {
    for (let i = 0; i + n <= ids.length; i++) {
      hashes[i] = Math.imul((hashes[i] ?? 0) ^ ((hashes[i] ?? 0) >>> 15), 0x85ebca6b) + (ids[i + n - 1] ?? 0);
    }
    const table = new NgramTable(ids, hashes, n);
    if (TOP_SIZES.includes(n)) topCharacters[n] = topOf(table, lengths);
    else duplicateCharacters[n] = duplicatesOf(table, lengths);
  }
  return { topCharacters, duplicateCharacters };
}

function numberWords(words: readonly string[]): { ids: Int32Array; lengths: Int32Array } {
  const known = new Map<string, number>();
  const ids = new Int32Array(words.length);
  const lengths = new Int32Array(words.length);
  for (const [i, word] of words.entries()) {
    let id = known.get(word);
    if (id === undefined) known.set(word, (id = known.size));
    ids[i] = id;
    lengths[i] = codePoints(word);
  }
  return { ids, lengths };
}

/** Open addressing over the positions where n-grams start. */
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
    const size = 2 ** Math.ceil(Math.log2(2 * this.count + 2));
    this.#slots = new Int32Array(size);
    this.#mask = size - 1;
  }

  /** Where the n-gram at `position` was first added; adds it when it is new. */
  firstOf(position: number): number {
    const hash = this.hashes[position] ?? 0;
    for (let slot = (hash ^ (hash >>> 16)) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const first = (this.#slots[slot] ?? 0) - 1;
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
