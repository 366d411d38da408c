import { createHash } from 'node:crypto';
import { MoatError } from '../../base/errors.js';
import { createNumberList } from './number-list.js';

export type Side = 'train' | 'heldout';

/** Documents that wait until both sides have one; after so many the decision is made with what there is. */
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
 * Decides for every document whether it trains or measures; those of one cluster stay together. Order is kept within each side. In a corpus so small that
 * chance leaves one side empty, the document with the lowest number (or highest) is moved over.
 * @param heldOutFraction in (0, 1)
 * @throws MoatError `corpus-too-small` for fewer than two different documents
 */
export async function* splitDocuments<T extends { readonly text: string }>(
  documents: AsyncIterable<{ readonly document: T; readonly cluster?: number }>,
  heldOutFraction: number,
  seed: number,
): AsyncGenerator<{ document: T; side: Side }> {
  const numberOf = createNumbering(seed);
  let waiting: { document: T; number: number }[] | undefined = [];
  for await (const { document, cluster } of documents) {
    const number = numberOf(document.text, cluster);
    if (waiting === undefined) {
      yield { document, side: sideOf(number, heldOutFraction) };
      continue;
    }
    waiting.push({ document, number });
    const first = sideOf((waiting[0] as { number: number }).number, heldOutFraction);
    if (sideOf(number, heldOutFraction) !== first || waiting.length === MAX_WAITING) {
      yield* release(waiting, heldOutFraction, seed);
      waiting = undefined;
    }
  }
  if (waiting !== undefined) yield* release(waiting, heldOutFraction, seed);
}

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

function sideOf(number: number, heldOutFraction: number): Side {
  return number < heldOutFraction ? 'heldout' : 'train';
}

function* release<T extends { readonly text: string }>(
  waiting: readonly { document: T; number: number }[],
  heldOutFraction: number,
  seed: number,
): Generator<{ document: T; side: Side }> {
  const numbered = areAllEqual(waiting) ? apart(waiting, seed) : waiting;
  const numbers = numbered.map(({ number }) => number).sort((a, b) => a - b);
  const [lowest, highest] = [numbers[0] as number, numbers.at(-1) as number];
  // A fraction just above the lowest number and not above the highest leaves neither side empty.
  const border = heldOutFraction <= lowest ? Math.min(highest, lowest + 2 ** -53) : Math.min(heldOutFraction, highest);
  for (const { document, number } of numbered) yield { document, side: sideOf(number, border) };
}

const areAllEqual = (waiting: readonly { number: number }[]): boolean =>
  waiting.every(({ number }) => number === waiting[0]?.number);

/** A small corpus in which everything is alike is split all the same, by every character of its texts. */
function apart<T extends { readonly text: string }>(waiting: readonly { document: T }[], seed: number) {
  const numbered = waiting.map(({ document }) => ({ document, number: hashNumber(document.text, seed) }));
  if (waiting.length > 1 && !areAllEqual(numbered)) return numbered;
  const what = `the corpus has ${waiting.length} usable document${waiting.length === 1 ? '' : 's'} and no two that differ`;
  throw new MoatError('corpus-too-small', what, {
    fix: 'Add documents: one is held out to measure the model, the others train it.',
  });
}
