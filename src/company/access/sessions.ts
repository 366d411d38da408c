import type { AuditWriter, Transaction } from './audit-log.js';
import type { Role } from './permissions.js';
import { hashOfToken, looksLikeToken, newToken } from './secret-token.js';
import type { Access } from './users.js';

const IDLE_MS = 12 * 3_600_000;
const ABSOLUTE_MS = 7 * 24 * 3_600_000;
/** How often a session's last use is written down. */
const SEEN_MS = 60_000;

/** From where a session is used, for the user who looks at the list of them. */
export interface Device {
  readonly address: string;
  /** The browser, as it calls itself. */
  readonly agent: string;
}

export interface ActiveSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  /** As it is now, not as it was at sign-in. */
  readonly role: Role;
  /** What the page must send along with every change. */
  readonly csrfToken: string;
}

/**
 * A new session, always with a new token: one that the browser had before, perhaps planted by somebody, is ended and
 * never taken over.
 * @returns the token, for the cookie alone
 */
export async function startSession(
  sql: Transaction,
  { clock }: Pick<Access, 'clock'>,
  { userId, device, replaces }: { userId: string; device: Device; replaces: string | undefined },
): Promise<string> {
  const token = newToken('session');
  const now = clock.now();
  if (replaces !== undefined)
    await sql`update moat.sessions set revoked_at = ${new Date(now)} where hash = ${hashOfToken(replaces)} and revoked_at is null`;
  await sql`delete from moat.sessions where user_id = ${userId} and expires_at < ${new Date(now)}`;
  const csrfToken = hashOfToken(newToken('session')).toString('base64url');
  await sql`
    insert into moat.sessions (hash, user_id, csrf_token, address, agent, created_at, last_seen_at, expires_at)
    values (${hashOfToken(token)}, ${userId}, ${csrfToken}, ${device.address}, ${device.agent.slice(0, 200)},
            ${new Date(now)}, ${new Date(now)}, ${new Date(now + ABSOLUTE_MS)})`;
  return token;
}

/** The session of a token, while it was used within 12 hours, is younger than 7 days, and its user is not disabled. */
export async function findSession(access: Access, token: string): Promise<ActiveSession | undefined> {
  if (!looksLikeToken('session', token)) return undefined;
  const { sql } = access.database;
  const now = access.clock.now();
  const [row] = await sql<(ActiveSession & { lastSeenAt: Date })[]>`
    select s.id as "sessionId", u.id as "userId", u.email, u.name, u.role, s.csrf_token as "csrfToken", s.last_seen_at as "lastSeenAt"
      from moat.sessions s join moat.users u on u.id = s.user_id
     where s.hash = ${hashOfToken(token)} and s.revoked_at is null and u.disabled_at is null
       and s.expires_at > ${new Date(now)} and s.last_seen_at > ${new Date(now - IDLE_MS)}`;
  if (row === undefined) return undefined;
  const { lastSeenAt, ...session } = row;
  if (lastSeenAt.getTime() < now - SEEN_MS)
    await sql`update moat.sessions set last_seen_at = ${new Date(now)} where id = ${session.sessionId}`;
  return session;
}

export interface SessionRow extends Device {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
}

/** A user's sessions that still hold, last used first; at most 100. */
export async function listSessions({ database: { sql }, clock }: Access, userId: string): Promise<SessionRow[]> {
  const now = clock.now();
  return sql<SessionRow[]>`
    select id, address, agent, created_at as "createdAt", last_seen_at as "lastSeenAt" from moat.sessions
     where user_id = ${userId} and revoked_at is null and expires_at > ${new Date(now)} and last_seen_at > ${new Date(now - IDLE_MS)}
     order by last_seen_at desc, id limit 100`;
}

/** Ends one session of a user, or all of them. @returns how many ended */
export async function endSessions(
  { database, clock }: Access,
  { userId, sessionId }: { userId: string; sessionId?: string },
  audit: AuditWriter,
): Promise<number> {
  return database.sql.begin(async (sql) => {
    const rows = await sql`
      update moat.sessions set revoked_at = ${new Date(clock.now())} where user_id = ${userId} and revoked_at is null
       ${sessionId === undefined ? sql`` : sql`and id = ${sessionId}`} returning id`;
    const details = { sessions: String(rows.length) };
    if (rows.length > 0) await audit(sql, { action: 'session.ended', target: userId, details });
    return rows.length;
  });
}
