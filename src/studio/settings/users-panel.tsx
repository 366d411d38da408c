import { useCallback, useState } from 'preact/hooks';
import type { Role, UserSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, Problem, TextField } from '../parts/field.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { ShownOnce } from '../parts/secret.js';

const USERS_MS = 30_000;
const ROLES: readonly Role[] = ['owner', 'finance', 'developer', 'viewer'];

/** Where the invited one chooses his password. */
const setupLink = (token: string): string => `${location.origin}/#setup=${token}`;

export function UsersPanel({ api, session }: PageProps) {
  const { text } = useLocale();
  const [inviting, setInviting] = useState(false);
  const [link, setLink] = useState<string | undefined>();
  const users = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ users: UserSummary[] }>('/api/users', signal)).users,
      [api],
    ),
    USERS_MS,
  );
  const showLink = (setupToken: string): void => {
    setInviting(false);
    users.reload();
    setLink(setupLink(setupToken));
  };
  const invite = (
    <button class="button button-small" type="button" onClick={() => setInviting(true)}>
      {text.users.invite}
    </button>
  );
  return (
    <Panel title={text.users.title} area="wide" aside={invite}>
      <Loaded source={users} skeletonLines={4}>
        {(list) =>
          list.length === 0 ? (
            <Empty title={text.users.empty} hint={text.users.emptyHint} />
          ) : (
            <table class="table cards" role="table">
              <thead role="rowgroup">
                <tr role="row">
                  <th role="columnheader">{text.users.email}</th>
                  <th role="columnheader">{text.users.name}</th>
                  <th role="columnheader">{text.users.role}</th>
                  <th role="columnheader">{text.users.state}</th>
                  <th role="columnheader">
                    <span class="visually-hidden">{text.actions.column}</span>
                  </th>
                </tr>
              </thead>
              <tbody role="rowgroup">
                {list.map((user) => (
                  <UserRow
                    key={user.id}
                    api={api}
                    user={user}
                    isSelf={user.id === session.user?.id}
                    onChange={users.reload}
                    onLink={showLink}
                  />
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
      {inviting && <Invite api={api} onClose={() => setInviting(false)} onMade={showLink} />}
      {link !== undefined && (
        <ShownOnce
          title={text.users.linkTitle}
          why={text.users.linkWhy}
          label={text.users.link}
          value={link}
          onClose={() => setLink(undefined)}
        />
      )}
    </Panel>
  );
}

interface UserRowProps {
  api: Api;
  user: UserSummary;
  isSelf: boolean;
  onChange: () => void;
  onLink: (setupToken: string) => void;
}

function UserRow({ api, user, isSelf, onChange, onLink }: UserRowProps) {
  const { text } = useLocale();
  const path = `/api/users/${encodeURIComponent(user.id)}`;
  const changing = useAction(async (what: 'role' | 'disable' | 'enable', role?: Role) => {
    await api.post(`${path}/${what}`, role === undefined ? {} : { role });
    onChange();
  });
  const resetting = useAction(async () => {
    onLink((await api.post<{ setupToken: string }>(`${path}/reset-password`)).setupToken);
  });
  const disabled = user.disabledAt !== null;
  const state = disabled ? 'disabled' : user.canSignIn ? 'active' : 'invited';
  const chooseRole = (given: string): void => {
    const role = ROLES.find((name) => name === given);
    if (role !== undefined) void changing.run('role', role).then((worked) => worked || onChange());
  };
  return (
    <tr role="row">
      <td role="cell" class="card-title">
        {user.email}
      </td>
      <td role="cell" class="soft" data-label={text.users.name}>
        {user.name === user.email ? '–' : user.name}
      </td>
      <td role="cell" data-label={text.users.role}>
        <select
          class="input input-small"
          aria-label={text.users.roleOf(user.email)}
          value={user.role}
          disabled={changing.busy}
          onChange={(event) => chooseRole(event.currentTarget.value)}
        >
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {text.roles[role]}
            </option>
          ))}
        </select>
        <Problem failure={changing.failure ?? resetting.failure} />
      </td>
      <td role="cell" data-label={text.users.state}>
        <span class={`badge badge-${state === 'active' ? 'finished' : state === 'invited' ? 'running' : 'failed'}`}>
          {text.users.states[state]}
        </span>
      </td>
      <td role="cell" class="row-actions">
        {!isSelf && (
          <>
            <button class="link" type="button" disabled={resetting.busy} onClick={() => void resetting.run()}>
              {text.users.reset}
            </button>
            <button
              class={`link ${disabled ? '' : 'tone-bad'}`}
              type="button"
              disabled={changing.busy}
              onClick={() => void changing.run(disabled ? 'enable' : 'disable')}
            >
              {disabled ? text.users.enable : text.users.disable}
            </button>
          </>
        )}
      </td>
    </tr>
  );
}

function Invite({ api, onClose, onMade }: { api: Api; onClose: () => void; onMade: (setupToken: string) => void }) {
  const { text } = useLocale();
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const inviting = useAction(async () => {
    const body = { email: email.trim(), role, ...(name.trim() === '' ? {} : { name: name.trim() }) };
    onMade((await api.post<{ setupToken: string }>('/api/users', body)).setupToken);
  });
  return (
    <Dialog title={text.users.invite} onClose={onClose}>
      <Form
        submit={text.users.invite}
        busy={inviting.busy}
        failure={inviting.failure}
        onSubmit={() => void inviting.run()}
      >
        <TextField
          label={text.users.email}
          type="email"
          required
          maxLength={254}
          autocomplete="off"
          value={email}
          onValue={setEmail}
        />
        <TextField label={text.users.name} maxLength={200} autocomplete="off" value={name} onValue={setName} />
        <ChoiceField
          label={text.users.role}
          hint={text.users.may[role]}
          options={ROLES.map((value) => ({ value, label: text.roles[value] }))}
          value={role}
          onValue={setRole}
        />
      </Form>
    </Dialog>
  );
}
