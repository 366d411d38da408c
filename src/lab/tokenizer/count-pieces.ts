import { SPLIT_PATTERN } from './split-pattern.js';

/**
 * Longer pieces (base64, unspaced scripts without punctuation) are counted in parts of this many UTF-16 units: merges
 * cost the square of a piece's length, and a token that long would serve nobody.
 */
const MAX_PIECE_LENGTH = 256;

/** Beyond this many distinct pieces, those seen least are forgotten: memory stays bounded on any corpus. */
const MAX_DISTINCT_PIECES = 4_000_000;

export interface PieceCounts {
  /** In order of first appearance. */
  readonly counts: ReadonlyMap<string, number>;
  /** UTF-8 bytes counted. */
  readonly bytes: number;
}

/** How often every piece occurs. @param cut default: by GPT-2's split pattern */
export async function countPieces(
  texts: AsyncIterable<string> | Iterable<string>,
  cut: (text: string) => readonly string[] = (text) => text.match(SPLIT_PATTERN) ?? [],
): Promise<PieceCounts> {
  const counts = new Map<string, number>();
  let bytes = 0;
  let forgetBelow = 2;
  for await (const text of texts) {
    bytes += Buffer.byteLength(text);
    for (const piece of cut(text)) {
      if (piece.length <= MAX_PIECE_LENGTH) counts.set(piece, (counts.get(piece) ?? 0) + 1);
      else for (const part of partsOf(piece)) counts.set(part, (counts.get(part) ?? 0) + 1);
    }
    while (counts.size > MAX_DISTINCT_PIECES) {
      for (const [piece, count] of counts) if (count < forgetBelow) counts.delete(piece);
      forgetBelow *= 2;
    }
  }
  return { counts, bytes };
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
