import { describe, expect, test } from 'vitest';
import type { SavedRows } from './key-value-cache.js';
import { MIN_PREFIX, createPrefixCache } from './prefix-cache.js';

const tokens = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const rows = (length: number): SavedRows => ({ length, sizeBytes: length * 10, arrays: [], states: [] });

test('finds the longest beginning in common, up to the limit', () => {
  const cache = createPrefixCache(1e6, false);
  cache.keep('a', tokens(40), () => rows(40));
  cache.keep('a', [7, ...tokens(60)], () => rows(61));
  expect(cache.find('a', [...tokens(39), 5, 5], 100)?.length).toBe(39);
  expect(cache.find('a', tokens(40), 39)?.length).toBe(39);
  expect(cache.find('a', [7, ...tokens(29), -1], 100)?.length).toBe(30);
  expect(cache.find('a', tokens(MIN_PREFIX - 1), 100), 'too short to be worth it').toBeUndefined();
});

test('one scope never sees what another left', () => {
  const cache = createPrefixCache(1e6, false);
  cache.keep('a', tokens(40), () => rows(40));
  expect(cache.find('b', tokens(40), 100)).toBeUndefined();
});

test('rows that continue others take their place; known beginnings are not saved again', () => {
  const cache = createPrefixCache(1e6, false);
  cache.keep('', tokens(30), () => rows(30));
  cache.keep('', tokens(50), () => rows(50));
  expect(cache.sizeBytes).toBe(500);
  cache.keep('', tokens(20), () => {
    throw new Error('saved again');
  });
  expect(cache.find('', tokens(50), 100)?.rows.length).toBe(50);
});

test('stays within its bytes, and what was used longest ago goes first', () => {
  const cache = createPrefixCache(900, false);
  for (const first of [1, 2, 3]) {
    cache.keep('', [first, ...tokens(30)], () => rows(30));
    cache.find('', [1, ...tokens(30)], 100);
  }
  expect(cache.sizeBytes).toBeLessThanOrEqual(900);
  cache.keep('', [4, ...tokens(30)], () => rows(30));
  const known = [1, 2, 3, 4].filter((first) => cache.find('', [first, ...tokens(30)], 100) !== undefined);
  expect(known).toEqual([1, 3, 4]);
  cache.keep('', [5, ...tokens(100)], () => rows(100));
  expect(cache.find('', [5, ...tokens(100)], 200), 'larger than everything').toBeUndefined();
});

describe('with recurrent states', () => {
  test('rows are good for all their tokens or for none', () => {
    const cache = createPrefixCache(1e6, true);
    cache.keep('', tokens(30), () => rows(30));
    expect(cache.find('', tokens(31), 100)?.length).toBe(30);
    expect(cache.find('', tokens(30), 29)).toBeUndefined();
    expect(cache.find('', [...tokens(25), 0, 0, 0, 0, 0, 0, 0], 100)).toBeUndefined();
  });
});
