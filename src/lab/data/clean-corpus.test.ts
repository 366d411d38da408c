import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { type CleaningSettings, type CleaningThreads, cleanDocuments } from './clean-corpus.js';
import type { Document, Dropped } from './document.js';
import type { RawItem } from './read-documents.js';
import { createReport } from './report.js';

const SETTINGS: CleaningSettings = {
  thresholds: { 'too-short': 20 },
  personalData: 'mask',
  languages: undefined,
  quality: 'basic',
  nearDuplicates: 0.7,
  repeatedPassages: 0,
  testSets: [{ name: 'test', texts: [Array.from({ length: 20 }, (_, n) => `secret${n}`).join(' ')] }],
};

const WORDS =
  'the of and to in that is was he for it with as his on be at by had not are but from or have an they'.split(' ');

/** About 1 kB a text: every tenth a copy, every fifteenth nearly one, some with an address, some of a test. */
async function* items(count: number): AsyncGenerator<RawItem> {
  const rng = Rng.fromSeed(5);
  const earlier: string[] = [];
  for (let n = 1; n <= count; n++) {
    const word = (): string => (rng.below(3) === 0 ? `word${rng.below(9000)}` : (WORDS[rng.below(WORDS.length)] ?? ''));
    let text = Array.from({ length: 180 }, word).join(' ');
    if (n % 10 === 0) text = earlier[rng.below(earlier.length)] ?? text;
    else if (n % 15 === 0) text = `${earlier[rng.below(earlier.length)] ?? text} and one more`;
    else if (n % 41 === 0) text += ` write to person${n}@example.org`;
    else if (n % 97 === 0) text += ` ${Array.from({ length: 14 }, (_, at) => `secret${at}`).join(' ')}`;
    earlier.push(text);
    const id = `made.txt#${n}`;
    if (n % 53 === 0) yield { kind: 'dropped', dropped: { id, origin: 'made.txt', reason: 'bad', detail: 'made so' } };
    else yield { kind: 'document', document: { id, origin: 'made.txt', text } };
  }
}

async function cleaned(count: number, options: CleaningThreads, settings = SETTINGS) {
  const report = createReport({ source: 's', licence: undefined, validationFraction: 0.1, testFraction: 0.1, seed: 1 });
  const kept: Document[] = [];
  const dropped: Dropped[] = [];
  const drop = async (each: Dropped): Promise<void> => {
    dropped.push(each);
  };
  for await (const { document } of cleanDocuments(items(count), settings, report, drop, options)) kept.push(document);
  return { kept, dropped, report: report.finish() };
}

describe('cleaning in threads', () => {
  test('gives the same documents in the same order as without', { timeout: 20_000 }, async () => {
    const alone = await cleaned(1500, { threads: 0 });
    const reasons = new Set(alone.dropped.map(({ reason }) => reason));
    expect([...reasons].sort()).toEqual(['bad', 'exact-duplicate', 'near-duplicate', 'test-text']);
    expect(alone.report.masked.email).toBeGreaterThan(10);
    for (const threads of [1, 3]) {
      expect(await cleaned(1500, { threads, charactersBefore: 300_000 })).toEqual(alone);
    }
  });

  test('cuts passages that stood before, the same ones with threads', { timeout: 20_000 }, async () => {
    const settings = { ...SETTINGS, nearDuplicates: 0, repeatedPassages: 200 };
    const alone = await cleaned(600, { threads: 0 }, settings);
    const cut = alone.report.masked['repeated passages'] ?? 0;
    // nearly the copies that say one thing more: that is too little to stay alone
    expect(cut + (alone.report.dropped['repeated-passages']?.documents ?? 0)).toBeGreaterThan(15);
    expect(await cleaned(600, { threads: 2, charactersBefore: 100_000 }, settings)).toEqual(alone);
  });

  test('a reader that fails ends it with its own error', async () => {
    const report = createReport({
      source: 's',
      licence: undefined,
      validationFraction: 0.1,
      testFraction: 0.1,
      seed: 1,
    });
    const failing = async function* (): AsyncGenerator<RawItem> {
      yield* items(900);
      throw new Error('disk on fire');
    };
    const all = cleanDocuments(failing(), SETTINGS, report, async () => undefined, { threads: 2, charactersBefore: 0 });
    const drain = async (): Promise<number> => {
      let count = 0;
      for await (const document of all) count += document.document.text.length > 0 ? 1 : 0;
      return count;
    };
    await expect(drain()).rejects.toThrow('disk on fire');
  });

  test('a loop that is left ends the threads and reads no further than they were ahead', async () => {
    const report = createReport({
      source: 's',
      licence: undefined,
      validationFraction: 0.1,
      testFraction: 0.1,
      seed: 1,
    });
    let read = 0;
    const counted = async function* (): AsyncGenerator<RawItem> {
      for await (const item of items(20_000)) {
        read++;
        yield item;
      }
    };
    const threads = { threads: 2, charactersBefore: 0 };
    for await (const { document } of cleanDocuments(counted(), SETTINGS, report, async () => undefined, threads)) {
      expect(document.id).toBe('made.txt#1');
      break;
    }
    expect(read).toBeLessThan(2000);
  });

  test('a thread that cannot work says so', async () => {
    const report = createReport({
      source: 's',
      licence: undefined,
      validationFraction: 0.1,
      testFraction: 0.1,
      seed: 1,
    });
    const broken = async function* (): AsyncGenerator<RawItem> {
      // what cannot be a text, as a reader with a fault might give it
      const text: unknown = 12;
      yield { kind: 'document', document: { id: 'a#1', origin: 'a', text: text as string } };
    };
    const all = cleanDocuments(broken(), SETTINGS, report, async () => undefined, { threads: 1, charactersBefore: -1 });
    await expect(all.next()).rejects.toThrow(/is not a function/);
  });
});
