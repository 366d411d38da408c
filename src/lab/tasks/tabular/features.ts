/** Columns of a table as numbers: figures standardised, words one-hot, what is missing said by a column of its own. */
import { z } from 'zod';

/** One row, by the names of its columns; a cell that is missing is the empty string. */
export type Row = Readonly<Record<string, string>>;

const encoderSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('figure'),
    column: z.string(),
    mean: z.number(),
    deviation: z.number(),
    hasMissing: z.boolean(),
  }),
  z.object({ kind: z.literal('words'), column: z.string(), values: z.array(z.string()) }),
]);
export const encodersSchema = z.array(encoderSchema);
export type Encoder = z.infer<typeof encoderSchema>;

/** Words of a column beyond the most frequent so many are all zeros, as words are that training never saw. */
const MAX_WORDS = 200;
/** A column of words in which nearly every row has its own says nothing of others. */
const MOST_DIFFERENT = 0.9;
const LEAST_ROWS = 20;

const isMissing = (cell: string): boolean => /^\s*(?:|na|n\/a|nan|null|none|\?)\s*$/i.test(cell);

/** A figure as a table writes it; undefined for anything else. */
function figureOf(cell: string): number | undefined {
  const value = Number(cell.replaceAll(/(?<=\d),(?=\d{3}\b)/g, ''));
  return cell.trim() !== '' && Number.isFinite(value) ? value : undefined;
}

/** Learns from the rows that train how every column is turned into numbers; columns that say nothing are left out. */
export function fitEncoders(rows: readonly Row[]): Encoder[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return columns.flatMap((column): Encoder[] => {
    const cells = rows.map((row) => row[column] ?? '');
    const given = cells.filter((cell) => !isMissing(cell));
    const figures = given.map(figureOf);
    if (given.length > 0 && figures.every((figure) => figure !== undefined)) {
      return figureEncoder(column, figures as number[], given.length < cells.length);
    }
    return wordEncoder(column, cells);
  });
}

function figureEncoder(column: string, figures: readonly number[], hasMissing: boolean): Encoder[] {
  const mean = figures.reduce((a, b) => a + b, 0) / figures.length;
  const variance = figures.reduce((sum, x) => sum + (x - mean) ** 2, 0) / figures.length;
  if (variance === 0 && !hasMissing) return [];
  return [{ kind: 'figure', column, mean, deviation: Math.sqrt(variance) || 1, hasMissing }];
}

function wordEncoder(column: string, cells: readonly string[]): Encoder[] {
  const counts = new Map<string, number>();
  for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  if (counts.size < 2 || (cells.length >= LEAST_ROWS && counts.size > MOST_DIFFERENT * cells.length)) return [];
  const frequent = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, MAX_WORDS);
  return [{ kind: 'words', column, values: frequent.map(([value]) => value).sort() }];
}

/** How many numbers a row becomes. */
export function featureCount(encoders: readonly Encoder[]): number {
  return encoders.reduce(
    (sum, each) => sum + (each.kind === 'words' ? each.values.length : each.hasMissing ? 2 : 1),
    0,
  );
}

/** @returns `[rows, featureCount]`; a figure that is missing, or is none, counts as the average */
export function encodeRows(encoders: readonly Encoder[], rows: readonly Row[]): Float32Array {
  const numbers = rows.flatMap((row) =>
    encoders.flatMap((encoder) => {
      const cell = row[encoder.column] ?? '';
      if (encoder.kind === 'words') return encoder.values.map((value) => Number(value === cell));
      const figure = isMissing(cell) ? undefined : figureOf(cell);
      const scaled = figure === undefined ? 0 : (figure - encoder.mean) / encoder.deviation;
      return encoder.hasMissing ? [scaled, Number(figure === undefined)] : [scaled];
    }),
  );
  return Float32Array.from(numbers);
}

/** A column of figures with a cell that no reader agrees on; undefined where there is none. */
export function brokenFigure(rows: readonly Row[]): string | undefined {
  for (const [index, row] of rows.entries()) {
    const broken = Object.entries(row).find(([, cell]) =>
      /^\s*[+-]?(?:inf(?:inity)?|1\.#(?:inf|ind|qnan))\s*$/i.test(cell),
    );
    if (broken !== undefined)
      return `example ${index + 1}, column "${broken[0]}": "${broken[1]}" is no number to learn from`;
  }
  return undefined;
}
