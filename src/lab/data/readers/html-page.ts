import { type Attributes, HEADINGS, HTML_BLOCKS, roleOf, VERBATIM } from './html-elements.js';
import type { HtmlBlock, HtmlPlace } from './html-blocks.js';
import { withoutLineBreaks } from './xml-text.js';

interface Element {
  readonly name: string;
  readonly isSkipped: boolean;
  readonly isSuspect: boolean;
  readonly isLink: boolean;
  readonly isInForm: boolean;
  readonly isVerbatim: boolean;
  readonly place: HtmlPlace;
  readonly listDepth: number;
  /** The innermost list. */
  readonly list: { nextNumber: number | undefined } | undefined;
  /** The name of the innermost block. */
  readonly block: string;
}

const ROOT: Element = {
  name: '',
  isSkipped: false,
  isSuspect: false,
  isLink: false,
  isInForm: false,
  isVerbatim: false,
  place: 'body',
  listDepth: 0,
  list: undefined,
  block: '',
};

/** A row's cells, each a list of blocks: whether it is one of a table or of a layout is known when it ends. */
interface Row {
  readonly cells: HtmlBlock[][];
}

/** Longer blocks in the cells of a row mean that the table lays out the page. */
const LONGEST_CELL_CHARACTERS = 1000;
/** What a block, and a cell without one, takes in memory besides its text, about. */
const BLOCK_CHARACTERS = 64;

/** Takes the tags and the text of a page in their order and gathers its blocks. */
export class HtmlPage {
  /** Of all that is kept, with what keeping it takes. */
  textCharacters = 0;
  private readonly elements: Element[] = [];
  private readonly blocks: HtmlBlock[] = [];
  private readonly rows: Row[] = [];
  private title = '';
  private pieces: string[] = [];
  private linkedCharacters = 0;
  private marker = '';
  private hasBreak = false;

  get depth(): number {
    return this.elements.length;
  }

  open(name: string, attributes: Attributes): void {
    const parent = this.elements.at(-1) ?? ROOT;
    const role = roleOf(name, attributes, parent.place !== 'body');
    const isList = name === 'ul' || name === 'ol';
    if (HTML_BLOCKS.has(name)) this.flush();
    this.elements.push({
      name,
      isSkipped: parent.isSkipped || role.isSkipped,
      isSuspect: parent.isSuspect || role.isSuspect,
      isLink: parent.isLink || (name === 'a' && attributes['href'] !== undefined),
      isInForm: parent.isInForm || name === 'form',
      isVerbatim: parent.isVerbatim || VERBATIM.has(name),
      place: nearer(parent.place, role.place),
      listDepth: parent.listDepth + (isList ? 1 : 0),
      list: isList ? { nextNumber: name === 'ol' ? startOf(attributes) : undefined } : parent.list,
      block: HTML_BLOCKS.has(name) ? name : parent.block,
    });
    if (name === 'tr') this.rows.push({ cells: [] });
    else if (name === 'td' || name === 'th') this.startCell();
    else if (name === 'br') this.breakLine();
    else if (name === 'li') this.startItem();
  }

  text(text: string): void {
    const element = this.elements.at(-1) ?? ROOT;
    if (element.name === 'title' && !element.isSkipped && this.title.length < 1000) this.title += text;
    if (element.isSkipped || element.name === 'title') return;
    if (text.trim() !== '') {
      this.hasBreak = false;
      if (element.isLink) this.linkedCharacters += inkOf(text);
    }
    this.pieces.push(text);
    this.textCharacters += text.length;
  }

  close(name: string): void {
    const isBlock = HTML_BLOCKS.has(name);
    if (isBlock) this.flush();
    this.elements.pop();
    if (name === 'tr') this.endRow();
    else if (name === 'li') this.marker = '';
  }

  end(): { readonly title: string; readonly blocks: readonly HtmlBlock[] } {
    this.flush();
    while (this.rows.length > 0) this.endRow();
    return { title: withoutLineBreaks(this.title.slice(0, 1000)), blocks: this.blocks };
  }

