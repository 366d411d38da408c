/** Which records measure and which teach. Records of one id stay on one side, so that no translation of a record leaks. */
import { createHash } from 'node:crypto';

/**
 * By the hash of the id: the same records are held out whatever else is in the file, and again next time.
 * @param fraction of the ids, in [0, 1); when it asks for some and there are two ids or more, each side has one at least
 */
export function splitHeldOut<T extends { readonly id: string }>(
  records: readonly T[],
  fraction: number,
): { readonly train: T[]; readonly heldOut: T[] } {
  const ids = [...new Set(records.map(({ id }) => id))];
  if (fraction === 0 || ids.length < 2) return { train: [...records], heldOut: [] };
  const ranked = ids
    .map((id) => ({ id, rank: createHash('sha256').update(id).digest('hex') }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const count = Math.min(ids.length - 1, Math.max(1, Math.round(ids.length * fraction)));
  const chosen = new Set(ranked.slice(0, count).map(({ id }) => id));
  return { train: records.filter(({ id }) => !chosen.has(id)), heldOut: records.filter(({ id }) => chosen.has(id)) };
}
