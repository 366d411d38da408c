import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TransactionSql } from 'postgres';
import { MoatError, systemCode } from '../../base/errors.js';
import type { Sql } from './database.js';

type Transaction = TransactionSql<{ bigint: bigint }>;

/** One step of the schema. Once published it never changes: its checksum is kept in the database. */
export interface Migration {
  readonly name: string;
  readonly statements: string;
  /**
   * What becomes of programs that do not know the step, while gateways are replaced one by one. Default: they work on, because it
   * only adds. To be said of every step that removes or renames something (`scripts/tidy.mjs` asks for it): `work` where nothing of
   * the version before reads it any more; `stop`: they refuse to start, and `/readyz` takes those that run out of service.
   */
  readonly olderPrograms?: 'work' | 'stop';
}

/** Chosen once, so that two processes never migrate one database at the same time. */
const MIGRATION_LOCK = 7_241_906_113n;

/** A step that waits for a lock holds up everything that comes behind it, so it waits this long and tries again. */
const LOCK_PATIENCE = '500ms';
const PAUSE_MS = 500;
const ATTEMPTS = 60;
/** lock_not_available, deadlock_detected */
const HELD_UP = new Set(['55P03', '40P01']);

/**
 * Applies what is missing, in order, each step in a transaction of its own under an advisory lock, while other programs work on.
 * @param attempts at a step that others hold up, about a second each
 * @throws MoatError `database-newer` when the database knows steps that this program does not and has to, `migration-changed` when a
 *   step that was applied differs from the one in this program, `migration-held-up` when others hold what a step has to change
 */
export async function migrate(sql: Sql, migrations: readonly Migration[], attempts = ATTEMPTS): Promise<void> {
  await sql.begin(async (step) => {
    await step`select pg_advisory_xact_lock(${MIGRATION_LOCK})`;
    await step`create schema if not exists moat`;
    await step`create table if not exists moat.migrations (
      position integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`;
    const [known] = await step`
      select 1 from pg_attribute where attrelid = 'moat.migrations'::regclass and attname = 'stops_older' and not attisdropped`;
    // What an older program applies says nothing of programs older still.
    if (known === undefined) await step`alter table moat.migrations add stops_older boolean not null default true`;
  });
  await refuseNewer(sql, migrations.length);
  for (const [position, migration] of migrations.entries()) await applyPatiently(sql, position, migration, attempts);
}

/**
 * @param known how many steps this program knows
 * @throws MoatError `database-newer`
 */
export async function refuseNewer(sql: Sql, known: number): Promise<void> {
  const [newer] = await sql<{ name: string }[]>`
    select name from moat.migrations where position >= ${known} and stops_older order by position desc limit 1`;
  if (newer === undefined) return;
  throw new MoatError('database-newer', `the database was written by a newer moat (it knows "${newer.name}")`, {
    fix: 'Update moat: npm install moatlm@latest.',
  });
}

async function applyPatiently(sql: Sql, position: number, migration: Migration, attempts: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await sql.begin((step) => apply(step, position, migration));
      return;
    } catch (error) {
      if (!HELD_UP.has(systemCode(error) ?? '')) throw error;
      if (attempt >= attempts) throw heldUp(migration, error);
      await sleep(PAUSE_MS);
    }
  }
}

async function apply(step: Transaction, position: number, migration: Migration): Promise<void> {
  await step`select pg_advisory_xact_lock(${MIGRATION_LOCK})`;
  const [applied] = await step<{ name: string; checksum: string }[]>`
    select name, checksum from moat.migrations where position = ${position}`;
  const checksum = createHash('sha256').update(migration.statements).digest('hex');
  if (applied !== undefined) {
    checkSame(applied, migration.name, checksum);
    return;
  }
  await step`select set_config('lock_timeout', ${LOCK_PATIENCE}, true)`;
  await step.unsafe(migration.statements);
  await step`
    insert into moat.migrations (position, name, checksum, stops_older)
    values (${position}, ${migration.name}, ${checksum}, ${migration.olderPrograms === 'stop'})`;
}

const heldUp = ({ name }: Migration, cause: unknown): MoatError =>
  new MoatError('migration-held-up', `the step "${name}" of the database waits for what another program holds`, {
    fix: 'End long reports and open transactions on the database, then start again; nothing was changed.',
    cause,
  });

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
