import { useCallback, useState } from 'preact/hooks';
import type { InvoiceDetail } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Loaded } from '../parts/panel.js';
import { DownloadPdf } from './invoices-panel.js';
import { RefundDialog } from './refund-dialog.js';

const INVOICE_MS = 60_000;

interface InvoiceDialogProps {
  api: Api;
  base: string;
  number: string;
  onClose: () => void;
  onRefunded?: (() => void) | undefined;
}

/** An invoice as its PDF shows it, in the reader's language. */
export function InvoiceDialog({ api, base, number, onClose, onRefunded }: InvoiceDialogProps) {
  const { text, language } = useLocale();
  const [refunding, setRefunding] = useState(false);
  const path = `${base}/invoices/${encodeURIComponent(number)}?language=${language}`;
  const invoice = usePolled(
    useCallback((signal: AbortSignal) => api.get<InvoiceDetail>(path, signal), [api, path]),
    INVOICE_MS,
  );
  if (refunding && onRefunded !== undefined) {
    const done = (): void => {
      onRefunded();
      onClose();
    };
    return <RefundDialog api={api} base={base} number={number} onClose={() => setRefunding(false)} onDone={done} />;
  }
  return (
    <Dialog title={invoice.data?.title ?? text.invoices.title} onClose={onClose} wide>
      <Loaded source={invoice} skeletonLines={8}>
        {(sheet) => <Sheet sheet={sheet} />}
      </Loaded>
      <div class="form-actions">
        {onRefunded !== undefined && invoice.data?.kind === 'credit' && (
          <button class="button" type="button" onClick={() => setRefunding(true)}>
            {text.refund.open}
          </button>
        )}
        <DownloadPdf api={api} base={base} number={number} asButton />
      </div>
    </Dialog>
  );
}

function Sheet({ sheet }: { sheet: InvoiceDetail }) {
  return (
    <>
      <div class="parties">
        <Party lines={sheet.seller} />
        <Party lines={sheet.buyer} />
      </div>
      <dl class="pairs">
        {sheet.facts.map(([label, value]) => (
          <div class="pair" key={label}>
            <dt>{label}</dt>
            <dd class="pair-value">{value}</dd>
          </div>
        ))}
      </dl>
      <table class="table table-small table-sheet">
        <thead>
          <tr>
            {sheet.headings.map((heading, index) => (
              <th key={heading} class={index === 0 ? '' : 'number'}>
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sheet.rows.map((row, index) => (
            <SheetRow key={index} row={row} />
          ))}
        </tbody>
        <tfoot>
          {sheet.totals.map(([label, value]) => (
            <tr key={label}>
              <th scope="row" colSpan={3}>
                {label}
              </th>
              <td class="number">{value}</td>
            </tr>
          ))}
        </tfoot>
      </table>
      {sheet.payment.length > 0 && (
        <div class="payment">
          <Party lines={sheet.payment} />
        </div>
      )}
    </>
  );
}

function SheetRow({ row }: { row: InvoiceDetail['rows'][number] }) {
  const { what, quantity, price, amount, isDetail } = row;
  // Words alone need not stay in the first column.
  const isWordsOnly = `${quantity}${price}${amount}` === '';
  return (
    <tr class={isDetail ? 'soft' : ''}>
      <td class="wrap" colSpan={isWordsOnly ? 4 : 1}>
        {what}
      </td>
      {!isWordsOnly && (
        <>
          <td class="number">{quantity}</td>
          <td class="number">{price}</td>
          <td class="number">{amount}</td>
        </>
      )}
    </tr>
  );
}

function Party({ lines }: { lines: readonly string[] }) {
  return (
    <p class="party">
      {lines.map((line) => (
        <span key={line}>{line}</span>
      ))}
    </p>
  );
}
