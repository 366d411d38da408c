import { createHash } from 'node:crypto';
import { MoatError } from '../../base/errors.js';

export type Side = 'train' | 'heldout';

/** Documents that wait until both sides have one; after so many the decision is made with what there is. */
const MAX_WAITING = 10_000;

/**
 * A number in [0, 1) that depends on the text's letters and the seed alone. Documents that differ only in case, digits,
 * punctuation or space get the same number, so that near-copies fall on the same side.
 */
export function splitNumber(text: string, seed: number): number {
  const letters = text.toLowerCase().replace(/\P{L}+/gu, '');
  const digest = createHash('sha256')
    .update(`${seed}\n${letters === '' ? text : letters}`)
    .digest();
  return Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53;
}

/**
 * Decides for every document whether it trains or measures. Order is kept within each side. In a corpus so small that
 * chance leaves one side empty, the document with the lowest number (or highest) is moved over.
 * @param heldOutFraction in (0, 1)
 * @throws MoatError `corpus-too-small` for fewer than two different documents
 */
export async function* splitDocuments<T extends { readonly text: string }>(
  documents: AsyncIterable<T>,
  heldOutFraction: number,
  seed: number,
): AsyncGenerator<{ document: T; side: Side }> {
  let waiting: { document: T; number: number }[] | undefined = [];
  for await (const document of documents) {
    const number = splitNumber(document.text, seed);
    if (waiting === undefined) {
      yield { document, side: sideOf(number, heldOutFraction) };
      continue;
    }
    waiting.push({ document, number });
    const first = sideOf((waiting[0] as { number: number }).number, heldOutFraction);
    if (sideOf(number, heldOutFraction) !== first || waiting.length === MAX_WAITING) {
      yield* release(waiting, heldOutFraction);
      waiting = undefined;
    }
  }
  if (waiting !== undefined) yield* release(waiting, heldOutFraction);
}

function sideOf(number: number, heldOutFraction: number): Side {
  return number < heldOutFraction ? 'heldout' : 'train';
}

function* release<T>(
  waiting: readonly { document: T; number: number }[],
  heldOutFraction: number,
): Generator<{ document: T; side: Side }> {
  const numbers = waiting.map(({ number }) => number).sort((a, b) => a - b);
  const lowest = numbers[0];
  const highest = numbers.at(-1);
  if (lowest === undefined || highest === undefined || lowest === highest) {
    throw new MoatError(
      'corpus-too-small',
      `the corpus has ${waiting.length} usable document(s), at least 2 are needed`,
      {
        fix: 'Add documents: one is held out to measure the model, the others train it.',
      },
    );
  }
  // A fraction just above the lowest number and not above the highest leaves neither side empty.
  const border = heldOutFraction <= lowest ? Math.min(highest, lowest + 2 ** -53) : Math.min(heldOutFraction, highest);
  for (const { document, number } of waiting) yield { document, side: sideOf(number, border) };
}
