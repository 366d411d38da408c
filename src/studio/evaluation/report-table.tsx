import type { TaskReportDetail } from '../../company/gateway/api-types.js';
import { ReliabilityPlot } from './reliability-plot.js';
import { useLocale } from '../i18n/locale.js';

type Table = TaskReportDetail['tables'][number];

/** A further table of a report; of a confusion matrix, the fuller a cell the stronger its ground. */
export function ReportTable({ table }: { table: Table }) {
  const { text } = useLocale();
  const titles: Readonly<Record<string, string>> = text.evaluate.tables;
  const words: Readonly<Record<string, string>> = text.evaluate.columns;
  const { title, columns, rows } = table;
  const isConfusion = title === 'confusion';
  const name = titles[title] ?? title;
  return (
    <section>
      <h3 class="part-title">{titles[title] ?? <code>{title}</code>}</h3>
      {title === 'reliability' && <ReliabilityPlot table={table} />}
      <div class="scroll" tabIndex={0} role="region" aria-label={name}>
        <table class={`table table-scores ${isConfusion ? 'table-confusion' : ''}`}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th scope="col" key={column}>
                  {words[column] ?? <code>{column}</code>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(([first, ...cells], row) => (
              <tr key={row}>
                <th scope="row">
                  <code>{first}</code>
                </th>
                {cells.map((cell, column) => (
                  <td key={column} data-weight={isConfusion ? weightOf(cell, cells) : undefined}>
                    <Cell value={cell} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Cell({ value }: { value: string | number | null }) {
  const { format } = useLocale();
  if (value === null) return <>–</>;
  if (typeof value === 'string') return <code>{value}</code>;
  return <>{Number.isInteger(value) ? format.integer(value) : format.decimal(value, 3)}</>;
}

/** 0 to 4: the cell's share of its row. */
function weightOf(cell: string | number | null, row: readonly (string | number | null)[]): number {
  const sum = row.reduce<number>((total, each) => total + (typeof each === 'number' ? each : 0), 0);
  return typeof cell === 'number' && sum > 0 ? Math.ceil((4 * cell) / sum) : 0;
}
