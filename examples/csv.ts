/** A strict reader of comma-separated files (RFC 4180) for the examples: quotes, doubled quotes, line numbers in errors. */
import { MoatError } from '../src/base/errors.js';

export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** @param origin the file, for errors @throws MoatError `bad-csv` naming the line */
export function parseCsv(text: string, origin: string): CsvTable {
  const records: string[][] = [];
  let record: string[] = [];
  let line = 1;
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/gy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) {
      const what = `${origin}:${line}: quotes that do not close, or text beside them`;
      throw new MoatError('bad-csv', what, { fix: 'Double a quote inside quotes, and close every one.' });
    }
    record.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    line += text.slice(at, pattern.lastIndex).split('\n').length - 1;
    if (match[3] === ',') continue;
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  }
  const [columns, ...rows] = records;
  if (columns === undefined || rows.length === 0) throw new MoatError('bad-csv', `${origin}: no rows under a heading`);
  const odd = rows.findIndex((row) => row.length !== columns.length);
  if (odd >= 0) {
    const what = `${origin}: row ${odd + 1} has ${rows[odd]?.length} fields, the heading ${columns.length}`;
    throw new MoatError('bad-csv', what, { fix: 'Put fields that hold commas in quotes.' });
  }
  return { columns, rows };
}
