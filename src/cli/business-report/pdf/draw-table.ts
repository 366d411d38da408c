/** Tables on paper: columns as wide as what stands in them, the heading again on each page, figures to the right. */
import { type PageElement, type Run, elementsOf, hasClass, runsOf, within } from './page-tree.js';
import { COLORS, type Sheet, drawRuns, heightOf, makeRoom } from './sheet.js';

const SIZE = 8;
const GAP = 10;
const PAD = 2.5;

interface Cell {
  readonly runs: readonly Run[];
  readonly isRight: boolean;
}

interface Row {
  readonly cells: readonly Cell[];
  readonly isSum: boolean;
  readonly isHead: boolean;
  /** What figures lead to. */
  readonly id: string | undefined;
}

/** @param x from the margin on */
export function drawTable(sheet: Sheet, table: PageElement, { x, width }: { x: number; width: number }): void {
  const rows = within(table, 'tr').map((row) => rowOf(row, hasClass(table, 'figures')));
  const widths = columnWidths(sheet, rows, width);
  const head = rows.find(({ isHead }) => isHead);
  for (const row of rows) {
    const height = rowHeight(sheet, row, widths);
    const isNewPage = makeRoom(sheet, height);
    if (isNewPage && head !== undefined && row !== head) drawRow(sheet, head, { x, width, widths });
    drawRow(sheet, row, { x, width, widths });
  }
  sheet.pdf.y += 6;
}

/** How tall a table is on a page that has room for it. */
export function tableHeight(sheet: Sheet, table: PageElement, width: number): number {
  const rows = within(table, 'tr').map((row) => rowOf(row, hasClass(table, 'figures')));
  const widths = columnWidths(sheet, rows, width);
  return rows.reduce((sum, row) => sum + rowHeight(sheet, row, widths), 6);
}

function rowOf(element: PageElement, isFigures: boolean): Row {
  const cells = elementsOf(element);
  return {
    cells: cells.map((cell, index) => ({
      runs: emphasized(runsOf(cell), hasClass(element, 'sum') || hasClass(cell, 'best')),
      isRight: isFigures && index > 0 && !hasClass(cell, 'text'),
    })),
    isSum: hasClass(element, 'sum'),
    isHead: cells.every(({ attributes }) => attributes['scope'] === 'col') && cells.length > 0,
    id: element.attributes['id'],
  };
}

const emphasized = (runs: readonly Run[], isBold: boolean): Run[] =>
  runs.map((run) => (isBold && run.style === 'plain' ? { ...run, style: 'bold' } : run));

/** What each column would like; where that is too much, the wide ones give. */
function columnWidths({ pdf }: Sheet, rows: readonly Row[], width: number): number[] {
  const count = Math.max(...rows.map(({ cells }) => cells.length));
  const wanted = Array.from({ length: count }, (_, column) =>
    Math.max(
      12,
      ...rows.map(({ cells }) => {
        const runs = cells[column]?.runs ?? [];
        pdf.font(runs.some(({ style }) => style === 'bold') ? 'bold' : 'regular').fontSize(SIZE);
        return pdf.widthOfString(runs.map(({ text }) => text).join('')) + 1;
      }),
    ),
  );
  const room = width - GAP * (count - 1);
  const total = wanted.reduce((sum, each) => sum + each, 0);
  if (total <= room) return wanted.map((each, column) => (column === 0 ? each + room - total : each));
  // A column that wants no more than a fair share keeps what it wants; the others share what is left by what they want.
  const fair = room / count;
  const modest = wanted.filter((each) => each <= fair).reduce((sum, each) => sum + each, 0);
  return wanted.map((each) => (each <= fair ? each : ((room - modest) * each) / (total - modest)));
}

function rowHeight(sheet: Sheet, { cells }: Row, widths: readonly number[]): number {
  const heights = cells.map(({ runs }, column) =>
    heightOf(sheet, runs, { x: 0, width: widths[column] ?? 0, size: SIZE }),
  );
  return Math.max(...heights) + 2 * PAD;
}

function drawRow(
  sheet: Sheet,
  row: Row,
  { x, width, widths }: { x: number; width: number; widths: readonly number[] },
): void {
  const { pdf, margin } = sheet;
  const top = pdf.y;
  const height = rowHeight(sheet, row, widths);
  if (row.id !== undefined) pdf.addNamedDestination(row.id, 'XYZ', margin, top, null);
  let left = margin + x;
  for (const [column, { runs, isRight }] of row.cells.entries()) {
    const box = {
      x: left,
      width: widths[column] ?? 0,
      size: SIZE,
      align: isRight ? ('right' as const) : ('left' as const),
    };
    const shown = row.isHead ? runs.map((run) => ({ ...run, style: 'quiet' as const })) : runs;
    drawRuns(sheet, shown, top + PAD, box);
    left += (widths[column] ?? 0) + GAP;
  }
  pdf
    .moveTo(margin + x, row.isSum ? top : top + height)
    .lineTo(margin + x + width, row.isSum ? top : top + height)
    .lineWidth(row.isSum ? 0.9 : 0.4)
    .strokeColor(row.isSum ? COLORS.quiet : COLORS.line)
    .stroke();
  pdf.y = top + height;
}
