import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipOf } from '../containers/write-zip.js';
import { readDocuments } from '../read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-odt-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function read(body: string): Promise<string[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), 'a.odt');
  const content = `<?xml version="1.0"?><office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b"><office:body><office:text>${body}</office:text></office:body></office:document-content>`;
  const mimetype = 'application/vnd.oasis.opendocument.text';
  await writeFile(file, zipOf({ mimetype, 'content.xml': content }, { deflate: true }));
  const shown: string[] = [];
  for await (const item of readDocuments(file)) {
    shown.push(item.kind === 'document' ? item.document.text : `${item.dropped.reason}: ${item.dropped.detail}`);
  }
  return shown;
}

const p = (text: string): string => `<text:p>${text}</text:p>`;

describe('OpenDocument texts', () => {
  it('have headings, paragraphs, lists and tables', async () => {
    const inner = `<text:list><text:list-item>${p('inner')}</text:list-item></text:list>`;
    const cell = (text: string): string => `<table:table-cell>${p(text)}</table:table-cell>`;
    const body =
      '<text:h text:outline-level="1">A <text:span>head</text:span></text:h>' +
      p('One<text:s text:c="2"/>two<text:line-break/>three\n  four<text:tab/>five &amp; 数据') +
      `<text:list><text:list-item>${p('first')}${p('more of it')}${inner}</text:list-item></text:list>` +
      `<table:table><table:table-row>${cell('a')}${cell('b')}</table:table-row><table:table-row>${cell('c')}${cell('d')}</table:table-row></table:table>`;
    expect(await read(body)).toEqual([
      'A head\n\nOne  two\nthree four\tfive & 数据\n\n- first\n\nmore of it\n\n  - inner\n\na\tb\nc\td',
    ]);
  });

  it('have notes once, and nothing deleted, remarked or computed', async () => {
    const note = `<text:note><text:note-citation>1</text:note-citation><text:note-body>${p('A note.')}</text:note-body></text:note>`;
    const body =
      `<text:tracked-changes>${p('gone')}</text:tracked-changes><text:table-of-content>${p('A head 1')}</text:table-of-content>` +
      p(`Text${note} goes on<office:annotation>${p('remark')}</office:annotation>.`);
    expect(await read(body)).toEqual(['A note.\n\nText goes on.']);
    expect(await read('')).toEqual(['empty: a.odt: there is no text in it']);
  });
});
