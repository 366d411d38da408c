/** Sets of Unicode code points, and the UTF-8 bytes that spell them. Surrogates are in no set: UTF-8 cannot spell them. */
export type Range = readonly [low: number, high: number];
/** In rising order, apart from each other. */
export type CodePoints = readonly Range[];

const LAST = 0x10ffff;
export const ALL: CodePoints = [
  [0, 0xd7ff],
  [0xe000, LAST],
];

/** Sorted and joined; surrogates are left out. */
export function codePoints(ranges: readonly Range[]): CodePoints {
  const joined: [number, number][] = [];
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else joined.push([low, high]);
  }
  return intersect(joined, ALL);
}

export function intersect(a: CodePoints, b: CodePoints): CodePoints {
  return a.flatMap(([low, high]) =>
    b.flatMap(([from, to]): Range[] => {
      const common: Range = [Math.max(low, from), Math.min(high, to)];
      return common[0] <= common[1] ? [common] : [];
    }),
  );
}

export function without(set: CodePoints, removed: CodePoints): CodePoints {
  let next = 0;
  const kept: Range[] = [];
  for (const [low, high] of removed) {
    if (low > next) kept.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= LAST) kept.push([next, LAST]);
  return intersect(set, kept);
}

export const only = (character: string): CodePoints => {
  const point = character.codePointAt(0) as number;
  return [[point, point]];
};

/**
 * The byte sequences that spell a set, as sequences of byte ranges (Russ Cox, "Regular Expression Matching in the Wild",
 * 2010: a range is cut where its encodings change length or a byte).
 */
export function utf8Sequences(set: CodePoints): Range[][] {
  return set.flatMap(([low, high]) => split(low, high));
}

function split(low: number, high: number): Range[][] {
  for (const last of [0x7f, 0x7ff, 0xffff]) {
    if (low <= last && high > last) return [...split(low, last), ...split(last + 1, high)];
  }
  if (high <= 0x7f) return [[[low, high]]];
  // where the last i bytes do not run through all their values, the range is cut
  for (let shift = 6; shift <= 18; shift += 6) {
    const mask = (1 << shift) - 1;
    if ((low & ~mask) === (high & ~mask)) break;
    if ((low & mask) !== 0) return [...split(low, low | mask), ...split((low | mask) + 1, high)];
    if ((high & mask) !== mask) return [...split(low, (high & ~mask) - 1), ...split(high & ~mask, high)];
  }
  const [first, last] = [encode(low), encode(high)];
  return [first.map((byte, index): Range => [byte, last[index] as number])];
}

const encode = (point: number): number[] => [...Buffer.from(String.fromCodePoint(point))];
