/** From the pieces of text that a page of a PDF draws to lines and paragraphs. Knows nothing of files. */
import { joinDividedLines } from './join-lines.js';

/** A run of characters as it is drawn; lengths in points, the origin at the bottom left. */
export interface TextPiece {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Whether the line ends after it. */
  readonly endsLine: boolean;
}

export interface PageLine {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly y: number;
  readonly height: number;
}

/** Pieces in the order they are drawn, which is the order of reading in what typesetters and office programs write. */
export function linesOf(pieces: readonly TextPiece[]): PageLine[] {
  const lines: PageLine[] = [];
  let open: TextPiece[] = [];
  const close = (): void => {
    const text = open
      .map((piece) => piece.text)
      .join('')
      .trim();
    const drawn = open.filter((piece) => piece.text.trim() !== '');
    open = [];
    if (text === '') return;
    lines.push({
      text,
      left: Math.min(...drawn.map((piece) => piece.x)),
      right: Math.max(...drawn.map((piece) => piece.x + piece.width)),
      y: (drawn[0] as TextPiece).y,
      height: Math.max(...drawn.map((piece) => piece.height)),
    });
  };
  for (const piece of pieces) {
    const [first] = open;
    // A superscript stays on its line; half a line off is another one.
    if (first !== undefined && Math.abs(piece.y - first.y) > Math.max(first.height, piece.height, 1)) close();
    open.push(piece);
    if (piece.endsLine) close();
  }
  close();
  return lines;
}

/** How many lines from either edge of a page may be a running head or foot. */
const EDGE_LINES = 2;
const MIN_PAGES_OF_HEAD = 3;
/** Of all pages. It is small because a head may name the chapter, and left and right pages may differ. */
const MIN_SHARE_OF_HEAD = 0.01;
/** Dots that lead to a page number: a line of a table of contents. */
const LEADER = /(?:[.·…]\s?){6,}\s*[\divxlc]*$/i;

/** Leaves out lines at the top and the bottom that pages share but for their numbers, and tables of contents. */
export function withoutRunningHeads(pages: readonly (readonly PageLine[])[]): PageLine[][] {
  const pagesWith = new Map<string, number>();
  for (const lines of pages) {
    for (const key of new Set(edges(lines).map(headKey))) pagesWith.set(key, (pagesWith.get(key) ?? 0) + 1);
  }
  const needed = Math.max(MIN_PAGES_OF_HEAD, pages.length * MIN_SHARE_OF_HEAD);
  return pages.map((lines) => {
    const atEdge = new Set(edges(lines));
    const isHead = (line: PageLine): boolean => atEdge.has(line) && (pagesWith.get(headKey(line)) ?? 0) >= needed;
    return lines.filter((line) => !isHead(line) && !LEADER.test(line.text));
  });
}

function edges(lines: readonly PageLine[]): PageLine[] {
  const byHeight = [...lines].sort((a, b) => b.y - a.y);
  return [...new Set([...byHeight.slice(0, EDGE_LINES), ...byHeight.slice(-EDGE_LINES)])];
}

function headKey(line: PageLine): string {
  const numbers = /\d+|(?<=^|\s)[ivxlc]{1,7}(?=$|\s)/g;
  return line.text.replaceAll(numbers, '#').replaceAll(/\s+/g, ' ');
}

/** A wider step down than this, in heights of the line, starts a paragraph. */
const PARAGRAPH_STEP = 1.75;
/** A line that ends before this share of the width of the column is the last of its paragraph. */
const FULL_LINE_SHARE = 0.8;
const SAME_HEIGHT = 1.15;
const ENDS_SENTENCE = /[.!?。！？…:：][”’"'」』）)\]]*$/u;

/** The text of pages one after another: lines of a paragraph joined, paragraphs by a blank line, other short lines as they stand. */
export function textOfPages(pages: readonly (readonly PageLine[])[]): string {
  const paragraphs: string[] = [];
  let last: PageLine | undefined;
  for (const lines of pages) {
    const width = columnWidth(lines);
    for (const [index, line] of lines.entries()) {
      const open = paragraphs.at(-1);
      const relation = last === undefined ? 'apart' : index === 0 ? acrossPages(last, line) : relate(last, line, width);
      if (open === undefined || relation === 'apart') paragraphs.push(line.text);
      else
        paragraphs[paragraphs.length - 1] =
          relation === 'joined' ? joinDividedLines(open, line.text) : `${open}\n${line.text}`;
      last = line;
    }
  }
  return paragraphs.join('\n\n');
}

type Relation = 'joined' | 'below' | 'apart';

function relate(above: PageLine, line: PageLine, width: number): Relation {
  const step = above.y - line.y;
  const height = Math.max(above.height, line.height, 1);
  if (!haveOneHeight(above, line) || step > PARAGRAPH_STEP * height || step < -height) return 'apart';
  const isShort = above.right - above.left < FULL_LINE_SHARE * width;
  const isIndented = line.left > above.left + height / 2;
  if (isIndented && ENDS_SENTENCE.test(above.text)) return 'apart';
  return isShort ? 'below' : 'joined';
}

/** A sentence may go on overleaf. */
function acrossPages(above: PageLine, line: PageLine): Relation {
  return haveOneHeight(above, line) && !ENDS_SENTENCE.test(above.text) ? 'joined' : 'apart';
}

function haveOneHeight(a: PageLine, b: PageLine): boolean {
  return Math.max(a.height, b.height) <= SAME_HEIGHT * Math.min(a.height, b.height);
}

/** The width most lines fill: the ninth decile, as headings and tables may be wider than a column. */
function columnWidth(lines: readonly PageLine[]): number {
  const widths = lines.map((line) => line.right - line.left).sort((a, b) => a - b);
  return widths[Math.floor(widths.length * 0.9)] ?? 0;
}
