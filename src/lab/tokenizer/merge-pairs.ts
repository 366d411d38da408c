/** The merges of BPE, found by their two ids: open addressing in one flat array, two or three looks a question. */

export interface MergePair {
  readonly left: number;
  readonly right: number;
  /** Place in the order of the merges. */
  readonly rank: number;
  /** What the two become. */
  readonly id: number;
}

export interface MergePairs {
  /** Where the merge of these two is kept, for the other two functions; −1 when there is none. */
  find(left: number, right: number): number;
  rankAt(place: number): number;
  idAt(place: number): number;
}

const FIELDS = 4;
const EMPTY = -1;

/** Of two merges of the same pair the later counts. */
export function createMergePairs(merges: readonly MergePair[]): MergePairs {
  const slotCount = 2 ** (33 - Math.clz32(Math.max(1, merges.length)));
  const mask = slotCount - 1;
  // left, right, rank, id
  const table = new Int32Array(FIELDS * slotCount).fill(EMPTY);
  const placeOf = (left: number, right: number): number => {
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = FIELDS * slot;
      const there = table[place];
      if (there === EMPTY || (there === left && table[place + 1] === right)) return place;
    }
  };
  for (const { left, right, rank, id } of merges) table.set([left, right, rank, id], placeOf(left, right));
  return {
    find(left, right) {
      const place = placeOf(left, right);
      return table[place] === EMPTY ? -1 : place;
    },
    rankAt: (place) => table[place + 2] as number,
    idAt: (place) => table[place + 3] as number,
  };
}
