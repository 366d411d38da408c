/** Against the embedded server: what is written, and that a query can do nothing but read. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openScratchProject, type ScratchProject } from '../../../../tests/scratch-database.js';
import { fetchPostgres, type QueryOptions } from './postgres-source.js';

let scratch: ScratchProject;
let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-query-'));
  scratch = await openScratchProject();
  await scratch.database
    .sql`create table public.articles (id bigint primary key, body text, facts jsonb, written date)`;
  await scratch.database.sql`
    insert into public.articles
    select n, 'text ' || n || E'\n第' || n, jsonb_build_object('n', n), date '2026-01-01' from generate_series(1, 1201) n`;
}, 60_000);
afterAll(async () => {
  await scratch?.close();
  await rm(root, { recursive: true, force: true });
});
beforeEach(async () => {
  folder = await mkdtemp(path.join(root, 'copy-'));
});

function ask(query: string, more: Partial<QueryOptions> = {}): Promise<unknown> {
  return fetchPostgres('postgres:DB', folder, { env: { DB: scratch.database.url }, query, ...more });
}

test('every row becomes one line, more than are asked for at once', async () => {
  const seen: number[] = [];
  await ask('select * from public.articles order by id', { onProgress: (rows) => seen.push(rows) });
  const lines = (await readFile(path.join(folder, 'rows.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => Number((JSON.parse(line) as { id: string }).id))).toEqual(
    Array.from({ length: 1201 }, (_, index) => index + 1),
  );
  expect(JSON.parse(lines[6] as string)).toMatchObject({ body: 'text 7\n第7', facts: { n: 7 } });
  expect(seen).toEqual([500, 1000, 1201]);
});

test.each([
  ['insert into public.articles values (0) returning id', /read-only transaction/],
  ['select 1; delete from public.articles', /multiple commands/],
  ['commit; delete from public.articles', /multiple commands/],
  ['set transaction read write', /must be set before any query/],
  ['select bdy from public.articles', /"bdy" does not exist/],
  ['selekt', /syntax error/],
])('%s fails and changes nothing', async (query, message) => {
  await expect(ask(query)).rejects.toMatchObject({ code: 'query-failed', message: expect.stringMatching(message) });
  expect(await readdir(folder)).toEqual([]);
  const [count] = await scratch.database.sql`select count(*) from public.articles`;
  expect(count).toEqual({ count: 1201n });
});

test('too many rows, and none, are told', async () => {
  const all = 'select * from public.articles';
  await expect(ask(all, { maxRows: 1000 })).rejects.toMatchObject({ code: 'source-too-large' });
  expect(await readdir(folder)).toEqual([]);
  await expect(ask(`${all} where id < 0`)).rejects.toMatchObject({ code: 'source-empty' });
});

test('a query is given up at once when it is not wanted any more', async () => {
  const controller = new AbortController();
  const startedMs = performance.now();
  const asking = ask('select pg_sleep(20)', { signal: controller.signal });
  setTimeout(() => controller.abort(new Error('stopped')), 200);
  await expect(asking).rejects.toThrow('stopped');
  expect(performance.now() - startedMs).toBeLessThan(5000);
  expect(await readdir(folder)).toEqual([]);
});
