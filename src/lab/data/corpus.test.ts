import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findInCorpus, readCorpus, readReport } from './corpus.js';
import { applyFilters } from './filters.js';
import { splitLines } from './lines.js';
import { readDuplicateGroups } from './duplicate-groups.js';
import { prepareCorpus } from './prepare-corpus.js';
import { renderDataReport } from './report.js';
import { splitDocuments, splitNumber } from './split.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-corpus-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function sourceOf(texts: readonly string[]): Promise<string> {
  const folder = await mkdtemp(path.join(root, 'source-'));
  await writeFile(path.join(folder, 'a.jsonl'), texts.map((text) => JSON.stringify({ text })).join('\n'));
  return folder;
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

const sentence = (i: number): string =>
  `Document ${'abcdefghij'[i % 10]}${'klmnopqrst'[Math.floor(i / 10) % 10]} says something of its own.`;

describe('lines', () => {
  it('are the same however the text is cut into chunks', async () => {
    const text = fc
      .array(fc.constantFrom('a', 'bb', '\n', '\r', '\r\n', '数'), { maxLength: 30 })
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (text, size) => {
        const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
          text.slice(i * size, (i + 1) * size),
        );
        const lines = await collect(splitLines(stream(chunks), 100));
        const expected = text.split(/\r\n|\n|\r/);
        if (expected.at(-1) === '') expected.pop();
        expect(lines.map((line) => line.text)).toEqual(expected);
        expect(lines.map(({ number }) => number)).toEqual(expected.map((_, i) => i + 1));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('over the limit are counted, not kept', async () => {
    const chunk = 'x'.repeat(1 << 20);
    const chunks = async function* (): AsyncGenerator<string> {
      for (let i = 0; i < 200; i++) yield chunk;
      yield '\nlast';
    };
    const lines = await collect(splitLines(chunks(), 1_000_000));
    expect(lines.map(({ length, isTooLong }) => [length, isTooLong])).toEqual([
      [200 * 2 ** 20, true],
      [4, false],
    ]);
    expect(lines[0]?.text.length).toBeLessThan(100);
  });
});

describe('filters', () => {
  const kept = (text: string): unknown => applyFilters(text, { 'too-short': 0 });

  it.each([
    ['e\u0301', '\u00e9'],
    ['e\u0000\u0301', '\u00e9'],
    ['\n\n  indented\n\n', '  indented'],
    ['a\r\nb\rc', 'a\nb\nc'],
    ['a\u0000\u0007b\tc\u0085d\ufeff', 'ab\tcd'],
    ['a  \nb\u3000\n', 'a\nb'],
    ['a\n \n\n\n\nb', 'a\n\nb'],
    ['x\ud800y', 'xy'],
  ])('clean %j to %j', (text, clean) => {
    expect(kept(text)).toEqual({ kind: 'kept', text: clean });
  });

  it('leave a cleaned text as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        const once = applyFilters(text, { 'too-short': 0 });
        if (once.kind === 'kept') expect(kept(once.text)).toEqual(once);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('drop with the filter as the reason', () => {
    expect(applyFilters(' \n\u0000')).toMatchObject({ reason: 'empty' });
    expect(applyFilters('short')).toEqual({
      kind: 'dropped',
      reason: 'too-short',
      detail: '5 characters, at least 32 are wanted',
    });
    expect(applyFilters('😀'.repeat(31))).toMatchObject({ reason: 'too-short' });
    expect(applyFilters('😀'.repeat(32))).toMatchObject({ kind: 'kept' });
  });
});

describe('split', () => {
  const unrelated = <T>(documents: readonly T[]) => documents.map((document) => ({ document }));

  it('puts texts that differ in case, digits or punctuation on one side', () => {
    expect(splitNumber('Version 12 of the API.', 1)).toBe(splitNumber('version 13 of the api', 1));
    expect(splitNumber('123', 1)).not.toBe(splitNumber('456', 1));
    expect(splitNumber('text', 1)).not.toBe(splitNumber('text', 2));
  });

  it('leaves no side empty, keeps order and loses nothing, for any corpus of two or more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 60 }),
        fc.constantFrom(0.001, 0.05, 0.5),
        fc.integer(),
        async (count, fraction, seed) => {
          const fractions = { validation: fraction, test: fraction };
          const documents = Array.from({ length: count }, (_, i) => ({ text: sentence(i), index: i }));
          const placed = await collect(splitDocuments(stream(unrelated(documents)), fractions, seed));
          const sides = new Set(placed.map(({ side }) => side));
          expect([...sides].toSorted()).toEqual(count === 2 ? ['test', 'train'] : ['test', 'train', 'validation']);
          expect(placed.map(({ document }) => document)).toEqual(documents);
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });

  it('keeps clusters together, at the side of their first text', async () => {
    const documents = Array.from({ length: 300 }, (_, i) => ({ document: { text: sentence(i) }, cluster: i % 40 }));
    const placed = await collect(splitDocuments(stream(documents), { validation: 0.2, test: 0.2 }, 3));
    const sides = placed.map(({ side }) => side);
    expect(new Set(sides).size).toBe(3);
    for (const [i, side] of sides.entries()) expect(side).toBe(sides[i % 40]);
  });

  it('holds out about the fractions', async () => {
    const documents = Array.from({ length: 5000 }, (_, i) => ({
      text: [...String(i)].map((digit) => 'abcdefghij'[Number(digit)]).join(''),
    }));
    const placed = await collect(splitDocuments(stream(unrelated(documents)), { validation: 0.1, test: 0.1 }, 7));
    for (const held of ['validation', 'test'] as const) {
      const share = placed.filter(({ side }) => side === held).length / placed.length;
      expect(share).toBeGreaterThan(0.08);
      expect(share).toBeLessThan(0.12);
    }
  });

  it('refuses a single document', async () => {
    const placed = collect(
      splitDocuments(stream([{ document: { text: 'only one' } }]), { validation: 0.1, test: 0.1 }, 7),
    );
    await expect(placed).rejects.toMatchObject({ code: 'corpus-too-small' });
  });
});

describe('the corpus folder', () => {
  it('holds every document once, or the reason why not', async () => {
    const texts = [
      ...Array.from({ length: 60 }, (_, i) => sentence(i)),
      `${sentence(3)}  `,
      sentence(3).replaceAll(' ', '\n'),
      'tiny',
      '',
    ];
    const folder = path.join(root, 'corpus-a');
    const report = await prepareCorpus(folder, {
      source: await sourceOf(texts),
      licence: 'MIT',
      validationFraction: 0.1,
      testFraction: 0.2,
      seed: 3,
    });
    const train = await collect(readCorpus(folder, 'train'));
    const validation = await collect(readCorpus(folder, 'validation'));
    const test = await collect(readCorpus(folder, 'test'));
    expect([...train, ...validation, ...test].map(({ text }) => text).sort()).toEqual(texts.slice(0, 60).sort());
    expect(train[0]).toMatchObject({ origin: 'a.jsonl', licence: 'MIT' });
    const dropped = (await readFile(path.join(folder, 'dropped.jsonl'), 'utf8')).trim().split('\n');
    expect(dropped.map((line) => JSON.parse(line))).toMatchObject([
      { id: 'a.jsonl#61', reason: 'exact-duplicate', detail: 'is the same text as a.jsonl#4' },
      { id: 'a.jsonl#62', reason: 'exact-duplicate' },
      { id: 'a.jsonl#63', reason: 'too-short' },
      { id: 'a.jsonl#64', reason: 'empty' },
    ]);
    expect(await readDuplicateGroups(folder)).toEqual({
      isComplete: true,
      groups: [
        {
          kept: {
            id: 'a.jsonl#4',
            text: sentence(3),
            isCut: false,
            side: expect.stringMatching(/train|test|validation/),
          },
          count: 2,
          copies: [
            expect.objectContaining({ id: 'a.jsonl#61', text: sentence(3), reason: 'exact-duplicate' }),
            expect.objectContaining({ id: 'a.jsonl#62', text: sentence(3).replaceAll(' ', '\n') }),
          ],
        },
      ],
    });
    expect(report).toMatchObject({
      files: 1,
      // a record without text is not one
      read: { documents: 63 },
      kept: { documents: 60 },
      train: { documents: train.length },
      validation: { documents: validation.length },
      test: { documents: test.length },
    });
    expect(report.train.bytes).toBe(train.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0));
    expect(await readReport(folder)).toEqual(report);
    expect(renderDataReport(report).join('\n')).toMatch(
      /dropped +2 exact-duplicate \(.+ of what was read\) +e\.g\. a\.jsonl#61/,
    );
    expect(await findInCorpus(folder, 'a.jsonl#62')).toMatchObject({
      kind: 'dropped',
      dropped: { reason: 'exact-duplicate', excerpt: expect.any(String) },
    });
    expect(await findInCorpus(folder, 'a.jsonl#1')).toMatchObject({ kind: 'kept', document: { id: 'a.jsonl#1' } });
    expect(await findInCorpus(folder, 'a.jsonl#999')).toBeUndefined();
  });

  it('leaves near-copies out, unless told to keep them', async () => {
    const text = Array.from({ length: 12 }, (_, i) => sentence(i)).join(' ');
    const source = await sourceOf([text, `${text} ${sentence(99)}`, sentence(50).repeat(3), sentence(7)]);
    const folder = path.join(root, 'corpus-near');
    const report = await prepareCorpus(folder, { source });
    expect(report.dropped['near-duplicate']).toMatchObject({ documents: 1, bytes: expect.any(Number) });
    expect(await findInCorpus(folder, 'a.jsonl#2')).toMatchObject({
      dropped: { detail: expect.stringMatching(/^shares \d+ % of its 5-grams with a\.jsonl#1$/) },
    });
    expect((await prepareCorpus(folder, { source, nearDuplicates: 0 })).dropped).toEqual({});
  });

  it('tells languages apart, and keeps those that are wanted', async () => {
    const english = 'The orders are sent within two days, and you can return what does not fit within a month.';
    const chinese = '订单会在两天内发出，不合适的商品可以在一个月之内退回，运费由我们承担，请保留好原来的包装盒。';
    const source = await sourceOf([english, chinese, '3141592653589793238462643383279502884197169399375105']);
    const folder = path.join(root, 'corpus-languages');
    const all = await prepareCorpus(folder, { source });
    expect(Object.keys(all.languages).toSorted()).toEqual(['en', 'und', 'zh-Hans']);
    expect(renderDataReport(all).join('\n')).toMatch(/languages zh-Hans \d+\.\d %, en/);
    expect(await findInCorpus(folder, 'a.jsonl#2')).toMatchObject({ document: { language: 'zh-Hans' } });
    const some = await prepareCorpus(folder, { source, languages: ['en', 'zh-Hans'] });
    expect(some.dropped['language']).toMatchObject({
      documents: 1,
      examples: [{ id: 'a.jsonl#3', detail: 'is und, wanted are en, zh-Hans' }],
    });
  });

  it('masks personal data, drops poor texts and texts of tests, and counts each', async () => {
    const question = 'Which of the four boxes on the table by the window holds the red key that opens the cellar door?';
    const tests = await sourceOf([
      `${question} The second one.`,
      'Another question that nobody has seen before today.',
    ]);
    const source = await sourceOf([
      `Write to anna@example.com or call +86 139 1234 5678: ${sentence(1)}`,
      `Here is a riddle we like: ${question} Nobody knows.`,
      `${sentence(2)}\n`.repeat(9),
      sentence(3),
    ]);
    const folder = path.join(root, 'corpus-clean');
    const report = await prepareCorpus(folder, { source, testSets: tests });
    expect(report.masked).toEqual({ email: 1, phone: 1 });
    expect(await findInCorpus(folder, 'a.jsonl#1')).toMatchObject({
      document: { text: expect.stringMatching(/^Write to \[email\] or call \[phone\]:/) },
    });
    expect(report.dropped['test-text']?.examples[0]?.detail).toMatch(/^shares \d+ % with a\.jsonl, such as "which of/);
    expect(report.dropped['dup_line_frac']).toMatchObject({ documents: 1 });
    const strict = await prepareCorpus(folder, { source, personalData: 'drop', quality: 'none' });
    expect(Object.keys(strict.dropped)).toEqual(['personal-data']);
    expect(strict.dropped['personal-data']?.examples[0]).not.toHaveProperty('excerpt');
  });

  it('is the same byte for byte when made again', async () => {
    const source = await sourceOf(Array.from({ length: 30 }, (_, i) => sentence(i)));
    await prepareCorpus(path.join(root, 'corpus-b'), { source });
    await prepareCorpus(path.join(root, 'corpus-c'), { source });
    for (const name of ['train.jsonl', 'validation.jsonl', 'test.jsonl', 'report.json']) {
      expect(await readFile(path.join(root, 'corpus-b', name))).toEqual(
        await readFile(path.join(root, 'corpus-c', name)),
      );
    }
  });

  it('says why nothing is usable', async () => {
    const preparing = prepareCorpus(path.join(root, 'corpus-d'), { source: await sourceOf(['tiny', 'small']) });
    await expect(preparing).rejects.toMatchObject({
      code: 'nothing-kept',
      message: expect.stringContaining('2 too-short'),
    });
    await expect(collect(readCorpus(path.join(root, 'corpus-d'), 'train'))).rejects.toMatchObject({
      code: 'corpus-missing',
    });
  });

  it('stays as it was when making it again fails, and leaves nothing beside it', async () => {
    const folder = path.join(await mkdtemp(path.join(root, 'alone-')), 'corpus');
    await prepareCorpus(folder, { source: await sourceOf([sentence(1), sentence(2)]) });
    const before = await readFile(path.join(folder, 'train.jsonl'));
    const bad = await mkdtemp(path.join(root, 'source-'));
    await writeFile(path.join(bad, 'a.jsonl'), `${JSON.stringify({ text: sentence(4) })}\n{"txt":1}`);
    await expect(prepareCorpus(folder, { source: bad })).rejects.toMatchObject({ code: 'bad-jsonl' });
    expect(await readFile(path.join(folder, 'train.jsonl'))).toEqual(before);
    expect(await readdir(path.dirname(folder))).toEqual(['corpus']);
  });

  it('comes back when a replacement was killed between its two renames', async () => {
    const folder = path.join(await mkdtemp(path.join(root, 'killed-')), 'corpus');
    await prepareCorpus(folder, { source: await sourceOf([sentence(1), sentence(2)]) });
    await rename(folder, `${folder}.previous.partial`);
    await mkdir(`${folder}.0123456789ab.partial`);
    expect((await readReport(folder)).kept.documents).toBe(2);
  });

  it('names file and line of what is damaged', async () => {
    const folder = path.join(root, 'corpus-e');
    await prepareCorpus(folder, { source: await sourceOf([sentence(1), sentence(2)]) });
    await writeFile(path.join(folder, 'train.jsonl'), '{"id":"x","text":"cut');
    const reading = collect(readCorpus(folder, 'train'));
    await expect(reading).rejects.toMatchObject({
      code: 'corpus-damaged',
      message: expect.stringContaining('train.jsonl:1'),
    });
  });

  it('survives a single line of 200 MB with bounded memory', async () => {
    const folder = await mkdtemp(path.join(root, 'huge-'));
    const handle = await open(path.join(folder, 'huge.txt'), 'w');
    const block = Buffer.alloc(1 << 22, 'x');
    for (let i = 0; i < 50; i++) await handle.write(block);
    await handle.close();
    await writeFile(path.join(folder, 'small.txt'), `${sentence(1)}\n`);
    await writeFile(path.join(folder, 'tail.txt'), `${sentence(2)}\n`);
    const before = process.memoryUsage().rss;
    const report = await prepareCorpus(path.join(root, 'corpus-huge'), { source: folder });
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
    expect(report.kept.documents).toBe(2);
    expect(report.dropped['too-long']?.examples[0]?.detail).toBe(
      'huge.txt:1: 209715200 characters, the limit is 1000000',
    );
  });
});
