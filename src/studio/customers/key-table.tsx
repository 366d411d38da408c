import type { ComponentChildren } from 'preact';
import type { KeySummary } from '../../company/gateway/api-types.js';
import type { Dictionary } from '../i18n/dictionary.js';
import { useLocale } from '../i18n/locale.js';

type KeyState = 'active' | 'expired' | 'revoked';

function stateOf({ revokedAt, expiresAt }: KeySummary, nowMs: number): KeyState {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && Date.parse(expiresAt) <= nowMs ? 'expired' : 'active';
}

function limitsOf({ scopes, models }: KeySummary, text: Dictionary): string {
  const named = (scopes ?? []).map((scope) => new Map<string, string>(Object.entries(text.scopes)).get(scope) ?? scope);
  const parts = [scopes === null ? text.keys.everything : named.join(text.punctuation.list), ...(models ?? [])];
  return parts.join(' · ');
}

/** Keys with their state, newest last. @param actions what can be done with one that works */
export function KeyTable(props: { keys: readonly KeySummary[]; actions?: (key: KeySummary) => ComponentChildren }) {
  const { text } = useLocale();
  return (
    <table class="table cards" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">{text.keys.name}</th>
          <th role="columnheader">{text.keys.key}</th>
          <th role="columnheader">{text.keys.mayDo}</th>
          <th role="columnheader">{text.keys.lastUsed}</th>
          <th role="columnheader">{text.keys.expires}</th>
          <th role="columnheader">{text.keys.state}</th>
          {props.actions !== undefined && (
            <th role="columnheader">
              <span class="visually-hidden">{text.actions.column}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {props.keys.map((key) => (
          <KeyRow key={key.id} apiKey={key} actions={props.actions} />
        ))}
      </tbody>
    </table>
  );
}

function KeyRow({
  apiKey,
  actions,
}: {
  apiKey: KeySummary;
  actions?: ((key: KeySummary) => ComponentChildren) | undefined;
}) {
  const { text, format } = useLocale();
  const nowMs = Date.now();
  const state = stateOf(apiKey, nowMs);
  const time = (iso: string | null, none: string) =>
    iso === null ? none : <time dateTime={iso}>{format.moment(iso, nowMs)}</time>;
  return (
    <tr role="row">
      <td role="cell" class="card-title">
        {apiKey.name}
      </td>
      <td role="cell" data-label={text.keys.key}>
        <code class="code">{apiKey.displayPrefix}</code>
      </td>
      <td role="cell" class="soft wrap" data-label={text.keys.mayDo}>
        {limitsOf(apiKey, text)}
      </td>
      <td role="cell" class="soft" data-label={text.keys.lastUsed}>
        {time(apiKey.lastUsedAt, text.keys.neverUsed)}
      </td>
      <td role="cell" class="soft" data-label={text.keys.expires}>
        {apiKey.expiresAt === null ? (
          text.keys.neverEnds
        ) : (
          <time dateTime={apiKey.expiresAt}>{format.day(apiKey.expiresAt)}</time>
        )}
      </td>
      <td role="cell" data-label={text.keys.state}>
        <span class={`badge badge-${state === 'active' ? 'finished' : 'failed'}`}>{text.keys.states[state]}</span>
      </td>
      {actions !== undefined && (
        <td role="cell" class="row-actions">
          {state === 'revoked' ? null : actions(apiKey)}
        </td>
      )}
    </tr>
  );
}
