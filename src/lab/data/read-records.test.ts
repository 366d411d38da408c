import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FoundRecord, readRecords } from './read-records.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-records-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function recordsOf(name: string, text: string): Promise<FoundRecord[]> {
  const file = path.join(root, name);
  await writeFile(file, text);
  const found: FoundRecord[] = [];
  for await (const record of readRecords(file)) found.push(record);
  return found;
}

test('lines of JSON keep every field; what is wrong comes with its line', async () => {
  expect(await recordsOf('a.jsonl', '{"text":"a","spans":[{"start":0}]}\n\n[1]\n{"text":\n{"n":3}\n')).toEqual([
    { line: 1, fields: { text: 'a', spans: [{ start: 0 }] } },
    { line: 3, problem: 'not an object with named fields' },
    { line: 4, problem: expect.stringMatching(/^not JSON/) },
    { line: 5, fields: { n: 3 } },
  ]);
});

test('tables give strings by column, over quotes and lines', async () => {
  expect(await recordsOf('a.csv', 'text,label\n"two\nlines, one cell",pos\nonly one cell\nb,neg\n')).toEqual([
    { line: 2, fields: { text: 'two\nlines, one cell', label: 'pos' } },
    { line: 4, problem: '1 cells under 2 columns' },
    { line: 5, fields: { text: 'b', label: 'neg' } },
  ]);
});

test('an array of JSON is one record an element', async () => {
  expect(await recordsOf('a.json', '[\n {"a": 1},\n {"a": [2]}\n]')).toEqual([
    { line: 2, fields: { a: 1 } },
    { line: 3, fields: { a: [2] } },
  ]);
});

test('what holds no records, or is not there, is refused in one line', async () => {
  await expect(recordsOf('a.txt', 'Plain words of some text.\n')).rejects.toMatchObject({ code: 'bad-table' });
  await expect(recordsOf('b.csv/none', '')).rejects.toThrow();
  const missing = readRecords(path.join(root, 'none.csv')).next();
  await expect(missing).rejects.toMatchObject({ code: 'data-missing' });
  await expect(readRecords(root).next()).rejects.toMatchObject({ code: 'data-missing' });
});
