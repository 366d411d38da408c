/** What lies in archives is read as if it lay in folders; what is made to do harm is left out by name. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RawItem, readDocuments } from '../read-documents.js';
import { UNPACK_LIMITS, type UnpackLimits } from './unpack.js';
import { zipOf } from './write-zip.js';

let root: string;
let scratchFolder: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-unpack-test-'));
});
beforeEach(async () => {
  scratchFolder = await mkdtemp(path.join(root, 'scratch-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** What is read from one file: `origin: text` and `origin reason`. */
async function linesOf(name: string, bytes: Uint8Array, limits: Partial<UnpackLimits> = {}): Promise<string[]> {
  const file = path.join(await mkdtemp(path.join(root, 'source-')), name);
  await writeFile(file, bytes);
  const lines: string[] = [];
  const unpackLimits = { ...UNPACK_LIMITS, ...limits };
  for await (const item of readDocuments(file, { scratchFolder, unpackLimits })) lines.push(lineOf(item));
  expect(await readdir(scratchFolder)).toEqual([]);
  return lines;
}

const lineOf = (item: RawItem): string =>
  item.kind === 'document'
    ? `${item.document.id}: ${item.document.text}`
    : `${item.dropped.origin} ${item.dropped.reason}: ${item.dropped.detail}`;

const tarOf = (files: Record<string, string | Uint8Array>): Promise<Uint8Array> =>
  packTar(
    Object.entries(files).map(([name, content]) => {
      const body = Buffer.from(content);
      return { header: { name, size: body.length }, body };
    }),
  );

/** A Zstandard frame (RFC 8878) of blocks that are stored, or one byte repeated. */
function zstdOf(...blocks: readonly (Uint8Array | { readonly byte: number; readonly times: number })[]): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]); // no checksum, window of 2 MB
  const parts = blocks.map((block, index) => {
    const isLast = index === blocks.length - 1 ? 1 : 0;
    const [type, size] = 'byte' in block ? [1, block.times] : [0, block.length];
    const start = Buffer.alloc(3);
    start.writeUIntLE((size << 3) | (type << 1) | isLast, 0, 3);
    return Buffer.concat([start, 'byte' in block ? Buffer.from([block.byte]) : block]);
  });
  return Buffer.concat([header, ...parts]);
}

describe('one file compressed', () => {
  test('is read under its own name and format', async () => {
    expect(await linesOf('faq.jsonl.gz', gzipSync('{"text":"one"}\n{"text":"two"}'))).toEqual([
      'faq.jsonl.gz/faq.jsonl#1: one',
      'faq.jsonl.gz/faq.jsonl#2: two',
    ]);
    expect(await linesOf('a.txt.zst', zstdOf(Buffer.from('some '), Buffer.from('text')))).toEqual([
      'a.txt.zst/a.txt#1: some text',
    ]);
  });

  test('is known by its content, whatever it is called', async () => {
    expect(await linesOf('archive', gzipSync(gzipSync('twice')))).toEqual(['archive/archive/archive#1: twice']);
  });

  test('that is cut off or damaged is left out by name, whole', async () => {
    const packed = gzipSync(Buffer.from(Array.from({ length: 5000 }, (_, i) => `line ${i * 7919}`).join('\n')));
    expect(await linesOf('a.txt.gz', packed.subarray(0, packed.length - 20))).toEqual([
      'a.txt.gz damaged: a.txt.gz is cut off or damaged',
    ]);
    expect(await linesOf('a.txt.zst', zstdOf(Buffer.from('text')).subarray(0, 10))).toEqual([
      'a.txt.zst damaged: a.txt.zst is cut off or damaged',
    ]);
  });
});

