import type { ComponentChildren } from 'preact';
import { useCallback, useState } from 'preact/hooks';
import type { TopUpSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Form, Problem } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';

const TOP_UPS_MS = 15_000;

/** Credit that the customer asked for: whoever sees the money come in says so here, and it is booked. */
export function TopUpsPanel(props: {
  api: Api;
  base: string;
  onBooked: () => void;
  onShow: (invoice: string) => void;
}) {
  const { text } = useLocale();
  const { api, base, onBooked, onShow } = props;
  const [paying, setPaying] = useState<TopUpSummary | undefined>();
  const topUps = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ topUps: TopUpSummary[] }>(`${base}/top-ups`, signal)).topUps,
      [api, base],
    ),
    TOP_UPS_MS,
  );
  const done = (): void => {
    setPaying(undefined);
    topUps.reload();
    onBooked();
  };
  return (
    <Panel title={text.topUps.title} area="wide">
      <Loaded source={topUps} skeletonLines={2}>
        {(list) => (
          <TopUpTable
            api={api}
            base={base}
            topUps={list}
            empty={text.topUps.none}
            action={{ label: text.topUps.markPaid, run: setPaying }}
            voidLabel={text.topUps.void}
            onVoided={topUps.reload}
            onShow={onShow}
          />
        )}
      </Loaded>
      {paying !== undefined && (
        <MarkPaid api={api} base={base} topUp={paying} onClose={() => setPaying(undefined)} onDone={done} />
      )}
    </Panel>
  );
}

function MarkPaid(props: { api: Api; base: string; topUp: TopUpSummary; onClose: () => void; onDone: () => void }) {
  const { text, format } = useLocale();
  const { number, dueMicros, amountMicros, currency } = props.topUp;
  const marking = useAction(async () => {
    await props.api.post(`${props.base}/top-ups/${number}/paid`);
    props.onDone();
  });
  return (
    <Dialog title={text.topUps.paidTitle(number)} onClose={props.onClose}>
      <Form
        submit={text.topUps.markPaid}
        busy={marking.busy}
        failure={marking.failure}
        onSubmit={() => void marking.run()}
      >
        <p class="dialog-text">
          {text.topUps.paidWhy(format.money(dueMicros, currency), format.money(amountMicros, currency))}
        </p>
      </Form>
    </Dialog>
  );
}

interface TopUpTableProps {
  api: Api;
  /** Of the account's routes. */
  base: string;
  topUps: readonly TopUpSummary[];
  empty: string;
  /** What is done first about one that is open. */
  action: { readonly label: string; readonly run: (topUp: TopUpSummary) => void };
  voidLabel: string;
  onVoided: () => void;
  onShow: (invoice: string) => void;
}

/** Newest first; the studio and the portal show the same. */
export function TopUpTable({ api, base, topUps, empty, action, voidLabel, onVoided, onShow }: TopUpTableProps) {
  const { text } = useLocale();
  const voiding = useAction(async (number: string) => {
    await api.post(`${base}/top-ups/${number}/void`);
    onVoided();
  });
  const actions = (topUp: TopUpSummary) => (
    <>
      <button class="link" type="button" onClick={() => action.run(topUp)}>
        {action.label}
      </button>
      <button
        class="link tone-bad"
        type="button"
        disabled={voiding.busy}
        onClick={() => void voiding.run(topUp.number)}
      >
        {voidLabel}
      </button>
    </>
  );
  if (topUps.length === 0) return <p class="lead">{empty}</p>;
  return (
    <>
      <table class="table cards" role="table">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">{text.invoices.number}</th>
            <th role="columnheader">{text.topUps.asked}</th>
            <th role="columnheader">{text.topUps.reference}</th>
            <th role="columnheader" class="number">
              {text.topUps.credit}
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
          {topUps.map((topUp) => (
            <TopUpRow key={topUp.number} topUp={topUp} actions={actions} onShow={onShow} />
          ))}
        </tbody>
      </table>
      <Problem failure={voiding.failure} />
    </>
  );
}

const BADGES = { open: 'running', paid: 'finished', void: 'stopped' } as const;

interface TopUpRowProps {
  topUp: TopUpSummary;
  /** About one that is open. */
  actions: (topUp: TopUpSummary) => ComponentChildren;
  onShow: (invoice: string) => void;
}

function TopUpRow({ topUp, actions, onShow }: TopUpRowProps) {
  const { text, format } = useLocale();
  const { number, reference, state, currency, amountMicros, dueMicros, requestedAt, invoice } = topUp;
  return (
    <tr role="row">
      <td role="cell" class="card-title">
        {number}
      </td>
      <td role="cell" class="soft" data-label={text.topUps.asked}>
        <time dateTime={requestedAt}>{format.day(requestedAt)}</time>
      </td>
      <td role="cell" data-label={text.topUps.reference}>
        <code>{reference}</code>
      </td>
      <td role="cell" class="number" data-label={text.topUps.credit}>
        {format.money(amountMicros, currency)}
      </td>
      <td role="cell" class="number" data-label={text.invoices.toPay}>
        {state === 'open' ? format.money(dueMicros, currency) : '–'}
      </td>
      <td role="cell" data-label={text.keys.state}>
        <span class={`badge badge-${BADGES[state]}`}>{text.topUps.states[state]}</span>
      </td>
      <td role="cell" class="row-actions">
        {state === 'open' && actions(topUp)}
        {invoice !== null && (
          <button class="link" type="button" onClick={() => onShow(invoice)}>
            {text.topUps.receipt(invoice)}
          </button>
        )}
      </td>
    </tr>
  );
}
