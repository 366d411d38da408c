import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { type Database, openDatabase } from '../src/company/store/database.js';

/** A project folder with a database of its own, for one test file; `close` removes both. */
export interface ScratchProject {
  readonly directory: string;
  readonly database: Database;
  close(): Promise<void>;
}

/** Where set, the address of a server on which every scratch project gets a database; else each has a server of its own. */
export const SCRATCH_SERVER = 'MOAT_TEST_DATABASE_URL';

export async function openScratchProject(): Promise<ScratchProject> {
  const directory = await mkdtemp(path.join(tmpdir(), 'moat-scratch-'));
  // Root's database server runs as a system user, who has to get in.
  await chmod(directory, 0o755);
  const databaseUrl = await newDatabase(process.env[SCRATCH_SERVER]);
  const database = await openDatabase({ projectDirectory: directory, databaseUrl });
  return {
    directory,
    database,
    async close() {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function newDatabase(server: string | undefined): Promise<string | undefined> {
  if (server === undefined) return undefined;
  const name = `scratch_${randomBytes(6).toString('hex')}`;
  const sql = postgres(server, { max: 1, fetch_types: false });
  await sql`create database ${sql(name)}`;
  await sql.end();
  const url = new URL(server);
  url.pathname = name;
  return url.href;
}
