/** The PostgreSQL that the system has installed, on a free port, with a data folder of its own: for the same suite on another server. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { chooseServerAccount } from '../src/company/store/server-account.js';
import { pickFreePort } from '../src/company/store/server-process.js';

const INSTALLED = '/usr/lib/postgresql';
const START_LIMIT_MS = 30_000;

export interface DebianPostgres {
  /** Of the version of the server: `15`. */
  readonly major: string;
  /** The address of its first database. */
  readonly url: string;
  stop(): Promise<void>;
}

/** @returns the newest installed version's programs, undefined where none is installed */
export async function findDebianPostgres(): Promise<{ major: string; bin: string } | undefined> {
  const versions = await readdir(INSTALLED).catch(() => []);
  const [major] = versions.toSorted((one, other) => Number(other) - Number(one));
  return major === undefined ? undefined : { major, bin: path.join(INSTALLED, major, 'bin') };
}

/** Runs as an unprivileged user: PostgreSQL refuses to be root. */
export async function startDebianPostgres({ major, bin }: { major: string; bin: string }): Promise<DebianPostgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-debian-'));
  const { uid, gid, foreign } = await chooseServerAccount(folder);
  const account = foreign ? { uid, gid, cwd: '/' } : { cwd: '/' };
  if (foreign) await chown(folder, uid, gid);
  const data = path.join(folder, 'data');
  const options = ['--auth=trust', '--username=moat', '--encoding=UTF8', '--locale=C', '--no-sync'];
  await promisify(execFile)(path.join(bin, 'initdb'), ['-D', data, ...options], account);
  const port = await pickFreePort();
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'max_connections=200'];
  const server = spawn(path.join(bin, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
    ...account,
    stdio: 'ignore',
  });
  const url = `postgres://moat@127.0.0.1:${port}/postgres`;
  await untilItAnswers(url);
  return {
    major,
    url,
    async stop() {
      const exited = once(server, 'exit');
      server.kill('SIGINT');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilItAnswers(url: string): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const sql = postgres(url, { max: 1, connect_timeout: 3, fetch_types: false });
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(50);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}
