import type { WeightedPieces } from './unigram-lattice.js';

/** Longest piece in UTF-16 units. */
const MAX_UNITS = 16;
/** A substring seen fewer times teaches nothing. */
const LEAST_COUNT = 2;
/** Substrings to begin with, as SentencePiece takes; of more, those that cover most text. */
const MAX_SEEDS = 1_000_000;

/**
 * All substrings that occur more than once, weighted by how much text they cover, and the characters that must stay. Found
 * by length: a substring is counted only where both of its halves less one character were frequent (Agrawal & Srikant's
 * Apriori), so that memory follows what is frequent and not what there is.
 */
export function seedPieces(counts: ReadonlyMap<string, number>, keep: ReadonlySet<string>): WeightedPieces {
  const seeds: [string, number][] = [];
  const characters = new Map<string, number>();
  for (const [text, count] of counts) {
    for (const character of text) characters.set(character, (characters.get(character) ?? 0) + count);
  }
  let frequent: ReadonlySet<string> = new Set();
  for (let units = 2; units <= MAX_UNITS; units++) {
    const counted = countSubstrings(counts, units, units === 2 ? undefined : frequent);
    const found = [...counted].filter(([, count]) => count >= LEAST_COUNT);
    if (found.length === 0) break;
    frequent = new Set(found.map(([piece]) => piece));
    for (const [piece, count] of found) {
      if (isWhole(piece) && !characters.has(piece)) seeds.push([piece, count * piece.length]);
    }
  }
  seeds.sort(([a, weightA], [b, weightB]) => weightB - weightA || (a < b ? -1 : 1));
  const singles = [...keep].map((character): [string, number] => [character, characters.get(character) ?? 1]);
  const chosen = [...singles, ...seeds.slice(0, MAX_SEEDS)];
  const logTotal = Math.log(chosen.reduce((sum, [, weight]) => sum + weight, 0));
  return chosen.map(([piece, weight]) => [piece, Math.log(weight) - logTotal] as const);
}

/** @param frequent the substrings one unit shorter that were frequent; undefined: all */
function countSubstrings(
  counts: ReadonlyMap<string, number>,
  units: number,
  frequent: ReadonlySet<string> | undefined,
): Map<string, number> {
  const found = new Map<string, number>();
  for (const [text, count] of counts) {
    let isHeadFrequent = frequent === undefined || frequent.has(text.slice(0, units - 1));
    for (let start = 0; start + units <= text.length; start++) {
      const isTailFrequent = frequent === undefined || frequent.has(text.slice(start + 1, start + units));
      if (isHeadFrequent && isTailFrequent) {
        const piece = text.slice(start, start + units);
        found.set(piece, (found.get(piece) ?? 0) + count);
      }
      isHeadFrequent = isTailFrequent;
    }
  }
  return found;
}

/** Cuts no surrogate pair in two. */
function isWhole(piece: string): boolean {
  return !/\p{Cs}/u.test(piece);
}