  /** Two in a row end a paragraph, as pages without `<p>` have it. */
  private breakLine(): void {
    if (this.elements.at(-1)?.isSkipped === true) return;
    if (this.hasBreak && this.elements.at(-1)?.isVerbatim !== true) this.flush();
    else this.pieces.push(LINE_BREAK);
    this.hasBreak = true;
  }

  private startCell(): void {
    this.rows.at(-1)?.cells.push([]);
    this.textCharacters += BLOCK_CHARACTERS;
  }

  private startItem(): void {
    const list = this.elements.at(-1)?.list;
    if (list?.nextNumber === undefined) this.marker = '- ';
    else this.marker = `${list.nextNumber++}. `;
  }

  /** The text so far becomes a block of the innermost element that is still open. */
  private flush(): void {
    const { pieces, linkedCharacters, marker } = this;
    this.pieces = [];
    this.linkedCharacters = 0;
    this.hasBreak = false;
    const element = this.elements.at(-1) ?? ROOT;
    const written = pieces.join('');
    const text = element.isVerbatim ? verbatim(written) : running(written);
    if (text === '') return;
    const kind = kindOf(element);
    this.marker = '';
    this.textCharacters += BLOCK_CHARACTERS;
    const { listDepth, place, isSuspect, isInForm } = element;
    const characters = inkOf(text);
    const block = { kind, text: marker + text, characters, linkedCharacters, listDepth, place, isSuspect, isInForm };
    (this.rows.at(-1)?.cells.at(-1) ?? this.blocks).push(block);
  }

  private endRow(): void {
    const row = this.rows.pop();
    if (row === undefined) return;
    const cells = row.cells.filter((blocks) => blocks.length > 0);
    // One cell with something in it is laid out, not a row of a table.
    const isLayout =
      cells.length < 2 ||
      cells.some((blocks) => blocks.length > 1 || (blocks[0]?.text.length ?? 0) > LONGEST_CELL_CHARACTERS);
    const outer = this.rows.at(-1)?.cells.at(-1) ?? this.blocks;
    const [first] = cells;
    if (isLayout || first?.[0] === undefined) {
      for (const block of cells.flat()) outer.push(block);
      return;
    }
    // An empty cell keeps its place.
    const text = row.cells
      .map((blocks) => blocks[0]?.text ?? '')
      .join('\t')
      .trimEnd();
    const linkedCharacters = cells.reduce((sum, blocks) => sum + (blocks[0]?.linkedCharacters ?? 0), 0);
    outer.push({ ...first[0], kind: 'row', text, characters: inkOf(text), linkedCharacters });
  }
}

const PLACES: readonly HtmlPlace[] = ['body', 'main', 'article', 'text'];

function nearer(first: HtmlPlace, second: HtmlPlace): HtmlPlace {
  return PLACES[Math.max(PLACES.indexOf(first), PLACES.indexOf(second))] ?? first;
}

/** Stands for `<br>` until the block is whole. */
const LINE_BREAK = '\u2028';

function startOf(attributes: Attributes): number {
  const start = Number.parseInt(attributes['start'] ?? '1', 10);
  return Number.isSafeInteger(start) ? start : 1;
}

function kindOf({ isVerbatim, listDepth, block }: Element): HtmlBlock['kind'] {
  if (isVerbatim) return 'verbatim';
  if (HEADINGS.has(block)) return 'heading';
  if (block === 'dt' || block === 'dd') return 'item';
  return listDepth > 0 ? 'item' : 'paragraph';
}

function verbatim(written: string): string {
  return written
    .replaceAll(LINE_BREAK, '\n')
    .replace(/^(?:[ \t]*\r?\n)+/, '')
    .replaceAll('\r\n', '\n')
    .trimEnd();
}

/** White space as a browser shows it; a line feed is a space, or nothing between characters of scripts without spaces. */
function running(written: string): string {
  return written
    .split(LINE_BREAK)
    .map((line) => withoutLineBreaks(line))
    .filter((line) => line !== '')
    .join('\n');
}

/** Characters without white space. */
function inkOf(text: string): number {
  return text.replaceAll(/\s+/g, '').length;
}
