import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { augmentRecords } from './augment/augment-records.js';
import { readCorpus } from './corpus.js';
import { prepareCorpus } from './prepare-corpus.js';

const WORDS = 'river stone harvest lantern copper meadow winter ladder signal orchard velvet thunder'.split(' ');

test('changed copies train with their originals, and measure nothing', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-augmented-'));
  try {
    const source = path.join(root, 'texts.jsonl');
    const word = (n: number): string =>
      `${WORDS[n % 12]}${WORDS[(n * 7 + 5) % 12]}${String.fromCharCode(97 + (n % 26))}`;
    const texts = Array.from({ length: 120 }, (_, i) =>
      Array.from({ length: 30 }, (_, j) => word(i * 31 + j * j)).join(' '),
    );
    await writeFile(source, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    const augmented = path.join(root, 'augmented.jsonl');
    let lines = '';
    for await (const record of augmentRecords(source, 'texts.jsonl', { times: 2, swap: 0.1, deletion: 0.05 })) {
      lines += `${JSON.stringify(record)}\n`;
    }
    await writeFile(augmented, lines);
    const corpus = path.join(root, 'corpus');
    const report = await prepareCorpus(corpus, {
      source: augmented,
      validationFraction: 0.2,
      testFraction: 0.2,
      quality: 'none',
    });
    const originals = new Set<string>();
    let copies = 0;
    for await (const { text, augmentedFrom } of readCorpus(corpus, 'train')) {
      if (augmentedFrom === undefined) originals.add(`texts.jsonl#${texts.indexOf(text) + 1}`);
      else if (originals.has(augmentedFrom)) copies++;
      else expect.fail(`a copy of ${augmentedFrom} trains without it`);
    }
    expect(originals.size).toBeGreaterThan(50);
    // two changed copies of every original, but for those that came out the same
    expect(copies).toBeGreaterThan(1.7 * originals.size);
    for (const side of ['validation', 'test'] as const) {
      for await (const { augmentedFrom } of readCorpus(corpus, side)) expect(augmentedFrom).toBeUndefined();
    }
    expect(report.dropped['augmented-copy']?.examples[0]?.detail).toMatch(
      /^is a changed copy of texts\.jsonl#\d+, which measures/,
    );
    expect(report.dropped['near-duplicate']).toBeUndefined();
  } finally {
    await rm(root, { recursive: true });
  }
});

test('a copy without its original is left out', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-augmented-'));
  try {
    const source = path.join(root, 'texts.jsonl');
    const records = [
      { text: 'A first text about rivers and stones that nobody changed at all.', augmentedFrom: 'x#1' },
      { text: 'Another text, on lanterns in winter orchards, as it was written.' },
      { text: 'The third one tells of thunder over a meadow and of copper signs.' },
    ];
    await writeFile(source, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const report = await prepareCorpus(path.join(root, 'corpus'), { source });
    expect(report.dropped['augmented-copy']?.examples[0]?.detail).toMatch(/does not stand before it/);
    expect(report.kept.documents).toBe(2);
  } finally {
    await rm(root, { recursive: true });
  }
});
