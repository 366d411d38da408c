import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipOf } from '../containers/write-zip.js';
import { readDocuments, type ReadDocumentsOptions } from '../read-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-epub-'));
});
afterAll(async () => await rm(root, { recursive: true, force: true }));

async function read(content: Uint8Array, options: ReadDocumentsOptions = {}): Promise<string[]> {
  const file = path.join(await mkdtemp(path.join(root, 'case-')), 'a.epub');
  await writeFile(file, content);
  const shown: string[] = [];
  for await (const item of readDocuments(file, options)) {
    shown.push(
      item.kind === 'document'
        ? `${item.document.id}: ${item.document.text}`
        : `${item.dropped.reason}: ${item.dropped.detail}`,
    );
  }
  return shown;
}

interface Book {
  /** Of the manifest: what follows `id`. */
  readonly items: Readonly<Record<string, string>>;
  readonly spine: readonly string[];
  readonly guide?: string;
  readonly parts: Readonly<Record<string, string>>;
}

function epubOf({ items, spine, guide = '', parts }: Book): Buffer {
  const manifest = Object.entries(items).map(
    ([id, facts]) => `<item id="${id}" ${facts} media-type="application/xhtml+xml"/>`,
  );
  const opf =
    '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">' +
    `<dc:title>The Book &amp; more</dc:title></metadata><manifest>${manifest.join('')}</manifest>` +
    `<spine>${spine.map((id) => `<itemref idref="${id}"/>`).join('')}</spine><guide>${guide}</guide></package>`;
  return zipOf({
    mimetype: 'application/epub+zip',
    'META-INF/container.xml':
      '<container><rootfiles><rootfile full-path="OEBPS/a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
    'OEBPS/a.opf': opf,
    ...parts,
  });
}

const page = (body: string): string =>
  `<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title>Not this</title><script src="a.js"/></head><body>${body}</body></html>`;

const BOOK: Book = {
  items: {
    nav: 'href="nav.xhtml" properties="nav"',
    cover: 'href="cover.xhtml"',
    imprint: 'href="imprint.xhtml"',
    list: 'href="list.xhtml"',
    one: 'href="text/chapter%201.xhtml"',
    two: 'href="text/two.xhtml#start"',
  },
  spine: ['cover', 'nav', 'imprint', 'list', 'two', 'one', 'two'],
  guide: '<reference type="copyright-page" href="imprint.xhtml#top"/>',
  parts: {
    'OEBPS/nav.xhtml': page('<nav><a href="x">One</a></nav><p>Contents</p>'),
    'OEBPS/cover.xhtml': page('<p>A cover</p>'),
    'OEBPS/imprint.xhtml': page('<p>All rights reserved</p>'),
    'OEBPS/list.xhtml': page('<h1>Contents</h1><p><a href="text/two.xhtml">The chapter that is two</a></p>'),
    'OEBPS/text/chapter 1.xhtml': page('<h1>One</h1><p>Short&nbsp;text.<a id="x"/></p><aside>Aside.</aside>'),
    'OEBPS/text/two.xhtml': page('<h1>二</h1><p>第二章的\n  文字。</p>'),
  },
};

describe('EPUB', () => {
  it('gives a document a chapter in reading order, and nothing around them', async () => {
    expect(await read(epubOf(BOOK))).toEqual([
      'a.epub#OEBPS/text/two.xhtml: The Book & more\n\n二\n\n第二章的文字。',
      'a.epub#OEBPS/text/chapter 1.xhtml: One\n\nShort text.\n\nAside.',
    ]);
  });

  it('names a chapter that is not there, and cuts long ones', async () => {
    const long = page('<p>Words of it.</p>'.repeat(15_000));
    const parts = Object.entries({ ...BOOK.parts, 'OEBPS/text/two.xhtml': long });
    const lacking = Object.fromEntries(parts.filter(([name]) => name !== 'OEBPS/text/chapter 1.xhtml'));
    const shown = await read(epubOf({ ...BOOK, parts: lacking }));
    expect(shown.at(-1)).toBe('damaged: a.epub!OEBPS/text/chapter 1.xhtml: the book lists it and does not have it');
    expect(shown.slice(0, -1).map((each) => each.slice(0, each.indexOf(': ')))).toEqual(
      Array.from({ length: 13 }, (_, n) => `a.epub#OEBPS/text/two.xhtml${n === 0 ? '' : `,${n + 1}`}`),
    );
  });

  it('is refused when locked, not when only its fonts are', async () => {
    const lock = (algorithm: string, part: string): Book => ({
      ...BOOK,
      parts: {
        ...BOOK.parts,
        'META-INF/encryption.xml': `<encryption xmlns:enc="e"><enc:EncryptedData><enc:EncryptionMethod Algorithm="${algorithm}"/><enc:CipherData><enc:CipherReference URI="${part}"/></enc:CipherData></enc:EncryptedData></encryption>`,
      },
    });
    const aes = 'http://www.w3.org/2001/04/xmlenc#aes256-cbc';
    expect(await read(epubOf(lock(aes, 'OEBPS/text/chapter%201.xhtml')))).toEqual([
      'encrypted: a.epub is locked by its seller (DRM), and is not read',
    ]);
    expect(await read(epubOf(lock('http://www.idpf.org/2008/embedding', 'OEBPS/font.otf')))).toHaveLength(2);
  });

  it('is named when it is damaged, and never fails otherwise', async () => {
    expect(await read(epubOf({ ...BOOK, spine: [] }))).toEqual(['empty: a.epub: there is no text in it']);
    const whole = epubOf(BOOK);
    for (let at = 4; at < whole.length; at += 53) {
      await read(whole.subarray(0, at));
      const damaged = Buffer.from(whole);
      damaged[at] = 1;
      await read(damaged);
    }
  });
});
