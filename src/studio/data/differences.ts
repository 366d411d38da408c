/** Of one of two texts, in order; `isOwn` where the other has not the same. */
export interface Stretch {
  readonly text: string;
  readonly isOwn: boolean;
}

/** Words, white space, and each character of a script without spaces. */
const PIECE = /\p{Script=Han}|[\p{L}\p{N}]+|\s+|[^]/gu;
/** Beyond, the table of the comparison would be too large. */
const MAX_PIECES = 800;

/**
 * What two texts have in common, by their longest common subsequence of words (Hunt and McIlroy 1976); of white space only that
 * there is some. Of long texts the beginnings are compared.
 */
export function differences(left: string, right: string): readonly [Stretch[], Stretch[]] {
  const [a, b] = [left.match(PIECE) ?? [], right.match(PIECE) ?? []];
  const [heads, tails] = [a.slice(0, MAX_PIECES), b.slice(0, MAX_PIECES)];
  const [inLeft, inRight] = common(heads.map(sameSpace), tails.map(sameSpace));
  return [stretchesOf(a, inLeft), stretchesOf(b, inRight)];
}

const sameSpace = (piece: string): string => (/^\s/.test(piece) ? ' ' : piece);

/** Places of a longest common subsequence in both. */
function common(a: readonly string[], b: readonly string[]): readonly [Set<number>, Set<number>] {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const [inA, inB] = [new Set<number>(), new Set<number>()];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) {
      inA.add(i++);
      inB.add(j++);
    } else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return [inA, inB];
}

function stretchesOf(pieces: readonly string[], shared: ReadonlySet<number>): Stretch[] {
  const stretches: { text: string; isOwn: boolean }[] = [];
  pieces.forEach((text, index) => {
    const isOwn = index < MAX_PIECES && !shared.has(index);
    const last = stretches.at(-1);
    if (last?.isOwn === isOwn) last.text += text;
    else stretches.push({ text, isOwn });
  });
  return stretches;
}
