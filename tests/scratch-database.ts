import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Database, openDatabase } from '../src/company/store/database.js';

/** A project folder with a database of its own, for one test file; `close` removes both. */
export interface ScratchProject {
  readonly directory: string;
  readonly database: Database;
  close(): Promise<void>;
}

export async function openScratchProject(): Promise<ScratchProject> {
  const directory = await mkdtemp(path.join(tmpdir(), 'moat-scratch-'));
  // Root's database server runs as a system user, who has to get in.
  await chmod(directory, 0o755);
  const database = await openDatabase({ projectDirectory: directory });
  return {
    directory,
    database,
    async close() {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
