/** People at the back office of a gateway, each with the browser he would use. */
import { systemClock } from '../src/base/clock.js';
import { auditAs } from '../src/company/access/audit-log.js';
import { createPasswordHasher } from '../src/company/access/password-hasher.js';
import type { Role } from '../src/company/access/permissions.js';
import { type Access, createUser } from '../src/company/access/users.js';
import type { Database } from '../src/company/store/database.js';

export const PASSWORD = 'correct horse battery staple';
/** scrypt at a thousandth of its cost: what is tested is around it. */
export const quickPasswords = createPasswordHasher({ log2N: 8, blockSize: 8, parallelism: 1 });

export const accessTo = (database: Database): Access => ({ database, clock: systemClock, passwords: quickPasswords });

/** A user who can sign in with `PASSWORD`. @returns his id */
export async function addUser(database: Database, email: string, role: Role): Promise<string> {
  const audit = auditAs('test', systemClock);
  const { user } = await createUser(accessTo(database), { email, role, password: PASSWORD }, audit);
  return user.id;
}

export interface Browser {
  /** `name=value` of each cookie that the server set. */
  readonly cookies: Map<string, string>;
  csrfToken: string | undefined;
  get(route: string, headers?: Record<string, string>): Promise<Response>;
  /** As the page does it: with its origin and the session's CSRF token; `headers` win, and `''` leaves one out. */
  post(route: string, body?: object, headers?: Record<string, string>): Promise<Response>;
  logIn(email: string, password?: string): Promise<Response>;
}

export function openBrowser(url: string): Browser {
  const cookies = new Map<string, string>();
  const ask = async (route: string, init: RequestInit, headers: Record<string, string>): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = { ...(cookie === '' ? {} : { cookie }), ...headers };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
    const response = await fetch(new URL(route, url), { ...init, headers: sent, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };
  const browser: Browser = {
    cookies,
    csrfToken: undefined,
    get: (route, headers = {}) => ask(route, {}, headers),
    post: (route, body = {}, headers = {}) =>
      ask(
        route,
        { method: 'POST', body: JSON.stringify(body) },
        { origin: url, 'x-csrf-token': browser.csrfToken ?? '', 'content-type': 'application/json', ...headers },
      ),
    async logIn(email, password = PASSWORD) {
      const response = await browser.post('/api/login', { email, password });
      if (response.ok) ({ csrfToken: browser.csrfToken } = (await response.clone().json()) as { csrfToken: string });
      return response;
    },
  };
  return browser;
}
