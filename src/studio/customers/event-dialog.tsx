import { useCallback } from 'preact/hooks';
import type { ChargedEventDetail } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Loaded } from '../parts/panel.js';

/** An event never changes. */
const NEVER_MS = 3_600_000;

interface EventDialogProps {
  api: Api;
  base: string;
  eventId: string;
  onClose: () => void;
}

/** "What was I charged for?": the tokens, what each class of them costs, and where the charge was booked. */
export function EventDialog({ api, base, eventId, onClose }: EventDialogProps) {
  const { text } = useLocale();
  const detail = usePolled(
    useCallback(
      (signal: AbortSignal) => api.get<ChargedEventDetail>(`${base}/usage/${encodeURIComponent(eventId)}`, signal),
      [api, base, eventId],
    ),
    NEVER_MS,
  );
  return (
    <Dialog title={text.events.one} onClose={onClose} wide>
      <Loaded source={detail} skeletonLines={6}>
        {(data) => (
          <>
            <Facts detail={data} />
            <Pricing detail={data} />
            <Booking detail={data} />
          </>
        )}
      </Loaded>
    </Dialog>
  );
}

function Facts({ detail: { event } }: { detail: ChargedEventDetail }) {
  const { text, format } = useLocale();
  const facts: [string, string][] = [
    [text.events.id, event.id],
    [text.usage.time, format.dateTime(event.time)],
    [text.usage.model, event.model],
    [text.keys.key, event.keyName ?? '–'],
    [text.usage.status, text.usage.statuses[event.status]],
    [text.events.compute, format.duration(event.computeMs / 1000)],
  ];
  if (event.corrects !== null) facts.push([text.events.corrects, event.corrects]);
  return (
    <dl class="pairs">
      {facts.map(([name, value]) => (
        <div class="pair" key={name}>
          <dt>{name}</dt>
          <dd class="pair-value">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Pricing({ detail: { event, price } }: { detail: ChargedEventDetail }) {
  const { text, format } = useLocale();
  if (price === null) return <p class="lead">{text.events.noPrice}</p>;
  const { currency } = event;
  const rows = [
    [text.events.input, event.inputTokens, price.inputMicrosPerMillion],
    [text.events.cached, event.cachedTokens, price.cachedMicrosPerMillion],
    [text.events.output, event.outputTokens, price.outputMicrosPerMillion],
    [text.events.reasoning, event.reasoningTokens, price.outputMicrosPerMillion],
  ] as const;
  return (
    <section aria-label={text.events.pricing}>
      <h3 class="dialog-subtitle">{text.events.pricing}</h3>
      <table class="table table-small">
        <thead>
          <tr>
            <th>{text.events.class}</th>
            <th class="number">{text.today.tokens}</th>
            <th class="number">{text.models.perMillion}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, tokens, rate]) => (
            <tr key={name}>
              <td>{name}</td>
              <td class="number">{format.integer(tokens)}</td>
              <td class="number">{format.money(rate, currency)}</td>
            </tr>
          ))}
          {price.requestMicros !== '0' && (
            <tr>
              <td>{text.events.request}</td>
              <td class="number">{format.integer(1)}</td>
              <td class="number">{text.events.each(format.money(price.requestMicros, currency))}</td>
            </tr>
          )}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{text.usage.charged}</th>
            <td />
            <td class="number">{format.moneyExact(event.chargedMicros, currency)}</td>
          </tr>
        </tfoot>
      </table>
      <p class="footnote">
        {event.status === 'failed' ? text.events.free : price.isTiered ? text.events.tiered : text.events.rounded}
        {event.status === 'corrected' && event.chargedMicros.startsWith('-') && ` ${text.events.givesBack}`}
      </p>
    </section>
  );
}

function Booking({ detail: { event, entries } }: { detail: ChargedEventDetail }) {
  const { text, format } = useLocale();
  const accounts = new Map<string, string>(Object.entries(text.ledger.accounts));
  const transaction = entries[0]?.transactionId;
  const debitsFirst = entries.toSorted((a, b) => (BigInt(a.amountMicros) > BigInt(b.amountMicros) ? -1 : 1));
  return (
    <section aria-label={text.ledger.title}>
      <h3 class="dialog-subtitle">{text.ledger.title}</h3>
      {transaction === undefined ? (
        <p class="lead">{text.ledger.nothing}</p>
      ) : (
        <table class="table table-small">
          <thead>
            <tr>
              <th>{text.ledger.account}</th>
              <th class="number">{text.ledger.debit}</th>
              <th class="number">{text.ledger.credit}</th>
            </tr>
          </thead>
          <tbody>
            {debitsFirst.map(({ account, amountMicros }) => {
              const amount = BigInt(amountMicros);
              const shown = format.moneyExact(amount < 0n ? -amount : amount, event.currency);
              return (
                <tr key={`${account} ${amountMicros}`}>
                  <td>{accounts.get(account) ?? account}</td>
                  <td class="number">{amount > 0n ? shown : ''}</td>
                  <td class="number">{amount < 0n ? shown : ''}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {transaction !== undefined && <p class="footnote">{text.ledger.transaction(transaction)}</p>}
    </section>
  );
}
