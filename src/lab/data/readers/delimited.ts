import { MoatError } from '../../../base/errors.js';
import type { FormatReader, Passage, ReadOptions } from '../format-reader.js';
import type { Line } from '../lines.js';
import { textOfRecord } from './record-shapes.js';

export const readCsv: FormatReader['read'] = (lines, origin, options) => readDelimited(lines, origin, options, ',');
export const readTsv: FormatReader['read'] = (lines, origin, options) => readDelimited(lines, origin, options, '\t');

/**
 * A table after RFC 4180, its first row the names of the columns: one document a row. A row whose quotes or number of
 * cells are wrong is dropped with the line it starts at, or refused when `strict`.
 * @throws MoatError `bad-table` when no column holds a known shape of record
 */
async function* readDelimited(
  lines: AsyncIterable<Line>,
  origin: string,
  options: ReadOptions,
  separator: string,
): AsyncGenerator<Passage> {
  let header: readonly string[] | undefined;
  for await (const row of readRows(lines, separator, options.maxCharacters)) {
    if (row.kind === 'too-long') {
      yield row;
    } else if (row.kind === 'broken') {
      yield malformed(origin, row.line, row.what, options);
    } else if (header === undefined) {
      header = row.cells;
    } else if (row.cells.length !== header.length) {
      yield malformed(origin, row.line, `${row.cells.length} cells under ${header.length} columns`, options);
    } else {
      yield passageOf(header, row, origin, options);
    }
  }
}

type Row =
  | { readonly kind: 'row'; readonly line: number; readonly cells: readonly string[] }
  | { readonly kind: 'broken'; readonly line: number; readonly what: string }
  | { readonly kind: 'too-long'; readonly line: number; readonly length: number };

/** A quoted cell may span lines; one that is never closed ends at the limit or the end of the file. */
async function* readRows(lines: AsyncIterable<Line>, separator: string, maxCharacters: number): AsyncGenerator<Row> {
  let open: string[] = [];
  let length = 0;
  let firstLine = 0;
  let insideQuotes = false;
  for await (const line of lines) {
    if (open.length === 0 && line.text.trim() === '') continue;
    if (open.length === 0) firstLine = line.number;
    length += line.length + 1;
    open.push(line.text);
    // An odd number of quotes leaves a cell open: a quote inside a cell is doubled.
    if (hasOddQuotes(line.text)) insideQuotes = !insideQuotes;
    const isTooLong = line.isTooLong || length > maxCharacters;
    if (insideQuotes && !isTooLong) continue;
    yield isTooLong ? { kind: 'too-long', line: firstLine, length } : splitRow(open.join('\n'), firstLine, separator);
    open = [];
    length = 0;
    insideQuotes = false;
  }
  if (open.length > 0) yield { kind: 'broken', line: firstLine, what: 'a quote is opened and never closed' };
}

function hasOddQuotes(text: string): boolean {
  let quotes = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) quotes++;
  return quotes % 2 === 1;
}

function splitRow(text: string, line: number, separator: string): Row {
  const cells: string[] = [];
  for (let start = 0; ;) {
    let end: number;
    if (text[start] === '"') {
      const close = closingQuote(text, start + 1);
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

/** The quotes are balanced, so there is one. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at !== -1 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at === -1 ? text.length : at;
}

function passageOf(
  header: readonly string[],
  row: { line: number; cells: readonly string[] },
  origin: string,
  options: ReadOptions,
): Passage {
  const record = Object.fromEntries(header.map((name, column) => [name.trim(), row.cells[column]]));
  const text = textOfRecord(record, options.textField);
  if (text === undefined) {
    throw new MoatError('bad-table', `${origin}:${row.line}: no column holds the text; seen: ${header.join(', ')}`, {
      fix: 'Name the column that holds the document with --text-field, or rename it to "text".',
    });
  }
  if (text.trim() === '') {
    return {
      kind: 'malformed',
      line: row.line,
      reason: 'empty',
      detail: `${origin}:${row.line}: its fields are empty`,
    };
  }
  if (text.length > options.maxCharacters) return { kind: 'too-long', line: row.line, length: text.length };
  return { kind: 'text', text, line: row.line };
}

function malformed(origin: string, line: number, what: string, options: ReadOptions): Passage {
  const detail = `${origin}:${line}: ${what}`;
  if (options.strict !== true) return { kind: 'malformed', line, reason: 'bad-table', detail };
  throw new MoatError('bad-table', detail, { fix: 'Quote the cell and double the quotes inside it.' });
}
