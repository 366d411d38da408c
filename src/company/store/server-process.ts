import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, open, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryNameFor } from '../../base/atomic-file.js';
import { MoatError, messageOf, systemCode } from '../../base/errors.js';
import { processExists } from '../../base/process-lock.js';
import type { ServerAccount } from './server-account.js';
import type { ServerBinaries } from './server-binaries.js';

/** Where one embedded server keeps its things. */
export interface ServerPaths {
  readonly directory: string;
  readonly data: string;
  readonly password: string;
  readonly log: string;
  readonly users: string;
  readonly lock: string;
}

export function pathsBelow(directory: string): ServerPaths {
  const at = (name: string): string => path.join(directory, name);
  return {
    directory,
    data: at('data'),
    password: at('password'),
    log: at('server.log'),
    users: at('users'),
    lock: at('lock'),
  };
}

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
}

export const SERVER_USER = 'moat';
const START_LIMIT_MS = 60_000;
const START_ATTEMPTS = 5;
const LOG_LIMIT_BYTES = 4_000_000;
const TRANSIENT =
  /could not bind|Address already in use|pre-existing shared memory block|could not create any TCP\/IP sockets/;

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  max_connections: '64',
  shared_buffers: '64MB',
  max_wal_size: '1GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  io_method: 'sync',
  jit: 'off',
  // Statements may stand beside customers' data: the log names errors, never statements or parameters.
  log_min_error_statement: 'panic',
  log_parameter_max_length_on_error: '0',
};

/** Creates the cluster under a temporary name and renames it, so that a kill leaves none or a whole one. */
export async function initialiseCluster(
  paths: ServerPaths,
  binaries: ServerBinaries,
  account: ServerAccount,
  password: string,
): Promise<void> {
  const temporary = temporaryNameFor(paths.data);
  const passwordFile = `${temporary}.password`;
  try {
    await mkdir(temporary, { mode: 0o700 });
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (account.foreign) {
      await chown(temporary, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    const options = [
      '--auth=scram-sha-256',
      `--username=${SERVER_USER}`,
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
    ];
    const output = await runToEnd(binaries.initdb, [`--pgdata=${temporary}`, ...options], account);
    if (output !== undefined) throw cannotStart(paths, output, 'database-init-failed');
    await rename(temporary, paths.data);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(temporary, { recursive: true, force: true });
  }
}

/** @returns undefined on success, else what the program said. */
async function runToEnd(program: string, options: string[], account: ServerAccount): Promise<string | undefined> {
  const child = spawn(program, options, { ...asAccount(account), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-10_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(code === 0 ? undefined : output));
  });
}

function asAccount(account: ServerAccount): { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv } {
  const environment = {
    PATH: process.env['PATH'],
    TMPDIR: process.env['TMPDIR'],
    LC_ALL: 'C',
    SystemRoot: process.env['SystemRoot'],
  };
  const shared = { cwd: path.parse(process.cwd()).root, env: environment };
  return account.foreign ? { ...shared, uid: account.uid, gid: account.gid } : shared;
}

/** A loopback port that was free a moment ago; the start is tried again when it no longer is. */
export async function pickFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system named no port');
  return address.port;
}

/**
 * Starts the server, detached: Ctrl-C in the terminal must not reach it before the last user has left.
 * @throws MoatError `database-wont-start` with the last line of its log
 */
export async function startServer(
  paths: ServerPaths,
  binaries: ServerBinaries,
  account: ServerAccount,
  pickPort: () => Promise<number>,
): Promise<RunningServer> {
  for (let attempt = 1; ; attempt++) {
    const port = await pickPort();
    const started = await tryStart(paths, binaries, account, port);
    if (started === 'ready') {
      const running = await readPostmaster(paths);
      if (running !== undefined) return running;
    }
    const log = await readFile(paths.log, 'utf8').catch(() => '');
    if (attempt === START_ATTEMPTS || !TRANSIENT.test(log)) throw cannotStart(paths, log, 'database-wont-start');
    await sleep(100 * attempt);
  }
}

async function tryStart(
  paths: ServerPaths,
  binaries: ServerBinaries,
  account: ServerAccount,
  port: number,
): Promise<'ready' | 'ended'> {
  const size = await stat(paths.log).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LOG_LIMIT_BYTES) await rename(paths.log, `${paths.log}.old`);
  await rm(paths.log, { force: true });
  const log = await open(paths.log, 'a', 0o600);
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(binaries.postgres, ['-D', paths.data, '-p', String(port), ...settings], {
    ...asAccount(account),
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  });
  await log.close();
  const failed = once(child, 'exit').catch(async (error: unknown) => {
    await writeFile(paths.log, `FATAL:  ${messageOf(error)}\n`);
  });
  const ended = new AbortController();
  void failed.then(() => ended.abort());
  const deadline = performance.now() + START_LIMIT_MS;
  while (!ended.signal.aborted && performance.now() < deadline) {
    if ((await postmasterLines(paths))[7]?.trim() === 'ready' && (await readPostmaster(paths))?.pid === child.pid) {
      child.unref();
      return 'ready';
    }
    await sleep(5);
  }
  if (!ended.signal.aborted) child.kill('SIGQUIT');
  await failed;
  return 'ended';
}

async function postmasterLines(paths: ServerPaths): Promise<string[]> {
  return (await readFile(path.join(paths.data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
}

/** The server that its own pid file names, when that process is alive and really serves this data directory. */
export async function readPostmaster(paths: ServerPaths): Promise<RunningServer | undefined> {
  const lines = await postmasterLines(paths);
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid <= 1 || !Number.isInteger(port)) return undefined;
  return (await servesDirectory(pid, paths.data)) ? { pid, port } : undefined;
}

/** PostgreSQL works inside its data directory, so a reused process id is told apart by where the process stands. */
async function servesDirectory(pid: number, data: string): Promise<boolean> {
  if (!processExists(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === data;
  } catch (error) {
    return systemCode(error) === 'EACCES';
  }
}

/** Fast shutdown: sessions end, everything is written, the process is gone on return. */
export async function stopServer(running: RunningServer): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
  ] as const) {
    try {
      process.kill(running.pid, signal);
    } catch {
      return;
    }
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if (!processExists(running.pid)) return;
      await sleep(5);
    }
  }
}

function cannotStart(paths: ServerPaths, log: string, code: string): MoatError {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.findLast((line) => /(FATAL|PANIC|error):/.test(line)) ?? lines.at(-1) ?? 'it said nothing';
  const said = telling.replace(/^.*?(FATAL|PANIC):\s*/, '');
  return new MoatError(code, `${paths.data}: PostgreSQL will not start: ${said}`, {
    fix: `See ${paths.log}; restore the folder from a backup, or move it away to begin with an empty database.`,
  });
}
