import type { Clock } from '../../base/clock.js';
import { MoatError, invariant, systemCode } from '../../base/errors.js';
import type { Database } from '../store/database.js';
import type { AuditWriter, Transaction } from './audit-log.js';
import type { PasswordHasher } from './password-hasher.js';
import type { Role } from './permissions.js';
import { checkNewPassword } from './refused-passwords.js';
import { hashOfToken, looksLikeToken, newToken } from './secret-token.js';

/** What every function of this room works on. */
export interface Access {
  readonly database: Database;
  readonly clock: Clock;
  readonly passwords: PasswordHasher;
}

export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
  /** False while a setup link waits to be used. */
  readonly canSignIn: boolean;
}

/** For `select`, `returning` and `${sql.unsafe(USER)}`: a constant, no input. */
export const USER_COLUMNS = `id, email, name, role, created_at as "createdAt", disabled_at as "disabledAt",
  (password_hash is not null or oidc_subject is not null) as "canSignIn"`;

const SETUP_MS = 72 * 3_600_000;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface NewUser {
  readonly email: string;
  readonly name?: string | undefined;
  readonly role: Role;
}

/**
 * A user who signs in with a password chosen here, or (without one) through a link sent to him.
 * @returns `setupToken`: shown this once, good once, for 72 hours; undefined when a password was given
 * @throws MoatError `bad-email`, `user-exists`, `weak-password`
 */
export async function createUser(
  access: Access,
  { email, name, role, password }: NewUser & { password?: string },
  audit: AuditWriter,
): Promise<{ user: User; setupToken: string | undefined }> {
  const passwordHash = password === undefined ? null : await hashNew(access, password, { email, name: name ?? '' });
  const setup = password === undefined ? newSetup(access) : undefined;
  const user = await access.database.sql.begin(async (sql) => {
    const created = await insertUser(sql, access.clock, { email, name, role });
    await sql`
      update moat.users set password_hash = ${passwordHash}, setup_hash = ${setup?.hash ?? null}, setup_expires_at = ${setup?.expiresAt ?? null}
       where id = ${created.id}`;
    await audit(sql, { action: 'user.created', target: created.id, details: { email: created.email, role } });
    return created;
  });
  return { user: { ...user, canSignIn: passwordHash !== null }, setupToken: setup?.token };
}

/** @throws MoatError `bad-email`, `user-exists` */
export async function insertUser(sql: Transaction, clock: Clock, { email, name, role }: NewUser): Promise<User> {
  const address = email.trim();
  if (address.length > 254 || !/^[^\s@\0]+@[^\s@\0]+$/.test(address))
    throw new MoatError('bad-email', 'the email address is not one', { fix: 'Write it as name@example.com.' });
  const shown = (name ?? '').trim().slice(0, 200) || address.slice(0, 200);
  try {
    const [user] = await sql<User[]>`
      insert into moat.users (email, name, role, created_at) values (${address}, ${shown}, ${role}, ${new Date(clock.now())})
      returning ${sql.unsafe(USER_COLUMNS)}`;
    invariant(user !== undefined, 'a new user has a row');
    return user;
  } catch (error) {
    if (systemCode(error) !== '23505') throw error;
    throw new MoatError('user-exists', `there is a user ${address} already`, { fix: 'Change that one.', cause: error });
  }
}

/** Everybody, disabled ones too, oldest first; at most 1,000. */
export async function listUsers({ database: { sql } }: Access): Promise<User[]> {
  return sql<User[]>`select ${sql.unsafe(USER_COLUMNS)} from moat.users order by created_at, id limit 1000`;
}

/** @param idOrEmail an email address in any case @throws MoatError `unknown-user` */
export async function findUser({ database: { sql } }: Access, idOrEmail: string): Promise<User> {
  const [user] = ID.test(idOrEmail)
    ? await sql<User[]>`select ${sql.unsafe(USER_COLUMNS)} from moat.users where id = ${idOrEmail}`
    : await sql<
        User[]
      >`select ${sql.unsafe(USER_COLUMNS)} from moat.users where lower(email) = lower(${idOrEmail.trim()})`;
  if (user === undefined)
    throw new MoatError('unknown-user', 'there is no such user', { fix: 'List them with: moat users list.' });
  return user;
}

/** Holds from the user's next request on. @throws MoatError `unknown-user`, `last-owner` */
export async function changeRole(access: Access, userId: string, role: Role, audit: AuditWriter): Promise<User> {
  return changeUser(access, userId, async (sql, user) => {
    if (role !== 'owner') await keepAnOwner(sql, user);
    await sql`update moat.users set role = ${role} where id = ${user.id}`;
    await audit(sql, { action: 'user.role-changed', target: user.id, details: { from: user.role, to: role } });
  });
}

/** Signs the user out everywhere and lets him in no more. @throws MoatError `unknown-user`, `last-owner` */
export async function disableUser(access: Access, userId: string, audit: AuditWriter): Promise<User> {
  return changeUser(access, userId, async (sql, user) => {
    await keepAnOwner(sql, user);
    const now = new Date(access.clock.now());
    await sql`
      update moat.users set disabled_at = coalesce(disabled_at, ${now}), setup_hash = null, setup_expires_at = null where id = ${user.id}`;
    await sql`update moat.sessions set revoked_at = ${now} where user_id = ${user.id} and revoked_at is null`;
    await audit(sql, { action: 'user.disabled', target: user.id });
  });
}

