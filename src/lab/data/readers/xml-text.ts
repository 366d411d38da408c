/** The running text of an XML document whose elements nobody described: blocks on lines, white space as a reader sees it. */
import type { Line } from '../lines.js';
import { joinAllLines } from './join-lines.js';
import type { XmlEvent } from './xml-events.js';

/** Of TEI, DocBook and XHTML. Others are inside running text where text stands around them. */
const INLINE = new Set(
  (
    'a abbr acronym b bdo big c cite citetitle code del dfn em emph emphasis firstterm foreign g gi guilabel hi i ins kbd keycap ' +
    'literal m mark pc q quote ref rs s samp sc seg sic small span strong sub subscript sup superscript tt u ulink var w xref'
  ).split(' '),
);
/** Blocks even where text stands before them. */
const BLOCK = new Set(
  'p para simpara formalpara div section chapter title subtitle head list item listitem row tr td th table l lg sp speaker'.split(
    ' ',
  ),
);
const HEADINGS = new Set(['title', 'head', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6']);
const VERBATIM = new Set(['programlisting', 'screen', 'literallayout', 'synopsis', 'pre', 'eg']);
const BREAKS = new Set(['lb', 'br']);
/** About the text, not of it. */
const SKIPPED = new Set(['teiheader', 'indexterm', 'remark', 'script', 'style']);

interface Element {
  readonly isBlock: boolean;
  /** A block for as long as no text goes on right after it. */
  readonly isDoubtful: boolean;
  readonly isVerbatim: boolean;
  readonly isSkipped: boolean;
  hasText: boolean;
}

/** Takes the events of a document in their order and gives its lines. */
export class XmlText {
  private readonly open: Element[] = [];
  private readonly pieces: string[] = [];
  private length = 0;
  private isVerbatim = false;
  private firstLine = 1;
  /** A blank line goes before the next block, if one went before it. */
  private isApart = false;
  /** After a doubtful block: what comes next tells whether the line ends. */
  private mayEnd = false;
  private hasLines = false;

  /** @param maxCharacters of one block; longer ones come marked as too long */
  constructor(private readonly maxCharacters: number) {}

  *take(event: XmlEvent): Generator<Line> {
    if (event.kind === 'open') yield* this.enter(event.name.toLowerCase(), event.attributes, event.line);
    else if (event.kind === 'close') yield* this.leave();
    else if (event.kind === 'text') yield* this.add(event.text);
  }

  /** What is left of a document that is cut off. */
  *end(): Generator<Line> {
    yield* this.flush();
  }

  private *enter(name: string, attributes: Readonly<Record<string, string>>, line: number): Generator<Line> {
    if (this.mayEnd) yield* this.flush();
    const parent = this.open.at(-1);
    const isInline = INLINE.has(name) || BREAKS.has(name) || (parent?.hasText === true && !BLOCK.has(name));
    const isVerbatim = VERBATIM.has(name) || attributes['xml:space'] === 'preserve' || parent?.isVerbatim === true;
    const isBlock = !isInline || (isVerbatim && parent?.isVerbatim !== true);
    if (isBlock) {
      yield* this.flush();
      this.firstLine = line;
      if (HEADINGS.has(name)) this.isApart = true;
    }
    if (BREAKS.has(name)) yield* this.flush();
    this.isVerbatim = isVerbatim;
    const isDoubtful = isBlock && !isVerbatim && !BLOCK.has(name);
    const isSkipped = SKIPPED.has(name) || parent?.isSkipped === true;
    this.open.push({ isBlock, isDoubtful, isVerbatim, isSkipped, hasText: false });
  }

  private *leave(): Generator<Line> {
    const element = this.open.pop();
    if (this.mayEnd || (element?.isBlock === true && !element.isDoubtful)) yield* this.flush();
    this.mayEnd = element?.isDoubtful === true && this.length > 0;
    this.isVerbatim = this.open.at(-1)?.isVerbatim === true;
  }

  private *add(text: string): Generator<Line> {
    // Running text goes on at once; what is laid out in lines has a line break here.
    if (this.mayEnd && /^\s*\n/.test(text)) yield* this.flush();
    this.mayEnd = false;
    const element = this.open.at(-1);
    if (element === undefined || element.isSkipped) return;
    if (text.trim() !== '') element.hasText = true;
    this.length += text.length;
    if (this.length <= this.maxCharacters) this.pieces.push(text);
  }

  private *flush(): Generator<Line> {
    const { length } = this;
    const number = this.firstLine;
    const raw = this.pieces.splice(0).join('');
    this.length = 0;
    this.mayEnd = false;
    if (length > this.maxCharacters) {
      yield { text: '', number, length, isTooLong: true };
    } else if (raw.trim() !== '') {
      const lines = this.isVerbatim ? raw.replaceAll(/^\s*\n|\s+$/g, '').split(/\r?\n/) : [withoutLineBreaks(raw)];
      if (this.isApart && this.hasLines) lines.unshift('');
      this.isApart = false;
      this.hasLines = true;
      for (const text of lines) yield { text, number, length: text.length, isTooLong: false };
    }
  }
}

/** White space runs are one space; line breaks are none between characters of scripts without spaces. */
export function withoutLineBreaks(text: string): string {
  if (!text.includes('\n')) return text.replaceAll(/\s+/g, ' ').trim();
  return joinAllLines(text.split('\n').map((line) => line.replaceAll(/\s+/g, ' ')));
}
