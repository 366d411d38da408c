import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import iconv from 'iconv-lite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Document, Dropped } from './document.js';
import { findDemoCorpus } from './demo-corpus.js';
import { findFiles } from './find-files.js';
import { readDocuments } from './read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-data-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function folderWith(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await mkdtemp(path.join(root, 'source-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
  return folder;
}

async function read(source: string, maxCharacters?: number): Promise<{ documents: Document[]; dropped: Dropped[] }> {
  const documents: Document[] = [];
  const dropped: Dropped[] = [];
  for await (const item of readDocuments(source, maxCharacters === undefined ? {} : { maxCharacters })) {
    if (item.kind === 'document') documents.push(item.document);
    else dropped.push(item.dropped);
  }
  return { documents, dropped };
}

describe('finding files', () => {
  it('takes a folder in one order, without hidden entries and node_modules', async () => {
    const folder = await folderWith({
      'b.txt': 'b',
      'a/z.txt': 'z',
      'a.txt': 'a',
      '.git/config.txt': 'no',
      'node_modules/x/readme.md': 'no',
    });
    expect((await findFiles(folder)).map(({ origin }) => origin)).toEqual(['a.txt', 'a/z.txt', 'b.txt']);
  });

  it('takes one file and globs', async () => {
    const folder = await folderWith({ 'a.md': '', 'x/b.md': '', 'x/y/c.md': '', 'x/d.txt': '' });
    const origins = async (source: string) => (await findFiles(path.join(folder, source))).map(({ origin }) => origin);
    expect(await origins('a.md')).toEqual(['a.md']);
    expect(await origins('*.md')).toEqual(['a.md']);
    expect(await origins('**/*.md')).toEqual(['a.md', 'x/b.md', 'x/y/c.md']);
    expect(await origins('x/?.md')).toEqual(['b.md']);
  });

  it('refuses what is missing or empty', async () => {
    await expect(findFiles(path.join(root, 'nowhere'))).rejects.toMatchObject({ code: 'data-missing' });
    await expect(findFiles(path.join(root, 'nowhere/*.txt'))).rejects.toMatchObject({ code: 'data-missing' });
    await expect(findFiles(await folderWith({}))).rejects.toMatchObject({ code: 'data-empty' });
  });

  it('does not follow symbolic links', async () => {
    const outside = await folderWith({ 'secret.txt': 'secret' });
    const folder = await folderWith({ 'a.txt': 'a' });
    await symlink(path.join(outside, 'secret.txt'), path.join(folder, 'link.txt'));
    await symlink(outside, path.join(folder, 'linked'));
    const { documents, dropped } = await read(folder);
    expect(documents.map(({ origin }) => origin)).toEqual(['a.txt']);
    expect(dropped.map(({ origin, reason }) => [origin, reason])).toEqual([
      ['link.txt', 'symbolic-link'],
      ['linked', 'symbolic-link'],
    ]);
  });
});

describe('a file that disappears while others are read', () => {
  it('is dropped by name', async () => {
    const folder = await folderWith({ 'a.txt': 'a', 'b.txt': 'b' });
    const dropped: Dropped[] = [];
    for await (const item of readDocuments(folder)) {
      if (item.kind === 'document') await rm(path.join(folder, 'b.txt'));
      else dropped.push(item.dropped);
    }
    expect(dropped).toMatchObject([{ origin: 'b.txt', reason: 'unreadable' }]);
  });
});

describe('encodings', () => {
  const chinese = '今天天气很好，我们去公园散步吧。\n'.repeat(5);

  it.each(['gb18030', 'big5', 'euc-jp', 'shift_jis', 'utf-16le', 'utf-16be'])('reads %s', async (encoding) => {
    const text =
      encoding === 'big5' ? '今天天氣很好，我們去公園散步吧。\n' : '今日は天気がいいので散歩に行きましょう。\n';
    const expected = encoding === 'gb18030' ? chinese : text.repeat(5);
    const bytes = iconv.encode(expected, encoding, { addBOM: encoding.startsWith('utf-16') });
    const { documents, dropped } = await read(await folderWith({ 'a.txt': bytes }));
    expect(dropped).toEqual([]);
    expect(documents[0]?.text).toBe(expected.trimEnd());
  });

  it('removes the byte order mark of UTF-8', async () => {
    const { documents } = await read(await folderWith({ 'a.txt': '\uFEFFtext' }));
    expect(documents[0]?.text).toBe('text');
  });

  it('drops what is not text, with the offset', async () => {
    const { documents, dropped } = await read(
      await folderWith({
        'late.txt': Buffer.concat([Buffer.from('é'.repeat(200_001)), Buffer.from([0xe9, 0x20])]),
        'nul.txt': Buffer.concat([Buffer.alloc(400_000, 'a'), Buffer.from([0])]),
        'paper.md': '%PDF-1.7 …',
        'picture.png': Buffer.from('\x89PNG and so on', 'latin1'),
        'western.txt': iconv.encode('Café déjà vu, naïve façade', 'windows-1252'),
        'cut.txt': Buffer.from('数').subarray(0, 2),
      }),
    );
    expect(documents).toEqual([]);
    expect(dropped.map(({ origin, reason, detail }) => `${origin} ${reason} ${/\d+/.exec(detail)?.[0] ?? ''}`)).toEqual(
      [
        'cut.txt invalid-utf8 0',
        'late.txt invalid-utf8 400002',
        'nul.txt binary 400000',
        'paper.md bad-pdf ',
        'picture.png binary ',
        'western.txt invalid-utf8 3',
      ],
    );
  });

  it('keeps characters whole that lie across two chunks', async () => {
    const text = `a${'数据😀'.repeat(40_000)}`;
    const { documents } = await read(await folderWith({ 'a.jsonl': JSON.stringify({ text }) }));
    expect(documents[0]?.text).toBe(text);
  });
});

