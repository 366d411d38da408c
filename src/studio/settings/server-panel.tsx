import { useCallback } from 'preact/hooks';
import type { ServerSettings, UpstreamSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { mayDo, type PageProps } from '../pages.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';

const SETTINGS_MS = 60_000;
const UPSTREAMS_MS = 5000;

/** What the server runs with, and how the engines elsewhere are. */
export function ServerPanel({ api, session }: PageProps) {
  return (
    <div class="dashboard">
      {mayDo(session, 'settings') && <Settings api={api} />}
      <Upstreams api={api} />
    </div>
  );
}

function Settings({ api }: { api: Api }) {
  const { text } = useLocale();
  const settings = usePolled(
    useCallback((signal: AbortSignal) => api.get<ServerSettings>('/api/settings', signal), [api]),
    SETTINGS_MS,
  );
  return (
    <Panel title={text.server.title} area="half">
      <Loaded source={settings} skeletonLines={5}>
        {({ project, currency, timeZone, publicUrl, oidc, promptLog }) => (
          <>
            <dl class="pairs">
              {[
                [text.server.project, project],
                [text.server.currency, currency],
                [text.server.timeZone, timeZone],
                [text.server.publicUrl, publicUrl ?? text.server.none],
                [text.server.oidc, oidc ? text.server.on : text.server.off],
                [text.server.promptLog, promptLog ? text.server.on : text.server.off],
              ].map(([name, value]) => (
                <div class="pair" key={name}>
                  <dt>{name}</dt>
                  <dd class="pair-value">{value}</dd>
                </div>
              ))}
            </dl>
            <p class="footnote">{text.server.where}</p>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Upstreams({ api }: { api: Api }) {
  const { text } = useLocale();
  const upstreams = usePolled(
    useCallback(
      async (signal: AbortSignal) =>
        (await api.get<{ upstreams: UpstreamSummary[] }>('/api/upstreams', signal)).upstreams,
      [api],
    ),
    UPSTREAMS_MS,
  );
  return (
    <Panel title={text.upstreams.title} area="half">
      <Loaded source={upstreams} skeletonLines={4}>
        {(list) =>
          list.length === 0 ? (
            <Empty title={text.upstreams.empty} hint={text.upstreams.emptyHint} />
          ) : (
            <ul class="rows rows-long">
              {list.map((upstream) => (
                <Upstream key={upstream.model} upstream={upstream} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Upstream({ upstream: { model, isAvailable, targets } }: { upstream: UpstreamSummary }) {
  const { text, format } = useLocale();
  return (
    <li class="row row-top">
      <div class="row-main">
        <span class="row-name">{model}</span>
        {targets.map(({ target, state, inFlight, consecutiveFailures, restsMs, unfit }) => (
          <span class="row-note row-wrap" key={target}>
            {[
              target,
              unfit === null ? text.upstreams.states[state] : text.upstreams.unfit(unfit),
              text.upstreams.inFlight(format.integer(inFlight)),
              ...(consecutiveFailures === 0 ? [] : [text.upstreams.failures(format.integer(consecutiveFailures))]),
              ...(restsMs === 0 || unfit !== null ? [] : [text.upstreams.rests(format.duration(restsMs / 1000))]),
            ].join(' · ')}
          </span>
        ))}
      </div>
      <span class={`badge badge-${isAvailable ? 'finished' : 'failed'}`}>
        {isAvailable ? text.upstreams.available : text.upstreams.away}
      </span>
    </li>
  );
}
