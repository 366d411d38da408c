import { useCallback, useState } from 'preact/hooks';
import type { SessionSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { Form, Problem, TextField } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';

const SESSIONS_MS = 30_000;

/** Where one is signed in, and one's password. The studio token has neither. */
export function YouPanel({ api, session }: PageProps) {
  const { text } = useLocale();
  if (session.user === null) {
    return (
      <Panel title={text.frame.tokenUser} area="wide">
        <p class="lead">{text.you.token}</p>
        <code class="command">moat users create ann@acme.com --role owner</code>
      </Panel>
    );
  }
  return (
    <div class="dashboard">
      <SessionsPanel api={api} />
      <PasswordPanel api={api} email={session.user.email} />
    </div>
  );
}

function SessionsPanel({ api }: { api: Api }) {
  const { text } = useLocale();
  const sessions = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ sessions: SessionSummary[] }>('/api/sessions', signal)).sessions,
      [api],
    ),
    SESSIONS_MS,
  );
  const ending = useAction(async () => {
    await api.post('/api/logout-everywhere');
    // The session of this page is over too; the next request says so.
    sessions.reload();
  });
  return (
    <Panel title={text.you.sessions} area="half">
      <Loaded source={sessions} skeletonLines={3}>
        {(list) => (
          <ul class="rows rows-long">
            {list.map((session) => (
              <SessionRow key={session.id} session={session} />
            ))}
          </ul>
        )}
      </Loaded>
      <Problem failure={ending.failure} />
      <div class="panel-foot">
        <button class="button" type="button" disabled={ending.busy} onClick={() => void ending.run()}>
          {text.you.endAll}
        </button>
      </div>
    </Panel>
  );
}

function SessionRow({ session }: { session: SessionSummary }) {
  const { text, format } = useLocale();
  return (
    <li class="row">
      <div class="row-main">
        <span class="row-name" title={session.agent}>
          {browserOf(session.agent) ?? text.you.program}
        </span>
        <span class="row-note">
          {session.address} · {text.you.lastSeen(format.moment(session.lastSeenAt, Date.now()))}
        </span>
      </div>
      {session.isThisOne && <span class="badge badge-finished">{text.you.thisOne}</span>}
    </li>
  );
}

/** "Firefox · Linux" out of what browsers say of themselves; undefined for what does not look like one. */
function browserOf(agent: string): string | undefined {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)[a-z]*\/\d/i.exec(agent)?.[1];
  if (browser === undefined) return undefined;
  const name = new Map([
    ['Edg', 'Edge'],
    ['OPR', 'Opera'],
  ]).get(browser);
  const system = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(agent)?.[0].replace('Mac OS X', 'macOS');
  return system === undefined ? (name ?? browser) : `${name ?? browser} · ${system}`;
}

function PasswordPanel({ api, email }: { api: Api; email: string }) {
  const { text } = useLocale();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const changing = useAction(async () => {
    await api.post('/api/password', { current, next });
    // Every session ended with the old password; the sign-in page takes the new one.
    location.assign('/');
  });
  return (
    <Panel title={text.you.password} area="half">
      <p class="lead">{text.you.passwordWhy}</p>
      <Form
        submit={text.you.change}
        busy={changing.busy}
        failure={changing.failure}
        onSubmit={() => void changing.run()}
      >
        <input
          class="visually-hidden"
          type="text"
          autocomplete="username"
          value={email}
          readOnly
          tabIndex={-1}
          aria-hidden
        />
        <TextField
          label={text.you.current}
          type="password"
          autocomplete="current-password"
          required
          value={current}
          onValue={setCurrent}
        />
        <TextField
          label={text.setup.password}
          hint={text.setup.rules}
          type="password"
          autocomplete="new-password"
          required
          minLength={12}
          value={next}
          onValue={setNext}
        />
      </Form>
    </Panel>
  );
}
