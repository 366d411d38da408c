import { describe, expect, test } from 'vitest';
import { createDuplicateIndex, digestOf } from './exact-duplicates.js';

describe('exact duplicates', () => {
  test('white space does not count, letters do', () => {
    expect(digestOf(' a  b\n c ')).toEqual(digestOf('a b c'));
    expect(digestOf('a b c')).not.toEqual(digestOf('a b C'));
  });

  test('among more texts than the first table holds, each copy finds its first', () => {
    const index = createDuplicateIndex();
    const digests = Array.from({ length: 20_000 }, (_, number) => digestOf(`text ${number}`));
    for (const [number, digest] of digests.entries()) expect(index.firstWith(digest, number)).toBeUndefined();
    for (const [number, digest] of digests.entries()) expect(index.firstWith(digest, 0)).toBe(number);
  });

  test('digests that fall on one slot are told apart', () => {
    const index = createDuplicateIndex();
    const digests = [1, 2, 3].map((last) => Uint32Array.of(7, 7, 7, last));
    for (const [number, digest] of digests.entries()) expect(index.firstWith(digest, number)).toBeUndefined();
    for (const [number, digest] of digests.entries()) expect(index.firstWith(digest, 9)).toBe(number);
  });
});
