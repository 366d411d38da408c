import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipOf } from '../containers/write-zip.js';
import { readDocuments } from '../read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-pptx-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function read(parts: Readonly<Record<string, string>>, name = 'a.pptx'): Promise<string[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), name);
  await writeFile(file, zipOf(parts, { deflate: true }));
  const shown: string[] = [];
  for await (const item of readDocuments(file)) {
    shown.push(item.kind === 'document' ? item.document.text : `${item.dropped.reason}: ${item.dropped.detail}`);
  }
  return shown;
}

const p = (text: string, properties = ''): string => `<a:p>${properties}<a:r><a:t>${text}</a:t></a:r></a:p>`;
const shape = (type: string, paragraphs: string): string =>
  `<p:sp><p:nvSpPr><p:nvPr>${type}</p:nvPr></p:nvSpPr><p:txBody>${paragraphs}</p:txBody></p:sp>`;
const slide = (shapes: string, attributes = ''): string =>
  `<p:sld xmlns:p="p" xmlns:a="a" ${attributes}><p:cSld><p:spTree>${shapes}</p:spTree></p:cSld></p:sld>`;

describe('PowerPoint', () => {
  it('gives the slides that are shown, in the order of the show', async () => {
    const cell = (text: string): string => `<a:tc><a:txBody>${p(text)}</a:txBody></a:tc>`;
    const ids = ['r1', 'r2', 'r3', 'r9'].map((id) => `<p:sldId r:id="${id}"/>`).join('');
    const relation = (id: string, target: string): string => `<Relationship Id="${id}" Target="${target}"/>`;
    const shown = await read({
      'ppt/presentation.xml': `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst>${ids}</p:sldIdLst></p:presentation>`,
      'ppt/_rels/presentation.xml.rels': `<Relationships>${relation('r1', 'slides/slide2.xml')}${relation('r2', '/ppt/slides/slide1.xml')}${relation('r3', 'slides/slide3.xml')}${relation('r9', 'slides/none.xml')}</Relationships>`,
      'ppt/slides/slide1.xml': slide(
        shape('', p('A box.')) + `<p:nvPr><p:ph idx="1"/></p:nvPr><a:tbl><a:tr>${cell('a')}${cell('b')}</a:tr></a:tbl>`,
      ),
      'ppt/slides/slide2.xml': slide(
        shape('<p:ph type="ctrTitle"/>', p('标题')) +
          shape('<p:ph idx="1"/>', p('first') + p('inner', '<a:pPr lvl="1"/>')) +
          shape('<p:ph type="sldNum"/>', p('7')),
      ),
      'ppt/slides/slide3.xml': slide(shape('', p('hidden')), 'show="0"'),
      'ppt/notesSlides/notesSlide1.xml': slide(shape('', p('a note'))),
    });
    expect(shown).toEqual(['标题\n\n- first\n  - inner\n\nA box.\n\na\tb']);
  });
});

describe('Excel', () => {
  it('is refused by name', async () => {
    expect(await read({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': '<x>1</x>' }, 'a.xlsx')).toEqual([
      'unsupported: a.xlsx: is a spreadsheet: save each sheet as CSV, which is read',
    ]);
  });
});
