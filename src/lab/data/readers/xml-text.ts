/** The running text of an XML document whose elements nobody described: blocks on lines, white space as a reader sees it. */
import type { Line } from '../lines.js';
import { joinLines } from './join-lines.js';
import type { XmlEvent } from './xml-events.js';

/** Of TEI, DocBook and XHTML. Elements inside running text are taken for such, whatever their name. */
const INLINE = new Set(
  (
    'a abbr abbrev acronym add app application b bdo biblscope big c choice citation cite citetitle code command computeroutput ' +
    'corr date del dfn em email emph emphasis envar expan filename firstterm foreign foreignphrase function gap gi gloss glossterm ' +
    'guibutton guilabel guimenu guimenuitem hi i idno ins kbd keycap link literal m mark measure mentioned menuchoice name num ' +
    'option orgname orig parameter pc persname phrase placename productname prompt q quote ref reg replaceable rs s samp seg sic ' +
    'small socalled span strong structname sub subscript sup superscript symbol systemitem tag term time title-abbrev trademark tt ' +
    'type u ulink unclear uri userinput var varname w wordasword xref'
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
  private hasLines = false;

  /** @param maxCharacters of one block; longer ones come marked as too long */
  constructor(private readonly maxCharacters: number) {}

  *take(event: XmlEvent): Generator<Line> {
    if (event.kind === 'open') yield* this.enter(event.name.toLowerCase(), event.attributes, event.line);
    else if (event.kind === 'close') yield* this.leave();
    else if (event.kind === 'text') this.add(event.text);
  }

  /** What is left of a document that is cut off. */
  *end(): Generator<Line> {
    yield* this.flush();
  }

  private *enter(name: string, attributes: Readonly<Record<string, string>>, line: number): Generator<Line> {
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
    const isSkipped = SKIPPED.has(name) || parent?.isSkipped === true;
    this.open.push({ isBlock, isVerbatim, isSkipped, hasText: false });
  }

  private *leave(): Generator<Line> {
    if (this.open.pop()?.isBlock === true) yield* this.flush();
    this.isVerbatim = this.open.at(-1)?.isVerbatim === true;
  }

  private add(text: string): void {
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
    if (length > this.maxCharacters) {
      yield { text: '', number, length, isTooLong: true };
    } else if (raw.trim() !== '') {
      const lines = this.isVerbatim ? raw.replaceAll(/^\s*\n|\s+$/g, '').split('\n') : [withoutLineBreaks(raw)];
      if (this.isApart && this.hasLines) lines.unshift('');
      this.isApart = false;
      this.hasLines = true;
      for (const text of lines) yield { text, number, length: text.length, isTooLong: false };
    }
  }
}

/** White space runs are one space; line breaks are none between characters of scripts without spaces. */
export function withoutLineBreaks(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' '))
    .reduce((whole, line) => (line.trim() === '' ? whole : joinLines(whole, line)), '')
    .trim();
}
