/** Versions side by side: a newer program changes the schema while gateways of today serve. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post } from '../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import { type Migration, migrate } from './migrate.js';
import { MIGRATIONS } from './migrations.js';
import { openDatabase } from './database.js';

let opened: ScratchGateway;
beforeEach(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
});
afterEach(async () => {
  expect(await opened.close()).toEqual([]);
});

const adds: Migration = {
  name: 'made-up',
  statements: `
    alter table moat.customers add note text;
    alter table moat.reservations add note text;
    create table moat.notes (id bigint primary key);`,
};
const stops: Migration = {
  name: 'breaking',
  statements: 'alter table moat.customers rename name to title',
  olderPrograms: 'stop',
};

/** Asks without a pause until it is ended. @returns the answers' statuses and the longest that one took */
function load(secretKey: string) {
  const statuses = new Map<number, number>();
  let longestMs = 0;
  let isEnded = false;
  const asking = Array.from({ length: 4 }, async () => {
    while (!isEnded) {
      const startedMs = performance.now();
      const body = { model: 'quick', prompt: 'ab', max_tokens: 3 };
      const response = await post(`${opened.gateway.url}/v1/completions`, secretKey, body);
      await response.arrayBuffer();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      longestMs = Math.max(longestMs, performance.now() - startedMs);
    }
  });
  return {
    async end() {
      isEnded = true;
      await Promise.all(asking);
      return { statuses: [...statuses.keys()], longestMs };
    },
  };
}

const readyStatus = async (): Promise<number> => (await fetch(`${opened.gateway.url}/readyz`)).status;

test('a gateway serves on while a newer program migrates, also where a report holds what the step changes', async () => {
  const { sql } = opened.scratch.database;
  const { secretKey } = await opened.newClient(1_000_000_000n);
  const asking = load(secretKey);
  let reportEnd: (() => void) | undefined;
  const reported = sql.begin(async (report) => {
    await report`select count(*) from moat.customers`;
    await new Promise<void>((resolve) => (reportEnd = resolve));
  });
  const migrating = migrate(sql, [...MIGRATIONS, adds]);
  await sleep(3500);
  reportEnd?.();
  await reported;
  await migrating;
  const { statuses, longestMs } = await asking.end();
  expect(statuses).toEqual([200]);
  // behind the step's waiting, and not behind the report
  expect(longestMs).toBeLessThan(3000);
  expect(await sql`select note from moat.customers`).not.toHaveLength(0);
  expect(await readyStatus()).toBe(200);
});

test('a step that others hold up for good leaves nothing of itself, and says what to do', async () => {
  const { sql } = opened.scratch.database;
  await sql.begin(async (report) => {
    await report`select count(*) from moat.reservations`;
    await expect(migrate(sql, [...MIGRATIONS, adds], 1)).rejects.toMatchObject({
      code: 'migration-held-up',
      line: expect.stringContaining('End long reports'),
    });
  });
  const rows = await sql`select 1 from pg_attribute where attrelid = 'moat.customers'::regclass and attname = 'note'`;
  expect(rows).toHaveLength(0);
});

test('a program that does not know the last steps works where they only add, and not where one stops it', async () => {
  const { sql, url } = opened.scratch.database;
  const start = () => openDatabase({ projectDirectory: opened.scratch.directory, databaseUrl: url });
  await migrate(sql, [...MIGRATIONS, adds]);
  await (await start()).close();
  expect(await readyStatus()).toBe(200);
  await migrate(sql, [...MIGRATIONS, adds, stops]);
  await expect(start()).rejects.toMatchObject({
    code: 'database-newer',
    message: expect.stringContaining('it knows "breaking"'),
  });
  const ready = await fetch(`${opened.gateway.url}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([503, { error: { code: 'gateway_outdated' } }]);
  await sql`alter table moat.customers rename title to name`;
});

test('steps of a version that did not say whether older programs work are not trusted', async () => {
  const { sql } = opened.scratch.database;
  await sql`alter table moat.migrations drop column stops_older`;
  await sql`insert into moat.migrations (position, name, checksum) values (${MIGRATIONS.length}, 'unknown', '')`;
  await expect(migrate(sql, MIGRATIONS)).rejects.toMatchObject({ code: 'database-newer' });
});
