/** The same data gives the same passport anywhere; what differs is named. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPassport } from './corpus.js';
import { comparePassports } from './passport.js';
import { type PrepareOptions, prepareCorpus } from './prepare-corpus.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-passport-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const TEXTS = ['The first text says something about foxes.', 'The second one is about the price of tea in May.'];
let count = 0;

async function corpusOf(files: Record<string, string>, options: Partial<PrepareOptions> = {}) {
  const [source, folder] = [path.join(root, `s${count}`), path.join(root, `c${count++}`)];
  await mkdir(source);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(source, name), text);
  await prepareCorpus(folder, { source, licence: 'MIT', ...options });
  return { folder, passport: await readPassport(folder) };
}
const files = { 'a.txt': TEXTS[0] as string, 'b.txt': TEXTS[1] as string, 'c.txt': 'short' };

test('says what went in and what came out, and nothing of this machine', async () => {
  const { folder, passport } = await corpusOf(files);
  expect(passport).toMatchObject({
    licence: 'MIT',
    files: [{ origin: 'a.txt', sizeBytes: TEXTS[0]?.length }, { origin: 'b.txt' }, { origin: 'c.txt' }],
    settings: { 'too-short': 32, nearDuplicates: 0.7, languages: [], seed: 1 },
    kept: { documents: 2 },
    dropped: { 'too-short': { documents: 1, bytes: 5 } },
    languages: { en: { documents: 2 } },
  });
  const train = createHash('sha256')
    .update(await readFile(path.join(folder, 'train.jsonl')))
    .digest('hex');
  expect(passport.outputs.train.sha256).toBe(train);
  expect(JSON.stringify(passport)).not.toContain(root);
});

test('is the same for the same data elsewhere, and names what is not', async () => {
  const first = await corpusOf(files);
  expect(comparePassports(first.passport, (await corpusOf(files)).passport)).toEqual([]);
  const { 'c.txt': _, ...fewer } = files;
  const changed = await corpusOf({ ...fewer, 'a.txt': `${TEXTS[0]} More.`, 'd.txt': 'new' }, { seed: 2 });
  expect(comparePassports(first.passport, changed.passport)).toEqual([
    'a.txt has changed',
    'c.txt is gone',
    'd.txt is new',
    'seed was 1, is 2',
  ]);
});

test('a check that fails leaves the corpus of before', async () => {
  const { folder, passport } = await corpusOf(files);
  const check = (): never => {
    throw new Error('refused');
  };
  await expect(prepareCorpus(folder, { source: path.join(root, 's0'), seed: 9, check })).rejects.toThrow('refused');
  expect(await readPassport(folder)).toEqual(passport);
});
