/** The canvas on one sheet across: nine blocks where everybody expects them, in the largest letters that fit. */
import { type Block, BLOCKS } from '../../../company/business/business-file.js';
import type { Canvas } from '../../../company/business/canvas.js';
import type { BusinessLanguage } from '../../../company/business/figures.js';
import { openPdf } from '../../../company/billing/invoices/pdf-document.js';
import type { BusinessPicture } from '../../../company/business/picture.js';
import { renderCanvasPage } from '../canvas-page.js';
import { businessTexts } from '../texts.js';
import { type PageElement, type Run, elementsOf, hasClass, parsePage, runsOf, textOf, within } from './page-tree.js';
import { drawFeet, drawHead } from './report-pdf.js';
import { COLORS, type Sheet, type TextBox, drawRuns, heightOf } from './sheet.js';

const MARGIN = 36;
const PAGE = { width: 841.89, height: 595.28 };
const GAP = 6;
const PAD = 8;
const SIZES = [9.5, 9, 8.5, 8, 7.5, 7, 6.5, 6, 5.5, 5];

/** Columns of a tenth of the sheet, and which of the three rows. */
const PLACES: Readonly<Record<Block, { from: number; span: number; rows: readonly (0 | 1 | 2)[] }>> = {
  partners: { from: 0, span: 2, rows: [0, 1] },
  activities: { from: 2, span: 2, rows: [0] },
  resources: { from: 2, span: 2, rows: [1] },
  value: { from: 4, span: 2, rows: [0, 1] },
  relationships: { from: 6, span: 2, rows: [0] },
  channels: { from: 6, span: 2, rows: [1] },
  segments: { from: 8, span: 2, rows: [0, 1] },
  costs: { from: 0, span: 5, rows: [2] },
  revenue: { from: 5, span: 5, rows: [2] },
};

export async function renderCanvasPdf(
  canvas: Canvas,
  picture: BusinessPicture,
  language: BusinessLanguage,
): Promise<Uint8Array> {
  const { project, now } = picture.facts;
  const [head, grid] = parsePage(renderCanvasPage(canvas, picture, language));
  const { pdf, finish } = openPdf({
    title: head === undefined ? project : elementsOf(head).map(textOf).join(' · '),
    author: project,
    language: language === 'en' ? 'en' : 'zh',
    createdAt: now,
    margin: MARGIN,
    layout: 'landscape',
  });
  const sheet: Sheet = { pdf, margin: MARGIN, width: PAGE.width - 2 * MARGIN, bottom: PAGE.height - MARGIN - 14 };
  if (head !== undefined) drawHead(sheet, head);
  if (grid !== undefined) drawGrid(sheet, grid);
  drawFeet(sheet, project, businessTexts[language].pageOf);
  return finish();
}

function drawGrid(sheet: Sheet, grid: PageElement): void {
  const top = sheet.pdf.y;
  const room = sheet.bottom - top - 2 * GAP;
  const blocks = elementsOf(grid).flatMap((section) => {
    const block = BLOCKS.find((each) => hasClass(section, each));
    return block === undefined ? [] : [{ block, section }];
  });
  const rowsAt = (size: number): [number, number, number] => rowHeights(sheet, blocks, size);
  const size = SIZES.find((each) => sum(rowsAt(each)) <= room) ?? SIZES.at(-1) ?? 5;
  const needed = rowsAt(size);
  // What is left over goes to the rows by what they need, so that the sheet is full; where nothing is left, they are cut alike.
  const heights = needed.map((height) => (height * room) / sum(needed));
  for (const { block, section } of blocks) {
    const { from, span, rows } = PLACES[block];
    const before = heights.slice(0, rows[0] ?? 0).reduce((total, height) => total + height + GAP, 0);
    const height = rows.reduce<number>((total, row) => total + (heights[row] ?? 0), 0) + GAP * (rows.length - 1);
    const box = { ...columnsOf(sheet, from, span), y: top + before, height };
    drawBlock(sheet, section, box, size);
  }
}

const sum = (heights: readonly number[]): number => heights.reduce((total, height) => total + height, 0);

function columnsOf({ margin, width }: Sheet, from: number, span: number): { x: number; width: number } {
  const tenth = (width + GAP) / 10;
  return { x: margin + from * tenth, width: span * tenth - GAP };
}

interface Placed {
  readonly block: Block;
  readonly section: PageElement;
}

/** What the rows need at a size of letters: blocks over two rows want both together to be enough. */
function rowHeights(sheet: Sheet, blocks: readonly Placed[], size: number): [number, number, number] {
  const heights: [number, number, number] = [0, 0, 0];
  const measured = blocks.map(({ block, section }) => {
    const { from, span, rows } = PLACES[block];
    return { rows, height: blockHeight(sheet, section, columnsOf(sheet, from, span).width, size) };
  });
  for (const { rows, height } of measured)
    if (rows.length === 1 && rows[0] !== undefined) heights[rows[0]] = Math.max(heights[rows[0]], height);
  const tallest = Math.max(0, ...measured.filter(({ rows }) => rows.length === 2).map(({ height }) => height));
  const lacking = tallest - GAP - heights[0] - heights[1];
  return lacking <= 0 ? heights : [heights[0] + lacking / 2, heights[1] + lacking / 2, heights[2]];
}

function blockHeight(sheet: Sheet, section: PageElement, width: number, size: number): number {
  const heading = size * 1.5 + 4;
  return entriesOf(section).reduce(
    (total, lines) => total + entryHeight(sheet, lines, { x: 0, width: width - 2 * PAD - 8, size }) + size * 0.45,
    2 * PAD + heading,
  );
}

const entryHeight = (sheet: Sheet, lines: readonly Run[][], box: TextBox): number =>
  lines.reduce((total, runs) => total + heightOf(sheet, runs, box), 0);

/** What the block says, each in its lines: its entries, or that there is none. */
function entriesOf(section: PageElement): Run[][][] {
  const items = within(section, 'li');
  return (items.length > 0 ? items : within(section, 'p')).map((item) => linesOf(runsOf(item)));
}

function linesOf(runs: readonly Run[]): Run[][] {
  const lines: Run[][] = [[]];
  for (const run of runs) {
    if (run.text === '\n') lines.push([]);
    else lines.at(-1)?.push(run);
  }
  return lines;
}

function drawBlock(
  sheet: Sheet,
  section: PageElement,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
  size: number,
): void {
  const { pdf } = sheet;
  pdf.roundedRect(x, y, width, height, 4).lineWidth(0.7).strokeColor(COLORS.line).stroke();
  pdf.save();
  pdf.rect(x, y, width, height).clip();
  const [heading] = elementsOf(section);
  pdf
    .font('bold')
    .fontSize(size + 1)
    .fillColor(COLORS.mark);
  pdf.text(heading === undefined ? '' : textOf(heading), x + PAD, y + PAD - 3, { lineBreak: false });
  let at = y + PAD + size * 1.5 + 4;
  const hasItems = within(section, 'li').length > 0;
  for (const lines of entriesOf(section)) {
    const box = { x: x + PAD + 8, width: width - 2 * PAD - 8, size };
    if (hasItems) pdf.circle(x + PAD + 2, at + size * 0.65, 1.2).fill(COLORS.mark);
    for (const runs of lines) {
      drawRuns(sheet, hasItems ? runs : runs.map((run) => ({ ...run, style: 'quiet' as const })), at, box);
      at += heightOf(sheet, runs, box);
    }
    at += size * 0.45;
  }
  pdf.restore();
}
