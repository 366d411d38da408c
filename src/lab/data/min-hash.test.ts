/** Planted near-duplicates are found, what is unlike is not, and the estimate is near the truth. */
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { createNearDuplicateIndex, minHash, shinglesOf } from './min-hash.js';

const THRESHOLD = 0.7;

/** Words of a made-up vocabulary, or Han characters. */
function textOf(rng: Rng, length: number, kind: 'words' | 'han'): string[] {
  return Array.from({ length }, () =>
    kind === 'words' ? `w${rng.below(5000).toString(36)}x` : String.fromCodePoint(0x4e00 + rng.below(3000)),
  );
}

/** Some places of a text replaced by others of the same kind. */
function changed(parts: readonly string[], places: number, rng: Rng, kind: 'words' | 'han'): string[] {
  const copy = [...parts];
  for (let i = 0; i < places; i++) copy[rng.below(copy.length)] = textOf(rng, 1, kind)[0] as string;
  return copy;
}

const written = (parts: readonly string[], kind: 'words' | 'han'): string => parts.join(kind === 'words' ? ' ' : '');

function jaccard(a: string, b: string): number {
  const [one, other] = [new Set(shinglesOf(a)), new Set(shinglesOf(b))];
  const common = [...one].filter((shingle) => other.has(shingle)).length;
  return common / (one.size + other.size - common);
}

describe.each(['words', 'han'] as const)('in %s', (kind) => {
  test('finds at least 95 % of those at 0.8 or more, and under 1 % of those below 0.5', () => {
    const rng = Rng.fromSeed(kind === 'words' ? 3 : 4);
    const counts = { alike: 0, found: 0, unlike: 0, flagged: 0 };
    for (let pair = 0; pair < 600; pair++) {
      const parts = textOf(rng, 60 + rng.below(200), kind);
      const other = changed(parts, rng.below(1 + Math.floor(parts.length / 6)), rng, kind);
      const index = createNearDuplicateIndex(THRESHOLD);
      const [a, b] = [written(parts, kind), written(other, kind)];
      expect(index.findOrKeep(minHash(a), 0)).toBeUndefined();
      const alike = index.findOrKeep(minHash(b), 1);
      const found = alike?.isCopy === true ? alike : undefined;
      const truth = jaccard(a, b);
      if (found !== undefined) expect(Math.abs(found.similarity - truth)).toBeLessThan(0.2);
      if (truth >= 0.8) {
        counts.alike++;
        if (found?.document === 0) counts.found++;
      }
      if (truth < 0.5) {
        counts.unlike++;
        if (found !== undefined) counts.flagged++;
      }
    }
    expect(Math.min(counts.alike, counts.unlike)).toBeGreaterThan(80);
    expect(counts.found / counts.alike).toBeGreaterThanOrEqual(0.95);
    expect(counts.flagged / counts.unlike).toBeLessThan(0.01);
  });

  test('among thousands of others it names the right one', () => {
    const rng = Rng.fromSeed(9);
    const index = createNearDuplicateIndex(THRESHOLD);
    const originals = Array.from({ length: 3000 }, () => textOf(rng, 80, kind));
    for (const [id, parts] of originals.entries())
      expect(index.findOrKeep(minHash(written(parts, kind)), id)).toBeUndefined();
    for (const id of [0, 700, 1500, 2999]) {
      const copy = changed(originals[id] as string[], 1, rng, kind);
      expect(index.findOrKeep(minHash(written(copy, kind)), 3000)?.document).toBe(id);
    }
  });
});

test('case, accents, digits, punctuation and space are no difference', () => {
  const index = createNearDuplicateIndex(THRESHOLD);
  index.findOrKeep(minHash('On 3 May 2024 the Café sold 17 blue cups, and 4 red ones.'), 7);
  expect(index.findOrKeep(minHash('on 12 may 1999:  the cafe — sold 2 BLUE cups and 41 red ones'), 8)).toEqual({
    isCopy: true,
    document: 7,
    similarity: 1,
  });
});

test('texts shorter than five words are alike when they are the same', () => {
  const index = createNearDuplicateIndex(THRESHOLD);
  for (const [id, text] of ['very good', 'very bad', '很好', '不好', '!!!'].entries())
    expect(index.findOrKeep(minHash(text), id), text).toBeUndefined();
  expect(index.findOrKeep(minHash('Very good!'), 9)?.document).toBe(0);
  expect(index.findOrKeep(minHash('很好。'), 9)?.document).toBe(2);
});
