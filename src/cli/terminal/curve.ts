import { displayWidth, padStart } from './width.js';

export interface CurveOptions {
  /** Columns of the terminal. */
  readonly columns: number;
  /** Text lines of the plot; each holds four dots. */
  readonly rows?: number;
  readonly format?: (value: number) => string;
  /** What the horizontal axis counts, written under it, e.g. "steps 1 to 412". */
  readonly caption?: string;
}

/** Bits of a braille character, by dot column and row (Unicode block U+2800). */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const MAX_WIDTH = 60;
const BARS = '▁▂▃▄▅▆▇█';

/**
 * A small plot of a series, such as the loss over the steps: two dots a column, four a line, the highest and lowest
 * value written beside it. Values that are not finite are left out; several values under one dot are averaged.
 */
export function curve(values: readonly number[], options: CurveOptions): string {
  const rows = options.rows ?? 5;
  const format = options.format ?? ((value) => value.toFixed(2));
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return '';
  const high = extreme(finite, Math.max);
  const low = extreme(finite, Math.min);
  const labelWidth = Math.max(displayWidth(format(high)), displayWidth(format(low)));
  const width = Math.max(4, Math.min(options.columns - labelWidth - 3, MAX_WIDTH));
  const dots = resample(finite, Math.min(width * 2, finite.length));
  const cells = Array.from({ length: rows }, () => Array.from({ length: width }, () => 0));
  let previousY: number | undefined;
  for (let x = 0; x < width * 2; x++) {
    const value = dots[Math.min(dots.length - 1, Math.floor((x * dots.length) / (width * 2)))] ?? low;
    const y = high === low ? rows * 4 - 1 : Math.round(((high - value) / (high - low)) * (rows * 4 - 1));
    drawColumn(cells, x, y, previousY ?? y);
    previousY = y;
  }
  const lines = cells.map((row, index) => {
    const label = index === 0 ? format(high) : index === rows - 1 ? format(low) : '';
    return `${padStart(label, labelWidth)} ┤${row.map((bits) => String.fromCodePoint(0x2800 + bits)).join('')}`;
  });
  if (options.caption !== undefined) lines.push(`${' '.repeat(labelWidth + 2)}${options.caption}`);
  return lines.join('\n');
}

/** A series as one line of block characters, e.g. `█▆▄▃▂▂▁`; empty for an empty series. */
export function sparkline(values: readonly number[], columns = 24): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return '';
  const low = extreme(finite, Math.min);
  const span = extreme(finite, Math.max) - low;
  return resample(finite, Math.min(columns, finite.length))
    .map((value) => BARS[span === 0 ? 0 : Math.round(((value - low) / span) * (BARS.length - 1))])
    .join('');
}

/** Without spreading: a long run has more values than a call may have arguments. */
function extreme(values: readonly number[], pick: (a: number, b: number) => number): number {
  return values.reduce((best, value) => pick(best, value), values[0] ?? 0);
}

/** Means of `count` equal stretches of the series. */
function resample(values: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * values.length) / count);
    const to = Math.max(from + 1, Math.floor(((index + 1) * values.length) / count));
    return values.slice(from, to).reduce((sum, value) => sum + value, 0) / (to - from);
  });
}

/** Sets the dots of one dot column from the last height to this one, so that steep falls stay one line. */
function drawColumn(cells: number[][], x: number, y: number, previousY: number): void {
  const from = previousY < y ? previousY + 1 : y;
  const to = previousY > y ? previousY - 1 : y;
  for (let dot = Math.min(from, to, y); dot <= Math.max(to, y); dot++) {
    const row = cells[Math.floor(dot / 4)];
    const column = Math.floor(x / 2);
    if (row !== undefined) row[column] = (row[column] ?? 0) | (DOTS[x % 2 === 0 ? 0 : 1][dot % 4] ?? 0);
  }
}
