import { readRecords } from './read-records.js';
import { MoatError } from '../../base/errors.js';
import type { TableRow } from './tabular-checks.js';

/** Rows that are looked at: enough for every check, and no more than memory holds. */
const MAX_ROWS = 200_000;

/**
 * The rows of a .csv, .tsv, .json or .jsonl file; of records their plain fields. Broken rows are left out.
 * @throws MoatError `data-missing`, `bad-table`
 */
export async function openTable(
  file: string,
): Promise<{ readonly rows: readonly TableRow[]; readonly isWhole: boolean }> {
  const rows: TableRow[] = [];
  for await (const found of readRecords(file)) {
    if ('problem' in found) continue;
    if (rows.length === MAX_ROWS) return { rows, isWhole: false };
    const plain = Object.entries(found.fields).filter(([, value]) =>
      ['string', 'number', 'boolean'].includes(typeof value),
    );
    rows.push(Object.fromEntries(plain.map(([name, value]) => [name, String(value)])));
  }
  if (rows.length > 0) return { rows, isWhole: true };
  throw new MoatError('bad-table', `${file}: it has no rows`, { fix: 'The first row names the columns.' });
}
