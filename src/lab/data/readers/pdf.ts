import { readFile } from 'node:fs/promises';
import type { getDocumentProxy } from 'unpdf';
import { messageOf, MoatError } from '../../../base/errors.js';
import type { BinaryFormat, OpenedFile, Passage, ReadOptions } from '../format-reader.js';
import { linesOf, type PageLine, type TextPiece, textOfPages, withoutRunningHeads } from './pdf-layout.js';

/**
 * PDF (ISO 32000), by pdf.js: the text page by page in the order it is drawn, paragraphs made whole, running heads and page
 * numbers left out. Long files are cut at page borders; a document's id names its first page (`book.pdf#page=12`, RFC 8118).
 */
export const pdf: BinaryFormat = {
  name: 'pdf',
  content: 'binary',
  extensions: ['.pdf'],
  hasSignature: (head) => head.toString('latin1').trimStart().startsWith('%PDF-'),
  read: readPdf,
};

/** The whole file is in memory while it is read, and some more with it. */
const MAX_FILE_BYTES = 256 << 20;
const MAX_PAGES = 10_000;
/** What is drawn on one page; a drawing program's page has thousands of pieces, a hostile one millions. */
const MAX_PIECES_PER_PAGE = 200_000;
/** As for plain text: a file this long or shorter is one document. */
const DOCUMENT_CHARACTERS = 16_384;
/** pdf.js: errors are thrown, and nothing is written to the console. */
const SILENT = 0;

interface Page {
  readonly number: number;
  readonly lines: readonly PageLine[];
}

async function* readPdf(file: OpenedFile, options: ReadOptions): AsyncGenerator<Passage> {
  if (file.sizeBytes > MAX_FILE_BYTES) {
    yield bad(file.origin, 'too-large', `${file.sizeBytes} bytes, the limit for a PDF is ${MAX_FILE_BYTES}`, options);
    return;
  }
  const opened = await openPdf(new Uint8Array(await readFile(file.path)));
  if ('reason' in opened) return yield bad(file.origin, opened.reason, opened.what, options);
  const pages: Page[] = [];
  try {
    for (let number = 1; number <= Math.min(opened.numPages, MAX_PAGES); number++) {
      const lines = await linesOfPage(opened, number);
      if (typeof lines === 'string') yield bad(file.origin, 'bad-pdf', `page ${number}: ${lines}`, options, number);
      else pages.push({ number, lines });
    }
    if (opened.numPages > MAX_PAGES) {
      yield bad(file.origin, 'too-large', `${opened.numPages} pages, those after ${MAX_PAGES} are left out`, options);
    }
  } finally {
    await opened.destroy();
  }
  if (pages.length > 0 && pages.every(({ lines }) => lines.length === 0)) {
    yield bad(file.origin, 'no-text', 'is a scan or a drawing: there is no text in it; run OCR first', options);
    return;
  }
  yield* documentsOf(pages, options.maxCharacters);
}

type OpenPdf = Awaited<ReturnType<typeof getDocumentProxy>>;
type OpenPage = Awaited<ReturnType<OpenPdf['getPage']>>;
type TextContent = Awaited<ReturnType<OpenPage['getTextContent']>>;

async function openPdf(data: Uint8Array): Promise<OpenPdf | { readonly reason: string; readonly what: string }> {
  // Loaded when the first PDF comes: pdf.js is the largest library here.
  const pdfjs = await import('unpdf');
  try {
    return await pdfjs.getDocumentProxy(data, { verbosity: SILENT, isEvalSupported: false, useSystemFonts: false });
  } catch (error) {
    const isLocked = error instanceof Error && error.name === 'PasswordException';
    return isLocked
      ? { reason: 'encrypted', what: 'needs a password: save a copy without one' }
      : { reason: 'bad-pdf', what: `cannot be opened (${messageOf(error).replace(/\.$/, '')})` };
  }
}

/** The lines of a page, or what is wrong with it. */
async function linesOfPage(document: OpenPdf, number: number): Promise<PageLine[] | string> {
  try {
    const page = await document.getPage(number);
    const pieces = await piecesOf(page.streamTextContent());
    page.cleanup();
    if (pieces.length > MAX_PIECES_PER_PAGE) return `over ${MAX_PIECES_PER_PAGE} pieces of text`;
    return linesOf(pieces);
  } catch (error) {
    return messageOf(error);
  }
}

/** What comes of a page, a little past the limit at most: what follows is not computed. */
async function piecesOf(content: ReadableStream<TextContent>): Promise<TextPiece[]> {
  const pieces: TextPiece[] = [];
  const reader = content.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return pieces;
    for (const item of value.items) {
      if (!('str' in item)) continue;
      const [, , , , x, y] = item.transform as number[];
      const { str: text, width, height, hasEOL: endsLine } = item;
      pieces.push({ text, x: x ?? 0, y: y ?? 0, width, height, endsLine });
    }
    if (pieces.length <= MAX_PIECES_PER_PAGE) continue;
    await reader.cancel(new Error('over the limit'));
    return pieces;
  }
}

function* documentsOf(pages: readonly Page[], maxCharacters: number): Generator<Passage> {
  const bodies = withoutRunningHeads(pages.map(({ lines }) => lines));
  let gathered: PageLine[][] = [];
  let length = 0;
  let firstPage = pages[0]?.number ?? 1;
  for (const [index, lines] of bodies.entries()) {
    gathered.push(lines);
    length += lines.reduce((sum, line) => sum + line.text.length + 1, 0);
    if (length < DOCUMENT_CHARACTERS && index + 1 < bodies.length) continue;
    const text = textOfPages(gathered);
    if (text.length > maxCharacters) yield { kind: 'too-long', line: firstPage, length: text.length };
    else if (text !== '') yield { kind: 'text', text, fragment: `page=${firstPage}` };
    gathered = [];
    length = 0;
    firstPage = pages[index + 1]?.number ?? firstPage;
  }
}

function bad(origin: string, reason: string, what: string, options: ReadOptions, page = 1): Passage {
  const detail = `${origin}: ${what}`;
  if (options.strict !== true) return { kind: 'malformed', line: page, reason, detail };
  throw new MoatError(reason, detail, { fix: 'Mend the file, or run without --strict to leave it out.' });
}
