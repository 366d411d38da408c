import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { type Database, openDatabase } from './database.js';
import { acquireServer } from './embedded-server.js';
import { type Migration, migrate } from './migrate.js';
import { processExists } from '../../base/process-lock.js';
import { pickFreePort } from './server-process.js';

const built = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../dist/company/store/database.js');
const folders: string[] = [];
const opened: Database[] = [];

async function project(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-store-'));
  await promisify(execFile)('chmod', ['755', folder]);
  folders.push(folder);
  return folder;
}

async function open(
  projectDirectory: string,
  more: { pickPort?: () => Promise<number>; systemDirectory?: string } = {},
): Promise<Database> {
  const database = await openDatabase({ projectDirectory, connections: 2, ...more });
  opened.push(database);
  return database;
}

async function serverPid(folder: string): Promise<number> {
  return Number((await readFile(path.join(folder, '.moat/postgres/data/postmaster.pid'), 'utf8')).split('\n')[0]);
}

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

test('two openers share one server, the last to leave stops it, and the data is there the next time', async () => {
  const folder = await project();
  const [first, second] = await Promise.all([open(folder), open(folder)]);
  const pid = await serverPid(folder);
  await first.sql`create table public.kept (amount bigint)`;
  await second.sql`insert into public.kept values (9007199254740993)`;
  await first.close();
  expect(processExists(pid)).toBe(true);
  await second.close();
  expect(processExists(pid)).toBe(false);
  const third = await open(folder);
  expect([...(await third.sql`select amount from public.kept`)]).toEqual([{ amount: 9007199254740993n }]);
  expect(await readdir(path.join(folder, '.moat/postgres/users'))).toHaveLength(1);
});

test('a server orphaned by kill -9 of its only user is adopted and stopped by the next one', async () => {
  const folder = await project();
  const script = `import { openDatabase } from ${JSON.stringify(built)};
    const d = await openDatabase({ projectDirectory: ${JSON.stringify(folder)} });
    await d.sql\`create table public.kept as select 7::bigint as amount\`;
    console.log('ready'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const pid = await serverPid(folder);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(processExists(pid)).toBe(true);
  const database = await open(folder);
  expect(await serverPid(folder)).toBe(pid);
  expect([...(await database.sql`select amount from public.kept`)]).toEqual([{ amount: 7n }]);
  await database.close();
  expect(processExists(pid)).toBe(false);
});

test('a stale pid file that names a living stranger does not keep the server from starting', async () => {
  const folder = await project();
  await (await open(folder)).close();
  await writeFile(path.join(folder, '.moat/postgres/data/postmaster.pid'), `${process.pid}\n/elsewhere\n0\n5432\n`);
  const database = await open(folder);
  expect([...(await database.sql`select 1 as one`)]).toEqual([{ one: 1 }]);
});

test('a corrupted data directory is one clear error with the last line of the log', async () => {
  const folder = await project();
  await (await open(folder)).close();
  await truncate(path.join(folder, '.moat/postgres/data/global/pg_control'), 100);
  await expect(open(folder)).rejects.toMatchObject({
    code: 'database-wont-start',
    message: expect.stringMatching(/PostgreSQL will not start: .*pg_control/),
  });
}, 90_000);

test('a port taken between the choice and the start is chosen again', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const ports = [address.port];
  const database = await open(await project(), { pickPort: async () => ports.pop() ?? pickFreePort() });
  expect([...(await database.sql`select 1 as one`)]).toEqual([{ one: 1 }]);
  taken.close();
});

test.runIf(process.getuid?.() === 0)(
  'as root, a project under a closed folder keeps its data elsewhere and says where',
  async () => {
    const folder = await project();
    const systemDirectory = await project();
    await promisify(execFile)('chmod', ['700', folder]);
    const database = await open(folder, { systemDirectory });
    expect(database.location.startsWith(systemDirectory)).toBe(true);
    const recorded = (await readFile(path.join(folder, '.moat/postgres/location'), 'utf8')).trim();
    expect(database.location).toBe(path.join(recorded, 'data'));
    // A copy of the project must not write into the original's books.
    const copy = await project();
    await promisify(execFile)('cp', ['-r', path.join(folder, '.moat'), copy]);
    await expect(open(copy, { systemDirectory })).rejects.toMatchObject({ code: 'database-belongs-elsewhere' });
  },
);

test('migrations are refused when the database is newer or was built differently, and applied once by racing openers', async () => {
  const folder = await project();
  const { sql } = await open(folder);
  const first = { name: 'first', statements: 'create table public.a (x int)' };
  const second: Migration = {
    name: 'second',
    statements: 'create table public.b (x int)',
    olderPrograms: 'stop',
  };
  await sql`delete from moat.migrations`;
  await Promise.all([migrate(sql, [first]), migrate(sql, [first, second])]).catch(() => undefined);
  await migrate(sql, [first, second]);
  await expect(migrate(sql, [first])).rejects.toMatchObject({ code: 'database-newer' });
  await expect(migrate(sql, [first, { ...second, statements: 'select 1' }])).rejects.toMatchObject({
    code: 'migration-changed',
  });
  // A step that fails leaves nothing of itself.
  const broken = { name: 'third', statements: 'create table public.c (x int); select 1/0' };
  await expect(migrate(sql, [first, second, broken])).rejects.toThrow('division by zero');
  expect([...(await sql`select to_regclass('public.c') as found`)]).toEqual([{ found: null }]);
});

test('an address nobody answers at is a clear error that does not show the password', async () => {
  const port = await pickFreePort();
  const opening = openDatabase({
    projectDirectory: await project(),
    databaseUrl: `postgres://u:secret@127.0.0.1:${port}/books`,
  });
  await expect(opening).rejects.toMatchObject({
    code: 'database-unavailable',
    message: expect.not.stringContaining('secret'),
  });
});

test('a server that answers to nobody is not shared', async () => {
  const folder = await project();
  await open(folder);
  const stranger = acquireServer({
    projectDirectory: folder,
    probe: () => Promise.reject(new Error('no')),
    adoptPatienceMs: 100,
  });
  await expect(stranger).rejects.toMatchObject({ code: 'database-not-answering' });
});
