import type { Overview, UsageRow } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { INTERNAL_CUSTOMER } from '../customers/use-customers.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';

export function UsagePanel({ overview }: { overview: Polled<Overview> }) {
  const { text } = useLocale();
  return (
    <Panel title={text.usage.title} area="usage">
      <Loaded source={overview} skeletonLines={5}>
        {(data) =>
          data.recentUsage.length === 0 ? (
            <Empty title={text.usage.empty} hint={text.usage.emptyHint} />
          ) : (
            <UsageTable rows={data.recentUsage} currency={data.currency} />
          )
        }
      </Loaded>
    </Panel>
  );
}

/** The roles are spelled out because the phone layout changes `display`, which takes a table's meaning away. */
function UsageTable({ rows, currency }: { rows: readonly UsageRow[]; currency: string }) {
  const { text } = useLocale();
  return (
    <table class="table table-usage" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">{text.usage.time}</th>
          <th role="columnheader">{text.usage.customer}</th>
          <th role="columnheader">{text.usage.model}</th>
          <th role="columnheader" class="number">
            {text.usage.input}
          </th>
          <th role="columnheader" class="number">
            {text.usage.output}
          </th>
          <th role="columnheader" class="number">
            {text.usage.charged}
          </th>
          <th role="columnheader">{text.usage.status}</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <Row key={row.id} row={row} currency={currency} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row, currency }: { row: UsageRow; currency: string }) {
  const { text, format } = useLocale();
  const isOwn = row.customer === INTERNAL_CUSTOMER;
  return (
    <tr role="row">
      <td role="cell" class="cell-time">
        <time dateTime={row.time}>{format.moment(row.time, Date.now())}</time>
      </td>
      <td role="cell" class="cell-customer">
        {isOwn ? text.usage.internal : row.customer}
      </td>
      <td role="cell" class="cell-model">
        {row.model}
      </td>
      <td role="cell" class="number cell-input" data-label={text.usage.input}>
        {format.integer(row.inputTokens)}
      </td>
      <td role="cell" class="number cell-output" data-label={text.usage.output}>
        {format.integer(row.outputTokens)}
      </td>
      <td role="cell" class="number cell-charged">
        {isOwn ? (
          <span class="soft" title={text.usage.ownHint}>
            {text.usage.notCharged}
          </span>
        ) : (
          format.moneyExact(row.chargedMicros, currency)
        )}
      </td>
      <td role="cell" class="cell-status">
        <span class={`badge badge-${row.status}`}>{text.usage.statuses[row.status]}</span>
      </td>
    </tr>
  );
}
