import { useCallback } from 'preact/hooks';
import type { UsageEventRow } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { type Paged, usePaged } from '../api/use-paged.js';
import { useLocale } from '../i18n/locale.js';
import { Problem } from '../parts/field.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';

interface UsageEventsPanelProps {
  api: Api;
  /** Whose usage: the address before `/usage`. */
  base: string;
  onShow: (eventId: string) => void;
}

/** Every answer with its tokens by class and its charge, newest first. */
export function UsageEventsPanel({ api, base, onShow }: UsageEventsPanelProps) {
  const { text } = useLocale();
  const events = usePaged(
    useCallback(
      async (before: string | null, signal?: AbortSignal) => {
        const query = before === null ? '' : `?before=${encodeURIComponent(before)}`;
        const page = await api.get<{ events: UsageEventRow[]; nextBefore: string | null }>(
          `${base}/usage${query}`,
          signal,
        );
        return { rows: page.events, nextBefore: page.nextBefore };
      },
      [api, base],
    ),
  );
  return (
    <Panel
      title={text.events.title}
      area="wide"
      aside={
        <button class="link" type="button" onClick={events.source.reload}>
          {text.actions.refresh}
        </button>
      }
    >
      <Loaded source={events.source} skeletonLines={6}>
        {(list) =>
          list.length === 0 ? (
            <Empty title={text.usage.empty} hint={text.usage.emptyHint} />
          ) : (
            <>
              <EventTable events={list} onShow={onShow} />
              <MoreOf list={events} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

/** The end of a list that goes on. */
export function MoreOf<T>({ list }: { list: Paged<T> }) {
  const { text } = useLocale();
  return (
    <>
      <Problem failure={list.failure} />
      {list.more !== undefined && (
        <button class="button button-more" type="button" disabled={list.busy} onClick={list.more}>
          {text.actions.more}
        </button>
      )}
    </>
  );
}

function EventTable({ events, onShow }: { events: readonly UsageEventRow[]; onShow: (eventId: string) => void }) {
  const { text } = useLocale();
  const classes = ['input', 'cached', 'output', 'reasoning'] as const;
  return (
    <table class="table cards events" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">{text.usage.time}</th>
          <th role="columnheader">{text.usage.model}</th>
          <th role="columnheader">{text.keys.key}</th>
          {classes.map((name) => (
            <th role="columnheader" class="number" key={name}>
              {text.events[name]}
            </th>
          ))}
          <th role="columnheader" class="number">
            {text.usage.charged}
          </th>
          <th role="columnheader">{text.usage.status}</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {events.map((event) => (
          <EventRow key={event.id} event={event} onShow={() => onShow(event.id)} />
        ))}
      </tbody>
    </table>
  );
}

function EventRow({ event, onShow }: { event: UsageEventRow; onShow: () => void }) {
  const { text, format } = useLocale();
  const moment = format.moment(event.time, Date.now());
  return (
    <tr role="row">
      <td role="cell" class="card-title cell-time">
        <button class="link" type="button" aria-label={text.events.show(moment)} onClick={onShow}>
          <time dateTime={event.time}>{moment}</time>
        </button>
      </td>
      <td role="cell" class="cell-model">
        {event.model}
      </td>
      <td role="cell" class="cell-key">
        {event.keyName ?? '–'}
      </td>
      <td role="cell" class="number" data-label={text.events.input}>
        {format.integer(event.inputTokens)}
      </td>
      <td role="cell" class={`number ${event.cachedTokens === 0 ? 'zero' : ''}`} data-label={text.events.cached}>
        {format.integer(event.cachedTokens)}
      </td>
      <td role="cell" class="number" data-label={text.events.output}>
        {format.integer(event.outputTokens)}
      </td>
      <td role="cell" class={`number ${event.reasoningTokens === 0 ? 'zero' : ''}`} data-label={text.events.reasoning}>
        {format.integer(event.reasoningTokens)}
      </td>
      <td role="cell" class="number cell-charged">
        {format.moneyExact(event.chargedMicros, event.currency)}
      </td>
      <td role="cell" class="cell-status">
        <span class={`badge badge-${event.status}`}>{text.usage.statuses[event.status]}</span>
      </td>
    </tr>
  );
}
