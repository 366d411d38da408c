import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatCount } from '../../base/units.js';
import { openTable } from '../../lab/data/open-table.js';
import { checkTable, type TableReport } from '../../lab/data/tabular-checks.js';
import { defineCommand } from '../command.js';
import type { Terminal } from '../terminal/terminal.js';

export const command = defineCommand({
  name: 'check-table',
  summary: 'look a table over before a model learns from it',
  description:
    'Finds what makes a model of a table worthless: a target that is missing, columns that give it away, rows that stand there twice or contradict each other; and what to look at: empty, constant and equal columns, identifiers, classes out of balance.',
  arguments: { file: { description: 'a .csv, .tsv or .jsonl file', count: 'one' } },
  options: {
    target: { kind: 'text', placeholder: 'COLUMN', description: 'what is to be predicted' },
    strict: { kind: 'flag', description: 'exit code 1 when something serious is found' },
  },
  examples: [
    { command: 'moat check-table credit.csv --target creditability', does: 'one table' },
    { command: 'moat check-table reviews.jsonl --target label --strict', does: 'records; fails where it must' },
  ],
  async run({ arguments: { file }, options, cwd, terminal }) {
    const { rows, isWhole } = await openTable(path.resolve(cwd, file));
    const columns = Object.keys(rows[0] ?? {});
    if (options.target !== undefined && !columns.includes(options.target)) {
      throw new MoatError('no-such-column', `${file}: there is no column "${options.target}"`, {
        fix: `There are ${columns.slice(0, 12).join(', ')}${columns.length > 12 ? ' …' : ''}.`,
      });
    }
    const report = checkTable(rows, options.target);
    print(report, isWhole, terminal);
    const isSerious = report.findings.some(({ severity }) => severity === 'serious');
    return { json: { ...report, isWhole }, exitCode: options.strict && isSerious ? 1 : 0 };
  },
});

function print({ rows, columns, classes, majorityShare, findings }: TableReport, isWhole: boolean, terminal: Terminal) {
  const counted = isWhole ? formatCount(rows) : `the first ${formatCount(rows)}`;
  terminal.print(`${counted} rows, ${formatCount(columns.length)} columns`);
  if (majorityShare !== undefined) {
    const shown = Object.entries(classes)
      .slice(0, 8)
      .map(([name, count]) => `${name} ${formatCount(count)}`);
    terminal.print(
      `classes: ${shown.join(', ')}; always guessing the largest is ${(100 * majorityShare).toFixed(1)} % right`,
    );
  }
  if (findings.length === 0) return terminal.print('nothing found');
  for (const { check, severity, column, detail } of findings)
    terminal.print(`${severity.padEnd(8)} ${check.padEnd(18)} ${column === undefined ? '' : `${column}: `}${detail}`);
}
