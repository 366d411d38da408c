import type { IncomingMessage } from 'node:http';
import { allows } from '../../access/permissions.js';
import { findSession } from '../../access/sessions.js';
import { ApiProblem } from '../api-problem.js';
import { sameSecret } from '../studio-token.js';
import type { AdminContext, AdminRoute, Caller } from './admin-route.js';
import { readCookie } from './cookies.js';

const NOBODY: Caller = { name: 'nobody', role: null, session: undefined };

/**
 * The one check of every request to the back office: who asks, whether his browser was tricked into asking, and whether
 * he may. A path that is in no route is refused to strangers like one that is.
 * @throws ApiProblem 401 `not_signed_in`, 403 `forbidden`, `wrong_origin`, `wrong_csrf_token`, 404 `unknown_url`
 */
export async function admit(
  context: AdminContext,
  incoming: IncomingMessage,
  route: AdminRoute | undefined,
): Promise<Caller> {
  const caller = await identify(context, incoming);
  const needs = route?.needs;
  const isUnsafe = incoming.method !== 'GET' && incoming.method !== 'HEAD';
  if (isUnsafe && (caller.session !== undefined || needs === 'anyone')) checkOrigin(context, incoming, caller);
  if (needs === 'anyone') return caller;
  if (caller.role === null) throw notSignedIn();
  if (isUnsafe && caller.session !== undefined) checkCsrfToken(incoming, caller.session.csrfToken);
  if (needs === undefined) throw new ApiProblem(404, 'unknown_url', 'There is nothing at this address.');
  if (needs !== 'signed-in' && !allows(caller.role, needs))
    throw new ApiProblem(403, 'forbidden', `The role ${caller.role} may not do this (it needs "${needs}").`);
  return caller;
}

async function identify(context: AdminContext, incoming: IncomingMessage): Promise<Caller> {
  const { authorization } = incoming.headers;
  if (authorization !== undefined) {
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
    if (!sameSecret(token, context.studioToken)) throw notSignedIn();
    return { name: 'studio token', role: 'owner', session: undefined };
  }
  const token = readCookie(incoming, 'session', context.publicUrl);
  const session = token === undefined ? undefined : await findSession(context.access, token);
  return session === undefined ? NOBODY : { name: session.email, role: session.role, session };
}

/** Browsers name the page that asks with every POST; a program that signs in may leave it out. */
function checkOrigin({ publicUrl }: AdminContext, { headers }: IncomingMessage, caller: Caller): void {
  const { origin, host } = headers;
  if (origin === undefined && caller.session === undefined) return;
  const own = publicUrl === undefined ? `http://${host ?? ''}` : new URL(publicUrl).origin;
  if (origin === own) return;
  throw new ApiProblem(
    403,
    'wrong_origin',
    `This was asked by ${origin ?? 'no page'}, not by ${own}. Behind a proxy, set serve.publicUrl.`,
  );
}

function checkCsrfToken({ headers }: IncomingMessage, expected: string): void {
  const given = headers['x-csrf-token'];
  if (typeof given === 'string' && sameSecret(given, expected)) return;
  throw new ApiProblem(
    403,
    'wrong_csrf_token',
    'The header x-csrf-token is not that of this session (GET /api/session).',
  );
}

const notSignedIn = (): ApiProblem =>
  new ApiProblem(
    401,
    'not_signed_in',
    'Sign in, or send the studio token of .moat/studio-token as "Authorization: Bearer …".',
  );
