import { detached } from './detached.js';
import { SPLIT_PATTERN } from './split-pattern.js';

/**
 * Longer pieces (base64, unspaced scripts without punctuation) are counted in parts of this many UTF-16 units: merges
 * cost the square of a piece's length, and a token that long would serve nobody.
 */
const MAX_PIECE_LENGTH = 256;

/** Beyond this many distinct pieces, the rarer half is forgotten: memory stays bounded on any corpus. */
const MAX_DISTINCT_PIECES = 4_000_000;

export interface PieceCounts {
  /** In order of first appearance. */
  readonly counts: ReadonlyMap<string, number>;
  /** UTF-8 bytes counted. */
  readonly bytes: number;
}

/**
 * How often every piece occurs.
 * @param cut default: by GPT-2's split pattern
 * @param maxDistinct how many pieces are remembered between texts; one text may add more
 */
export async function countPieces(
  texts: AsyncIterable<string> | Iterable<string>,
  cut: (text: string) => readonly string[] = (text) => text.match(SPLIT_PATTERN) ?? [],
  maxDistinct = MAX_DISTINCT_PIECES,
): Promise<PieceCounts> {
  const counts = new Map<string, number>();
  const add = (piece: string): void => {
    const count = counts.get(piece);
    if (count === undefined) counts.set(detached(piece), 1);
    else counts.set(piece, count + 1);
  };
  let bytes = 0;
  for await (const text of texts) {
    bytes += Buffer.byteLength(text);
    for (const piece of cut(text)) {
      if (piece.length <= MAX_PIECE_LENGTH) add(piece);
      else for (const part of partsOf(piece)) add(part);
    }
    if (counts.size > maxDistinct) forgetRarest(counts, Math.floor(maxDistinct / 2));
  }
  return { counts, bytes };
}

/** The rarest go, of equally rare ones those met first: what is frequent stays, however often this happens. */
function forgetRarest(counts: Map<string, number>, most: number): void {
  const sorted = Float64Array.from(counts.values()).sort();
  const least = sorted[counts.size - most] as number;
  for (const [piece, count] of counts) if (count < least) counts.delete(piece);
  for (const [piece, count] of counts) {
    if (counts.size <= most) return;
    if (count === least) counts.delete(piece);
  }
}

/** Parts of at most `MAX_PIECE_LENGTH`, no character cut in two. */
function* partsOf(piece: string): Generator<string> {
  let start = 0;
  while (start < piece.length) {
    let end = Math.min(start + MAX_PIECE_LENGTH, piece.length);
    const last = piece.charCodeAt(end - 1);
    if (end < piece.length && last >= 0xd800 && last < 0xdc00) end--;
    yield piece.slice(start, end);
    start = end;
  }
}