describe('an archive', () => {
  const files = {
    'b.txt': 'first',
    'folder/a.jsonl': '{"text":"second"}',
    '.hidden.txt': 'no',
    '__MACOSX/b.txt': 'no',
  };

  test('is read in its own order, each file as what it is', async () => {
    const expected = (name: string): string[] => [`${name}/b.txt#1: first`, `${name}/folder/a.jsonl#1: second`];
    expect(await linesOf('a.tar', await tarOf(files))).toEqual(expected('a.tar'));
    expect(await linesOf('a.tgz', gzipSync(await tarOf(files)))).toEqual(expected('a.tgz/a.tar'));
    expect(await linesOf('a.zip', zipOf(files))).toEqual(expected('a.zip'));
  });

  test('in an archive is read too, to a depth', async () => {
    const inner = zipOf({ 'deep.txt': 'deep', 'more.txt': 'more' });
    const nested = await tarOf({ 'x/inner.zip': inner, 'last.txt': 'last' });
    expect(await linesOf('a.tar', nested)).toEqual([
      'a.tar/x/inner.zip/deep.txt#1: deep',
      'a.tar/x/inner.zip/more.txt#1: more',
      'a.tar/last.txt#1: last',
    ]);
    expect(await linesOf('a.tar', nested, { maxDepth: 1 })).toEqual([
      expect.stringMatching(/^a\.tar\/x\/inner\.zip unpacks-too-far: /),
      'a.tar/last.txt#1: last',
    ]);
  });

  test('whose names lead out of it loses those', async () => {
    const bad = { '../out.txt': 'no', 'a/../../out.txt': 'no', '/etc/out.txt': 'no', 'fine.txt': 'fine' };
    for (const [name, bytes] of [
      ['a.tar', await tarOf(bad)],
      ['a.zip', zipOf(bad)],
    ] as const) {
      const lines = await linesOf(name, bytes);
      expect(lines.filter((line) => line.includes('unsafe-path'))).toHaveLength(3);
      expect(lines.at(-1)).toBe(`${name}/fine.txt#1: fine`);
    }
  });

  test('does not lead anywhere by links', async () => {
    const bytes = await packTar([
      { header: { name: 'soft', size: 0, type: 'symlink', linkname: '/etc/passwd' } },
      { header: { name: 'hard', size: 0, type: 'link', linkname: '/etc/passwd' } },
    ]);
    expect(await linesOf('a.tar', bytes)).toEqual([
      'a.tar/soft symbolic-link: a.tar/soft links are not followed',
      'a.tar/hard symbolic-link: a.tar/hard links are not followed',
    ]);
  });

  test('that is cut off keeps what was whole', async () => {
    const bytes = await tarOf({ 'a.txt': 'whole', 'b.txt': 'x'.repeat(3000) });
    const lines = await linesOf('a.tar', bytes.subarray(0, 2048));
    expect(lines).toEqual(['a.tar/a.txt#1: whole', 'a.tar damaged: a.tar is cut off or damaged']);
    expect(await linesOf('a.zip', zipOf({ 'a.txt': 'a' }).subarray(0, 40))).toEqual([
      expect.stringMatching(/^a\.zip damaged: /),
    ]);
  });
});

describe('what was made to fill a disk', () => {
  const limits = { maxRatio: 50, freeBytes: 1 << 16 };
  const zeros = Buffer.alloc(1 << 22, 'a');

  test('is stopped at the limit and left out by name', async () => {
    const tooFar = /unpacks-too-far: .* unpack to more than .*/;
    expect(await linesOf('a.txt.gz', gzipSync(zeros), limits)).toEqual([expect.stringMatching(tooFar)]);
    const frames = zstdOf(...Array.from({ length: 32 }, () => ({ byte: 0x61, times: 128 << 10 })));
    expect(await linesOf('a.txt.zst', frames, limits)).toEqual([expect.stringMatching(tooFar)]);
    const nested = gzipSync(gzipSync(zeros));
    expect(await linesOf('a.gz', nested, { ...limits, maxRatio: 1000 })).toEqual([expect.stringMatching(tooFar)]);
  });

  test('counts all files of an archive together', async () => {
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`${i}.txt`, 'b'.repeat(20_000)]));
    const lines = await linesOf('a.tgz', gzipSync(await tarOf(many)), limits);
    expect(lines.at(-1)).toMatch(/unpacks-too-far/);
  });

  test('is no text that packs well', async () => {
    const text = Array.from({ length: 40_000 }, (_, i) => `{"text":"number ${i} of many"}`).join('\n');
    expect((await linesOf('a.jsonl.gz', gzipSync(text))).length).toBe(40_000);
  });
});
