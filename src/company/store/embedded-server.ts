import { randomBytes } from 'node:crypto';
import { mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { type LockOptions, enter, leave, withLock } from '../../base/process-lock.js';
import { type ServerAccount, canReach, chooseServerAccount } from './server-account.js';
import { prepareBinaries } from './server-binaries.js';
import {
  type RunningServer,
  type ServerPaths,
  initialiseCluster,
  pathsBelow,
  pickFreePort,
  readPostmaster,
  SERVER_USER,
  startServer,
  stopServer,
} from './server-process.js';

/** Where root keeps databases of projects that a system user cannot reach. */
export const SYSTEM_DIRECTORY = '/var/lib/moat';
const LOCK_PATIENCE_MS = 90_000;
const ADOPT_PATIENCE_MS = 15_000;

export interface EmbeddedServerOptions {
  /** The project's folder; the server lives in its `.moat/postgres`, or, where that cannot be, in `systemDirectory`. */
  readonly projectDirectory: string;
  /** Default `/var/lib/moat`. */
  readonly systemDirectory?: string;
  /** A loopback port to try; asked again when it is taken. */
  readonly pickPort?: () => Promise<number>;
  /** How long a running server may refuse connections before it counts as stuck. Default 15 s. */
  readonly adoptPatienceMs?: number;
  /** Resolves when a connection with this address really answers; rejects otherwise. */
  readonly probe: (url: string) => Promise<void>;
}

export interface EmbeddedServer {
  readonly url: string;
  readonly dataDirectory: string;
  readonly pid: number;
  readonly port: number;
  /** Leaves; the last user to leave stops the server. */
  release(): Promise<void>;
}

/**
 * The project's own PostgreSQL, shared by every `moat` process of the project: the first one starts it, the last one
 * to leave stops it. A server whose `moat` was killed is adopted; one that died is started again and recovers.
 * @throws MoatError `database-wont-start`, `database-busy`, `database-unreachable`, `no-database-user`, `no-database-binaries`
 */
export async function acquireServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const systemDirectory = options.systemDirectory ?? SYSTEM_DIRECTORY;
  const { paths, account } = await settle(options.projectDirectory, systemDirectory);
  const { user, running, password } = await withLock(paths.lock, lockOptions(paths), async () => {
    const password = await readOrCreatePassword(paths);
    const running =
      (await adopt(paths, password, options)) ??
      (await start(paths, account, systemDirectory, password, options.pickPort));
    await options.probe(urlOf(running, password));
    return { user: await enter(paths.users), running, password };
  });
  let released: Promise<void> | undefined;
  return {
    url: urlOf(running, password),
    dataDirectory: paths.data,
    ...running,
    release: () => (released ??= depart(paths, user)),
  };
}

const lockOptions = ({ lock }: ServerPaths): LockOptions => ({
  patienceMs: LOCK_PATIENCE_MS,
  busy: () =>
    new MoatError(
      'database-busy',
      `${lock}: another moat process has been starting or stopping the database for too long`,
      { fix: `If no moat is running, delete ${lock} and run the command again.` },
    ),
});

async function depart(paths: ServerPaths, user: string): Promise<void> {
  await withLock(paths.lock, lockOptions(paths), async () => {
    if ((await leave(paths.users, user)) > 0) return;
    const running = await readPostmaster(paths);
    if (running !== undefined) await stopServer(running);
  });
}

async function start(
  paths: ServerPaths,
  account: ServerAccount,
  systemDirectory: string,
  password: string,
  pickPort: (() => Promise<number>) | undefined,
): Promise<RunningServer> {
  const binaries = await prepareBinaries(account, systemDirectory);
  if (!(await isDirectory(paths.data))) await initialiseCluster(paths, binaries, account, password);
  // What a killed server left: PostgreSQL would refuse to start when the id in it belongs to some other process by now.
  await rm(path.join(paths.data, 'postmaster.pid'), { force: true });
  return startServer(paths, binaries, account, pickPort ?? pickFreePort);
}

