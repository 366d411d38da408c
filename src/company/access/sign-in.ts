import { type AuditWriter, auditAs } from './audit-log.js';
import { admitLogin } from './login-throttle.js';
import { type Device, startSession } from './sessions.js';
import { type Access, setPassword } from './users.js';

export type SignIn =
  | { readonly kind: 'signed-in'; readonly token: string }
  /** Unknown, disabled, without a password, or the password is wrong: nobody learns which. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'wait'; readonly seconds: number };

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/**
 * Signs in with a password. Whoever asks, one password is hashed, so that the time says nothing either.
 * @param replaces the session token that the browser sent, which ends
 * @throws MoatError `too-many-logins` when more passwords wait to be hashed than one machine should hold
 */
export async function signIn(
  access: Access,
  { email, password }: Credentials,
  device: Device,
  replaces: string | undefined,
): Promise<SignIn> {
  const { database, clock, passwords } = access;
  const admission = await admitLogin(database, clock, { email, address: device.address });
  if (admission.kind === 'wait') return admission;
  const [user] = await database.sql<{ id: string; email: string; passwordHash: string | null }[]>`
    select id, email, password_hash as "passwordHash" from moat.users
     where lower(email) = lower(${email.trim()}) and disabled_at is null`;
  const verdict = await passwords.verify(password, user?.passwordHash ?? null);
  if (user === undefined || verdict === 'wrong') return { kind: 'refused' };
  await admission.succeeded();
  const upgraded = verdict === 'outdated' ? await passwords.hash(password) : undefined;
  const token = await database.sql.begin(async (sql) => {
    // Reset or disabled while the password was being hashed: then it was the wrong one.
    const [still] = await sql`
      update moat.users set password_hash = coalesce(${upgraded ?? null}, password_hash)
       where id = ${user.id} and password_hash = ${user.passwordHash} and disabled_at is null returning id`;
    if (still === undefined) return undefined;
    const started = await startSession(sql, access, { userId: user.id, device, replaces });
    const details = { by: 'password', address: device.address, failuresBefore: String(admission.failuresBefore) };
    await auditAs(user.email, clock)(sql, { action: 'session.started', target: user.id, details });
    return started;
  });
  return token === undefined ? { kind: 'refused' } : { kind: 'signed-in', token };
}

/**
 * Changes one's own password; every session ends. Whoever sits at an open session still has to know the old one, and
 * waits after wrong ones as at the door.
 * @throws MoatError `weak-password`, `too-many-logins`
 */
export async function changePassword(
  access: Access,
  { userId, email }: { userId: string; email: string },
  { current, next }: { current: string; next: string },
  { address }: Device,
  audit: AuditWriter,
): Promise<Exclude<SignIn, { kind: 'signed-in' }> | { readonly kind: 'changed' }> {
  const { database, clock, passwords } = access;
  const admission = await admitLogin(database, clock, { email, address });
  if (admission.kind === 'wait') return admission;
  const [user] = await database.sql<{ passwordHash: string | null }[]>`
    select password_hash as "passwordHash" from moat.users where id = ${userId}`;
  if ((await passwords.verify(current, user?.passwordHash ?? null)) === 'wrong') return { kind: 'refused' };
  await admission.succeeded();
  await setPassword(access, userId, next, audit);
  return { kind: 'changed' };
}
