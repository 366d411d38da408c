import { z } from 'zod';
import { type AuditEntry, listAuditLog, verifyAuditLog } from '../../access/audit-log.js';
import { ROLES } from '../../access/permissions.js';
import {
  type User,
  changeRole,
  createUser,
  disableUser,
  enableUser,
  listUsers,
  resetPassword,
} from '../../access/users.js';
import { nameIds } from '../../billing/named-ids.js';
import { ApiProblem } from '../api-problem.js';
import type { AuditLogEntry, AuditLogVerification, UserSummary } from '../api-types.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf, line, pageOf } from './admin-route.js';

const newUser = z.strictObject({ email: line(254), name: line(200).optional(), role: z.enum(ROLES) });
const newRole = z.strictObject({ role: z.enum(ROLES) });

/** Users, what they did, and (where it is on) what customers asked: the owner's own rooms. */
export const userRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/users',
    needs: 'users',
    handle: async ({ access }, c) => c.json({ users: (await listUsers(access)).map(userJson) }),
  },
  {
    method: 'POST',
    path: '/api/users',
    needs: 'users',
    async handle(context, c) {
      const { user, setupToken } = await createUser(
        context.access,
        await readJson(c.env.incoming, newUser),
        auditOf(context, c),
      );
      return c.json({ user: userJson(user), setupToken }, 201);
    },
  },
  {
    method: 'POST',
    path: '/api/users/:user/role',
    needs: 'users',
    async handle(context, c) {
      const { role } = await readJson(c.env.incoming, newRole);
      return c.json({ user: userJson(await changeRole(context.access, userOf(c), role, auditOf(context, c))) });
    },
  },
  {
    method: 'POST',
    path: '/api/users/:user/disable',
    needs: 'users',
    handle: async (context, c) =>
      c.json({ user: userJson(await disableUser(context.access, userOf(c), auditOf(context, c))) }),
  },
  {
    method: 'POST',
    path: '/api/users/:user/enable',
    needs: 'users',
    handle: async (context, c) =>
      c.json({ user: userJson(await enableUser(context.access, userOf(c), auditOf(context, c))) }),
  },
  {
    method: 'POST',
    path: '/api/users/:user/reset-password',
    needs: 'users',
    handle: async (context, c) =>
      c.json({ setupToken: await resetPassword(context.access, userOf(c), auditOf(context, c)) }),
  },
  { method: 'GET', path: '/api/audit-log', needs: 'audit-log', handle: showAuditLog },
  { method: 'GET', path: '/api/audit-log/verification', needs: 'audit-log', handle: verify },
  { method: 'GET', path: '/api/prompts', needs: 'prompts', handle: showPrompts },
];

const userOf = (c: AdminRequest): string => c.req.param('user') ?? '';

const userJson = ({ id, email, name, role, createdAt, disabledAt, canSignIn }: User): UserSummary => ({
  id,
  email,
  name,
  role,
  createdAt: createdAt.toISOString(),
  disabledAt: disabledAt?.toISOString() ?? null,
  canSignIn,
});

async function showAuditLog({ books }: AdminContext, c: AdminRequest): Promise<Response> {
  const page = pageOf(c);
  const listed = await listAuditLog(books.database, page);
  const names = await nameIds(books.database, listed.flatMap(mentioned));
  const byId = new Map(names.map(({ id, ...named }) => [id, named]));
  const entries = listed.map((entry): AuditLogEntry => ({
    ...entry,
    id: entry.id.toString(),
    time: entry.time.toISOString(),
    names: Object.fromEntries(
      mentioned(entry).flatMap((id) => {
        const named = byId.get(id);
        return named === undefined ? [] : [[id, named]];
      }),
    ),
  }));
  return c.json({ entries, nextBefore: entries.length === page.limit ? (entries.at(-1)?.id ?? null) : null });
}

/** What in an entry may be an id. */
const mentioned = ({ actor, target, details }: AuditEntry): string[] =>
  [actor.replace(/^customer /, ''), target, ...Object.values(details)].filter((value) => typeof value === 'string');

async function verify({ books }: AdminContext, c: AdminRequest): Promise<Response> {
  const { entryCount, broken, head } = await verifyAuditLog(books.database);
  return c.json({
    entryCount,
    broken: broken === undefined ? null : { id: broken.id.toString(), why: broken.why },
    head: { id: head.id.toString(), hash: head.hash },
  } satisfies AuditLogVerification);
}

/** Who reads what customers wrote is written down too. */
async function showPrompts(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { promptLog, books } = context;
  if (promptLog === undefined) throw new ApiProblem(404, 'prompt_log_off', 'Prompts are not logged here.');
  const customerId = c.req.query('customer');
  const page = pageOf(c);
  await books.database.sql.begin(async (sql) => {
    await auditOf(context, c)(sql, { action: 'prompts.read', target: customerId ?? 'all customers' });
  });
  const prompts = (await promptLog.list({ ...page, customerId })).map((logged) => ({
    ...logged,
    id: logged.id.toString(),
    time: logged.time.toISOString(),
  }));
  return c.json({ prompts, nextBefore: prompts.length === page.limit ? (prompts.at(-1)?.id ?? null) : null });
}
