import { isZip } from '../containers/zip.js';
import type { BinaryFormat, OpenedFile, Passage, ReadOptions } from '../format-reader.js';
import { passagesOfText } from './long-text.js';
import { OfficeBlocks } from './office-blocks.js';
import { flawedPart, orDropped } from './package-flaws.js';
import { orEmpty } from './record-passage.js';
import { textOfBlocks } from './text-blocks.js';
import { type XmlEvent, xmlEvents } from './xml-events.js';
import { hasMimetype, openPackage } from './zip-package.js';

const CONTENT = 'content.xml';

/**
 * OpenDocument text (OASIS ODF 1.3): headings, paragraphs, lists and tables in their order, notes after the paragraph they
 * belong to. Deleted text, comments and what is computed (contents, indexes) are left out; items begin with a dash.
 */
export const odt: BinaryFormat = {
  name: 'odt',
  content: 'binary',
  extensions: ['.odt', '.ott'],
  hasSignature: isZip,
  isOneOf: async (file) => await hasMimetype(file, 'application/vnd.oasis.opendocument.text', CONTENT),
  read: (file, options) => orDropped(readOdt(file, options), file.origin, options),
};

async function* readOdt(file: OpenedFile, options: ReadOptions): AsyncGenerator<Passage> {
  const parts = await openPackage(file);
  try {
    const text = new OdtText();
    const flaws: Passage[] = [];
    for await (const events of xmlEvents(parts.text(CONTENT))) {
      for (const event of events) {
        if (event.kind === 'flaw') flaws.push(flawedPart(event, `${file.origin}!${CONTENT}`, options));
        else text.take(event);
      }
    }
    yield* flaws;
    yield* orEmpty(passagesOfText(textOfBlocks(text.blocks), options), `${file.origin}: there is no text in it`);
  } finally {
    parts.close();
  }
}

const SKIPPED = new Set(
  (
    'annotation tracked-changes table-of-content alphabetical-index bibliography illustration-index table-index user-index ' +
    'note-citation ruby-text sequence-decls variable-decls user-field-decls forms scripts font-face-decls automatic-styles'
  ).split(' '),
);
const CHARACTERS: Readonly<Record<string, string>> = { tab: '\t', 'line-break': '\n' };
/** As many spaces as one element may stand for. */
const MAX_SPACES = 100;

class OdtText {
  private readonly gathered = new OfficeBlocks();
  private listDepth = 0;
  /** The paragraph is the first of its item. */
  private startsItem = false;
  private openParagraphs = 0;
  /** How many open elements, from the first that is skipped on. */
  private skipped = 0;

  get blocks(): OfficeBlocks['blocks'] {
    return this.gathered.blocks;
  }

  take(event: XmlEvent): void {
    if (event.kind === 'open') this.enter(event.name, event.attributes);
    else if (event.kind === 'close') this.leave(event.name);
    else if (event.kind === 'text' && this.skipped === 0 && this.openParagraphs > 0) {
      // Runs of white space are one space; more are written as elements.
      this.gathered.add(event.text.replaceAll(/\s+/g, ' '));
    }
  }

  private enter(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.skipped > 0 || SKIPPED.has(name)) {
      this.skipped++;
      return;
    }
    const character = CHARACTERS[name];
    if (character !== undefined) this.gathered.add(character);
    else if (name === 's') this.gathered.add(' '.repeat(Math.min(MAX_SPACES, Number(attributes['text:c'] ?? 1) || 1)));
    else if (name === 'p' || name === 'h') this.openParagraph(name);
    else if (name === 'list') this.listDepth++;
    else if (name === 'list-item') this.startsItem = true;
    else if (name === 'table-row') this.gathered.openRow();
    else if (name === 'table-cell' || name === 'covered-table-cell') this.gathered.openCell();
  }

  private openParagraph(name: 'p' | 'h'): void {
    this.gathered.openParagraph();
    this.openParagraphs++;
    if (name === 'h') this.gathered.setKind('heading');
    else if (this.listDepth > 0 && this.startsItem) this.gathered.setKind('item', this.listDepth);
    this.startsItem = false;
  }

  private leave(name: string): void {
    if (this.skipped > 0) {
      this.skipped--;
      return;
    }
    if (name === 'p' || name === 'h') {
      this.gathered.closeParagraph();
      this.openParagraphs--;
    } else if (name === 'list') this.listDepth--;
    else if (name === 'table-row') this.gathered.closeRow();
  }
}
