import { createHash } from 'node:crypto';
import { MoatError } from '../../base/errors.js';
import type { Sql } from './database.js';

/** One step of the schema. Once published it never changes: its checksum is kept in the database. */
export interface Migration {
  readonly name: string;
  readonly statements: string;
}

/** Chosen once, so that two processes never migrate one database at the same time. */
const MIGRATION_LOCK = 7_241_906_113n;

/**
 * Applies what is missing, in order, each step in a transaction of its own under an advisory lock.
 * @throws MoatError `database-newer` when the database knows steps this program does not, `migration-changed` when a
 *   step that was applied differs from the one in this program
 */
export async function migrate(sql: Sql, migrations: readonly Migration[]): Promise<void> {
  await sql.begin(async (step) => {
    await step`select pg_advisory_xact_lock(${MIGRATION_LOCK})`;
    await step`create schema if not exists moat`;
    await step`create table if not exists moat.migrations (
      position integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`;
  });
  const [newest] = await sql<{ name: string }[]>`
    select name from moat.migrations where position >= ${migrations.length} order by position desc limit 1`;
  if (newest !== undefined) {
    throw new MoatError('database-newer', `the database was written by a newer moat (it knows "${newest.name}")`, {
      fix: 'Update moat: npm install moatlm@latest.',
    });
  }
  for (const [position, migration] of migrations.entries()) {
    await sql.begin(async (step) => {
      await step`select pg_advisory_xact_lock(${MIGRATION_LOCK})`;
      const [applied] = await step<{ name: string; checksum: string }[]>`
        select name, checksum from moat.migrations where position = ${position}`;
      const checksum = createHash('sha256').update(migration.statements).digest('hex');
      if (applied !== undefined) {
        checkSame(applied, migration.name, checksum);
        return;
      }
      await step.unsafe(migration.statements);
      await step`insert into moat.migrations (position, name, checksum) values (${position}, ${migration.name}, ${checksum})`;
    });
  }
}

function checkSame(applied: { name: string; checksum: string }, name: string, checksum: string): void {
  if (applied.name === name && applied.checksum === checksum) return;
  throw new MoatError(
    'migration-changed',
    `the database was built by another version of step "${applied.name}" (this program has "${name}")`,
    {
      fix: 'Use the moat version that created it, or begin with an empty database.',
    },
  );
}
