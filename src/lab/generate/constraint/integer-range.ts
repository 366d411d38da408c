/** Whole numbers from one bound to another, as patterns of digits. */
import type { GrammarBuilder, Piece } from './byte-grammar.js';

/** Digits from `low` to `high` at each place. */
type DigitRanges = readonly (readonly [low: number, high: number])[];

/** @param low @param high safe integers, `low` at most `high` */
export function integerRange({ byte, either, sequence, literal }: GrammarBuilder, low: number, high: number): Piece {
  const spell = (places: DigitRanges): Piece => sequence(places.map(([from, to]) => byte([[0x30 + from, 0x30 + to]])));
  const minus = (): Piece => literal(Uint8Array.of(0x2d));
  const negative = low < 0 ? between(Math.max(1, -high), -low) : [];
  const positive = high >= 0 ? between(Math.max(0, low), high) : [];
  return either([...positive.map(spell), ...negative.map((places) => sequence([minus(), spell(places)]))]);
}

/** Both bounds are 0 or more. */
function between(low: number, high: number): DigitRanges[] {
  const found: DigitRanges[] = [];
  for (let from = low; from <= high;) {
    const to = Math.min(high, 10 ** String(from).length - 1);
    found.push(...sameLength(String(from), String(to)));
    from = to + 1;
  }
  return found;
}

/** @param low @param high numbers of as many digits */
function sameLength(low: string, high: string): DigitRanges[] {
  if (low === '') return [[]];
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const starting = (from: number, to: number, rests: readonly DigitRanges[]): DigitRanges[] =>
    rests.map((rest) => [[from, to], ...rest]);
  if (first === last) return starting(first, first, sameLength(lowRest, highRest));
  const [zeros, nines] = ['0'.repeat(lowRest.length), '9'.repeat(lowRest.length)];
  const isLowWhole = lowRest === zeros;
  const isHighWhole = highRest === nines;
  const [from, to] = [isLowWhole ? first : first + 1, isHighWhole ? last : last - 1];
  return [
    ...(isLowWhole ? [] : starting(first, first, sameLength(lowRest, nines))),
    ...(from <= to ? starting(from, to, sameLength(zeros, nines)) : []),
    ...(isHighWhole ? [] : starting(last, last, sameLength(zeros, highRest))),
  ];
}
