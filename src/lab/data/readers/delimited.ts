import { MoatError } from '../../../base/errors.js';
import type { OpenedText, Passage, ReadOptions, TextFormat } from '../format-reader.js';
import type { Line } from '../lines.js';
import { passageOfRecord } from './record-passage.js';

export const csv: TextFormat = {
  name: 'csv',
  content: 'text',
  extensions: ['.csv'],
  read: readDelimited,
};

export const tsv: TextFormat = { ...csv, name: 'tsv', extensions: ['.tsv', '.tab'] };

/** A quoted cell that is not closed after so many lines was never meant to be opened. */
const MAX_ROW_LINES = 1000;

/**
 * A table after RFC 4180, its first row the names of the columns, cells separated by whatever separates those: one
 * document a row. A row whose quotes or number of cells are wrong is dropped with the line it starts at, or refused when
 * `strict`.
 * @throws MoatError `bad-table` when no column holds a known shape of record, or when there is no row under the names
 */
async function* readDelimited(file: OpenedText, options: ReadOptions): AsyncGenerator<Passage> {
  const { origin } = file;
  let header: readonly string[] | undefined;
  let rows = 0;
  for await (const row of readRows(file.lines(), options.maxCharacters)) {
    if (row.kind === 'row' && header === undefined) {
      header = row.cells;
      continue;
    }
    rows++;
    if (row.kind === 'too-long') {
      yield row;
    } else if (row.kind === 'broken') {
      yield malformed(origin, row.line, row.what, options);
    } else if (header !== undefined && row.cells.length !== header.length) {
      yield malformed(origin, row.line, `${row.cells.length} cells under ${header.length} columns`, options);
    } else {
      yield passageOf(header ?? [], row, origin, options);
    }
  }
  if (header !== undefined && rows === 0) {
    throw new MoatError('bad-table', `${origin}: no row under the names of the columns (${header.join(', ')})`, {
      fix: 'If it is a text and no table, name its format: --format text.',
    });
  }
}

/** A row of a table by the names of its columns, or what is wrong with it; `line` is the one it begins at. */
export type TableRowFound =
  | { readonly line: number; readonly fields: Readonly<Record<string, string>> }
  | { readonly line: number; readonly problem: string };

/** The rows of a table under its first, which names the columns. */
export async function* readTableRows(lines: AsyncIterable<Line>, maxCharacters: number): AsyncGenerator<TableRowFound> {
  let header: readonly string[] | undefined;
  for await (const row of readRows(lines, maxCharacters)) {
    const { line } = row;
    if (row.kind === 'too-long') yield { line, problem: `${row.length} characters, the limit is ${maxCharacters}` };
    else if (row.kind === 'broken') yield { line, problem: row.what };
    else if (header === undefined) header = row.cells.map((name) => name.trim());
    else if (row.cells.length !== header.length) {
      yield { line, problem: `${row.cells.length} cells under ${header.length} columns` };
    } else yield { line, fields: Object.fromEntries(header.map((name, at) => [name, row.cells[at] as string])) };
  }
}

type Row =
  | { readonly kind: 'row'; readonly line: number; readonly cells: readonly string[] }
  | { readonly kind: 'broken'; readonly line: number; readonly what: string }
  | { readonly kind: 'too-long'; readonly line: number; readonly length: number };

/**
 * A quoted cell may span lines. One that is never closed costs its own line alone: what was taken for the rest of it is
 * read again.
 */
async function* readRows(lines: AsyncIterable<Line>, maxCharacters: number): AsyncGenerator<Row> {
  let separator: string | undefined;
  let open: Line[] = [];
  const waiting: Line[] = [];
  const take = function* (line: Line): Generator<Row> {
    if (open.length === 0 && line.text.trim() === '') return;
    separator ??= separatorOf(line.text);
    open.push(line);
    const [first] = open as [Line, ...Line[]];
    const length = open.reduce((sum, each) => sum + each.length + 1, -1);
    if (line.isTooLong || length > maxCharacters) {
      yield { kind: 'too-long', line: first.number, length };
      open = [];
      return;
    }
    const row = splitRow(open, separator);
    if (row !== undefined) {
      yield row;
      open = [];
    } else if (open.length >= MAX_ROW_LINES) {
      yield* giveUp();
    }
  };
  const giveUp = function* (): Generator<Row> {
    const [first, ...rest] = open as [Line, ...Line[]];
    yield { kind: 'broken', line: first.number, what: 'a quote is opened and never closed' };
    waiting.unshift(...rest);
    open = [];
  };
  for await (const line of lines) {
    waiting.push(line);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield* take(next);
  }
  while (open.length > 0) {
    yield* giveUp();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield* take(next);
  }
}

const SEPARATORS = [',', '\t', ';', '|'];

/** Of the names of the columns; a comma when there is but one. */
function separatorOf(header: string): string {
  const unquoted = header.replaceAll(/"[^"]*"/g, '');
  const count = (separator: string): number => unquoted.split(separator).length;
  return SEPARATORS.reduce((best, each) => (count(each) > count(best) ? each : best));
}

/** The cells of a row; undefined when a quoted cell is still open at its end. */
function splitRow(lines: readonly Line[], separator: string): Row | undefined {
  const text = lines.length === 1 ? (lines[0] as Line).text : lines.map((line) => line.text).join('\n');
  const line = (lines[0] as Line).number;
  const cells: string[] = [];
  for (let start = 0; ;) {
    let end: number;
    if (text[start] === '"') {
      const close = closingQuote(text, start + 1);
      if (close === -1) return undefined;
      end = close + 1;
      if (end < text.length && text[end] !== separator) {
        return { kind: 'broken', line, what: `text follows the closing quote of cell ${cells.length + 1}` };
      }
      cells.push(text.slice(start + 1, close).replaceAll('""', '"'));
    } else {
      const next = text.indexOf(separator, start);
      end = next === -1 ? text.length : next;
      const cell = text.slice(start, end);
      if (cell.includes('"')) {
        return { kind: 'broken', line, what: `a quote inside the unquoted cell ${cells.length + 1}` };
      }
      cells.push(cell);
    }
    if (end >= text.length) return { kind: 'row', line, cells };
    start = end + 1;
  }
}

/** A quote inside a cell is doubled. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at !== -1 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

function passageOf(
  header: readonly string[],
  row: { line: number; cells: readonly string[] },
  origin: string,
  options: ReadOptions,
): Passage {
  const record = Object.fromEntries(header.map((name, column) => [name.trim(), row.cells[column]]));
  const place = `${origin}:${row.line}`;
  const passage = passageOfRecord(record, place, row.line, options);
  if (passage !== undefined) return passage;
  throw new MoatError('bad-table', `${place}: no column holds the text; seen: ${header.join(', ')}`, {
    fix: 'Name the column that holds the document with --text-field, or rename it to "text".',
  });
}

function malformed(origin: string, line: number, what: string, options: ReadOptions): Passage {
  const detail = `${origin}:${line}: ${what}`;
  if (options.strict !== true) return { kind: 'malformed', line, reason: 'bad-table', detail };
  throw new MoatError('bad-table', detail, { fix: 'Quote the cell and double the quotes inside it.' });
}
