/** What every part of a printed page is drawn with: the paper, its colours, and text in pieces. */
import type { Pdf } from '../../../company/billing/invoices/pdf-document.js';
import type { Run } from './page-tree.js';

/** Those of the page's style on paper. */
export const COLORS = {
  ink: '#1c2530',
  quiet: '#5b6775',
  line: '#d9dee5',
  mark: '#2f6fb0',
  alarm: '#b3261e',
} as const;

export interface Sheet {
  readonly pdf: Pdf;
  readonly margin: number;
  readonly width: number;
  /** Below it nothing is drawn. */
  readonly bottom: number;
}

/** Noto Sans SC stands on lines of 1.45 times its size, which is loose in rows. */
const LEADING = -0.18;

export interface TextBox {
  readonly x: number;
  readonly width: number;
  readonly size: number;
  readonly align?: 'left' | 'right';
}

const optionsOf = ({ width, size, align = 'left' }: TextBox) => ({ width, align, lineGap: LEADING * size });

export function heightOf({ pdf }: Sheet, runs: readonly Run[], box: TextBox): number {
  const text = runs
    .map((run) => run.text)
    .join('')
    .trim();
  pdf.font(runs.some(({ style }) => style === 'bold') ? 'bold' : 'regular').fontSize(box.size);
  return text === '' ? box.size * 1.3 : pdf.heightOfString(text, optionsOf(box));
}

/** Draws runs into a box from `y` on. @returns where they end */
export function drawRuns(sheet: Sheet, runs: readonly Run[], y: number, box: TextBox): number {
  const { pdf } = sheet;
  const shown = trimmed(runs);
  const options = optionsOf(box);
  for (const [index, { text, style, href }] of shown.entries()) {
    pdf
      .font(style === 'bold' ? 'bold' : 'regular')
      .fontSize(box.size)
      .fillColor(style === 'quiet' ? COLORS.quiet : COLORS.ink);
    const target = targetOf(href);
    const more = { ...options, ...target, continued: index < shown.length - 1 };
    if (index === 0) pdf.text(text, box.x, y, more);
    else pdf.text(text, more);
  }
  return shown.length === 0 ? y + box.size * 1.3 : pdf.y;
}

function trimmed(runs: readonly Run[]): Run[] {
  const shown = runs.map((run, index) => ({
    ...run,
    text: index === 0 ? run.text.trimStart() : index === runs.length - 1 ? run.text.trimEnd() : run.text,
  }));
  return shown.filter(({ text }) => text !== '');
}

/** A piece that is continued hands its link on, unless the next one says that it has none; only `null` says so. */
function targetOf(href: string | undefined): PDFKit.Mixins.TextOptions {
  const target: PDFKit.Mixins.TextOptions = { link: null };
  if (href?.startsWith('#') === true) return { ...target, goTo: href.slice(1) };
  Reflect.set(target, 'goTo', null);
  return href === undefined ? target : { ...target, link: href };
}

/** Begins a page where `height` does not fit any more. @returns whether it did */
export function makeRoom({ pdf, margin, bottom }: Sheet, height: number): boolean {
  if (pdf.y + height <= bottom) return false;
  pdf.addPage();
  pdf.y = margin;
  return true;
}

export function rule({ pdf, margin, width }: Sheet, y: number, color: string, thickness = 0.5): void {
  pdf
    .moveTo(margin, y)
    .lineTo(margin + width, y)
    .lineWidth(thickness)
    .strokeColor(color)
    .stroke();
}
