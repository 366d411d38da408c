/** Columns of a log of clicks as what a model reads: words as rows of a table that they are hashed to, figures standardised. */
import { z } from 'zod';

/** What was shown to whom where; a cell that is missing is the empty string. */
export type ClickRow = Readonly<Record<string, string>>;

export const clickColumnsSchema = z.object({
  words: z.array(z.string()),
  figures: z.array(z.object({ column: z.string(), mean: z.number(), deviation: z.number().positive() })),
});
export type ClickColumns = z.infer<typeof clickColumnsSchema>;

export interface EncodedRows {
  readonly count: number;
  /** `[count, columns.words]`: hashes, not yet cut to the size of a table. */
  readonly words: Uint32Array;
  /** `[count, columns.figures]`. */
  readonly figures: Float32Array;
}

/** Numbers that name something are words. */
const NAMES = /(?:^|_)(?:id|user|item|uid|iid|code|hour|weekday)$|Id$/;

const figureOf = (cell: string): number => (cell.trim() === '' ? Number.NaN : Number(cell));

/** Columns of more than one value; one is of figures when every cell that is not empty is a finite number and it names nothing. */
export function findColumns(rows: readonly ClickRow[]): ClickColumns {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].sort();
  const columns: ClickColumns = { words: [], figures: [] };
  for (const column of names) {
    const cells = rows.map((row) => row[column] ?? '');
    if (cells.every((cell) => cell === cells[0])) continue;
    const figures = cells.filter((cell) => cell !== '').map(figureOf);
    if (NAMES.test(column) || !figures.every(Number.isFinite)) {
      columns.words.push(column);
      continue;
    }
    const mean = figures.reduce((a, b) => a + b, 0) / figures.length;
    const variance = figures.reduce((total, x) => total + (x - mean) ** 2, 0) / figures.length;
    columns.figures.push({ column, mean, deviation: Math.sqrt(variance) || 1 });
  }
  return columns;
}

/** A figure that is missing, or is none, counts as the mean. */
export function encodeRows({ words, figures }: ClickColumns, rows: readonly ClickRow[]): EncodedRows {
  const hashed = new Uint32Array(rows.length * words.length);
  const scaled = new Float32Array(rows.length * figures.length);
  for (const [at, row] of rows.entries()) {
    for (const [c, column] of words.entries())
      hashed[at * words.length + c] = hashOf(`${column}\n${row[column] ?? ''}`);
    for (const [c, { column, mean, deviation }] of figures.entries()) {
      const figure = figureOf(row[column] ?? '');
      scaled[at * figures.length + c] = Number.isFinite(figure) ? (figure - mean) / deviation : 0;
    }
  }
  return { count: rows.length, words: hashed, figures: scaled };
}

/** FNV-1a over UTF-16 units (Fowler, Noll & Vo), its bits mixed once more so that low ones depend on all (MurmurHash3's end). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
