/** Keys, the studio's token and the database's password are nowhere but where they belong. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { messageOf } from '../../src/base/errors.js';
import { openDatabase } from '../../src/company/store/database.js';
import { type ScratchGateway, openScratchGateway, post } from '../scratch-gateway.js';
import { scriptedEngine } from '../scripted-engine.js';

let opened: ScratchGateway;
let secrets: string[];
/** Everything that was said: to customers, to the log, to the terminal. */
const said: string[] = [];
const writers = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write.bind(stream) }));

beforeAll(async () => {
  for (const { stream, write } of writers)
    stream.write = ((chunk: string | Uint8Array) => {
      said.push(String(chunk));
      return write(chunk);
    }) as typeof stream.write;
  const failAt = { token: 1, error: new Error('the engine died') };
  const engines = [scriptedEngine({ modelId: 'quick' }), scriptedEngine({ modelId: 'dying', failAt })];
  opened = await openScratchGateway(engines, ['quick', 'dying']);
});
afterAll(async () => {
  for (const { stream, write } of writers) stream.write = write;
  expect(await opened.close()).toEqual([]);
});

/** As it is, and as it would stand in a header, an address or a dump. */
const disguises = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('base64url'),
  Buffer.from(secret).toString('hex'),
  Buffer.from(`Bearer ${secret}`).toString('base64').replace(/=+$/, ''),
  encodeURIComponent(secret),
];

function expectNoneIn(text: string | Buffer, where: string, allowed: readonly string[] = []): void {
  for (const secret of secrets.filter((each) => !allowed.includes(each)))
    for (const disguise of disguises(secret)) expect(text.includes(disguise), `${where} has a secret`).toBe(false);
}

test('no secret is in an answer, an error, a log line, the metrics, the database or a file', async () => {
  const { url, studioToken } = opened.gateway;
  const { secretKey } = await opened.newClient(1000n);
  const password = new URL(opened.scratch.database.url).password;
  secrets = [secretKey, studioToken, password];
  for (const secret of secrets) expect(secret.length).toBeGreaterThan(20);

  const good = { model: 'quick', prompt: 'ab', max_tokens: 2 };
  const bodies: unknown[] = [
    good,
    { ...good, stream: true },
    { ...good, model: 'dying' },
    { ...good, max_tokens: 400 },
  ];
  bodies.push('{', { ...good, model: secretKey.slice(0, 12) }, { ...good, n: 99 }, 'x'.repeat(5_000_000));
  for (const key of [secretKey, `${secretKey.slice(0, -1)}!`, studioToken, password]) {
    for (const body of bodies) said.push(await (await post(`${url}/v1/completions`, key, body)).text());
    for (const route of [
      '/v1/models',
      '/v1/none',
      '/api/overview',
      '/api/customers',
      '/metrics',
      '/openapi.json',
      '/',
    ]) {
      const response = await fetch(`${url}${route}`, { headers: { authorization: `Bearer ${key}` } });
      said.push(await response.text(), JSON.stringify([...response.headers]));
    }
  }
  const wrong = opened.scratch.database.url.replace(/:\d+\//, ':1/');
  const opening = openDatabase({ projectDirectory: opened.scratch.directory, databaseUrl: wrong });
  said.push(messageOf(await opening.catch((error: unknown) => error)));
  said.push(...opened.problems.map((problem) => JSON.stringify([String(problem), problem])));
  expect(said.length).toBeGreaterThan(50);
  for (const each of said) expectNoneIn(each, `"${each.slice(0, 80)}"`);
});

test('the database holds a hash of a key, and no secret', async () => {
  const { sql } = opened.scratch.database;
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`;
  expect(tables.length).toBeGreaterThan(8);
  for (const { name } of tables) {
    const rows = await sql.unsafe(`select t::text as row from ${name} t`);
    for (const row of rows) expectNoneIn(String(row['row']), name);
  }
});

test('of the project’s files only the token’s own and the database’s password file hold one', async () => {
  const { directory } = opened.scratch;
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  expect(files.length).toBeGreaterThan(100);
  const [, studioToken = '', password = ''] = secrets;
  const own: Readonly<Record<string, string>> = {
    '.moat/studio-token': studioToken,
    '.moat/postgres/password': password,
  };
  for (const file of files) {
    const name = path.relative(directory, file);
    const content = await readFile(file).catch(() => Buffer.alloc(0));
    expectNoneIn(content, name, [own[name] ?? '']);
  }
});
