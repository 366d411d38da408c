/** The text of a WordprocessingML part (ECMA-376, part 1, section 17) as its events stream by. */
import type { DocxStyles } from './docx-styles.js';
import { OfficeBlocks } from './office-blocks.js';
import type { XmlEvent } from './xml-events.js';

/**
 * Not read: deleted text and where moved text stood before, the codes of fields (their results are), the older of two
 * ways to write a drawing (its text boxes stand in both), readings above characters, what sets up sections and tables.
 */
const SKIPPED = new Set(
  'del moveFrom delText instrText delInstrText Fallback sectPr pPrChange rPrChange tblPr trPr tcPr rt'.split(' '),
);
const CHARACTERS: Readonly<Record<string, string>> = {
  tab: '\t',
  ptab: '\t',
  br: '\n',
  cr: '\n',
  noBreakHyphen: '-',
};
const TRUE = /^(?:true|1|on)$/;
const MAX_LIST_DEPTH = 9;

export class DocxText {
  /** Ids of notes, in the order in which the text refers to them. */
  readonly footnotes: string[] = [];
  readonly endnotes: string[] = [];
  private readonly gathered = new OfficeBlocks();
  private readonly open: string[] = [];
  /** How many open elements, from the first that is skipped on. */
  private skipped = 0;
  private isHiddenRun = false;

  constructor(private readonly styles: DocxStyles) {}

  get blocks(): OfficeBlocks['blocks'] {
    return this.gathered.blocks;
  }

  take(event: XmlEvent): void {
    if (event.kind === 'open') this.enter(event.name, event.attributes);
    else if (event.kind === 'close') this.leave(event.name);
    else if (event.kind === 'text' && this.open.at(-1) === 't' && !this.isLeftOut) this.gathered.add(event.text);
  }

  private get isLeftOut(): boolean {
    return this.skipped > 0 || this.isHiddenRun;
  }

  private enter(name: string, attributes: Attributes): void {
    const parent = this.open.at(-1);
    this.open.push(name);
    if (this.skipped > 0 || SKIPPED.has(name)) {
      this.skipped++;
      return;
    }
    const character = parent === 'r' ? CHARACTERS[name] : undefined;
    if (character !== undefined && !this.isHiddenRun) this.gathered.add(character);
    else if (name === 'p') this.gathered.openParagraph();
    else if (name === 'tr') this.gathered.openRow();
    else if (name === 'tc') this.gathered.openCell();
    else if (name === 'r') this.isHiddenRun = false;
    else if (name === 'vanish') this.isHiddenRun = this.open.at(-3) === 'r' && isOn(attributes);
    else if (name === 'footnoteReference') this.footnotes.push(valueOf(attributes, 'id') ?? '');
    else if (name === 'endnoteReference') this.endnotes.push(valueOf(attributes, 'id') ?? '');
    else this.setKind(name, attributes);
  }

  /** A paragraph's properties come before its text. */
  private setKind(name: string, attributes: Attributes): void {
    const value = valueOf(attributes, 'val') ?? '';
    if (name === 'pStyle') {
      const kind = this.styles.get(value);
      if (kind === 'contents') this.gathered.leaveOut();
      else if (kind !== undefined) this.gathered.setKind(kind, kind === 'item' ? 1 : 0);
    } else if (this.gathered.kind === 'heading') {
      return; // those that are numbered are no items
    } else if (name === 'ilvl') {
      this.gathered.setKind('item', Math.min(MAX_LIST_DEPTH, Number(value) + 1 || 1));
    } else if (name === 'numId' && value === '0') {
      this.gathered.setKind('paragraph');
    } else if (name === 'outlineLvl' && Number(value) < MAX_LIST_DEPTH) {
      this.gathered.setKind('heading');
    }
  }

  private leave(name: string): void {
    this.open.pop();
    if (this.skipped > 0) {
      this.skipped--;
      return;
    }
    if (name === 'p') this.gathered.closeParagraph();
    else if (name === 'tr') this.gathered.closeRow();
    else if (name === 'r') this.isHiddenRun = false;
  }
}

type Attributes = Readonly<Record<string, string>>;

/** Writers are free in the prefix, and nearly all take this one. */
function valueOf(attributes: Attributes, name: string): string | undefined {
  return attributes[`w:${name}`] ?? attributes[name];
}

/** A property without a value is on. */
function isOn(attributes: Attributes): boolean {
  return TRUE.test(valueOf(attributes, 'val') ?? 'true');
}
