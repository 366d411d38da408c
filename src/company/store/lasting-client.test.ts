import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CuttableProxy, openCuttableProxy } from '../../../tests/faults/cuttable-proxy.js';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { type Database, type Sql, openDatabase } from './database.js';
import { lastingClient } from './lasting-client.js';

let scratch: ScratchProject;
let wire: CuttableProxy;
let database: Database;

beforeAll(async () => {
  scratch = await openScratchProject();
  const url = new URL(scratch.database.url);
  wire = await openCuttableProxy(Number(url.port));
  url.port = String(wire.port);
  database = await openDatabase({ projectDirectory: scratch.directory, databaseUrl: url.href, connections: 4 });
});
afterAll(async () => {
  await database.close();
  await wire.close();
  await scratch.close();
});

/** Asks on and on, again as soon as it failed, until told to stop. @returns how often it was answered; what came back wrong is thrown */
async function askOn(sql: Sql, isOver: () => boolean): Promise<number> {
  let answered = 0;
  for (let asked = 0; !isOver(); asked++) {
    const rows = await sql<{ n: number }[]>`select ${asked}::int as n`.catch(() => undefined);
    if (rows === undefined) continue;
    expect(rows.map(({ n }) => n)).toEqual([asked]);
    answered++;
  }
  return answered;
}

test('connections cut under load: no query hangs, none gets another one’s answer, and all goes on', async () => {
  let isOver = false;
  const lanes = Array.from({ length: 4 }, () => database.lane());
  const asking = [...lanes, ...lanes, database.sql, database.sql].map((sql) => askOn(sql, () => isOver));
  for (let time = 0; time < 30; time++) {
    await sleep(40);
    wire.accepting = false;
    wire.cut((['at-once', 'reset', 'half-request'] as const)[time % 3] ?? 'reset');
    await sleep(time % 5);
    wire.accepting = true;
  }
  isOver = true;
  const answered = await Promise.all(asking);
  expect(answered.reduce((sum, one) => sum + one)).toBeGreaterThan(0);
  const startedMs = performance.now();
  await Promise.all([...lanes, database.sql].map((sql) => sql`select 1`));
  expect(performance.now() - startedMs).toBeLessThan(3000);
});

test('a client that had its share of statements is replaced: what it was asked is answered, and all end together', async () => {
  let opened = 0;
  const name = 'replaced-after-its-share';
  const client = lastingClient((onclose) => {
    opened++;
    return postgres(scratch.database.url, {
      max: 2,
      types: { bigint: postgres.BigInt },
      onclose,
      connection: { application_name: name },
    });
  }, 10);
  const asked = Array.from({ length: 60 }, (_, n) => n);
  const slow = client.sql`select pg_sleep(0.2)::text, 'slow' as what`;
  const inTransaction = client.sql.begin(async (sql) => {
    await sql`select pg_sleep(0.1)`;
    return sql`select 'kept' as what`;
  });
  const answers = await Promise.all(asked.map((n) => client.sql`select ${n}::int as n`));
  expect(answers.map(([row]) => row?.['n'] as number)).toEqual(asked);
  // with every eleventh statement a new one
  expect(opened).toBe(1 + Math.floor(61 / 11));
  expect((await slow)[0]).toMatchObject({ what: 'slow' });
  expect((await inTransaction)[0]).toMatchObject({ what: 'kept' });
  await client.end();
  const left = scratch.database.sql`select 1 from pg_stat_activity where application_name = ${name}`;
  expect(await left).toHaveLength(0);
});