/** Lets a disabled user in again, with the password he had. @throws MoatError `unknown-user` */
export async function enableUser(access: Access, userId: string, audit: AuditWriter): Promise<User> {
  return changeUser(access, userId, async (sql, user) => {
    await sql`update moat.users set disabled_at = null where id = ${user.id}`;
    await audit(sql, { action: 'user.enabled', target: user.id });
  });
}

/** The old password and every session end at once. @returns the token of a new setup link @throws MoatError `unknown-user` */
export async function resetPassword(access: Access, userId: string, audit: AuditWriter): Promise<string> {
  const { token, hash, expiresAt } = newSetup(access);
  await changeUser(access, userId, async (sql, user) => {
    refuseDisabled(user);
    await sql`
      update moat.users set password_hash = null, setup_hash = ${hash}, setup_expires_at = ${expiresAt} where id = ${user.id}`;
    await sql`
      update moat.sessions set revoked_at = ${new Date(access.clock.now())} where user_id = ${user.id} and revoked_at is null`;
    await audit(sql, { action: 'user.password-reset', target: user.id });
  });
  return token;
}

/** Every session ends at once. @throws MoatError `unknown-user`, `weak-password` */
export async function setPassword(access: Access, userId: string, password: string, audit: AuditWriter): Promise<void> {
  const passwordHash = await hashNew(access, password, await findUser(access, userId));
  await changeUser(access, userId, async (sql, user) => {
    refuseDisabled(user);
    await sql`
      update moat.users set password_hash = ${passwordHash}, setup_hash = null, setup_expires_at = null where id = ${user.id}`;
    await sql`
      update moat.sessions set revoked_at = ${new Date(access.clock.now())} where user_id = ${user.id} and revoked_at is null`;
    await audit(sql, { action: 'user.password-set', target: user.id });
  });
}

/** What a setup link is for. The link is good once. @throws MoatError `bad-setup-link`, `weak-password` */
export async function useSetupToken(
  access: Access,
  { token, password }: { token: string; password: string },
  auditOf: (email: string) => AuditWriter,
): Promise<User> {
  const { sql } = access.database;
  const refused = (): MoatError =>
    new MoatError('bad-setup-link', 'the link was used, has expired or was never given', {
      fix: 'Ask an owner for a new one.',
    });
  if (!looksLikeToken('setup', token)) throw refused();
  const hash = hashOfToken(token);
  const now = new Date(access.clock.now());
  const [user] = await sql<User[]>`
    select ${sql.unsafe(USER_COLUMNS)} from moat.users where setup_hash = ${hash} and setup_expires_at > ${now} and disabled_at is null`;
  if (user === undefined) throw refused();
  const passwordHash = await hashNew(access, password, user);
  await sql.begin(async (step) => {
    const rows = await step`
      update moat.users set password_hash = ${passwordHash}, setup_hash = null, setup_expires_at = null
       where id = ${user.id} and setup_hash = ${hash} and disabled_at is null returning id`;
    if (rows.length === 0) throw refused();
    await auditOf(user.email)(step, { action: 'user.password-set', target: user.id, details: { by: 'setup link' } });
  });
  return { ...user, canSignIn: true };
}

async function hashNew(access: Access, password: string, about: { email: string; name: string }): Promise<string> {
  checkNewPassword(password, [about.email, about.name]);
  return access.passwords.hash(password);
}

function newSetup({ clock }: Access): { token: string; hash: Buffer; expiresAt: Date } {
  const token = newToken('setup');
  return { token, hash: hashOfToken(token), expiresAt: new Date(clock.now() + SETUP_MS) };
}

async function changeUser(
  access: Access,
  userId: string,
  change: (sql: Transaction, user: User) => Promise<void>,
): Promise<User> {
  const { id } = await findUser(access, userId);
  await access.database.sql.begin(async (sql) => {
    // Owners are locked in one order, so that the last two cannot remove each other.
    const rows = await sql<User[]>`
      select ${sql.unsafe(USER_COLUMNS)} from moat.users where id = ${id} or role = 'owner' order by id for update`;
    const user = rows.find((row) => row.id === id);
    invariant(user !== undefined, 'users are never deleted');
    await change(sql, user);
  });
  return findUser(access, id);
}

async function keepAnOwner(sql: Transaction, user: User): Promise<void> {
  if (user.role !== 'owner' || user.disabledAt !== null) return;
  const [other] = await sql`
    select 1 from moat.users
     where role = 'owner' and disabled_at is null and id <> ${user.id} and (password_hash is not null or oidc_subject is not null)`;
  if (other === undefined)
    throw new MoatError('last-owner', `${user.email} is the last owner who can sign in`, {
      fix: 'Make somebody else an owner first.',
    });
}

function refuseDisabled(user: User): void {
  if (user.disabledAt !== null) throw new MoatError('user-disabled', `${user.email} is disabled`);
}
