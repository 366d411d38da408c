import path from 'node:path';
import { isZip } from '../containers/zip.js';
import type { BinaryFormat, OpenedFile, Passage, ReadOptions } from '../format-reader.js';
import { passagesOfText } from './long-text.js';
import { OfficeBlocks } from './office-blocks.js';
import { flawedPart, orDropped } from './package-flaws.js';
import { orEmpty } from './record-passage.js';
import { type TextBlock, textOfBlocks } from './text-blocks.js';
import { type XmlEvent, xmlEvents } from './xml-events.js';
import { hasPart, openPackage, type ZipPackage } from './zip-package.js';

const PRESENTATION = 'ppt/presentation.xml';
const RELATIONS = 'ppt/_rels/presentation.xml.rels';

/**
 * PowerPoint (ECMA-376 OOXML): one document of the slides in their order, titles as headings. Hidden slides, notes of the
 * speaker, dates and slide numbers are left out.
 */
export const pptx: BinaryFormat = {
  name: 'pptx',
  content: 'binary',
  extensions: ['.pptx', '.pptm', '.ppsx'],
  hasSignature: isZip,
  isOneOf: async (file) => await hasPart(file, PRESENTATION),
  read: (file, options) => orDropped(readPptx(file, options), file.origin, options),
};

async function* readPptx(file: OpenedFile, options: ReadOptions): AsyncGenerator<Passage> {
  const parts = await openPackage(file);
  try {
    const flaws: Passage[] = [];
    const blocks: TextBlock[] = [];
    for (const name of await slidesOf(parts)) {
      const slide = new Slide();
      for await (const events of xmlEvents(parts.text(name))) {
        for (const event of events) {
          if (event.kind === 'flaw') flaws.push(flawedPart(event, `${file.origin}!${name}`, options));
          else slide.take(event);
        }
      }
      if (!slide.isHidden) for (const block of slide.blocks) blocks.push(block);
    }
    yield* flaws;
    yield* orEmpty(passagesOfText(textOfBlocks(blocks), options), `${file.origin}: there is no text in it`);
  } finally {
    parts.close();
  }
}

/** Names of the slides' parts that are there, in the order of the show, which is not that of their names. */
async function slidesOf(parts: ZipPackage): Promise<readonly string[]> {
  const targets = new Map<string, string>();
  if (parts.has(RELATIONS)) {
    for await (const events of xmlEvents(parts.text(RELATIONS))) {
      for (const event of events) {
        if (event.kind !== 'open' || event.name !== 'Relationship') continue;
        const { Id = '', Target = '' } = event.attributes;
        targets.set(Id, path.posix.resolve('/ppt', Target).slice(1));
      }
    }
  }
  const slides = new Set<string>();
  for await (const events of xmlEvents(parts.text(PRESENTATION))) {
    for (const event of events) {
      if (event.kind !== 'open' || event.name !== 'sldId') continue;
      const name = targets.get(event.attributes['r:id'] ?? '');
      if (name !== undefined && parts.has(name)) slides.add(name);
    }
  }
  return [...slides];
}

/** Placeholders whose text is not the slide's own. */
const AROUND = new Set(['dt', 'ftr', 'hdr', 'sldNum']);
const TITLES = new Set(['title', 'ctrTitle']);

class Slide {
  isHidden = false;
  private readonly gathered = new OfficeBlocks();
  private readonly open: string[] = [];
  private placeholder = '';

  get blocks(): OfficeBlocks['blocks'] {
    return this.gathered.blocks;
  }

  take(event: XmlEvent): void {
    if (event.kind === 'open') this.enter(event.name, event.attributes);
    else if (event.kind === 'close') this.leave(event.name);
    else if (event.kind === 'text' && this.open.at(-1) === 't') this.gathered.add(event.text);
  }

  private enter(name: string, attributes: Readonly<Record<string, string>>): void {
    this.open.push(name);
    if (name === 'sld') this.isHidden = attributes['show'] === '0';
    else if (name === 'sp' || name === 'tbl') this.placeholder = '';
    else if (name === 'ph') this.placeholder = attributes['type'] ?? 'body';
    else if (name === 'tr') this.gathered.openRow();
    else if (name === 'tc') this.gathered.openCell();
    else if (name === 'br') this.gathered.add('\n');
    else if (name === 'p') this.openParagraph();
    else if (name === 'pPr' && this.placeholder === 'body') {
      this.gathered.setKind('item', (Number(attributes['lvl'] ?? 0) || 0) + 1);
    }
  }

  private openParagraph(): void {
    this.gathered.openParagraph();
    if (AROUND.has(this.placeholder)) this.gathered.leaveOut();
    else if (TITLES.has(this.placeholder)) this.gathered.setKind('heading');
    else if (this.placeholder === 'body') this.gathered.setKind('item', 1);
  }

  private leave(name: string): void {
    this.open.pop();
    if (name === 'p') this.gathered.closeParagraph();
    else if (name === 'tr') this.gathered.closeRow();
    else if (name === 'sp' || name === 'tbl') this.placeholder = '';
  }
}
