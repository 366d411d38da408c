import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RawItem, readDocuments, type ReadDocumentsOptions } from '../read-documents.js';
import { joinDividedLines } from './join-lines.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-pdf-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function read(content: string | Uint8Array, options: ReadDocumentsOptions = {}): Promise<RawItem[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), 'a.pdf');
  await writeFile(file, content);
  const items: RawItem[] = [];
  for await (const item of readDocuments(file, options)) items.push(item);
  return items;
}

function shown(items: readonly RawItem[]): string[] {
  return items.map((item) =>
    item.kind === 'document'
      ? `${item.document.id}: ${item.document.text}`
      : `${item.dropped.reason}: ${item.dropped.detail}`,
  );
}

/** A PDF of lines, 14 points apart in 12-point Helvetica; a line that is empty leaves its place free. */
function pdfOf(pages: readonly (readonly string[])[], trailer = ''): string {
  const objects: string[] = [];
  const kids = pages.map((_, index) => `${4 + index * 2} 0 R`).join(' ');
  objects.push('<< /Type /Catalog /Pages 2 0 R >>');
  objects.push(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`);
  objects.push('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>');
  for (const [index, lines] of pages.entries()) {
    const shows = lines.map((line) => `(${line.replaceAll(/[()\\]/g, String.raw`\$&`)}) Tj T*`).join('\n');
    const stream = lines.length === 0 ? '0 0 10 10 re f' : `BT /F1 12 Tf 14 TL 72 720 Td\n${shows}\nET`;
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${5 + index * 2} 0 R >>`,
    );
    objects.push(`<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`);
  }
  let file = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return String(offset).padStart(10, '0');
  });
  const table = `0000000000 65535 f \n${offsets.map((offset) => `${offset} 00000 n \n`).join('')}`;
  const size = objects.length + 1;
  return `${file}xref\n0 ${size}\n${table}trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${file.length}\n%%EOF\n`;
}

describe('PDF', () => {
  it('makes paragraphs whole and undoes hyphens', async () => {
    const page = [
      'A heading',
      '',
      'The first line of a paragraph of many words is as wide as the col-',
      'umn, and the second is about as wide as that, so they are one again.',
      '',
      'Another paragraph (with brackets).',
    ];
    expect(shown(await read(pdfOf([page])))).toEqual([
      'a.pdf#page=1: A heading\n\nThe first line of a paragraph of many words is as wide as the column, and the second is ' +
        'about as wide as that, so they are one again.\n\nAnother paragraph (with brackets).',
    ]);
  });

  it('leaves out running heads, page numbers and tables of contents', async () => {
    const pages = Array.from({ length: 4 }, (_, n) => [
      'The Title of the Book',
      '',
      `This is page ${'abcd'[n]} and it says something of its own.`,
      `Chapter ${n + 1} . . . . . . . . . . . . . . . . . . . . ${n}`,
      '',
      `- ${n + 10} -`,
    ]);
    const [text] = shown(await read(pdfOf(pages)));
    expect(text).toBe(
      `a.pdf#page=1: ${[...'abcd'].map((page) => `This is page ${page} and it says something of its own.`).join('\n\n')}`,
    );
  });

  it('continues a sentence overleaf, and cuts long files at pages', async () => {
    const prose = 'word '.repeat(15).trim();
    const long = Array.from({ length: 45 }, (_, n) => `${prose} ${n}`);
    const pages = Array.from({ length: 12 }, (_, n) => long.map((line) => `${line} ${'abcdefghijkl'[n]}`));
    const items = await read(pdfOf(pages));
    expect(items.map((item) => item.kind === 'document' && item.document.id)).toEqual([
      'a.pdf#page=1',
      'a.pdf#page=6',
      'a.pdf#page=11',
    ]);
    const [first] = shown(items);
    expect(first).toContain('44 a word word');
    expect(first).not.toContain('\n');
  });

  it('names what cannot be read, and stays silent otherwise', async () => {
    const said = [vi.spyOn(console, 'log'), vi.spyOn(console, 'warn'), vi.spyOn(console, 'error')];
    const whole = pdfOf([['Some text of the page.']]);
    expect(shown(await read(pdfOf([[], []])))).toEqual([
      'no-text: a.pdf: is a scan or a drawing: there is no text in it; run OCR first',
    ]);
    expect(shown(await read('%PDF-1.7\nand nothing more'))).toEqual([
      expect.stringMatching(/^bad-pdf: a\.pdf: cannot be opened \(.+\)$/),
    ]);
    const key = '<28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A>';
    const locked = pdfOf(
      [['x']],
      `/ID [${key} ${key}] /Encrypt << /Filter /Standard /V 1 /R 2 /O ${key} /U ${key} /P -4 >>`,
    );
    expect(shown(await read(locked))).toEqual(['encrypted: a.pdf: needs a password: save a copy without one']);
    // pdf.js finds the objects of a file whose table is not where it should be.
    expect(shown(await read(whole.replace(/startxref\n\d+/, 'startxref\n1')))).toEqual([
      'a.pdf#page=1: Some text of the page.',
    ]);
    for (const spy of said) expect(spy).not.toHaveBeenCalled();
  });

  it('never fails otherwise, wherever the file is cut or damaged', async () => {
    const whole = pdfOf([['One line.'], ['Another.']]);
    for (let at = 5; at < whole.length; at += 41) {
      await read(whole.slice(0, at));
      await read(`${whole.slice(0, at)}\u0001${whole.slice(at + 1)}`);
    }
  });

  it('refuses a damaged file when strict', async () => {
    await expect(read('%PDF-1.7', { strict: true })).rejects.toMatchObject({ code: 'bad-pdf' });
  });
});

describe('joining lines', () => {
  it.each([
    ['one', 'two', 'one two'],
    ['divi-', 'ded', 'divided'],
    ['Jean-', 'Paul', 'Jean- Paul'],
    ['1990-', 'b', '1990- b'],
    ['今天天气', '很好', '今天天气很好'],
    ['他说，', 'yes', '他说，yes'],
    ['使用 Debian', '系统', '使用 Debian 系统'],
    ['', 'b', 'b'],
  ])('%s + %s', (first, second, joined) => {
    expect(joinDividedLines(first, second)).toBe(joined);
  });
});
