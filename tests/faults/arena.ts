/** Where rounds take place: one project folder, one database server that can be killed, and a wire to it that can be cut. */
import { mkdtemp, chmod, readFile, rm, mkdir, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Database, openDatabase } from '../../src/company/store/database.js';
import { type CuttableProxy, openCuttableProxy } from './cuttable-proxy.js';

export interface Arena {
  readonly projectDirectory: string;
  /** The campaign's own connections; another object after the server was killed. */
  readonly database: Database;
  readonly wire: CuttableProxy;
  /** The database's address as gateways know it, over the wire. */
  readonly databaseUrl: string;
  /** Ends every session of every gateway, in whatever statement it is. */
  terminateSessions(): Promise<void>;
  /** `kill -9` of the database server. */
  killServer(): Promise<void>;
  /** Starts it again; it recovers from its log. */
  restartServer(): Promise<void>;
  /** Fills the disk that settlements are kept on while the database is away. @returns what frees it again */
  fillSpool(): Promise<() => Promise<void>>;
  clearSpool(): Promise<void>;
  close(): Promise<void>;
}

export async function openArena(): Promise<Arena> {
  const projectDirectory = await mkdtemp(path.join(tmpdir(), 'moat-faults-'));
  // root's database server runs as a system user, who has to get in
  await chmod(projectDirectory, 0o755);
  const open = (): Promise<Database> => openDatabase({ projectDirectory, connections: 4 });
  let database = await open();
  const portOf = (): number => Number(new URL(database.url).port);
  const wire = await openCuttableProxy(portOf());
  const throughWire = new URL(database.url);
  throughWire.port = String(wire.port);
  const spool = path.join(projectDirectory, '.moat', 'unsettled');
  return {
    projectDirectory,
    get database() {
      return database;
    },
    wire,
    databaseUrl: throughWire.href,
    async terminateSessions() {
      const { sql } = database;
      if (wire.open.length > 0)
        await sql`select pg_terminate_backend(pid) from pg_stat_activity where client_port in ${sql(wire.open)}`;
    },
    async killServer() {
      const lines = await readFile(path.join(database.location, 'postmaster.pid'), 'utf8');
      process.kill(Number(lines.split('\n')[0]), 'SIGKILL');
    },
    async restartServer() {
      await database.close();
      database = await open();
      wire.target(portOf());
    },
    fillSpool: () => fillSpool(spool),
    clearSpool: () => rm(spool, { recursive: true, force: true }),
    async close() {
      await wire.close();
      await database.close();
      await rm(projectDirectory, { recursive: true, force: true });
    },
  };
}

/** A file system of a few pages, where this process may mount one; else a folder that is none, so that nothing can be written into it. */
async function fillSpool(folder: string): Promise<() => Promise<void>> {
  const run = promisify(execFile);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'moat-faults', folder]);
    await writeFile(path.join(folder, 'ballast'), Buffer.alloc(8192)).catch(() => undefined);
    return async () => {
      await run('umount', [folder]);
    };
  } catch {
    await rm(folder, { recursive: true });
    await writeFile(folder, '');
    return () => rm(folder);
  }
}
