import { useCallback } from 'preact/hooks';
import type { InvoiceSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Download } from '../parts/download.js';
import { Loaded, Panel } from '../parts/panel.js';

const INVOICES_MS = 60_000;

interface InvoicesPanelProps {
  api: Api;
  /** Whose invoices: the address before `/invoices`. */
  base: string;
  onShow: (number: string) => void;
}

export function InvoicesPanel({ api, base, onShow }: InvoicesPanelProps) {
  const { text } = useLocale();
  const invoices = usePolled(
    useCallback(
      async (signal: AbortSignal) =>
        (await api.get<{ invoices: InvoiceSummary[] }>(`${base}/invoices`, signal)).invoices,
      [api, base],
    ),
    INVOICES_MS,
  );
  return (
    <Panel title={text.invoices.title} area="wide">
      <Loaded source={invoices} skeletonLines={3}>
        {(list) =>
          list.length === 0 ? (
            <p class="lead">{text.invoices.empty}</p>
          ) : (
            <table class="table cards" role="table">
              <thead role="rowgroup">
                <tr role="row">
                  <th role="columnheader">{text.invoices.number}</th>
                  <th role="columnheader">{text.invoices.issued}</th>
                  <th role="columnheader">{text.invoices.due}</th>
                  <th role="columnheader" class="number">
                    {text.invoices.total}
                  </th>
                  <th role="columnheader" class="number">
                    {text.invoices.toPay}
                  </th>
                  <th role="columnheader">{text.keys.state}</th>
                  <th role="columnheader">
                    <span class="visually-hidden">{text.actions.column}</span>
                  </th>
                </tr>
              </thead>
              <tbody role="rowgroup">
                {list.map((invoice) => (
                  <InvoiceRow key={invoice.number} api={api} base={base} invoice={invoice} onShow={onShow} />
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </Panel>
  );
}

const BADGES = { open: 'running', paid: 'finished', void: 'stopped' } as const;

function InvoiceRow({ api, base, invoice, onShow }: InvoicesPanelProps & { invoice: InvoiceSummary }) {
  const { text, format } = useLocale();
  const { number, state, currency, totalMicros, dueMicros, issuedAt, dueAt } = invoice;
  return (
    <tr role="row">
      <td role="cell" class="card-title">
        <button class="link" type="button" onClick={() => onShow(number)}>
          {number}
        </button>
      </td>
      <td role="cell" class="soft" data-label={text.invoices.issued}>
        <time dateTime={issuedAt}>{format.day(issuedAt)}</time>
      </td>
      <td role="cell" class="soft" data-label={text.invoices.due}>
        {dueMicros === '0' ? '–' : <time dateTime={dueAt}>{format.day(dueAt)}</time>}
      </td>
      <td role="cell" class="number" data-label={text.invoices.total}>
        {format.money(totalMicros, currency)}
      </td>
      <td role="cell" class="number" data-label={text.invoices.toPay}>
        {format.money(dueMicros, currency)}
      </td>
      <td role="cell" data-label={text.keys.state}>
        <span class={`badge badge-${BADGES[state]}`}>{text.invoices.states[state]}</span>
      </td>
      <td role="cell" class="row-actions">
        <DownloadPdf api={api} base={base} number={number} />
      </td>
    </tr>
  );
}

interface DownloadPdfProps {
  api: Api;
  base: string;
  number: string;
  /** Standing alone, not in a row of a table. */
  asButton?: boolean;
}

export function DownloadPdf({ api, base, number, asButton = false }: DownloadPdfProps) {
  const { text, language } = useLocale();
  const shown = asButton ? text.invoices.pdf : 'PDF';
  return (
    <Download
      api={api}
      path={`${base}/invoices/${encodeURIComponent(number)}/pdf?language=${language}`}
      fileName={`${number}.pdf`}
      shown={shown}
      label={text.invoices.download(number, shown)}
      asButton={asButton}
    />
  );
}
