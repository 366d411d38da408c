import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocuments, type ReadDocumentsOptions } from '../read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-po-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

/** Texts with their lines; what was dropped as reason and detail. */
async function read(content: string, options: ReadDocumentsOptions = {}, name = 'zh.po'): Promise<unknown[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), name);
  await writeFile(file, content);
  const found: unknown[] = [];
  for await (const item of readDocuments(file, options)) {
    if (item.kind === 'document') found.push([item.document.text, item.document.line]);
    else found.push(`${item.dropped.reason}: ${item.dropped.detail}`);
  }
  return found;
}

const header = '# Translators\n#, fuzzy\nmsgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n';

describe('gettext catalogues', () => {
  it('gives original and translation, the header left out', async () => {
    expect(await read(`${header}#: a.c:1\nmsgctxt "menu"\nmsgid "Open"\nmsgstr "打开"\n`)).toEqual([
      ['Open\n\n打开', 8],
    ]);
  });

  it('joins strings over lines and undoes escapes', async () => {
    const content = 'msgid ""\n"One \\"two\\"\\n"\n"three\\\\\\t4"\nmsgstr ""\n"一\\n"\n"二"\n';
    expect(await read(header + content)).toEqual([['One "two"\nthree\\\t4\n\n一\n二', 7]]);
  });

  it('needs no blank line between entries', async () => {
    expect(await read('msgid "a"\nmsgstr "甲"\nmsgid "b"\nmsgstr "乙"\n#: x\nmsgid "c"\nmsgstr "丙"')).toEqual([
      ['a\n\n甲', 1],
      ['b\n\n乙', 3],
      ['c\n\n丙', 6],
    ]);
  });

  it('pairs the plural with the form for many', async () => {
    const plural = 'msgid "%d file"\nmsgid_plural "%d files"\n';
    expect(await read(`${plural}msgstr[0] "%d 个文件"\n`)).toEqual([['%d files\n\n%d 个文件', 1]]);
    expect(await read(`${plural}msgstr[0] "%d Datei"\nmsgstr[1] "%d Dateien"\n`)).toEqual([
      ['%d file\n\n%d Datei', 1],
      ['%d files\n\n%d Dateien', 1],
    ]);
  });

  it('drops fuzzy and untranslated entries and broken lines; obsolete ones are comments', async () => {
    const content =
      '#, c-format, fuzzy\nmsgid "a"\nmsgstr "甲"\n\nmsgid "b"\nmsgstr ""\n\nmsgid "c\nmsgstr "丙"\n\n' +
      '#~ msgid "old"\n#~ msgstr "旧"\n\nmsgid "d"\nmsgstr "丁"\n';
    expect(await read(content)).toEqual([
      'fuzzy: zh.po:2: its translation is marked as fuzzy',
      'untranslated: zh.po:5: has no translation',
      'bad-po: zh.po:8: not a line of a catalogue: msgid "c',
      ['d\n\n丁', 14],
    ]);
    await expect(read(content, { strict: true })).rejects.toMatchObject({ code: 'bad-po' });
  });

  it('drops a catalogue without entries', async () => {
    expect(await read(header)).toEqual(['empty: zh.po: there is no entry in it']);
  });

  it('is known by its content', async () => {
    expect(await read(`${header}msgid "a"\nmsgstr "甲"\n`, {}, 'noname')).toEqual([['a\n\n甲', 7]]);
  });
});
