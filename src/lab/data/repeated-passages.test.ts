import { describe, expect, it, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { createHashSet, createRollingHash } from './passage-hashes.js';
import { createPassageCutter } from './repeated-passages.js';

const N = 60;
const STRIDE = Math.floor((N + 1) / 3);
const SPAN = N + 1 - STRIDE;

const PIECES: Readonly<Record<string, (rng: Rng) => string>> = {
  words: (rng) => `${rng.below(4000).toString(36)} `,
  'writing without spaces': (rng) => String.fromCharCode(0x4e00 + rng.below(3000)),
  'surrogate pairs': (rng) => String.fromCodePoint(0x1f300 + rng.below(300)),
  'few kinds of characters': (rng) => (rng.below(2) === 0 ? 'a' : 'b'),
};

/** Half of a surrogate pair. */
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Texts that take passages of any length from each other and from themselves. */
function textsOf(piece: (rng: Rng) => string, rng: Rng): string[] {
  const texts: string[] = [];
  while (texts.length < 40) {
    let text = '';
    for (let part = 0; part < 5; part++) {
      const fresh = Array.from({ length: rng.below(60) }, () => piece(rng)).join('');
      const from = rng.below(4) === 0 ? text : (texts[rng.below(Math.max(1, texts.length))] ?? '');
      const at = rng.below(from.length + 1);
      text += fresh + from.slice(at, at + rng.below(3 * N));
    }
    texts.push(text.trim().replace(LONE, ''));
  }
  return texts;
}

/** Characters in a window that stood in `kept`, or ended earlier in the text itself. */
function covered(text: string, kept: string): boolean[] {
  const flags = Array.from({ length: text.length }, () => false);
  for (let at = 0; at + SPAN <= text.length; at++) {
    const window = text.slice(at, at + SPAN);
    const inside = text.indexOf(window);
    if (kept.includes(window) || inside + SPAN <= at) flags.fill(true, at, at + SPAN);
  }
  return flags;
}

describe('repeated passages', () => {
  it.each(Object.entries(PIECES))('of %s: cut is only what stood before', (_, piece) => {
    const cutter = createPassageCutter(N);
    let kept = '';
    let total = 0;
    for (const text of textsOf(piece, Rng.fromSeed(7))) {
      const { text: remains, cuts } = cutter.cut(text, 0) ?? { text: '', cuts: [] };
      const stood = covered(text, kept);
      for (const { from, to } of cuts) expect(stood.slice(from, to)).toEqual(stood.slice(from, to).fill(true));
      expect(remains).toHaveLength(remains.replace(LONE, '').length);
      // with the white space at the edges of what remains
      kept += [0, ...cuts.map(({ to }) => to)].map((from, at) => `${text.slice(from, cuts[at]?.from)}\n`).join('');
      total += cuts.length;
    }
    expect(total).toBeGreaterThan(20);
  });

  it.each(Object.entries(PIECES))('of %s: none this long is left', (_, piece) => {
    const cutter = createPassageCutter(N);
    const ends = new Map<string, number>();
    let base = 0;
    for (const text of textsOf(piece, Rng.fromSeed(8))) {
      for (const part of (cutter.cut(text, 0)?.text ?? '').split('\n')) {
        for (let at = 0; at + N <= part.length; at++) {
          const passage = part.slice(at, at + N);
          const end = ends.get(passage);
          if (end !== undefined) expect(base + at).toBeLessThan(end);
          else ends.set(passage, base + at + N);
        }
        base += part.length;
      }
    }
  });

  test('a notice at the end of every page stays on the first one; words stay whole', () => {
    const cutter = createPassageCutter(90);
    const notice = 'All rights reserved; no part of this page may be copied, sold or shown without a letter from us.';
    expect(cutter.cut(`The first page is about rivers. ${notice}`, 10)?.cuts).toEqual([]);
    const second = cutter.cut(`Lakes are on the second one. ${notice} More below.`, 10);
    expect(second?.cuts.length).toBe(1);
    expect(second?.text).toMatch(/^Lakes are on the second one\.( \S+)*\n(\S+ )*More below\.$/);
  });

  test('what is left out for being too short is not remembered', () => {
    const cutter = createPassageCutter(N);
    const passage = Array.from({ length: 40 }, (_, at) => `w${at * 7919}`).join(' ');
    const other = Array.from({ length: 40 }, (_, at) => `v${at * 6101}`).join(' ');
    expect(cutter.cut(passage, 1000)).toBeUndefined();
    expect(cutter.cut(passage, 10)).toEqual({ text: passage, cuts: [] });
    expect(cutter.cut(`${other} ${passage}`, other.length + 100)).toBeUndefined();
    expect(cutter.cut(other, 10)).toEqual({ text: other, cuts: [] });
    expect(() => createPassageCutter(20)).toThrow('data.repeatedPassages: 20 characters');
  });
});

test('a rolling hash is that of the window alone', () => {
  const rolling = createRollingHash(40);
  const alone = createRollingHash(40);
  const text = Array.from({ length: 300 }, (_, at) => String.fromCharCode(97 + ((at * at) % 11))).join('');
  expect(rolling.start(text)).toBe(261);
  for (let at = 0; at < 261; at++) {
    rolling.next();
    expect(alone.start(text.slice(at, at + 40))).toBe(1);
    alone.next();
    expect([rolling.low(), rolling.high()]).toEqual([alone.low(), alone.high()]);
  }
  expect(rolling.start('short')).toBe(0);
});

test('a set of hashes keeps a hundred thousand, and takes back the last', () => {
  const set = createHashSet();
  const rng = Rng.fromSeed(3);
  const hashes = Array.from({ length: 100_000 }, () => [rng.below(2 ** 32) | 0, rng.below(2 ** 32) | 0] as const);
  set.reserve(1);
  for (const [low, high] of hashes) {
    set.reserve(1);
    set.add(low, high);
  }
  expect(hashes.every(([low, high]) => set.has(low, high) && set.add(low, high) === -1)).toBe(true);
  set.reserve(1000);
  const more = Array.from({ length: 1000 }, (_, at) => [(at * 2_654_435) | 0, at + 1] as const);
  const slots = more.map(([low, high]) => set.add(low, high));
  set.forget(slots);
  expect(more.some(([low, high]) => set.has(low, high))).toBe(false);
  expect(hashes.every(([low, high]) => set.has(low, high))).toBe(true);
});
