/** The report on A4: the page that `renderReportPage` writes, part by part, so that both say the same. */
import { type BusinessLanguage } from '../../../company/business/figures.js';
import { openPdf } from '../../../company/billing/invoices/pdf-document.js';
import { renderReportPage } from '../report-page.js';
import type { ReportFacts } from '../pen.js';
import { businessTexts } from '../texts.js';
import { chartSize, drawChart } from './draw-chart.js';
import { drawTable, tableHeight } from './draw-table.js';
import { type PageElement, elementsOf, hasClass, parsePage, runsOf, textOf, within } from './page-tree.js';
import { COLORS, type Sheet, drawRuns, heightOf, makeRoom, rule } from './sheet.js';

const MARGIN = 48;
const PAGE = { width: 595.28, height: 841.89 };
const FOOT = 28;
const TEXT = 8.5;

export async function renderReportPdf(facts: ReportFacts, language: BusinessLanguage): Promise<Uint8Array> {
  const { project, now } = facts.picture.facts;
  const [head, ...parts] = parsePage(renderReportPage(facts, language));
  const { pdf, finish } = openPdf({
    title: head === undefined ? project : elementsOf(head).map(textOf).join(' · '),
    author: project,
    language: language === 'en' ? 'en' : 'zh',
    createdAt: now,
    margin: MARGIN,
  });
  const sheet: Sheet = {
    pdf,
    margin: MARGIN,
    width: PAGE.width - 2 * MARGIN,
    bottom: PAGE.height - MARGIN - FOOT,
  };
  if (head !== undefined) drawHead(sheet, head);
  for (const part of parts) drawPart(sheet, part);
  drawFeet(sheet, project, businessTexts[language].pageOf);
  return finish();
}

/** The title of a page, as large as it is important. */
export function drawHead(sheet: Sheet, head: PageElement): void {
  const { pdf, margin, width } = sheet;
  const [title, subtitle] = elementsOf(head).map(textOf);
  pdf.font('bold').fontSize(20).fillColor(COLORS.ink);
  pdf.text(title ?? '', margin, margin - 8, { width });
  pdf.font('regular').fontSize(11).fillColor(COLORS.quiet);
  pdf.text(subtitle ?? '', margin, pdf.y - 1, { width });
  rule(sheet, pdf.y + 4, COLORS.mark, 1.2);
  pdf.y += 14;
}

/** Name and number of the page at its foot. */
export function drawFeet(
  { pdf, margin, width }: Sheet,
  name: string,
  pageOf: (page: number, pages: number) => string,
): void {
  const { count } = pdf.bufferedPageRange();
  for (let page = 0; page < count; page++) {
    pdf.switchToPage(page);
    const y = pdf.page.height - margin - 6;
    pdf.page.margins.bottom = 0;
    pdf.font('regular').fontSize(7.5).fillColor(COLORS.quiet);
    pdf.text(name, margin, y, { lineBreak: false });
    const text = pageOf(page + 1, count);
    pdf.text(text, margin + width - pdf.widthOfString(text), y, { lineBreak: false });
  }
}

function drawPart(sheet: Sheet, part: PageElement): void {
  const { pdf, margin, width } = sheet;
  switch (part.name) {
    case 'section':
      if (hasClass(part, 'tiles')) drawTiles(sheet, elementsOf(part));
      else drawSection(sheet, part);
      return;
    case 'h3':
      makeRoom(sheet, 60);
      pdf.font('bold').fontSize(9.5).fillColor(COLORS.ink);
      pdf.text(textOf(part), margin, pdf.y + 4, { width });
      pdf.y += 1;
      return;
    case 'p':
      drawParagraph(sheet, part);
      return;
    case 'ul':
      for (const item of elementsOf(part)) drawItem(sheet, item);
      return;
    case 'figure':
      drawFigure(sheet, part);
      return;
    case 'table':
      drawTable(sheet, part, { x: 0, width });
      return;
    case 'div':
      if (hasClass(part, 'two')) drawPair(sheet, within(part, 'table'));
      else for (const child of elementsOf(part)) drawPart(sheet, child);
      return;
    default:
      throw new Error(`the report has a ${part.name}, which paper does not know`);
  }
}

/** A heading never stands alone at a page's end: what follows it is asked how much room it needs. */
function drawSection(sheet: Sheet, section: PageElement): void {
  const { pdf, margin, width } = sheet;
  const [heading, ...parts] = elementsOf(section);
  pdf.y += 8;
  makeRoom(sheet, 26 + (parts[0] === undefined ? 0 : Math.min(leastHeight(sheet, parts[0]), 260)));
  if (heading !== undefined) {
    pdf.font('bold').fontSize(13).fillColor(COLORS.ink);
    pdf.text(textOf(heading), margin, pdf.y, { width });
    pdf.y += 2;
  }
  for (const part of parts) drawPart(sheet, part);
}

