import type { BinaryFormat, OpenedFile, Passage, ReadOptions } from '../format-reader.js';
import { DocxText } from './docx-text.js';
import { type DocxStyles, readStyles } from './docx-styles.js';
import { passagesOfText } from './long-text.js';
import { orEmpty } from './record-passage.js';
import { type TextBlock, textOfBlocks } from './text-blocks.js';
import { type XmlEvent, xmlEvents } from './xml-events.js';
import { hasPart, openPackage, type ZipPackage } from './zip-package.js';
import { flawedPart, orDropped } from './package-flaws.js';
import { isZip } from '../containers/zip.js';

const DOCUMENT = 'word/document.xml';

/**
 * Word (ECMA-376 OOXML): headings, paragraphs, lists, tables and text boxes in their order, foot- and endnotes after them.
 * What was deleted, hidden or computed (contents, running heads, page numbers) is left out, and so are comments. Numbers of
 * lists are not counted: items begin with a dash.
 */
export const docx: BinaryFormat = {
  name: 'docx',
  content: 'binary',
  extensions: ['.docx', '.docm', '.dotx'],
  hasSignature: isZip,
  isOneOf: async (file) => await hasPart(file, DOCUMENT),
  read: (file, options) => orDropped(readDocx(file, options), file.origin, options),
};

async function* readDocx(file: OpenedFile, options: ReadOptions): AsyncGenerator<Passage> {
  const parts = await openPackage(file);
  try {
    const styles: DocxStyles = parts.has('word/styles.xml')
      ? await readStyles(xmlEvents(parts.text('word/styles.xml')))
      : new Map();
    const flaws: Passage[] = [];
    const onFlaw = (name: string, flaw: Flaw): void =>
      void flaws.push(flawedPart(flaw, `${file.origin}!${name}`, options));
    const body = await readPart(parts, DOCUMENT, new DocxText(styles), onFlaw);
    const footnotes = await readNotes(parts, 'footnote', body.footnotes, styles, onFlaw);
    const endnotes = await readNotes(parts, 'endnote', body.endnotes, styles, onFlaw);
    yield* flaws;
    const text = textOfBlocks([...body.blocks, ...footnotes, ...endnotes]);
    yield* orEmpty(passagesOfText(text, options), `${file.origin}: there is no text in it`);
  } finally {
    parts.close();
  }
}

type Flaw = Extract<XmlEvent, { kind: 'flaw' }>;
type OnFlaw = (name: string, flaw: Flaw) => void;

async function readPart(parts: ZipPackage, name: string, text: DocxText, onFlaw: OnFlaw): Promise<DocxText> {
  for await (const events of xmlEvents(parts.text(name))) {
    for (const event of events) {
      if (event.kind === 'flaw') onFlaw(name, event);
      else text.take(event);
    }
  }
  return text;
}

/** The notes that the text refers to, in its order. */
async function readNotes(
  parts: ZipPackage,
  element: 'footnote' | 'endnote',
  referredTo: readonly string[],
  styles: DocxStyles,
  onFlaw: OnFlaw,
): Promise<TextBlock[]> {
  const name = `word/${element}s.xml`;
  if (referredTo.length === 0 || !parts.has(name)) return [];
  const notes = new Map<string, DocxText>();
  let note: DocxText | undefined;
  for await (const events of xmlEvents(parts.text(name))) {
    for (const event of events) {
      if (event.kind === 'flaw') onFlaw(name, event);
      else if (event.kind === 'open' && event.name === element) {
        note = new DocxText(styles);
        notes.set(event.attributes['w:id'] ?? '', note);
      } else note?.take(event);
    }
  }
  return referredTo.flatMap((id) => notes.get(id)?.blocks ?? []);
}
