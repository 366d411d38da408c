/** An invoice as PDF on A4. The same invoice is the same bytes; of the font, only the glyphs that are used go along. */
import type { InvoiceSheet, SheetRow } from './invoice-sheet.js';
import { type Pdf, openPdf } from './pdf-document.js';

const MARGIN = 56;
const WIDTH = 595.28 - 2 * MARGIN;
const BOTTOM = 841.89 - MARGIN - 20;
const GREY = '#666666';
const BLACK = '#1a1a1a';
const SIZE = 9;
const LINE = 14;
/** Right edges of quantity, price and amount; the description has what is left of them. */
const EDGES = { quantity: WIDTH - 190, price: WIDTH - 90, amount: WIDTH } as const;
const DESCRIPTION_WIDTH = EDGES.quantity - 80;

/** @param issuedAt the only time that goes into the file */
export async function invoicePdf(sheet: InvoiceSheet, issuedAt: Date): Promise<Uint8Array> {
  const { pdf, finish } = openPdf({
    title: sheet.title,
    author: sheet.seller[0] ?? '',
    language: sheet.language,
    createdAt: issuedAt,
    margin: MARGIN,
  });
  drawHead(pdf, sheet);
  drawRows(pdf, sheet);
  drawTotals(pdf, sheet);
  drawPageNumbers(pdf, sheet);
  return finish();
}

const write = (pdf: Pdf, text: string, x: number, y: number, options: PDFKit.Mixins.TextOptions = {}): Pdf =>
  pdf.text(text, MARGIN + x, y, { lineBreak: false, ...options });

const writeRight = (pdf: Pdf, text: string, edge: number, y: number): Pdf =>
  write(pdf, text, edge - pdf.widthOfString(text), y);

function drawHead(pdf: Pdf, sheet: InvoiceSheet): void {
  const { words } = sheet;
  pdf.font('bold').fontSize(20).fillColor(BLACK);
  write(pdf, sheet.title, 0, MARGIN);
  pdf.font('regular').fontSize(11).fillColor(GREY);
  writeRight(pdf, sheet.state, WIDTH, MARGIN + 9);
  rule(pdf, MARGIN + 32, 1.2, BLACK);
  const top = MARGIN + 46;
  const third = WIDTH / 3;
  const ends = [
    drawBlock(pdf, words.from, sheet.seller, 0, top),
    drawBlock(pdf, words.billTo, sheet.buyer, third, top),
    drawFacts(pdf, sheet.facts, 2 * third, top),
  ];
  pdf.y = Math.max(...ends) + 18;
}

interface BlockStyle {
  readonly width: number;
  readonly first: 'bold' | 'regular';
}

function drawBlock(
  pdf: Pdf,
  title: string,
  lines: readonly string[],
  x: number,
  top: number,
  { width, first }: BlockStyle = { width: WIDTH / 3 - 16, first: 'bold' },
): number {
  pdf
    .font('regular')
    .fontSize(SIZE - 1)
    .fillColor(GREY);
  write(pdf, title, x, top);
  pdf.y = top + LINE;
  for (const [index, line] of lines.entries()) {
    pdf
      .font(index === 0 ? first : 'regular')
      .fontSize(SIZE)
      .fillColor(BLACK);
    write(pdf, line, x, pdf.y, { lineBreak: true, width });
  }
  return pdf.y;
}

function drawFacts(pdf: Pdf, facts: InvoiceSheet['facts'], x: number, top: number): number {
  pdf.y = top;
  for (const [label, value] of facts) {
    pdf
      .font('regular')
      .fontSize(SIZE - 1)
      .fillColor(GREY);
    write(pdf, label, x, pdf.y, { lineBreak: true });
    pdf.fontSize(SIZE).fillColor(BLACK);
    write(pdf, value, x, pdf.y, { lineBreak: true, width: WIDTH / 3 });
    pdf.y += 4;
  }
  return pdf.y;
}