/** Of what would look torn on two pages. */
function leastHeight(sheet: Sheet, part: PageElement): number {
  const [svg] = within(part, 'svg');
  if (svg !== undefined) return chartSize(svg, sheet.width).height + 24;
  const tables = part.name === 'table' ? [part] : within(part, 'table');
  const [table] = tables;
  if (table === undefined) return 40;
  const height = tableHeight(sheet, table, tables.length > 1 ? sheet.width / 2 : sheet.width);
  // A short table stays whole, a long one begins here and goes on.
  return height < 240 ? height : 80;
}

function drawTiles(sheet: Sheet, tiles: readonly PageElement[]): void {
  const { pdf, margin, width } = sheet;
  const [gap, columns, height] = [10, 3, 46];
  const each = (width - gap * (columns - 1)) / columns;
  const rows = Math.ceil(tiles.length / columns);
  makeRoom(sheet, rows * (height + gap));
  const top = pdf.y;
  for (const [index, tile] of tiles.entries()) {
    const x = margin + (index % columns) * (each + gap);
    const y = top + Math.floor(index / columns) * (height + gap);
    const [figure, name] = elementsOf(tile);
    pdf.roundedRect(x, y, each, height, 4).lineWidth(0.6).strokeColor(COLORS.line).stroke();
    const isMissing = figure !== undefined && hasClass(figure, 'missing');
    const value =
      figure === undefined
        ? []
        : runsOf(figure).map((run) => ({ ...run, style: isMissing ? ('quiet' as const) : ('bold' as const) }));
    drawRuns(sheet, value, y + 4, { x: x + 10, width: each - 20, size: isMissing ? 11 : 15 });
    const label = name === undefined ? [] : runsOf(name).map((run) => ({ ...run, style: 'quiet' as const }));
    drawRuns(sheet, label, y + 27, { x: x + 10, width: each - 20, size: 8 });
  }
  pdf.y = top + rows * (height + gap);
}

function drawParagraph(sheet: Sheet, paragraph: PageElement): void {
  const { pdf, margin, width } = sheet;
  const isAlarm = hasClass(paragraph, 'alarm');
  const inset = isAlarm ? 10 : 0;
  const box = { x: margin + inset, width: width - 2 * inset, size: TEXT };
  const runs = runsOf(paragraph).map((run) => (isAlarm ? run : { ...run, style: 'quiet' as const }));
  const height = heightOf(sheet, runs, box) + 2 * inset;
  makeRoom(sheet, height + 6);
  const top = pdf.y;
  if (isAlarm) pdf.roundedRect(margin, top, width, height, 4).lineWidth(1.2).strokeColor(COLORS.alarm).stroke();
  drawRuns(sheet, runs, top + inset - (isAlarm ? 2 : 0), box);
  pdf.y = top + height + 5;
}

function drawItem(sheet: Sheet, item: PageElement): void {
  const { pdf, margin, width } = sheet;
  const box = { x: margin + 12, width: width - 12, size: TEXT };
  const runs = runsOf(item);
  const height = heightOf(sheet, runs, box);
  makeRoom(sheet, height + 2);
  const top = pdf.y;
  pdf.circle(margin + 4, top + 6, 1.4).fill(COLORS.mark);
  drawRuns(sheet, runs, top, box);
  pdf.y = top + height + 2;
}

function drawFigure(sheet: Sheet, figure: PageElement): void {
  const { pdf, margin, width } = sheet;
  const [svg] = within(figure, 'svg');
  const [caption] = within(figure, 'figcaption');
  if (svg === undefined) return;
  const most = hasClass(figure, 'map') ? width * 0.62 : width;
  makeRoom(sheet, chartSize(svg, most).height + 20);
  drawChart(sheet, svg, most);
  if (caption !== undefined) {
    const runs = runsOf(caption).map((run) => ({ ...run, style: 'quiet' as const }));
    drawRuns(sheet, runs, pdf.y + 2, { x: margin, width, size: 8 });
  }
  pdf.y += 6;
}

/** Two short tables beside each other. */
function drawPair(sheet: Sheet, [left, right]: readonly PageElement[]): void {
  const { pdf, width } = sheet;
  const each = (width - 24) / 2;
  const heights = [left, right].map((table) => (table === undefined ? 0 : tableHeight(sheet, table, each)));
  makeRoom(sheet, Math.max(...heights));
  const top = pdf.y;
  if (left !== undefined) drawTable(sheet, left, { x: 0, width: each });
  pdf.y = top;
  if (right !== undefined) drawTable(sheet, right, { x: each + 24, width: each });
  pdf.y = top + Math.max(...heights);
}
