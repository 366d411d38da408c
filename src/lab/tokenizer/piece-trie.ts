/** Token spellings as a tree of UTF-16 units, in flat arrays: some 12 bytes a node, however large the vocabulary. */
export interface PieceTrie {
  /** The node behind `node` by this unit, or −1. The root is 0. */
  next(node: number, unit: number): number;
  /** The id of the token that ends at a node, or −1. */
  idAt(node: number): number;
}

/** @param pieces index = id; of two that are spelled alike the later counts, as in the reference */
export function createPieceTrie(pieces: readonly string[]): PieceTrie {
  const units = pieces.reduce((sum, piece) => sum + piece.length, 1);
  const capacity = 2 ** Math.ceil(Math.log2(2 * units + 1));
  const mask = capacity - 1;
  const parents = new Int32Array(capacity).fill(-1);
  const labels = new Uint16Array(capacity);
  const children = new Int32Array(capacity);
  const ids = new Int32Array(units).fill(-1);
  let nodeCount = 1;
  /** The slot of an edge, or of the place where it belongs. */
  const slotOf = (node: number, unit: number): number => {
    let slot = (Math.imul(node, 0x9e3779b1) ^ Math.imul(unit + 1, 0x85ebca6b)) & mask;
    while (parents[slot] !== -1 && (parents[slot] !== node || labels[slot] !== unit)) slot = (slot + 1) & mask;
    return slot;
  };
  for (const [id, piece] of pieces.entries()) {
    let node = 0;
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      const slot = slotOf(node, unit);
      if (parents[slot] === -1) {
        parents[slot] = node;
        labels[slot] = unit;
        children[slot] = nodeCount++;
      }
      node = children[slot] as number;
    }
    if (node > 0) ids[node] = id;
  }
  return {
    next(node, unit) {
      const slot = slotOf(node, unit);
      return parents[slot] === -1 ? -1 : (children[slot] as number);
    },
    idAt: (node) => ids[node] as number,
  };
}
