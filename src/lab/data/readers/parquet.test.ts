import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawItem, readDocuments, type ReadDocumentsOptions } from '../read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-parquet-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function read(content: Uint8Array, options: ReadDocumentsOptions = {}): Promise<RawItem[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), 'a.parquet');
  await writeFile(file, content);
  const items: RawItem[] = [];
  for await (const item of readDocuments(file, options)) items.push(item);
  return items;
}

function write(columnData: ColumnSource[], rowGroupSize = 1000): Buffer {
  return Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize }));
}

function texts(items: readonly RawItem[]): string[] {
  return items.map((item) => (item.kind === 'document' ? item.document.text : item.dropped.detail));
}

const rows = Array.from({ length: 10 }, (_, n) => `text of row ${n + 1}`);

describe('Parquet', () => {
  it('gives one document a row, over row groups', async () => {
    const items = await read(
      write(
        [
          { name: 'text', data: rows, type: 'STRING' },
          { name: 'label', data: rows.map((_, n) => n), type: 'INT32' },
          { name: 'license', data: rows.map(() => 'MIT'), type: 'STRING' },
        ],
        4,
      ),
    );
    expect(texts(items)).toEqual(rows);
    expect(items[9]).toMatchObject({ document: { id: 'a.parquet#10', line: 10, licence: 'MIT' } });
  });

  it('reads nested records', async () => {
    const messages = [
      [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: '茶' },
      ],
    ];
    expect(texts(await read(write([{ name: 'messages', data: messages, type: 'JSON' }])))).toEqual([
      'user: hi\nassistant: 茶',
    ]);
  });

  it('drops rows without text, and names the columns when none holds one', async () => {
    const content = write([{ name: 'text', data: ['a', null, 'b'], type: 'STRING' }]);
    expect(texts(await read(content))).toEqual(['a', 'a.parquet: row 2: its fields are empty', 'b']);
    const events = write([
      { name: 'user', data: ['u'], type: 'STRING' },
      { name: 'review', data: ['fine'], type: 'STRING' },
    ]);
    await expect(read(events)).rejects.toMatchObject({
      message: 'a.parquet: no column holds the text; seen: user, review',
    });
    expect(texts(await read(events, { textField: 'review' }))).toEqual(['fine']);
    await expect(read(events, { textField: 'missing' })).rejects.toMatchObject({ code: 'bad-parquet' });
  });

  it('says that a file is cut off, encrypted or damaged', async () => {
    const whole = write([{ name: 'text', data: rows, type: 'STRING' }], 4);
    expect(texts(await read(whole.subarray(0, -5)))).toEqual(['a.parquet: the file is cut off: its footer is missing']);
    expect(texts(await read(whole.subarray(0, 6)))).toEqual(['a.parquet: the file is cut off']);
    const encrypted = Buffer.from(whole);
    encrypted.write('PARE', 0);
    encrypted.write('PARE', whole.length - 4);
    expect(texts(await read(encrypted))).toEqual(['a.parquet: it is encrypted: decrypt it first']);
    await expect(read(whole.subarray(0, -5), { strict: true })).rejects.toMatchObject({ code: 'bad-parquet' });
  });

  it('reads the other row groups when one is damaged', async () => {
    const damaged = write([{ name: 'text', data: rows, type: 'STRING' }], 4);
    damaged.fill(0xff, 4, 30);
    const items = await read(damaged);
    expect(texts(items).slice(1)).toEqual(rows.slice(4));
    expect(texts(items)[0]).toMatch(/^a\.parquet: row group 1 cannot be read \(.+\)$/);
  });

  it('never fails otherwise, whichever byte is damaged', async () => {
    const whole = write([{ name: 'text', data: rows.slice(0, 3), type: 'STRING' }]);
    for (let at = 4; at < whole.length - 8; at += 3) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0xff;
      const items = await read(damaged).catch((error: unknown) => error);
      if (!Array.isArray(items)) expect(items).toMatchObject({ name: 'MoatError' });
    }
  });
});
