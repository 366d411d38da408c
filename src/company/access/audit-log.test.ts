import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock, systemClock } from '../../base/clock.js';
import { type Transaction, auditAs, listAuditLog, verifyAuditLog } from './audit-log.js';

let scratch: ScratchProject;
beforeAll(async () => {
  scratch = await openScratchProject();
});
afterAll(() => scratch.close());

const write = (action: string, details = {}, clock = systemClock): Promise<unknown> =>
  scratch.database.sql.begin(async (sql) => {
    await auditAs('ann@example.com', clock)(sql, { action, target: 'key_1', details });
  });

/** As a superuser who wants to change history would. */
const tamper = (change: (sql: Transaction) => Promise<unknown>): Promise<unknown> =>
  scratch.database.sql.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await change(sql);
  });

test('the hash is over the bytes that are documented', async () => {
  await write('key.created', { name: 'Zoë "1"', b: null, a: true, 渠道: '\u{1F511}' }, manualClock(1_893_553_445_678));
  const [entry] = await listAuditLog(scratch.database);
  const bytes = `["1","2030-01-02T03:04:05.678000Z","ann@example.com","key.created","key_1",{"a":true,"b":null,"name":"Zoë \\"1\\"","渠道":"🔑"},"${'0'.repeat(64)}"]`;
  expect(entry?.hash).toBe(createHash('sha256').update(bytes, 'utf8').digest('hex'));
  expect(await verifyAuditLog(scratch.database)).toEqual({
    entryCount: 1,
    broken: undefined,
    head: { id: 1n, hash: entry?.hash },
  });
});

test('text that the database would change is changed before it is hashed', async () => {
  await write('customer.created', { name: `\ud800 half\0 ${'x'.repeat(5000)}` });
  const [entry] = await listAuditLog(scratch.database, { limit: 1 });
  expect(entry?.details['name']).toMatch(/^\uFFFD half\uFFFD x{900,1000}$/);
  expect((await verifyAuditLog(scratch.database)).broken).toBeUndefined();
});

test('32 writers at once cannot fork the chain, and what is rolled back leaves no gap', async () => {
  const before = (await verifyAuditLog(scratch.database)).entryCount;
  const failing = scratch.database.sql.begin(async (sql) => {
    await auditAs('x', systemClock)(sql, { action: 'never', target: 'happened' });
    throw new Error('rolled back');
  });
  await Promise.all([
    ...Array.from({ length: 32 }, (_, writer) =>
      Array.from({ length: 4 }, (_, turn) => write('key.revoked', { writer: String(writer), turn: String(turn) })),
    ).flat(),
    expect(failing).rejects.toThrow('rolled back'),
  ]);
  const after = await verifyAuditLog(scratch.database);
  expect([after.entryCount, after.broken]).toEqual([before + 128, undefined]);
  const page = await listAuditLog(scratch.database, { before: 100n, limit: 3 });
  expect(page.map(({ id }) => id)).toEqual([99n, 98n, 97n]);
});

test('no user of the database can change, remove or empty it', async () => {
  const { sql } = scratch.database;
  for (const change of [
    sql`update moat.audit_log set actor = 'somebody else'`,
    sql`delete from moat.audit_log`,
    sql`truncate moat.audit_log`,
    sql`delete from moat.audit_head`,
  ])
    await expect(change).rejects.toThrow('is append-only');
});

test('a change made with the triggers off is found, whichever column, and the first entry is named', async () => {
  const { sql } = scratch.database;
  const brokenAfter = async (change: (sql: Transaction) => Promise<unknown>): Promise<unknown> => {
    await tamper(change);
    return (await verifyAuditLog(scratch.database)).broken;
  };
  await sql`create table public.kept as select * from moat.audit_log`;
  await sql`create table public.kept_head as select * from moat.audit_head`;
  const restore = (): Promise<unknown> =>
    tamper(async (step) => {
      await step`delete from moat.audit_log`;
      await step`insert into moat.audit_log select * from public.kept`;
      await step`delete from moat.audit_head`;
      await step`insert into moat.audit_head select * from public.kept_head`;
    });
  const cases: readonly [(sql: Transaction) => Promise<unknown>, bigint, RegExp][] = [
    [(step) => step`update moat.audit_log set actor = 'x' where id = 7`, 7n, /not what was hashed/],
    [(step) => step`update moat.audit_log set time = time + interval '1 microsecond' where id = 8`, 8n, /not what/],
    [(step) => step`update moat.audit_log set details = details || '{"more": "x"}' where id = 9`, 9n, /not what/],
    [(step) => step`update moat.audit_log set details = '{"writer": 1}' where id = 9`, 9n, /not what/],
    [(step) => step`update moat.audit_log set hash = sha256('x') where id = 10`, 10n, /not what/],
    [(step) => step`update moat.audit_log set previous_hash = sha256('x') where id = 11`, 11n, /does not follow/],
    [(step) => step`delete from moat.audit_log where id = 1`, 1n, /missing/],
    [(step) => step`delete from moat.audit_log where id = 20`, 20n, /missing/],
    [(step) => step`delete from moat.audit_log where id >= 25`, 25n, /ends at entry 24/],
    [(step) => step`update moat.audit_head set hash = sha256('x')`, 131n, /its head says/],
  ];
  for (const [change, id, why] of cases) {
    expect(await brokenAfter(change)).toMatchObject({ id, why: expect.stringMatching(why) });
    await restore();
    expect((await verifyAuditLog(scratch.database)).broken).toBeUndefined();
  }
});

test('a secret is refused before it is written, and its change with it', async () => {
  for (const secret of [`moat_sk_${'a'.repeat(43)}`, `moat_session_${'b'.repeat(43)}`, '$scrypt$ln=17,r=8,p=1$a$b'])
    await expect(write('key.created', { name: `see ${secret}` })).rejects.toThrow('a secret in the audit entry');
  await write('key.created', { displayPrefix: 'moat_sk_Ab3x…' });
});
