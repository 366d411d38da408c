import { MoatError } from '../../base/errors.js';
import { type AuditWriter, auditAs } from '../../company/access/audit-log.js';
import { createPasswordHasher } from '../../company/access/password-hasher.js';
import { ROLES, type Role } from '../../company/access/permissions.js';
import {
  type Access,
  type User,
  changeRole,
  createUser,
  disableUser,
  enableUser,
  findUser,
  listUsers,
  setPassword,
} from '../../company/access/users.js';
import { type CommandResult, defineCommand } from '../command.js';
import { withBooks } from '../stages/open-books.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly access: Access;
  readonly audit: AuditWriter;
  readonly target: string | undefined;
  readonly role: Role | undefined;
  readonly name: string | undefined;
  readonly invite: boolean;
  readonly terminal: Terminal;
  readNewPassword(): Promise<string>;
}

export const command = defineCommand({
  name: 'users',
  summary: 'who may sign in to the back office',
  description:
    'create: a user, with a password asked for here or (--invite) a link on which he chooses one. list: all of them. role: changes what one may do. disable: signs one out and lets him in no more; enable does again. reset: a new password. Passwords are typed unseen or piped in, never given as arguments.',
  arguments: {
    action: { description: 'create, list, role, disable, enable or reset', count: 'one' },
    target: { description: "the user's email address", count: 'optional' },
  },
  options: {
    role: { kind: 'text', placeholder: 'ROLE', description: `${ROLES.join(', ')}; viewer when not said` },
    name: { kind: 'text', placeholder: 'NAME', description: 'what to call the user' },
    invite: {
      kind: 'flag',
      description: 'no password now: prints a token to choose one with, good once, for 72 hours',
    },
  },
  settings: ['database'],
  examples: [
    { command: 'moat users create ann@acme.com --role owner', does: 'the first owner; asks for the password' },
    { command: 'moat users create bob@acme.com --invite', does: 'a viewer, who chooses a password himself' },
    { command: 'moat users role bob@acme.com --role finance', does: 'credit, prices and invoices for Bob' },
    { command: 'moat users list', does: 'everybody' },
  ],
  async run({ arguments: { action, target }, options, loadProject, clock, terminal, readNewPassword }) {
    const handler = actions[action];
    if (handler === undefined) {
      throw new MoatError('usage', `users: "${action}" is not an action`, {
        fix: 'Write create, list, role, disable, enable or reset.',
      });
    }
    const project = await loadProject();
    return withBooks(project, clock, ({ database }) =>
      handler({
        access: { database, clock, passwords: createPasswordHasher() },
        audit: auditAs('command line', clock),
        target,
        ...options,
        role: roleOf(options.role),
        terminal,
        readNewPassword,
      }),
    );
  },
});

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  create,
  list,
  async role({ access, audit, terminal, role, ...request }) {
    if (role === undefined)
      throw new MoatError('usage', 'users: --role is missing', { fix: `One of ${ROLES.join(', ')}.` });
    const { id } = await findUser(access, required(request.target));
    const user = await changeRole(access, id, role, audit);
    terminal.print(`${user.email} is ${user.role}`);
    return { json: { user } };
  },
  async disable({ access, audit, terminal, target }) {
    const { id } = await findUser(access, required(target));
    const user = await disableUser(access, id, audit);
    terminal.print(`${user.email} is signed out and cannot sign in any more`);
    return { json: { user } };
  },
  async enable({ access, audit, terminal, target }) {
    const { id } = await findUser(access, required(target));
    const user = await enableUser(access, id, audit);
    terminal.print(`${user.email} may sign in again`);
    return { json: { user } };
  },
  async reset({ access, audit, terminal, target, readNewPassword }) {
    const user = await findUser(access, required(target));
    await setPassword(access, user.id, await readNewPassword(), audit);
    terminal.print(`${user.email} has a new password and is signed out everywhere`);
    return { json: { user } };
  },
};

function roleOf(text: string | undefined): Role | undefined {
  const role = ROLES.find((known) => known === text);
  if (role !== undefined || text === undefined) return role;
  throw new MoatError('usage', `users: "${text}" is not a role`, { fix: `One of ${ROLES.join(', ')}.` });
}

function required(target: string | undefined): string {
  if (target !== undefined) return target;
  throw new MoatError('usage', 'users: the email address is missing', { fix: 'See moat users --help for examples.' });
}

async function create({
  access,
  audit,
  terminal,
  invite,
  role = 'viewer',
  ...request
}: Request): Promise<CommandResult> {
  const email = required(request.target);
  const password = invite ? undefined : await request.readNewPassword();
  const given = { email, role, name: request.name, ...(password === undefined ? {} : { password }) };
  const { user, setupToken } = await createUser(access, given, audit);
  terminal.print(`${user.email} is ${user.role}`);
  if (setupToken !== undefined)
    terminal.print(`to be opened in the studio as /#setup=TOKEN; the token, shown this once:\n  ${setupToken}`);
  return { json: { user, setupToken } };
}

async function list({ access, terminal }: Request): Promise<CommandResult> {
  const users = await listUsers(access);
  const rows = users.map((user) => [user.email, user.name, user.role, stateOf(user)]);
  const columns = [{ title: 'email' }, { title: 'name' }, { title: 'role' }, { title: 'state' }];
  terminal.print(
    rows.length === 0
      ? 'No users yet: moat users create EMAIL --role owner'
      : table(columns, rows, { columns: terminal.columns }),
  );
  return { json: { users } };
}

function stateOf({ disabledAt, canSignIn }: User): string {
  if (disabledAt !== null) return 'disabled';
  return canSignIn ? 'active' : 'invited';
}
