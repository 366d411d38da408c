/** Debian's PostgreSQL 15 with the settings it comes with, in a folder of its own, for the time of a benchmark. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './server-program.js';

const BINARIES = '/usr/lib/postgresql/15/bin';
const run = promisify(execFile);

export interface DebianPostgres {
  readonly url: string;
  close(): Promise<void>;
}

/** Undefined (with a line why) where the package is not installed. */
export async function startDebianPostgres(): Promise<DebianPostgres | undefined> {
  if (!existsSync(BINARIES)) {
    console.error(`${BINARIES} is not there, so nothing of PostgreSQL 15`);
    return undefined;
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'moat-postgres-'));
  await chmod(directory, 0o755);
  const data = path.join(directory, 'data');
  await mkdir(data, { mode: 0o700 });
  const account = process.getuid?.() === 0 ? await accountOf('postgres') : undefined;
  if (account !== undefined) await chown(data, account.uid, account.gid);
  const port = await freePort();
  await run(`${BINARIES}/initdb`, ['--pgdata', data, '--username', 'moat', '--auth', 'trust'], account);
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${data}`];
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawn(`${BINARIES}/postgres`, args, { ...account, stdio: 'ignore' });
  const exited = once(server, 'exit');
  const isReady = (): Promise<boolean> =>
    run(`${BINARIES}/pg_isready`, ['-h', '127.0.0.1', '-p', String(port)]).then(
      () => true,
      () => false,
    );
  for (let attempt = 0; attempt < 100 && !(await isReady()); attempt++) await sleep(100);
  return {
    url: `postgres://moat@127.0.0.1:${port}/postgres`,
    async close() {
      // a fast shutdown: what is open is rolled back
      server.kill('SIGINT');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root. */
async function accountOf(name: string): Promise<{ uid: number; gid: number }> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((line) => line.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`there is no account ${name}`);
  return { uid: Number(uid), gid: Number(gid) };
}
