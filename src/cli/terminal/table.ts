import { displayWidth, padEnd, padStart, truncate } from './width.js';

export interface Column {
  readonly title: string;
  /** Figures read best to the right, words to the left. */
  readonly align?: 'left' | 'right';
  /** The narrowest this column may be made when the table does not fit; its natural width when left out and a figure. */
  readonly minimum?: number;
}

export interface TableOptions {
  /** Columns of the terminal; no line is wider. */
  readonly columns: number;
  /** Styles the heading line, e.g. bold. */
  readonly heading?: (text: string) => string;
}

const GAP = '  ';

/**
 * Rows under titles, one string a line, without a trailing newline. Cells that do not fit are cut with "…", the widest
 * word columns first; figures are cut only when nothing else is left.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], options: TableOptions): string {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(row[index] ?? ''))),
  );
  shrinkToFit(columns, widths, options.columns - GAP.length * (columns.length - 1));
  const line = (cells: readonly string[]): string => {
    const text = columns.map((column, index) => {
      const cell = truncate((cells[index] ?? '').replaceAll(/\s*\n\s*/g, ' '), widths[index] ?? 0);
      return column.align === 'right' ? padStart(cell, widths[index] ?? 0) : padEnd(cell, widths[index] ?? 0);
    });
    return truncate(text.join(GAP).trimEnd(), options.columns);
  };
  const heading = line(columns.map((column) => column.title));
  return [options.heading?.(heading) ?? heading, ...rows.map(line)].join('\n');
}

/** Narrows `widths` in place, always the widest first, until their sum is at most `available`. */
function shrinkToFit(columns: readonly Column[], widths: number[], available: number): void {
  const floors = columns.map((column, index) =>
    Math.min(widths[index] ?? 0, column.minimum ?? (column.align === 'right' ? (widths[index] ?? 0) : 8)),
  );
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  for (const floor of [floors, floors.map(() => 1)]) {
    while (excess > 0) {
      const candidates = widths.map((width, index) => (width > (floor[index] ?? 1) ? width : 0));
      const widest = Math.max(...candidates);
      if (widest === 0) break;
      const index = candidates.indexOf(widest);
      widths[index] = widest - 1;
      excess--;
    }
  }
}
