/** Counting is exact while pieces are few, and bounded when they are many. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { countPieces } from './count-pieces.js';

const words = (text: string): readonly string[] => text.split(' ');

describe('countPieces', () => {
  test('counts in order of first appearance, bytes in UTF-8', async () => {
    const { counts, bytes } = await countPieces(['b a 学', 'a'], words);
    expect([...counts]).toEqual([
      ['b', 1],
      ['a', 2],
      ['学', 1],
    ]);
    expect(bytes).toBe(8);
  });

  test('long pieces are counted in parts, no character cut in two', async () => {
    const { counts } = await countPieces(['x'.repeat(255) + '😀'.repeat(10)], (text) => [text]);
    expect([...counts.keys()]).toEqual(['x'.repeat(255), '😀'.repeat(10)]);
  });

  test('what is frequent is never forgotten, however often the rare is', async () => {
    function* texts(): Generator<string> {
      // each text brings pieces that never come again
      for (let i = 0; i < 500; i++) yield `the of ${Array.from({ length: 20 }, (_, k) => `rare${i}-${k}`).join(' ')}`;
    }
    const { counts } = await countPieces(texts(), words, 100);
    expect(counts.size).toBeLessThanOrEqual(122);
    expect([counts.get('the'), counts.get('of')]).toEqual([500, 500]);
    // the newest of the rare, which may yet come again
    expect(counts.has('rare499-19')).toBe(true);
  });

  test('keeps no text alive for the sake of a piece', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const megabyte = 'some words again '.repeat(60_000);
    function* texts(): Generator<string> {
      // through a buffer, so that every text has memory of its own
      for (let i = 0; i < 64; i++) yield Buffer.from(`${megabyte}an-uncommonly-long-word-${i}`).toString();
    }
    collect();
    const before = process.memoryUsage().heapUsed;
    const { counts } = await countPieces(texts(), words);
    collect();
    expect(counts.size).toBe(67);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(16e6);
  });
});
