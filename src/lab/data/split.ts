import { createHash } from 'node:crypto';
import { MoatError } from '../../base/errors.js';
import { createNumberList } from './number-list.js';

/**
 * Where a document goes: it trains the model, or tells training when to stop and which checkpoint to keep, or measures the
 * model once all of that is decided.
 */
export const SIDES = ['train', 'validation', 'test'] as const;
export type Side = (typeof SIDES)[number];

/** Shares of documents, each in (0, 1); the rest trains. */
export interface SplitFractions {
  readonly validation: number;
  readonly test: number;
}

/** Documents that wait until every side has one; after so many the decision is made with what there is. */
const MAX_WAITING = 10_000;

/**
 * A number in [0, 1) that depends on the text's letters and the seed alone. Documents that differ only in case, digits,
 * punctuation or space get the same number, so that near-copies fall on the same side.
 */
export function splitNumber(text: string, seed: number): number {
  const letters = text.toLowerCase().replace(/\P{L}+/gu, '');
  return hashNumber(letters === '' ? text : letters, seed);
}

function hashNumber(text: string, seed: number): number {
  const digest = createHash('sha256').update(`${seed}\n${text}`).digest();
  return Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53;
}

/**
 * Decides the side of every document; those of one cluster stay together. Order is kept within each side. In a corpus so
 * small that chance leaves a side empty, those with the nearest numbers are moved there; of two different documents one
 * tests and none validates.
 * @throws MoatError `corpus-too-small` for fewer than two different documents
 */
export async function* splitDocuments<T extends { readonly text: string }>(
  documents: AsyncIterable<{ readonly document: T; readonly cluster?: number }>,
  fractions: SplitFractions,
  seed: number,
): AsyncGenerator<{ document: T; side: Side }> {
  const numberOf = createNumbering(seed);
  const asked: Borders = [fractions.test, fractions.test + fractions.validation];
  let borders: Borders | undefined;
  const waiting: Numbered<T>[] = [];
  const seen = new Set<Side>();
  for await (const { document, cluster } of documents) {
    const number = numberOf(document.text, cluster);
    if (borders !== undefined) {
      yield { document, side: sideOf(number, borders) };
      continue;
    }
    waiting.push({ document, number });
    seen.add(sideOf(number, asked));
    if (seen.size < SIDES.length && waiting.length < MAX_WAITING) continue;
    borders = bordersBetween(waiting, asked);
    if (borders !== undefined) yield* placed(waiting.splice(0), borders);
  }
  if (waiting.length > 0 || borders === undefined) yield* release(waiting, asked, seed);
}

interface Numbered<T> {
  readonly document: T;
  readonly number: number;
}

/** Below the first number a document tests, below the second it validates. */
type Borders = readonly [number, number];

/** Texts of one cluster have the number of its first. */
function createNumbering(seed: number): (text: string, cluster: number | undefined) => number {
  // plus one, so that 0 means none yet
  const numbers = createNumberList('any');
  return (text, cluster) => {
    if (cluster === undefined) return splitNumber(text, seed);
    const known = numbers.at(cluster);
    if (known > 0) return known - 1;
    const number = splitNumber(text, seed);
    numbers.set(cluster, number + 1);
    return number;
  };
}

function sideOf(number: number, [test, validation]: Borders): Side {
  if (number < test) return 'test';
  return number < validation ? 'validation' : 'train';
}

function* placed<T>(waiting: readonly Numbered<T>[], borders: Borders): Generator<{ document: T; side: Side }> {
  for (const { document, number } of waiting) yield { document, side: sideOf(number, borders) };
}

/** The borders asked for, moved as little as leaves no side empty; undefined for fewer than two different numbers. */
function bordersBetween(waiting: readonly { readonly number: number }[], asked: Borders): Borders | undefined {
  const numbers = [...new Set(waiting.map(({ number }) => number))].sort((a, b) => a - b);
  const [, second] = numbers;
  if (second === undefined) return undefined;
  if (numbers.length < SIDES.length) return [second, second];
  const below = (border: number): number => numbers.filter((number) => number < border).length;
  const within = (count: number, least: number, most: number): number => Math.min(most, Math.max(least, count));
  const tests = within(below(asked[0]), 1, numbers.length - 2);
  const held = within(below(asked[1]), tests + 1, numbers.length - 1);
  const border = (count: number, wanted: number): number =>
    count === below(wanted) ? wanted : (numbers[count] as number);
  return [border(tests, asked[0]), border(held, asked[1])];
}

/** What waited until the end. */
function* release<T extends { readonly text: string }>(
  waiting: readonly Numbered<T>[],
  asked: Borders,
  seed: number,
): Generator<{ document: T; side: Side }> {
  const borders = bordersBetween(waiting, asked);
  if (borders !== undefined) return yield* placed(waiting, borders);
  // a small corpus in which everything is alike is split all the same, by every character of its texts
  const apart = waiting.map(({ document }) => ({ document, number: hashNumber(document.text, seed) }));
  const theirs = bordersBetween(apart, asked);
  if (theirs !== undefined) return yield* placed(apart, theirs);
  const what = `the corpus has ${waiting.length} usable document${waiting.length === 1 ? '' : 's'} and no two that differ`;
  throw new MoatError('corpus-too-small', what, {
    fix: 'Add documents: one is held out to measure the model, the others train it.',
  });
}
