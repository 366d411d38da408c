import type { IncomingMessage } from 'node:http';
import { FLOW_SECONDS } from '../../access/oidc.js';

/** The back office's two cookies: the session, and a sign-in elsewhere that is under way. */
export type CookieName = 'session' | 'flow';

const NAMES = { session: ['__Host-moat', 'moat_session'], flow: ['__Host-moat-flow', 'moat_flow'] } as const;
const LIFETIME_SECONDS = { session: 7 * 24 * 3600, flow: FLOW_SECONDS } as const;

/** `__Host-` makes browsers refuse the cookie from any other host or without TLS; over plain HTTP they know no such name. */
const nameOf = (cookie: CookieName, publicUrl: string | undefined): string => NAMES[cookie][isHttps(publicUrl) ? 0 : 1];

const isHttps = (publicUrl: string | undefined): boolean => publicUrl?.startsWith('https://') === true;

export function readCookie(
  { headers }: IncomingMessage,
  cookie: CookieName,
  publicUrl: string | undefined,
): string | undefined {
  const start = `${nameOf(cookie, publicUrl)}=`;
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(start))?.slice(start.length);
}

/** A `Set-Cookie` header. @param value undefined takes the cookie away */
export function cookieHeader(cookie: CookieName, value: string | undefined, publicUrl: string | undefined): string {
  const age = value === undefined ? 0 : LIFETIME_SECONDS[cookie];
  const secure = isHttps(publicUrl) ? '; Secure' : '';
  // Lax, not Strict: the provider's redirect back to us is a navigation from elsewhere, and has to bring the flow along.
  return `${nameOf(cookie, publicUrl)}=${value ?? ''}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure}`;
}
