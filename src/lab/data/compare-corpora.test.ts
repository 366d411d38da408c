import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareCorpora } from './compare-corpora.js';
import { prepareCorpus } from './prepare-corpus.js';

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-compare-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const TOPICS = ['foxes', 'tea', 'boats', 'ledgers', 'clouds', 'trains', 'bread', 'music', 'stones', 'rivers'];
const textOf = (topic: string): string => `A text that says at some length what there is to say about ${topic} today.`;

async function corpusOf(texts: readonly string[], seed = 1): Promise<string> {
  const [source, folder] = [path.join(root, `s${count}`), path.join(root, `c${count++}`)];
  await mkdir(source);
  await writeFile(path.join(source, 'a.jsonl'), texts.map((text) => JSON.stringify({ text })).join('\n'));
  await prepareCorpus(folder, { source, seed, nearDuplicates: 0, validationFraction: 0.1, testFraction: 0.2 });
  return folder;
}

test('a corpus is the same as itself made again', async () => {
  const texts = TOPICS.map(textOf);
  expect(await compareCorpora(await corpusOf(texts), await corpusOf(texts))).toEqual({
    lines: [],
    documents: { same: 10, moved: 0, changed: 0, onlyInFirst: 0, onlyInSecond: 0 },
    examples: { moved: [], changed: [], onlyInFirst: [], onlyInSecond: [] },
  });
});

test('what was added, changed and taken away is counted and named', async () => {
  const first = await corpusOf(TOPICS.map(textOf));
  const second = await corpusOf([
    ...TOPICS.slice(0, 8).map(textOf),
    textOf('pebbles'),
    textOf('lakes'),
    textOf('salt'),
  ]);
  const { lines, documents, examples } = await compareCorpora(first, second);
  expect(lines).toEqual(['a.jsonl has changed']);
  expect(documents).toEqual({ same: 8, moved: 0, changed: 2, onlyInFirst: 0, onlyInSecond: 1 });
  expect(examples.changed).toEqual(['a.jsonl#9', 'a.jsonl#10']);
  expect(examples.onlyInSecond).toEqual(['a.jsonl#11']);
  const fewer = await compareCorpora(first, await corpusOf(TOPICS.slice(0, 7).map(textOf)));
  expect(fewer.documents).toMatchObject({ same: 7, onlyInFirst: 3 });
});

test('what changed sides is told', async () => {
  const texts = TOPICS.map(textOf);
  const { lines, documents } = await compareCorpora(await corpusOf(texts), await corpusOf(texts, 5));
  expect(lines).toContain('seed was 1, is 5');
  expect(documents.same + documents.moved).toBe(10);
  expect(documents.moved).toBeGreaterThan(0);
});
