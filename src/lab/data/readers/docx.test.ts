import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipOf } from '../containers/write-zip.js';
import { readDocuments, type ReadDocumentsOptions } from '../read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-docx-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function read(content: Uint8Array, options: ReadDocumentsOptions = {}): Promise<string[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), 'a.docx');
  await writeFile(file, content);
  const shown: string[] = [];
  for await (const item of readDocuments(file, options)) {
    shown.push(item.kind === 'document' ? item.document.text : `${item.dropped.reason}: ${item.dropped.detail}`);
  }
  return shown;
}

const NAMESPACES = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="m" xmlns:v="v"';

function docxOf(body: string, parts: Readonly<Record<string, string>> = {}): Buffer {
  const document = `<?xml version="1.0"?><w:document ${NAMESPACES}><w:body>${body}<w:sectPr><w:t>no</w:t></w:sectPr></w:body></w:document>`;
  return zipOf({ '[Content_Types].xml': '<Types/>', 'word/document.xml': document, ...parts }, { deflate: true });
}

const run = (text: string, properties = ''): string =>
  `<w:r>${properties === '' ? '' : `<w:rPr>${properties}</w:rPr>`}<w:t xml:space="preserve">${text}</w:t></w:r>`;
const paragraph = (content: string, properties = ''): string => `<w:p><w:pPr>${properties}</w:pPr>${content}</w:p>`;

describe('Word documents', () => {
  it('have headings, paragraphs, lists and tables', async () => {
    const styles = `<w:styles ${NAMESPACES}><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style><w:style w:styleId="V1"><w:name w:val="toc 1"/></w:style></w:styles>`;
    const item = (text: string, level: number): string =>
      paragraph(run(text), `<w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="1"/></w:numPr>`);
    const cell = (content: string): string => `<w:tc><w:tcPr/>${content}</w:tc>`;
    const body =
      paragraph(run('Contents 1'), '<w:pStyle w:val="V1"/>') +
      paragraph(run('A head'), '<w:pStyle w:val="berschrift1"/><w:numPr><w:ilvl w:val="0"/></w:numPr>') +
      paragraph(
        `${run('One ')}${run('sen')}${run('tence.', '<w:b/>')}<w:r><w:br/><w:t>Next</w:t><w:tab/><w:t>line</w:t></w:r>`,
      ) +
      item('first', 0) +
      item('inner', 1) +
      `<w:tbl><w:tr>${cell(paragraph(run('a')) + paragraph(run('b')))}${cell('<w:p/>')}${cell(paragraph(run('c')))}</w:tr><w:tr>${cell(paragraph(run('d')))}${cell(paragraph(run('e')))}</w:tr></w:tbl>` +
      paragraph(run('数据 &amp; &lt;文本&gt;'));
    expect(await read(docxOf(body, { 'word/styles.xml': styles }))).toEqual([
      'A head\n\nOne sentence.\nNext\tline\n\n- first\n  - inner\n\na b\t\tc\nd\te\n\n数据 & <文本>',
    ]);
  });

  it('are read as they show: without what was deleted, moved, hidden or is a code', async () => {
    const body = paragraph(
      `${run('Kept')}<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins>${run(' inserted')}</w:ins>` +
        `<w:moveFrom>${run('moved')}</w:moveFrom>${run('hidden', '<w:vanish/>')}${run(' shown', '<w:vanish w:val="0"/>')}` +
        '<w:r><w:instrText>PAGEREF x</w:instrText></w:r><w:hyperlink>' +
        run(' link') +
        '</w:hyperlink>',
      '<w:rPr><w:vanish/></w:rPr>',
    );
    expect(await read(docxOf(body))).toEqual(['Kept inserted shown link']);
  });

  it('have text boxes once, and notes after the text', async () => {
    const box = `<w:txbxContent>${paragraph(run('Boxed.'))}</w:txbxContent>`;
    const body = paragraph(
      `${run('Around.')}<w:r><mc:AlternateContent><mc:Choice>${box}</mc:Choice><mc:Fallback><w:pict>${box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>` +
        '<w:r><w:footnoteReference w:id="2"/></w:r>',
    );
    const footnotes = `<w:footnotes ${NAMESPACES}><w:footnote w:id="-1">${paragraph(run('separator'))}</w:footnote><w:footnote w:id="2">${paragraph(run('A note.'))}</w:footnote></w:footnotes>`;
    expect(await read(docxOf(body, { 'word/footnotes.xml': footnotes }))).toEqual(['Boxed.\n\nAround.\n\nA note.']);
  });

  it('as long as a book are cut', async () => {
    const shown = await read(docxOf(paragraph(run('word '.repeat(20))).repeat(2000)));
    expect(shown.length).toBe(13);
    expect(shown.join('').match(/word/g)?.length).toBe(40_000);
  });
});

describe('Word documents that are no good', () => {
  it('are named', async () => {
    expect(await read(docxOf(''))).toEqual(['empty: a.docx: there is no text in it']);
    const cutOff = zipOf({ 'word/document.xml': `<w:document><w:body>${paragraph(run('Whole.'))}<w:p>` });
    expect(await read(cutOff)).toEqual(['bad-xml: a.docx!word/document.xml:1: the file ends inside <w:p>', 'Whole.']);
    await expect(read(cutOff, { strict: true })).rejects.toMatchObject({ code: 'bad-xml' });
  });

  it('never expand an entity', async () => {
    const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('');
    const document = `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">${laughs}]><w:document><w:body>${paragraph(run('a &l9; b'))}</w:body></w:document>`;
    expect(await read(zipOf({ 'word/document.xml': document }))).toEqual([
      'entities: a.docx!word/document.xml:1: declares entities, which are not expanded',
      'a &l9; b',
    ]);
  });

  it('stop at their limits', async () => {
    expect(await read(docxOf('<w:tbl>'.repeat(300)))).toEqual([
      'bad-xml: a.docx!word/document.xml:1: elements within elements, over 256 deep',
      'empty: a.docx: there is no text in it',
    ]);
    const bomb = docxOf(' '.repeat(129 << 20));
    expect(await read(bomb)).toEqual([
      expect.stringMatching(/^unpacks-too-far: a\.docx has \d+ bytes in word\/document\.xml, the limit is 134217728$/),
    ]);
  });

  it('never fail otherwise, wherever they are cut or damaged', async () => {
    const whole = zipOf({
      'word/document.xml': `<w:document><w:body>${paragraph(run('Whole.'))}</w:body></w:document>`,
    });
    for (let at = 4; at < whole.length; at += 11) {
      await read(whole.subarray(0, at));
      const damaged = Buffer.from(whole);
      damaged[at] = 1;
      await read(damaged);
    }
  });
});
