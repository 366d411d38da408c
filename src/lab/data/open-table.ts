import { stat } from 'node:fs/promises';
import { MoatError, systemCode } from '../../base/errors.js';
import { detectFormat } from './detect-format.js';
import { splitLines } from './lines.js';
import { readTable } from './readers/delimited.js';
import type { TableRow } from './tabular-checks.js';
import { decodeFile } from './text-encoding.js';

/** Rows that are looked at: enough for every check, and no more than memory holds. */
const MAX_ROWS = 200_000;
const MAX_CHARACTERS = 1_000_000;

/**
 * The rows of a .csv, .tsv or .jsonl file; of records their plain fields.
 * @throws MoatError `data-missing`, `bad-table`
 */
export async function openTable(
  file: string,
): Promise<{ readonly rows: readonly TableRow[]; readonly isWhole: boolean }> {
  const facts = await stat(file).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (facts === undefined) throw new MoatError('data-missing', `${file}: no such file`, { fix: 'Check the path.' });
  const detected = await detectFormat({ path: file, origin: file, sizeBytes: facts.size });
  const name = detected.kind === 'text' ? detected.format.name : detected.kind;
  if (detected.kind !== 'text' || !['csv', 'tsv', 'jsonl'].includes(name)) {
    throw new MoatError('bad-table', `${file}: not a table but ${name}`, { fix: 'Give a .csv, .tsv or .jsonl file.' });
  }
  const lines = splitLines(decodeFile(file, detected.encoding), MAX_CHARACTERS);
  const source = name === 'jsonl' ? recordsIn(lines) : readTable(lines, MAX_CHARACTERS);
  const rows: TableRow[] = [];
  for await (const row of source) {
    if (rows.length === MAX_ROWS) return { rows, isWhole: false };
    rows.push(row);
  }
  if (rows.length > 0) return { rows, isWhole: true };
  throw new MoatError('bad-table', `${file}: it has no rows`, { fix: 'The first row names the columns.' });
}

async function* recordsIn(lines: AsyncIterable<{ readonly text: string }>): AsyncGenerator<TableRow> {
  for await (const { text } of lines) {
    let record: unknown;
    try {
      record = JSON.parse(text);
    } catch {
      continue;
    }
    if (typeof record !== 'object' || record === null || Array.isArray(record)) continue;
    const plain = Object.entries(record).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
    yield Object.fromEntries(plain.map(([name, value]) => [name, String(value)]));
  }
}
