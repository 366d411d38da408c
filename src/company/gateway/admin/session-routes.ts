import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { auditAs } from '../../access/audit-log.js';
import { permissionsOf } from '../../access/permissions.js';
import { type ActiveSession, endSessions, findSession, listSessions } from '../../access/sessions.js';
import { type SignIn, changePassword, signIn } from '../../access/sign-in.js';
import { useSetupToken } from '../../access/users.js';
import { ApiProblem } from '../api-problem.js';
import type { SessionInfo, SessionSummary, SignInMethods } from '../api-types.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf, deviceOf, line } from './admin-route.js';
import { cookieHeader, readCookie } from './cookies.js';

const credentials = z.strictObject({ email: line(254), password: z.string().max(1024) });
const setup = z.strictObject({ token: z.string().max(100), password: z.string().max(1024) });

const passwords = z.strictObject({ current: z.string().max(1024), next: z.string().max(1024) });

/** Signing in and out, and what one may do. */
export const sessionRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/login',
    needs: 'anyone',
    handle: async ({ oidc }, c) => {
      const signedIn = c.get('caller').role !== null;
      return c.json({ password: true, oidc: oidc !== undefined, signedIn } satisfies SignInMethods);
    },
  },
  { method: 'POST', path: '/api/login', needs: 'anyone', handle: logIn },
  { method: 'POST', path: '/api/setup', needs: 'anyone', handle: setUp },
  { method: 'GET', path: '/api/oidc/start', needs: 'anyone', handle: startOidc },
  { method: 'GET', path: '/api/oidc/callback', needs: 'anyone', handle: finishOidc },
  { method: 'GET', path: '/api/session', needs: 'signed-in', handle: showSession },
  { method: 'GET', path: '/api/sessions', needs: 'signed-in', handle: showSessions },
  { method: 'POST', path: '/api/password', needs: 'signed-in', handle: renewPassword },
  {
    method: 'POST',
    path: '/api/logout',
    needs: 'signed-in',
    handle: (context, c) => end(context, c, { sessionId: sessionOf(c).sessionId }),
  },
  {
    method: 'POST',
    path: '/api/logout-everywhere',
    needs: 'signed-in',
    handle: (context, c) => end(context, c, {}),
  },
];

async function logIn(context: AdminContext, c: AdminRequest): Promise<Response> {
  const given = await readJson(c.env.incoming, credentials);
  const before = readCookie(c.env.incoming, 'session', context.publicUrl);
  const result = await signIn(context.access, given, deviceOf(context, c), before);
  if (result.kind !== 'signed-in') throw notLetIn(result);
  c.header('set-cookie', cookieHeader('session', result.token, context.publicUrl));
  const session = await findSession(context.access, result.token);
  if (session === undefined) throw new ApiProblem(401, 'not_signed_in', 'The session ended at once. Sign in again.');
  return c.json(sessionInfo(session));
}

/** Whoever it was, the same words. */
function notLetIn(result: Exclude<SignIn, { kind: 'signed-in' }>): ApiProblem {
  if (result.kind === 'refused')
    return new ApiProblem(401, 'wrong_credentials', 'The email address or the password is wrong.');
  return new ApiProblem(429, 'too_many_attempts', `Too many wrong attempts. Wait ${result.seconds} s.`, {
    retryAfterSeconds: result.seconds,
  });
}

async function renewPassword(context: AdminContext, c: AdminRequest): Promise<Response> {
  const session = sessionOf(c);
  const given = await readJson(c.env.incoming, passwords);
  const result = await changePassword(context.access, session, given, deviceOf(context, c), auditOf(context, c));
  if (result.kind !== 'changed') throw notLetIn(result);
  c.header('set-cookie', cookieHeader('session', undefined, context.publicUrl));
  return c.json({ changed: true });
}

async function setUp(context: AdminContext, c: AdminRequest): Promise<Response> {
  const given = await readJson(c.env.incoming, setup);
  const { email } = await useSetupToken(context.access, given, (email) => auditAs(email, context.clock));
  return c.json({ email });
}

async function showSession(_: AdminContext, c: AdminRequest): Promise<Response> {
  const { name, role, session } = c.get('caller');
  if (session !== undefined) return c.json(sessionInfo(session));
  const permissions = role === null ? [] : permissionsOf(role);
  return c.json({ user: null, name, role: role ?? 'viewer', permissions, csrfToken: null } satisfies SessionInfo);
}

function sessionInfo({ userId, email, name, role, csrfToken }: ActiveSession): SessionInfo {
  return { user: { id: userId, email }, name, role, permissions: permissionsOf(role), csrfToken };
}

async function showSessions({ access }: AdminContext, c: AdminRequest): Promise<Response> {
  const own = sessionOf(c);
  const sessions = (await listSessions(access, own.userId)).map(
    ({ id, address, agent, createdAt, lastSeenAt }): SessionSummary => ({
      id,
      address,
      agent,
      createdAt: createdAt.toISOString(),
      lastSeenAt: lastSeenAt.toISOString(),
      isThisOne: id === own.sessionId,
    }),
  );
  return c.json({ sessions });
}

async function end(context: AdminContext, c: AdminRequest, which: { sessionId?: string }): Promise<Response> {
  const { userId } = sessionOf(c);
  const ended = await endSessions(context.access, { userId, ...which }, auditOf(context, c));
  c.header('set-cookie', cookieHeader('session', undefined, context.publicUrl));
  return c.json({ ended });
}

function sessionOf(c: AdminRequest): ActiveSession {
  const { session } = c.get('caller');
  if (session !== undefined) return session;
  throw new ApiProblem(400, 'no_session', 'The studio token has no session. Delete .moat/studio-token to replace it.');
}

const redirectUri = ({ publicUrl }: AdminContext, c: AdminRequest): string =>
  new URL('/api/oidc/callback', publicUrl ?? `http://${c.req.header('host') ?? ''}`).href;

async function startOidc(context: AdminContext, c: AdminRequest): Promise<Response> {
  if (context.oidc === undefined)
    throw new ApiProblem(404, 'oidc_not_set_up', 'Sign-in through another provider is not set up here.');
  const { url, flow } = await context.oidc.begin(redirectUri(context, c));
  c.header('set-cookie', cookieHeader('flow', flow, context.publicUrl));
  return c.redirect(url.href, 302);
}

/** A browser comes here with the provider's answer, so what is wrong goes to the studio, which can show it. */
async function finishOidc(context: AdminContext, c: AdminRequest): Promise<Response> {
  if (context.oidc === undefined)
    throw new ApiProblem(404, 'oidc_not_set_up', 'Sign-in through another provider is not set up here.');
  const callback = new URL(redirectUri(context, c));
  callback.search = new URL(c.req.url).search;
  const flow = readCookie(c.env.incoming, 'flow', context.publicUrl) ?? '';
  const before = readCookie(c.env.incoming, 'session', context.publicUrl);
  c.header('set-cookie', cookieHeader('flow', undefined, context.publicUrl), { append: true });
  try {
    const token = await context.oidc.complete(callback, flow, deviceOf(context, c), before);
    c.header('set-cookie', cookieHeader('session', token, context.publicUrl), { append: true });
    return c.redirect('/', 302);
  } catch (error) {
    if (!(error instanceof MoatError)) throw error;
    return c.redirect(`/?${new URLSearchParams({ 'sign-in-problem': error.line })}`, 302);
  }
}
