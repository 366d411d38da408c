import { isZip } from '../containers/zip.js';
import type { BinaryFormat, OpenedFile, Passage, ReadOptions } from '../format-reader.js';
import { bookOf } from './epub-spine.js';
import { type HtmlBlock, readHtml } from './html-blocks.js';
import { passagesOfText } from './long-text.js';
import { dropped, orDropped } from './package-flaws.js';
import { orEmpty } from './record-passage.js';
import { textOfBlocks, withTitle } from './text-blocks.js';
import { hasMimetype, openPackage, type ZipPackage } from './zip-package.js';

/**
 * EPUB: a document a chapter, in reading order, named by its page (`book.epub#text/ch1.xhtml`); the first begins with the
 * book's title. Contents, covers, indexes and imprints are left out. A locked book is refused.
 */
export const epub: BinaryFormat = {
  name: 'epub',
  content: 'binary',
  extensions: ['.epub'],
  hasSignature: isZip,
  isOneOf: async (file) => await hasMimetype(file, 'application/epub+zip', 'META-INF/container.xml'),
  read: (file, options) => orDropped(readEpub(file, options), file.origin, options),
};

async function* readEpub(file: OpenedFile, options: ReadOptions): AsyncGenerator<Passage> {
  const parts = await openPackage(file);
  try {
    yield* orEmpty(chaptersOf(parts, file.origin, options), `${file.origin}: there is no text in it`);
  } finally {
    parts.close();
  }
}

async function* chaptersOf(parts: ZipPackage, origin: string, options: ReadOptions): AsyncGenerator<Passage> {
  const { title, chapters } = await bookOf(parts);
  let isFirst = true;
  for (const name of chapters) {
    if (!parts.has(name)) {
      yield dropped('damaged', `${origin}!${name}: the book lists it and does not have it`, options);
      continue;
    }
    const { blocks, flaw } = await readHtml(parts.text(name), true);
    if (flaw !== undefined) yield dropped('bad-html', `${origin}!${name}: ${flaw}; what follows is left out`, options);
    if (isContents(blocks)) continue;
    const chapter = textOfBlocks(blocks);
    yield* named(passagesOfText(isFirst ? withTitle(title, chapter) : chapter, options), name);
    isFirst &&= chapter === '';
  }
}

/** Books of EPUB 2 have their contents as a page like any other. */
function isContents(blocks: readonly HtmlBlock[]): boolean {
  const characters = blocks.reduce((sum, block) => sum + block.characters, 0);
  const linked = blocks.reduce((sum, block) => sum + block.linkedCharacters, 0);
  return linked > characters / 2;
}

async function* named(passages: AsyncIterable<Passage>, name: string): AsyncGenerator<Passage> {
  let pieces = 0;
  for await (const passage of passages) {
    pieces++;
    yield passage.kind === 'text' ? { ...passage, fragment: pieces === 1 ? name : `${name},${pieces}` } : passage;
  }
}
