import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import { auditAs, listAuditLog, verifyAuditLog } from './audit-log.js';
import { createPasswordHasher } from './password-hasher.js';
import { endSessions, findSession, listSessions } from './sessions.js';
import { changePassword, signIn } from './sign-in.js';
import {
  type Access,
  changeRole,
  createUser,
  disableUser,
  enableUser,
  findUser,
  listUsers,
  resetPassword,
  setPassword,
  useSetupToken,
} from './users.js';

const PASSWORD = 'correct horse battery staple';
const OTHER = 'purple rivers run uphill';
const clock = manualClock(1_900_000_000_000);
const audit = auditAs('test', clock);
const device = { address: '10.0.0.1', agent: 'Browser' };
let scratch: ScratchProject;
let access: Access;
beforeAll(async () => {
  scratch = await openScratchProject();
  access = {
    database: scratch.database,
    clock,
    passwords: createPasswordHasher({ log2N: 10, blockSize: 8, parallelism: 1 }),
  };
});
afterAll(async () => {
  const written = JSON.stringify(await listAuditLog(scratch.database, { limit: 200 }), (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  for (const secret of [PASSWORD, OTHER, 'moat_session_', 'moat_setup_', '$scrypt$'])
    expect(written).not.toContain(secret);
  expect((await verifyAuditLog(scratch.database)).broken).toBeUndefined();
  await scratch.close();
});

const enter = async (email: string, password: string, replaces?: string): Promise<string> => {
  const result = await signIn(access, { email, password }, device, replaces);
  return result.kind === 'signed-in' ? result.token : result.kind;
};

test('an address is one user, however it is spelt; what is no address is refused', async () => {
  const { user } = await createUser(access, { email: 'Ann@Example.com', role: 'owner', password: PASSWORD }, audit);
  expect(user).toMatchObject({ email: 'Ann@Example.com', name: 'Ann@Example.com', role: 'owner', canSignIn: true });
  expect((await findUser(access, 'ANN@example.COM')).id).toBe(user.id);
  await expect(createUser(access, { email: 'ann@example.com', role: 'viewer' }, audit)).rejects.toMatchObject({
    code: 'user-exists',
  });
  for (const email of ['ann', 'a b@c', '@x', 'x@', 'x\0@y.z', `${'x'.repeat(255)}@y.z`])
    await expect(createUser(access, { email, role: 'viewer' }, audit)).rejects.toMatchObject({ code: 'bad-email' });
  expect(await listUsers(access)).toHaveLength(1);
});

test('a session is found by its token alone, ends after 12 idle hours, after 7 days, and with its user', async () => {
  const { user } = await createUser(access, { email: 'bob@x.de', role: 'viewer', password: PASSWORD }, audit);
  const token = await enter('bob@x.de', PASSWORD);
  expect(await findSession(access, token)).toMatchObject({ email: 'bob@x.de', role: 'viewer' });
  expect(await findSession(access, `${token.slice(0, -1)}_`)).toBeUndefined();
  expect(await findSession(access, "' or 1=1 --")).toBeUndefined();
  const [stored] = await scratch.database.sql`select * from moat.sessions where user_id = ${user.id}`;
  expect(JSON.stringify(stored)).not.toContain(token.slice(-43));
  clock.advance(12 * 3_600_000 + 1);
  expect(await findSession(access, token)).toBeUndefined();
  const second = await enter('bob@x.de', PASSWORD);
  for (let hours = 0; hours < 160; hours += 10) {
    expect(await findSession(access, second)).toBeDefined();
    clock.advance(10 * 3_600_000);
  }
  clock.advance(8 * 3_600_000);
  expect(await findSession(access, second)).toBeUndefined();
  const third = await enter('bob@x.de', PASSWORD);
  await changeRole(access, user.id, 'finance', audit);
  expect((await findSession(access, third))?.role).toBe('finance');
  await disableUser(access, user.id, audit);
  expect(await findSession(access, third)).toBeUndefined();
  expect(await enter('bob@x.de', PASSWORD)).toBe('refused');
  await enableUser(access, user.id, audit);
  expect(await findSession(access, third)).toBeUndefined();
  expect(await enter('bob@x.de', PASSWORD)).toMatch(/^moat_session_/);
  await disableUser(access, user.id, audit);
});

test('a token the browser had before is ended by signing in, and never taken over', async () => {
  await createUser(access, { email: 'eve@x.de', role: 'viewer', password: PASSWORD }, audit);
  await createUser(access, { email: 'carl@x.de', role: 'finance', password: PASSWORD }, audit);
  const planted = await enter('eve@x.de', PASSWORD);
  const own = await enter('carl@x.de', PASSWORD, planted);
  expect(own).not.toBe(planted);
  expect(await findSession(access, planted)).toBeUndefined();
  expect((await findSession(access, own))?.email).toBe('carl@x.de');
  const made = `moat_session_${'A'.repeat(43)}`;
  expect(await enter('carl@x.de', PASSWORD, made)).not.toBe(made);
  expect(await findSession(access, made)).toBeUndefined();
});

test('one session or all of a user’s end, and nobody else’s', async () => {
  const [first, second, others] = [
    await enter('carl@x.de', PASSWORD),
    await enter('carl@x.de', PASSWORD),
    await enter('eve@x.de', PASSWORD),
  ];
  const [one, eves] = [await findSession(access, first), await findSession(access, others)];
  const userId = one?.userId ?? '';
  expect(await endSessions(access, { userId, sessionId: eves?.sessionId ?? '' }, audit)).toBe(0);
  expect(await endSessions(access, { userId, sessionId: one?.sessionId ?? '' }, audit)).toBe(1);
  expect(await findSession(access, first)).toBeUndefined();
  expect(await listSessions(access, userId)).toHaveLength(3);
  expect(await endSessions(access, { userId }, audit)).toBe(3);
  expect(await listSessions(access, userId)).toEqual([]);
  expect(await findSession(access, second)).toBeUndefined();
  expect(await findSession(access, others)).toBeDefined();
});

test('a setup link is good once, for 72 hours, and a reset ends password and sessions', async () => {
  const { user, setupToken: token = '' } = await createUser(access, { email: 'dora@x.de', role: 'developer' }, audit);
  const auditOf = (email: string) => auditAs(email, clock);
  expect(user.canSignIn).toBe(false);
  expect(await enter('dora@x.de', PASSWORD)).toBe('refused');
  await expect(useSetupToken(access, { token, password: 'dora@x.de 1234' }, auditOf)).rejects.toMatchObject({
    code: 'weak-password',
  });
  await useSetupToken(access, { token, password: PASSWORD }, auditOf);
  await expect(useSetupToken(access, { token, password: OTHER }, auditOf)).rejects.toMatchObject({
    code: 'bad-setup-link',
  });
  const session = await enter('dora@x.de', PASSWORD);
  const again = await resetPassword(access, user.id, audit);
  expect(await findSession(access, session)).toBeUndefined();
  expect(await enter('dora@x.de', PASSWORD)).toBe('refused');
  clock.advance(72 * 3_600_000);
  await expect(useSetupToken(access, { token: again, password: OTHER }, auditOf)).rejects.toMatchObject({
    code: 'bad-setup-link',
  });
  await setPassword(access, user.id, OTHER, audit);
  expect(await enter('dora@x.de', OTHER)).toMatch(/^moat_session_/);
});

test('a hash at yesterday’s cost becomes one at today’s when its user signs in', async () => {
  const dearer = { ...access, passwords: createPasswordHasher({ log2N: 11, blockSize: 8, parallelism: 1 }) };
  const hashOf = async (): Promise<unknown> =>
    (await scratch.database.sql`select password_hash from moat.users where email = 'carl@x.de'`)[0]?.['password_hash'];
  expect(await hashOf()).toMatch(/^\$scrypt\$ln=10,/);
  expect(await signIn(dearer, { email: 'carl@x.de', password: OTHER }, device, undefined)).toEqual({ kind: 'refused' });
  expect(await hashOf()).toMatch(/^\$scrypt\$ln=10,/);
  expect((await signIn(dearer, { email: 'carl@x.de', password: PASSWORD }, device, undefined)).kind).toBe('signed-in');
  expect(await hashOf()).toMatch(/^\$scrypt\$ln=11,/);
  expect(await enter('carl@x.de', PASSWORD)).toMatch(/^moat_session_/);
});

test('one’s own password is changed with the old one alone, and every session ends', async () => {
  const { user } = await createUser(access, { email: 'fay@x.de', role: 'viewer', password: PASSWORD }, audit);
  const session = await enter('fay@x.de', PASSWORD);
  const change = (current: string, next: string) =>
    changePassword(access, { userId: user.id, email: user.email }, { current, next }, device, audit);
  expect(await change(OTHER, OTHER)).toEqual({ kind: 'refused' });
  await expect(change(PASSWORD, 'short')).rejects.toMatchObject({ code: 'weak-password' });
  expect(await findSession(access, session)).toBeDefined();
  expect(await change(PASSWORD, OTHER)).toEqual({ kind: 'changed' });
  expect(await findSession(access, session)).toBeUndefined();
  expect(await enter('fay@x.de', PASSWORD)).toBe('refused');
  for (let wrong = 0; wrong < 5; wrong++) await change('wrong', OTHER);
  expect(await change(OTHER, PASSWORD)).toEqual({ kind: 'wait', seconds: 1 });
});

test('for a user that does not exist, is disabled or has no password, as much is hashed as for one that does', async () => {
  const hashed: (string | null)[] = [];
  const { verify } = access.passwords;
  const watched: Access = {
    ...access,
    passwords: {
      ...access.passwords,
      verify: (password, stored) => {
        hashed.push(stored === null ? null : 'hash');
        return verify(password, stored);
      },
    },
  };
  await createUser(access, { email: 'fresh@x.de', role: 'viewer' }, audit);
  const answers = [];
  for (const email of ['carl@x.de', 'nobody@x.de', 'bob@x.de', 'fresh@x.de'])
    answers.push(await signIn(watched, { email, password: OTHER }, device, undefined));
  expect(answers).toEqual(Array.from({ length: 4 }, () => ({ kind: 'refused' })));
  expect(hashed).toEqual(['hash', null, null, null]);
});

test('the last owner who can sign in stays one, even when two remove each other at once', async () => {
  const ann = await findUser(access, 'ann@example.com');
  const lastOwner = { code: 'last-owner' };
  await expect(disableUser(access, ann.id, audit)).rejects.toMatchObject(lastOwner);
  await expect(changeRole(access, ann.id, 'finance', audit)).rejects.toMatchObject(lastOwner);
  // somebody invited cannot sign in yet
  await createUser(access, { email: 'invited@x.de', role: 'owner' }, audit);
  await expect(disableUser(access, ann.id, audit)).rejects.toMatchObject(lastOwner);
  const { user } = await createUser(access, { email: 'zoe@x.de', role: 'owner', password: PASSWORD }, audit);
  // both connections are open before the race, or it is none
  const { sql } = scratch.database;
  await Promise.all([sql`select pg_sleep(0.1)`, sql`select pg_sleep(0.1)`]);
  const results = await Promise.allSettled([
    changeRole(access, ann.id, 'viewer', audit),
    disableUser(access, user.id, audit),
  ]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: lastOwner });
});

test('users are never deleted: the audit log names them', async () => {
  await expect(scratch.database.sql`delete from moat.users`).rejects.toThrow('append-only');
});