describe('plain text', () => {
  it('is one document a file, with where it came from', async () => {
    const { documents } = await read(await folderWith({ 'x/a.md': '# Title\n\ntext\r\nmore\n' }));
    expect(documents).toEqual([{ id: 'x/a.md#1', text: '# Title\n\ntext\nmore', origin: 'x/a.md', line: 1 }]);
  });

  it('is cut at blank lines when the file is long, nothing lost', async () => {
    const paragraphs = Array.from({ length: 400 }, (_, i) => `paragraph ${i} ${'word '.repeat(40)}end`);
    const { documents } = await read(await folderWith({ 'book.txt': paragraphs.join('\n\n') }));
    expect(documents.length).toBeGreaterThan(4);
    expect(documents.flatMap(({ text }) => text.split('\n').filter((line) => line !== ''))).toEqual(paragraphs);
    const second = documents[1] as Document;
    expect(paragraphs.join('\n\n').split('\n')[(second.line as number) - 1]).toBe(second.text.split('\n')[0]);
  });

  it('drops a line over the limit by name and keeps the lines around it', async () => {
    const { documents, dropped } = await read(
      await folderWith({ 'a.txt': `before\n${'x'.repeat(2000)}\nafter` }),
      1000,
    );
    expect(documents.map(({ text }) => text)).toEqual(['before', 'after']);
    expect(dropped).toMatchObject([{ reason: 'too-long', detail: 'a.txt:2: 2000 characters, the limit is 1000' }]);
  });
});

describe('JSON lines', () => {
  it('takes the field text and keeps line numbers', async () => {
    const { documents } = await read(await folderWith({ 'a.jsonl': '{"text":"one"}\n\n{"text":"two","n":1}\n' }));
    expect(documents.map(({ id, text, line }) => [id, text, line])).toEqual([
      ['a.jsonl#1', 'one', 1],
      ['a.jsonl#2', 'two', 3],
    ]);
  });

  it.each([
    [
      '{"text":"ok"}\n{"review":"x","n":1}',
      'a.jsonl:2: no string field "text"; seen: review (string), n (number) in {"review":"x","n":1}',
    ],
    ['{"text":5}', 'a.jsonl:1: no string field "text"; seen: text (number) in {"text":5}'],
    ['[1]', 'a.jsonl:1: no string field "text"; the record is an array'],
  ])('refuses %s, naming file, line and fields', async (content, message) => {
    await expect(read(await folderWith({ 'a.jsonl': content }))).rejects.toMatchObject({ code: 'bad-jsonl', message });
  });

  it('drops a document over the limit', async () => {
    const { dropped } = await read(await folderWith({ 'a.jsonl': JSON.stringify({ text: 'x'.repeat(3000) }) }), 1000);
    expect(dropped).toMatchObject([{ reason: 'too-long' }]);
  });
});

describe('documentation comments', () => {
  it('are read without stars, one document each, with their line', async () => {
    const source = [
      '/* no */ /** one */ const glob = 1; /** two */',
      'function f() {}',
      '    /**',
      '     * First line.',
      '     *',
      '     *     indented example',
      '     * @param x it * y',
      '     */',
      '/**/ /***/',
      '// nothing',
    ].join('\r\n');
    const { documents } = await read(await folderWith({ 'a.d.ts': source }));
    expect(documents.map(({ text, line }) => [line, text])).toEqual([
      [1, 'one'],
      [1, 'two'],
      [3, 'First line.\n\n    indented example\n@param x it * y'],
      [9, ''],
    ]);
  });

  it('of the installed type declarations are the demo', async () => {
    const demo = await findDemoCorpus();
    expect(demo.licence).toBe('MIT');
    const { documents } = await read(demo.path);
    expect(documents.length).toBeGreaterThan(3000);
    expect(documents.some(({ text }) => text.includes('/**'))).toBe(false);
  });
});
