/**
 * Token spellings as a tree of UTF-16 units, in one flat hash table: a node is the slot of the edge that leads to it, and all
 * of an edge lies in one line of the processor's cache. With a million pieces, looking at memory is what a step costs.
 */
export interface PieceTrie {
  /** The node behind `node` by this unit, or −1. The root is 0. */
  next(node: number, unit: number): number;
  /** The id of the token that ends at a node, or −1. */
  idAt(node: number): number;
}

/** What a slot holds: the node that the edge leaves (−1 where there is none), its unit, the token that ends there or −1. */
const SLOT = 4;
const UNIT = 1;
const TOKEN = 2;

/** @param pieces index = id; of two that are spelled alike the later counts, as in the reference */
export function createPieceTrie(pieces: readonly string[]): PieceTrie {
  // most beginnings of a piece are pieces as well; where they are not, the table is made again
  for (let capacity = 2 ** Math.ceil(Math.log2(4 * pieces.length + 16)); ; capacity *= 2) {
    const trie = fill(pieces, capacity);
    if (trie !== undefined) return trie;
  }
}

/** @returns undefined when over half of the slots would be taken */
function fill(pieces: readonly string[], capacity: number): PieceTrie | undefined {
  const mask = capacity - 1;
  const slots = new Int32Array(SLOT * capacity).fill(-1);
  /** Where an edge is, or where it belongs. Slot 0 stays empty: the number is the root's. */
  const slotOf = (node: number, unit: number): number => {
    let slot = mixed(node, unit) & mask;
    for (;;) {
      const at = SLOT * slot;
      const from = slots[at];
      if (slot !== 0 && (from === -1 || (from === node && slots[at + UNIT] === unit))) return slot;
      slot = (slot + 1) & mask;
    }
  };
  let free = capacity >> 1;
  for (const [id, piece] of pieces.entries()) {
    let node = 0;
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      const slot = slotOf(node, unit);
      if (slots[SLOT * slot] === -1) {
        if (free-- === 0) return undefined;
        slots[SLOT * slot] = node;
        slots[SLOT * slot + UNIT] = unit;
      }
      node = slot;
    }
    if (node > 0) slots[SLOT * node + TOKEN] = id;
  }
  return {
    next(node, unit) {
      const slot = slotOf(node, unit);
      return slots[SLOT * slot] === -1 ? -1 : slot;
    },
    idAt: (node) => slots[SLOT * node + TOKEN] as number,
  };
}

/** All bits of both count for the lowest ones. */
function mixed(node: number, unit: number): number {
  const product = Math.imul(Math.imul(node, 0x9e3779b1) ^ unit, 0x85ebca6b);
  return product ^ (product >>> 15);
}
