/** Charts on paper: the shapes that `charts.ts` writes, in the colours that the page's style gives them. */
import { type PageElement, elementsOf, hasClass, textOf } from './page-tree.js';
import { COLORS, type Sheet } from './sheet.js';

const AXIS_SIZE = 13;
const NOTE_SIZE = 12;

/** Draws at the sheet's place, in the middle. @param most how wide it may be */
export function drawChart(sheet: Sheet, svg: PageElement, most: number): void {
  const { pdf, margin, width } = sheet;
  const { boxWidth, height, scale } = chartSize(svg, most);
  const top = pdf.y;
  pdf.save();
  pdf.translate(margin + (width - boxWidth * scale) / 2, top).scale(scale);
  for (const shape of shapesOf(svg)) drawShape(sheet, shape);
  pdf.restore();
  pdf.y = top + height;
}

export function chartSize(svg: PageElement, most: number): { boxWidth: number; height: number; scale: number } {
  const [, , boxWidth = 1, boxHeight = 1] = (svg.attributes['viewbox'] ?? svg.attributes['viewBox'] ?? '')
    .split(' ')
    .map(Number);
  const scale = most / boxWidth;
  return { boxWidth, height: boxHeight * scale, scale };
}

const shapesOf = (element: PageElement): PageElement[] =>
  elementsOf(element).flatMap((child) =>
    child.name === 'g' ? shapesOf(child) : child.name === 'title' ? [] : [child],
  );

function drawShape({ pdf }: Sheet, shape: PageElement): void {
  const number = (name: string): number => Number(shape.attributes[name] ?? 0);
  switch (shape.name) {
    case 'line':
      pdf.moveTo(number('x1'), number('y1')).lineTo(number('x2'), number('y2'));
      if (hasClass(shape, 'mark')) pdf.dash(4, { space: 4 });
      pdf
        .lineWidth(hasClass(shape, 'spread') ? 2 : 1)
        .strokeColor(hasClass(shape, 'spread') ? COLORS.mark : hasClass(shape, 'mark') ? COLORS.quiet : COLORS.line)
        .stroke()
        .undash();
      return;
    case 'rect':
      pdf
        .roundedRect(number('x'), number('y'), number('width'), Math.max(number('height'), 0.1), number('rx'))
        .fillOpacity(hasClass(shape, 'pale') ? 0.35 : 1)
        .fill(COLORS.mark)
        .fillOpacity(1);
      return;
    case 'circle':
      pdf
        .circle(number('cx'), number('cy'), number('r'))
        .fill(hasClass(shape, 'us') || shape.attributes['r'] === '4' ? COLORS.mark : COLORS.quiet);
      return;
    case 'polyline': {
      const [first, ...rest] = (shape.attributes['points'] ?? '')
        .split(' ')
        .map((point) => point.split(',').map(Number));
      pdf.moveTo(first?.[0] ?? 0, first?.[1] ?? 0);
      for (const [x = 0, y = 0] of rest) pdf.lineTo(x, y);
      pdf.lineWidth(2).strokeColor(COLORS.mark).stroke();
      return;
    }
    case 'text':
      drawLabel(pdf, shape);
      return;
    default:
      throw new Error(`a chart has a ${shape.name}, which paper does not know`);
  }
}

/** Upright, or along the left edge, as `translate(x y) rotate(-90)`. */
function drawLabel(pdf: Sheet['pdf'], shape: PageElement): void {
  const text = textOf(shape);
  const isNote = hasClass(shape, 'note');
  pdf
    .font('regular')
    .fontSize(isNote ? NOTE_SIZE : AXIS_SIZE)
    .fillColor(COLORS.quiet);
  const wide = pdf.widthOfString(text);
  const before = isNote ? (hasClass(shape, 'left') ? 0 : wide) : wide / 2;
  const options = { lineBreak: false, baseline: 'alphabetic' as const };
  const [, x, y] = /^translate\(([\d.]+) ([\d.]+)\) rotate\(-90\)$/.exec(shape.attributes['transform'] ?? '') ?? [];
  if (x === undefined || y === undefined) {
    pdf.text(text, Number(shape.attributes['x']) - before, Number(shape.attributes['y']), options);
    return;
  }
  pdf.save();
  pdf.translate(Number(x), Number(y)).rotate(-90);
  pdf.text(text, -before, 0, options);
  pdf.restore();
}
