import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Document } from './document.js';
import { mixDocuments, type MixSettings } from './mix-documents.js';
import { type GroupTally, planMixture, tallyGroups } from './mixture.js';

const tallies = fc
  .uniqueArray(
    fc.record({
      group: fc.string({ minLength: 1, maxLength: 8 }),
      documents: fc.integer({ min: 1, max: 1000 }),
      bytes: fc.integer({ min: 1, max: 1_000_000 }),
    }),
    { selector: ({ group }) => group, minLength: 1, maxLength: 8 },
  )
  .map((all): readonly GroupTally[] => all);
const temperatures = fc.double({ min: 1, max: 100, noNaN: true });
const repeats = fc.integer({ min: 1, max: 8 });

describe('the plan', () => {
  test('temperature 1 leaves the corpus as it is', () => {
    fc.assert(
      fc.property(tallies, (all) => {
        for (const group of planMixture(all)) {
          expect(group.repeats).toBeCloseTo(1, 9);
          expect(group.mixedShare).toBeCloseTo(group.share, 9);
        }
      }),
    );
  });

  test('shares are those of the formula where no cap binds', () => {
    fc.assert(
      fc.property(tallies, temperatures, (all, temperature) => {
        const norm = all.reduce((sum, { bytes }) => sum + bytes ** (1 / temperature), 0);
        for (const group of planMixture(all, { temperature, maxRepeats: 1e12 })) {
          expect(group.mixedShare).toBeCloseTo(group.bytes ** (1 / temperature) / norm, 9);
        }
      }),
    );
  });

  test('a high temperature makes equal shares', () => {
    fc.assert(
      fc.property(tallies, (all) => {
        for (const group of planMixture(all, { temperature: 1e9, maxRepeats: 1e12 })) {
          expect(group.mixedShare).toBeCloseTo(1 / all.length, 6);
        }
      }),
    );
  });

  test('nothing is repeated above the cap, and the mixture is never larger than asked', () => {
    fc.assert(
      fc.property(
        tallies,
        temperatures,
        repeats,
        fc.integer({ min: 1, max: 10_000_000 }),
        (all, temperature, maxRepeats, targetBytes) => {
          const mixed = planMixture(all, { temperature, maxRepeats, targetBytes });
          const size = mixed.reduce((sum, group) => sum + group.repeats * group.bytes, 0);
          const most = all.reduce((sum, { bytes }) => sum + bytes * maxRepeats, 0);
          expect(size).toBeLessThanOrEqual(targetBytes * (1 + 1e-9));
          expect(size).toBeCloseTo(Math.min(targetBytes, most), 0);
          for (const group of mixed) expect(group.repeats).toBeLessThanOrEqual(maxRepeats);
        },
      ),
    );
  });

  test('weights multiply, and a weight of nothing there is refused', () => {
    const all = [
      { group: 'en', documents: 1, bytes: 100 },
      { group: 'zh-Hans', documents: 1, bytes: 100 },
    ];
    expect(planMixture(all, { weights: { en: 3 } }).map((group) => group.mixedShare)).toEqual([0.75, 0.25]);
    expect(() => planMixture(all, { weights: { fr: 1 } })).toThrow(/no documents of fr/);
    expect(() => planMixture(all, { weights: { en: -1 } })).toThrow(/weight of en is -1/);
    expect(() => planMixture(all, { weights: { en: 0, 'zh-Hans': 0 } })).toThrow(/leave nothing/);
  });
});

const LANGUAGES = ['en', 'zh-Hans', 'de'];
const documents: readonly Document[] = Array.from({ length: 1200 }, (_, index) => {
  const language = LANGUAGES[index < 900 ? 0 : index < 1150 ? 1 : 2] as string;
  return { id: `a.txt#${index}`, text: 'x'.repeat(50 + ((index * 37) % 100)), origin: 'a.txt', language };
});
let passes = 0;
async function* open(): AsyncGenerator<Document> {
  passes++;
  for (const document of documents) yield document;
}
async function mixed(settings: MixSettings): Promise<Document[]> {
  const { documents } = await mixDocuments(open, settings);
  const all: Document[] = [];
  for await (const document of documents()) all.push(document);
  return all;
}
const idsOf = (all: readonly Document[]): string[] => all.map(({ id }) => id);
const sharesOf = (all: readonly Document[]): number[] => {
  const bytes = all.reduce((sum, { text }) => sum + text.length, 0);
  return LANGUAGES.map(
    (wanted) =>
      all.filter(({ language }) => language === wanted).reduce((sum, { text }) => sum + text.length, 0) / bytes,
  );
};

describe('the stream', () => {
  test('holds the planned shares, as does its beginning', async () => {
    const settings = { temperature: 2 };
    const { groups, bytes } = await mixDocuments(open, settings);
    const planned = LANGUAGES.map((language) => groups.find(({ group }) => group === language)?.mixedShare as number);
    const all = await mixed(settings);
    expect(all.reduce((sum, { text }) => sum + text.length, 0)).toBe(bytes);
    for (const part of [all, all.slice(0, all.length >> 1)]) {
      for (const [index, share] of sharesOf(part).entries()) {
        expect(Math.abs(share - (planned[index] as number))).toBeLessThan(0.04);
      }
    }
  });

  test('is the same for the same seed and another for another', async () => {
    const settings = { temperature: 3, seed: 5 };
    const once = idsOf(await mixed(settings));
    expect(idsOf(await mixed(settings))).toEqual(once);
    expect(idsOf(await mixed({ ...settings, seed: 6 }))).not.toEqual(once);
  });

  test('at temperature 1 has every document once', async () => {
    expect(idsOf(await mixed({})).sort()).toEqual(idsOf(documents).sort());
  });

  test('takes no document more often than the cap', async () => {
    const counts = new Map<string, number>();
    for (const { id } of await mixed({ temperature: 100, maxRepeats: 3 })) counts.set(id, (counts.get(id) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBe(3);
  });

  test('is the same when few texts fit into memory, in more passes', async () => {
    const whole = idsOf(await mixed({ temperature: 2 }));
    passes = 0;
    expect(idsOf(await mixed({ temperature: 2, maxHeldBytes: 20_000 }))).toEqual(whole);
    expect(passes).toBeGreaterThan(4);
  });

  test('of nothing is nothing', async () => {
    const none = async function* (): AsyncGenerator<Document> {};
    expect(await tallyGroups(none())).toEqual([]);
    const { groups, bytes } = await mixDocuments(none);
    expect({ groups, bytes }).toEqual({ groups: [], bytes: 0 });
  });
});
