import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawItem, readDocuments, type ReadDocumentsOptions } from '../read-documents.js';
import { fieldsRead, licenceOfRecord, textOfRecord, whyNoText } from './record-shapes.js';

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
    [{ rhythmic: '江城子', paragraphs: ['十年生死', '两茫茫'] }, '江城子\n十年生死\n两茫茫'],
    [{ prompt: 'p', completion: 3 }, undefined],
    [{ messages: [{ role: 'user' }] }, undefined],
    [{ user: 1, item: 2 }, undefined],
    [{ text: ['a', 'b'] }, 'a\nb'],
    [{ text: null, instruction: 'do', output: 'done' }, 'do\n\ndone'],
    [{ text: null, label: null }, ''],
    [{ translation: { en: 'tea', zh: '茶' } }, 'tea\n\n茶'],
    [{ prompt: 'p', chosen: 'good', rejected: 'bad' }, 'p\n\ngood'],
    [{ chosen: 'all', rejected: 'bad' }, 'all'],
    [{ prompt: 'p', chosen: [{ role: 'user', content: 'p' }], rejected: [] }, 'user: p'],
    [
      { prompt: [{ role: 'user', content: 'p' }], chosen: [{ role: 'assistant', content: 'c' }], rejected: [] },
      'user: p\nassistant: c',
    ],
    [{ instruction: 'do', input: '', output: 'done', history: [['q', 'a']] }, 'q\n\na\n\ndo\n\ndone'],
    [{ instruction: 'do', context: 'c', response: 'done', category: 'x' }, 'do\n\nc\n\ndone'],
    [{ context: 'c', question: 'q', answers: { text: ['a', 'b'], answer_start: [1, 2] } }, 'c\n\nq\n\na'],
    [{ context: 'c', question: 'q', answers: { text: [], answer_start: [] } }, 'c\n\nq'],
    [{ title: 't', paragraphs: [{ context: 'c', qas: [{ question: 'q', answers: [{ text: 'a' }] }] }] }, 'c\n\nq\n\na'],
    [
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'see' },
              { type: 'image_url', image_url: {} },
            ],
          },
          { role: 'assistant', content: null, tool_calls: [] },
        ],
      },
      'user: see',
    ],
  ])('%j', (record, text) => {
    expect(textOfRecord(record)).toBe(text);
  });

  it('takes the named field before any shape', () => {
    expect(textOfRecord({ text: 'a', review: 'b' }, 'review')).toBe('b');
  });

  it('follows dotted paths and joins several fields', () => {
    const record = { title: 't', 'a.b': 'own name', meta: { body: ['x', 'y'], parts: [{ text: 'p' }] }, none: null };
    expect(textOfRecord(record, 'meta.body')).toBe('x\ny');
    expect(textOfRecord(record, 'meta.parts.0.text')).toBe('p');
    expect(textOfRecord(record, 'a.b')).toBe('own name');
    expect(textOfRecord(record, 'title, meta.body')).toBe('t\n\nx\ny');
    expect(textOfRecord(record, 'title,none')).toBe('t');
    expect(textOfRecord(record, 'title,missing')).toBeUndefined();
    expect(textOfRecord(record, 'meta.length')).toBeUndefined();
    expect(textOfRecord(record, '__proto__')).toBeUndefined();
  });

  it('names the columns it may look at', () => {
    const names = ['meta.body,title', 'meta', 'title', 'license', 'licence', 'augmentedFrom'];
    expect([...fieldsRead('meta.body,title')]).toEqual(names);
    expect(fieldsRead().has('embedding')).toBe(false);
    expect(fieldsRead().has('messages')).toBe(true);
  });

  it('reads a licence that is one', () => {
    expect(licenceOfRecord({ license: ' MIT ' })).toBe('MIT');
    expect(licenceOfRecord({ license: '', licence: 'CC0-1.0' })).toBe('CC0-1.0');
    expect(licenceOfRecord({ license: 'All text of it … '.repeat(20) })).toBeUndefined();
    expect(licenceOfRecord({ license: 3 })).toBeUndefined();
  });

  it('says what was seen, events of a user with an item by name', () => {
    expect(whyNoText({ user_id: 1n, item: 2 }).what).toBe(
      'an event of a user with an item, which holds no text; seen: user_id (bigint), item (number) in {"user_id":1,"item":2}',
    );
    expect(whyNoText({ a: null }, 'b.c').what).toBe('no string field "b.c"; seen: a (null) in {"a":null}');
    expect(whyNoText({ a: 'x'.repeat(500) }).what.length).toBeLessThan(300);
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