function rule(pdf: Pdf, y: number, width: number, color: string): void {
  pdf
    .moveTo(MARGIN, y)
    .lineTo(MARGIN + WIDTH, y)
    .lineWidth(width)
    .strokeColor(color)
    .stroke();
}

function drawHeadings(pdf: Pdf, [what, quantity, price, amount]: InvoiceSheet['headings']): void {
  const { y } = pdf;
  pdf
    .font('regular')
    .fontSize(SIZE - 1)
    .fillColor(GREY);
  write(pdf, what, 0, y);
  writeRight(pdf, quantity, EDGES.quantity, y);
  writeRight(pdf, price, EDGES.price, y);
  writeRight(pdf, amount, EDGES.amount, y);
  rule(pdf, y + LINE, 0.5, '#bbbbbb');
  pdf.y = y + LINE + 6;
}

/** Begins a page, with the headings again, where `height` does not fit any more. */
function makeRoom(pdf: Pdf, height: number, headings: InvoiceSheet['headings'] | undefined): void {
  if (pdf.y + height <= BOTTOM) return;
  pdf.addPage();
  pdf.y = MARGIN;
  if (headings !== undefined) drawHeadings(pdf, headings);
}

function drawRows(pdf: Pdf, sheet: InvoiceSheet): void {
  drawHeadings(pdf, sheet.headings);
  for (const [index, row] of sheet.rows.entries()) {
    // A row never stands alone at a page's end, with its details on the next.
    const height = row.isDetail ? LINE : 4 * LINE;
    makeRoom(pdf, height, sheet.headings);
    drawRow(pdf, row, index);
  }
}

function drawRow(pdf: Pdf, { what, quantity, price, amount, isDetail }: SheetRow, index: number): void {
  const y = pdf.y + (isDetail || index === 0 ? 0 : 4);
  pdf
    .font('regular')
    .fontSize(SIZE)
    .fillColor(isDetail ? GREY : BLACK);
  writeRight(pdf, quantity, EDGES.quantity, y);
  writeRight(pdf, price, EDGES.price, y);
  writeRight(pdf, amount, EDGES.amount, y);
  write(pdf, what, isDetail ? 10 : 0, y, { lineBreak: true, width: isDetail ? WIDTH / 2 : DESCRIPTION_WIDTH });
  pdf.y = Math.max(pdf.y, y + LINE);
}

function drawTotals(pdf: Pdf, { totals, payment, words }: InvoiceSheet): void {
  makeRoom(pdf, (totals.length + 1) * (LINE + 2), undefined);
  rule(pdf, pdf.y + 8, 0.5, '#bbbbbb');
  pdf.y += 16;
  for (const [index, [label, value]] of totals.entries()) {
    const isLast = index === totals.length - 1;
    const { y } = pdf;
    pdf
      .font(isLast ? 'bold' : 'regular')
      .fontSize(isLast ? SIZE + 2 : SIZE)
      .fillColor(BLACK);
    writeRight(pdf, label, EDGES.price - 20, y);
    writeRight(pdf, value, EDGES.amount, y);
    pdf.y = y + LINE + 2;
  }
  if (payment.length === 0) return;
  makeRoom(pdf, (payment.length + 3) * LINE, undefined);
  drawBlock(pdf, words.payment, payment, 0, pdf.y + 2 * LINE, { width: WIDTH, first: 'regular' });
}

function drawPageNumbers(pdf: Pdf, { words }: InvoiceSheet): void {
  const { count } = pdf.bufferedPageRange();
  for (let page = 0; page < count; page++) {
    pdf.switchToPage(page);
    pdf.page.margins.bottom = 0;
    pdf
      .font('regular')
      .fontSize(SIZE - 1)
      .fillColor(GREY);
    writeRight(pdf, words.page(page + 1, count), WIDTH, BOTTOM + 24);
  }
}
