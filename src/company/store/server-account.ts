import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { MoatError } from '../../base/errors.js';

const run = promisify(execFile);

/** The system account the database server runs as. PostgreSQL refuses to run as root. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
  /** True when it is not the account this process runs as, so files must be handed over and reachability checked. */
  readonly foreign: boolean;
}

const CANDIDATES = ['postgres', 'moat'];

/**
 * This process's own account, or, as root, the owner of the data directory when there is one, else a system user
 * (`postgres`, else `moat`, which is created).
 * @throws MoatError `no-database-user` when root can neither find nor create one
 */
export async function chooseServerAccount(dataDirectory: string): Promise<ServerAccount> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (process.platform === 'win32' || uid !== 0) return { uid, gid, foreign: false };
  const owner = await stat(dataDirectory).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, foreign: true };
  for (const name of CANDIDATES) {
    const found = await lookUp(name);
    if (found !== undefined) return found;
  }
  return createAccount('moat');
}

async function lookUp(name: string): Promise<ServerAccount | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout), foreign: true };
  } catch {
    return undefined;
  }
}

async function createAccount(name: string): Promise<ServerAccount> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name]);
  } catch (error) {
    throw noDatabaseUser(name, error);
  }
  const created = await lookUp(name);
  if (created === undefined) throw noDatabaseUser(name, undefined);
  return created;
}

function noDatabaseUser(name: string, cause: unknown): MoatError {
  return new MoatError(
    'no-database-user',
    `PostgreSQL refuses to run as root, and the system user "${name}" could not be created`,
    {
      fix: 'Run moat as an ordinary user, create a system user named "postgres", or set DATABASE_URL.',
      cause,
    },
  );
}

/** Whether the account can really read (and, for a directory, enter) the path: asked of the kernel, as that account. */
export async function canReach(account: ServerAccount, target: string): Promise<boolean> {
  if (!account.foreign) return true;
  try {
    await run('/bin/sh', ['-c', 'test -r "$0" && test -x "$0"', target], {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
    });
    return true;
  } catch {
    return false;
  }
}
