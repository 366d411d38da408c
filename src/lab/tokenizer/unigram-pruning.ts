import { type WeightedPieces, createLattice } from './unigram-lattice.js';

/**
 * The pieces whose loss would make the texts least probable are dropped; how much one is worth follows from how often the
 * best ways to cut the texts use it, and from what it would be cut into without it.
 * @param size how many are left
 */
export function pruneUnigram(
  pieces: WeightedPieces,
  counts: ReadonlyMap<string, number>,
  keep: ReadonlySet<string>,
  size: number,
): WeightedPieces {
  const lattice = createLattice(pieces);
  const used = new Float64Array(pieces.length);
  for (const [text, count] of counts) {
    for (const id of lattice.bestPath(text)) if (id >= 0) used[id] = (used[id] as number) + count;
  }
  const total = used.reduce((sum, count) => sum + count, 0);
  const logTotal = Math.log(total);
  const kept: number[] = [];
  const candidates: { readonly id: number; readonly loss: number }[] = [];
  for (const [id, [piece]] of pieces.entries()) {
    if (keep.has(piece)) {
      kept.push(id);
      continue;
    }
    const count = used[id] as number;
    // never part of a best way: it is not missed
    if (count === 0) continue;
    const parts = lattice.bestPath(piece, id);
    if (parts.includes(-1)) {
      kept.push(id);
      continue;
    }
    const logProbability = Math.log(count) - logTotal;
    const logAfter = Math.log(total + count * (parts.length - 1));
    const logInstead = parts.reduce((sum, part) => sum + Math.log((used[part] as number) + count) - logAfter, 0);
    candidates.push({ id, loss: (count / total) * (logProbability - logInstead) });
  }
  candidates.sort((a, b) => b.loss - a.loss || a.id - b.id);
  const rest = candidates.slice(0, Math.max(0, size - kept.length)).map(({ id }) => id);
  return [...kept, ...rest].sort((a, b) => a - b).map((id) => pieces[id] as readonly [string, number]);
}
