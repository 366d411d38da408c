import { expect, test } from 'vitest';
import { packingFeeds } from './packing.js';

const numbers = (data: ArrayLike<unknown>): number[] => Array.from(data, Number);

test('a document begins with the end-of-text before it, counts from 0, and is a segment of its own', () => {
  // stream: a a a E b b E c c c c E d …; documents start at 0, 4, 7, 12
  const starts = [0, 4, 7, 12];
  const { segments, positions } = packingFeeds([0, 5], starts, { batchSize: 2, sequenceLength: 8 });
  expect(numbers(segments.data)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, /* from 5: */ 0, 1, 1, 1, 1, 1, 2, 2]);
  expect(numbers(positions.data)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, /* from 5: */ 0, 0, 1, 2, 3, 4, 0, 1]);
  expect(segments.dims).toEqual([2, 8]);
});

test('a window inside one document, and one after the last start', () => {
  const { segments, positions } = packingFeeds([3, 20], [0, 100], { batchSize: 2, sequenceLength: 4 });
  expect(numbers(segments.data)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  expect(numbers(positions.data)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
});
