/** Several sources make one corpus: their names before their files, their licences with their texts. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCorpus, readPassport } from './corpus.js';
import type { CorpusSource } from './corpus-sources.js';
import { prepareCorpus } from './prepare-corpus.js';
import { SIDES } from './split.js';

const TEXTS = [
  'The first text says something about foxes and hounds.',
  'The second one is about the price of tea in May.',
  'A third: how the ledger is closed at the end of the year.',
  'And what is written last tells of boats on a river.',
];

let root: string;
let sources: readonly CorpusSource[];
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-corpus-sources-'));
  await mkdir(path.join(root, 'own'));
  await writeFile(path.join(root, 'own', 'a.txt'), TEXTS[0] as string);
  await writeFile(path.join(root, 'own', 'b.txt'), TEXTS[1] as string);
  await writeFile(path.join(root, 'c.csv'), `body,licence\n${TEXTS[2]},CC-BY-NC-4.0\n${TEXTS[3]},\n`);
  sources = [
    { path: path.join(root, 'own'), name: 'own' },
    { path: path.join(root, 'c.csv'), name: 'c.csv', licence: 'MIT', textField: 'body' },
  ];
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function documentsOf(folder: string): Promise<string[]> {
  const lines: string[] = [];
  for (const side of SIDES) {
    for await (const { id, licence } of readCorpus(folder, side)) lines.push(`${id} ${licence ?? '-'}`);
  }
  return lines.sort();
}

test('files stand under their source, a single file under its own name, licences with them', async () => {
  const folder = path.join(root, 'corpus');
  await prepareCorpus(folder, { source: sources });
  expect(await documentsOf(folder)).toEqual(['c.csv#1 CC-BY-NC-4.0', 'c.csv#2 MIT', 'own/a.txt#1 -', 'own/b.txt#1 -']);
  const passport = await readPassport(folder);
  expect(passport.sources).toEqual([{ name: 'own' }, { name: 'c.csv', licence: 'MIT' }]);
  expect(passport.files.map(({ origin }) => origin)).toEqual(['own/a.txt', 'own/b.txt', 'c.csv']);
  expect(passport.licence).toBeUndefined();
});

test('what may not be trained on is dropped first, and says why', async () => {
  const folder = path.join(root, 'licensed');
  const report = await prepareCorpus(folder, {
    source: sources,
    licences: { allow: ['MIT', 'unknown'], deny: ['CC-BY-NC-*'] },
  });
  expect(await documentsOf(folder)).toEqual(['c.csv#2 MIT', 'own/a.txt#1 -', 'own/b.txt#1 -']);
  expect(report.dropped['licence']).toMatchObject({
    documents: 1,
    examples: [{ id: 'c.csv#1', detail: 'CC-BY-NC-4.0 is denied by CC-BY-NC-*' }],
  });
  const settings = (await readPassport(folder)).settings;
  expect(settings).toMatchObject({ allowLicences: ['MIT', 'unknown'], denyLicences: ['CC-BY-NC-*'] });
});
