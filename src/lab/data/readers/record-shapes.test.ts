import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawItem, readDocuments, type ReadDocumentsOptions } from '../read-documents.js';
import { textOfRecord } from './record-shapes.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-shapes-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function readFileOf(name: string, content: string, options: ReadDocumentsOptions = {}): Promise<RawItem[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), name);
  await writeFile(file, content);
  const items: RawItem[] = [];
  for await (const item of readDocuments(file, options)) items.push(item);
  return items;
}

describe('record shapes', () => {
  it.each([
    [{ text: 'a', label: 1 }, 'a'],
    [{ prompt: 'p', completion: 'c' }, 'p\n\nc'],
    [{ instruction: 'do', input: '', output: 'done' }, 'do\n\ndone'],
    [{ instruction: 'do', output: 'done' }, 'do\n\ndone'],
    [{ conversations: [{ from: 'human', value: 'hi' }] }, 'human: hi'],
    [
      {
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: 'yes' },
        ],
      },
      'user: hi\nassistant: yes',
    ],
    [{ question: 'q', answer: 'a' }, 'q\n\na'],
    [{ source: 's', target: 't' }, 's\n\nt'],
    [{ en: 'tea', zh: '茶' }, 'tea\n\n茶'],
    [{ prompt: 'p', completion: 3 }, undefined],
    [{ messages: [{ role: 'user' }] }, undefined],
    [{ user: 1, item: 2 }, undefined],
  ])('%j', (record, text) => {
    expect(textOfRecord(record)).toBe(text);
  });

  it('takes the named field before any shape', () => {
    expect(textOfRecord({ text: 'a', review: 'b' }, 'review')).toBe('b');
  });
});

describe('JSON lines with bad records', () => {
  const content = '{"text":"one"}\n{"text":\n{"text":" "}\n{"text":"two"}\n';

  it('drops them by line number and reads on', async () => {
    const items = await readFileOf('a.jsonl', content);
    expect(items).toMatchObject([
      { kind: 'document', document: { text: 'one', line: 1 } },
      { kind: 'dropped', dropped: { reason: 'bad-jsonl', detail: 'a.jsonl:2: not a line of JSON' } },
      { kind: 'dropped', dropped: { reason: 'empty', detail: 'a.jsonl:3: its fields are empty' } },
      { kind: 'document', document: { text: 'two', line: 4 } },
    ]);
  });

  it('refuses them when strict', async () => {
    await expect(readFileOf('a.jsonl', content, { strict: true })).rejects.toMatchObject({
      code: 'bad-jsonl',
      message: 'a.jsonl:2: not a line of JSON',
    });
  });
});

describe('tables', () => {
  it('reads quoted cells over lines and drops broken rows by line number', async () => {
    const items = await readFileOf('a.csv', 'question,answer\n"a, ""b""\nc",d\nx"y,"z\none\n"open,z\n');
    expect(items).toMatchObject([
      { kind: 'document', document: { text: 'a, "b"\nc\n\nd', line: 2 } },
      { kind: 'dropped', dropped: { reason: 'bad-table', detail: expect.stringContaining('a.csv:4: ') } },
      { kind: 'dropped', dropped: { reason: 'bad-table', detail: 'a.csv:5: 1 cells under 2 columns' } },
      { kind: 'dropped', dropped: { detail: 'a.csv:6: a quote is opened and never closed' } },
    ]);
  });

  it('reads tabs, and names the columns when none fits', async () => {
    expect(await readFileOf('a.tsv', 'n\ttext\n1\thello\n')).toMatchObject([{ document: { text: 'hello' } }]);
    await expect(readFileOf('a.csv', 'user,item\n1,2\n')).rejects.toMatchObject({
      code: 'bad-table',
      message: 'a.csv:2: no column holds the text; seen: user, item',
    });
  });
});
