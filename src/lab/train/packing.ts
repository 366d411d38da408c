/**
 * Several documents in one window without one seeing the other: for every token, which document of the row it belongs
 * to and where in that document it stands. Knows token ids and where documents start.
 */
import { type Value, integers } from '../runtime/program.js';
import type { BatchShape } from './language-objective.js';

/**
 * The end-of-text before a document counts as its first token: it is what the document is begun from when text is
 * generated, so its beginning is learned from it and from nothing before it.
 * @param starts where each row's window starts in the stream
 * @param documentStarts in rising order
 * @returns feeds `segments` and `positions`, each `[batchSize, sequenceLength]`
 */
export function packingFeeds(
  starts: readonly number[],
  documentStarts: ArrayLike<number>,
  { sequenceLength }: BatchShape,
): { segments: Value; positions: Value } {
  const segments = new Float64Array(starts.length * sequenceLength);
  const positions = new Float64Array(starts.length * sequenceLength);
  for (const [row, start] of starts.entries()) {
    let document = firstAfter(documentStarts, start);
    let segment = 0;
    let position = 0;
    for (let i = 0; i < sequenceLength; i++) {
      // a document begins with the end-of-text in front of it
      if (i > 0 && start + i === (documentStarts[document] ?? Infinity) - 1) {
        document++;
        segment++;
        position = 0;
      }
      segments[row * sequenceLength + i] = segment;
      positions[row * sequenceLength + i] = position++;
    }
  }
  const dims = [starts.length, sequenceLength];
  return { segments: integers(segments, dims), positions: integers(positions, dims) };
}

/** The index of the first document whose end-of-text lies after `token`. */
function firstAfter(documentStarts: ArrayLike<number>, token: number): number {
  let low = 0;
  let high = documentStarts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((documentStarts[middle] as number) - 1 > token) high = middle;
    else low = middle + 1;
  }
  return low;
}