/** The server already running on this data directory, proved by a connection; undefined when there is none. */
async function adopt(
  paths: ServerPaths,
  password: string,
  options: EmbeddedServerOptions,
): Promise<RunningServer | undefined> {
  const deadline = performance.now() + (options.adoptPatienceMs ?? ADOPT_PATIENCE_MS);
  for (;;) {
    const running = await readPostmaster(paths);
    if (running === undefined) return undefined;
    try {
      await options.probe(urlOf(running, password));
      return running;
    } catch (error) {
      // It may be recovering, or on its way out: both end.
      if (performance.now() > deadline) throw notAnswering(paths, running, error);
      await sleep(50);
    }
  }
}

function notAnswering(paths: ServerPaths, running: RunningServer, cause: unknown): MoatError {
  return new MoatError(
    'database-not-answering',
    `${paths.data}: PostgreSQL (process ${running.pid}, port ${running.port}) runs but does not answer`,
    {
      fix: `See ${paths.log}; end it with "kill -INT ${running.pid}" and run the command again.`,
      cause,
    },
  );
}

function urlOf(running: RunningServer, password: string): string {
  return `postgres://${SERVER_USER}:${password}@127.0.0.1:${running.port}/postgres`;
}

async function readOrCreatePassword(paths: ServerPaths): Promise<string> {
  const known = await readFile(paths.password, 'utf8').catch(() => undefined);
  if (known !== undefined) return known.trim();
  if (await isDirectory(paths.data)) {
    throw new MoatError('database-password-missing', `${paths.password}: the database's password file is missing`, {
      fix: 'Restore it from a backup, or move the folder away to begin with an empty database.',
    });
  }
  const password = randomBytes(24).toString('hex');
  await writeFile(paths.password, `${password}\n`, { mode: 0o600, flag: 'wx' });
  return password;
}

/**
 * Decides once where the database lives, and remembers it in `.moat/postgres/location`, so that a later change of
 * permissions can never silently begin a second, empty one.
 */
async function settle(
  projectDirectory: string,
  systemDirectory: string,
): Promise<{ paths: ServerPaths; account: ServerAccount }> {
  const wanted = path.join(projectDirectory, '.moat', 'postgres');
  await mkdir(wanted, { recursive: true });
  const local = await realpath(wanted);
  const locationFile = path.join(local, 'location');
  const recorded = await readFile(locationFile, 'utf8').catch(() => undefined);
  const directory = recorded?.trim() ?? local;
  const account = await chooseServerAccount(pathsBelow(directory).data);
  if (recorded !== undefined) return { paths: await claim(directory, local), account };
  if (await canReach(account, local)) return { paths: pathsBelow(local), account };
  if (await isDirectory(pathsBelow(local).data)) {
    throw new MoatError('database-unreachable', `${local}: the database's system user can no longer reach its folder`, {
      fix: 'Give every folder above it the permission to enter (chmod o+x), as it was when the database was created.',
    });
  }
  const name = `${path.basename(await realpath(projectDirectory))}-${randomBytes(4).toString('hex')}`;
  const elsewhere = path.join(systemDirectory, name);
  await mkdir(elsewhere, { recursive: true, mode: 0o755 });
  if (!(await canReach(account, elsewhere))) {
    throw new MoatError('database-unreachable', `${elsewhere}: the database's system user cannot reach this folder`, {
      fix: `Make ${systemDirectory} readable for it, run moat as an ordinary user, or set DATABASE_URL.`,
    });
  }
  await writeFileAtomic(path.join(elsewhere, 'project'), `${local}\n`);
  await writeFileAtomic(locationFile, `${elsewhere}\n`);
  return { paths: pathsBelow(elsewhere), account };
}

/** A copied project must not write into the original's books; a moved one takes its database along. */
async function claim(directory: string, local: string): Promise<ServerPaths> {
  const projectFile = path.join(directory, 'project');
  const owner = (await readFile(projectFile, 'utf8').catch(() => '')).trim();
  if (owner === local) return pathsBelow(directory);
  if (owner === '' || (await isDirectory(owner))) {
    throw new MoatError(
      'database-belongs-elsewhere',
      `${path.join(local, 'location')}: names ${directory}, the database of ${owner || 'no known project'}`,
      {
        fix: 'Delete that file to begin with an empty database, or set DATABASE_URL.',
      },
    );
  }
  await writeFileAtomic(projectFile, `${local}\n`);
  return pathsBelow(directory);
}

async function isDirectory(target: string): Promise<boolean> {
  return stat(target).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
