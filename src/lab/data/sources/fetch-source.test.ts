/** Sources against loopback servers that speak their protocols; what goes wrong leaves nothing behind. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AddSourceOptions, addSource, kindOf, removeSource, sourcePath } from './fetch-source.js';
import { readSourceRecords, SOURCES_FILE, type SourceRecord, writeSourceRecords } from './source-record.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let root: string;
let server: Server;
let origin: string;
let handlers: Record<string, Handler>;
let asked: IncomingMessage[];
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-sources-'));
  server = createServer((request, response) => {
    asked.push(request);
    const handler = handlers[request.url ?? ''];
    if (handler !== undefined) return handler(request, response);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(root, { recursive: true, force: true });
});

let options: AddSourceOptions;
beforeEach(async () => {
  handlers = {};
  asked = [];
  const projectFolder = await mkdtemp(path.join(root, 'project-'));
  options = {
    projectFolder,
    cwd: projectFolder,
    stateFolder: path.join(projectFolder, '.moat'),
    home: path.join(projectFolder, 'home'),
    env: { npm_config_registry: origin, HF_ENDPOINT: origin },
    today: '2026-11-23',
    retryDelayMs: 1,
  };
});

const json =
  (value: object): Handler =>
  (_, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const bytes =
  (content: Uint8Array | string): Handler =>
  (_, response) =>
    void response.end(content);

async function add(source: string, extra: Partial<AddSourceOptions> = {}): Promise<SourceRecord> {
  return (await addSource(source, [], { ...options, ...extra })).record;
}
/** Nothing of a failed copy stays. */
async function expectNothing(): Promise<void> {
  const names = await readdir(path.join(options.stateFolder, 'sources')).catch(() => []);
  expect(names).toEqual([]);
}

describe('files', () => {
  test('are recorded relative to the project, with the licence of their package', async () => {
    const folder = path.join(options.projectFolder, 'texts');
    await mkdir(folder);
    await writeFile(path.join(folder, 'a.txt'), 'one');
    await writeFile(path.join(folder, 'package.json'), '{"license":"MIT"}');
    const record = await add('texts');
    expect(record).toMatchObject({
      name: 'texts',
      kind: 'files',
      source: 'texts',
      licence: 'MIT',
      addedOn: '2026-11-23',
    });
    expect(record.files[0]).toEqual({
      origin: 'a.txt',
      sizeBytes: 3,
      sha256: createHash('sha256').update('one').digest('hex'),
    });
    expect(await add('texts', { licence: 'CC0-1.0' })).toMatchObject({ licence: 'CC0-1.0' });
    await expect(add('nowhere')).rejects.toMatchObject({ code: 'data-missing' });
  });

  test('go into the list and out of it; a second of the same name gets another', async () => {
    await mkdir(path.join(options.projectFolder, 'a/texts'), { recursive: true });
    await mkdir(path.join(options.projectFolder, 'b/texts'), { recursive: true });
    for (const folder of ['a', 'b']) await writeFile(path.join(options.projectFolder, folder, 'texts/x.txt'), folder);
    const first = await addSource('a/texts', [], options);
    const second = await addSource('b/texts', first.records, options);
    const again = await addSource('a/texts', second.records, options);
    expect(again.records.map(({ name, source }) => [name, source])).toEqual([
      ['texts-2', 'b/texts'],
      ['texts', 'a/texts'],
    ]);
    const file = path.join(options.projectFolder, SOURCES_FILE);
    await writeSourceRecords(file, again.records);
    expect(await readSourceRecords(file)).toEqual(again.records);
    expect(await removeSource('texts', again.records, options.stateFolder)).toHaveLength(1);
    await expect(removeSource('other', again.records, options.stateFolder)).rejects.toMatchObject({
      code: 'no-such-source',
      fix: 'There are texts-2, texts.',
    });
    await writeFile(file, '{"schemaVersion":1,"sources":[{"name":"../x"}]}');
    await expect(readSourceRecords(file)).rejects.toMatchObject({ code: 'bad-sources' });
  });
});

test('what is no known kind of source is named, with those that are', () => {
  expect(kindOf('C/texts')).toBe('files');
  expect(kindOf('https://example.org/a.zip')).toBe('url');
  expect(() => kindOf('s3://bucket/key')).toThrow(/"s3:" is not known/);
});

describe('a URL', () => {
  test('is copied under its own name, with the ETag as version', async () => {
    handlers['/texts/a.jsonl?key=1'] = (_, response) =>
      void response.writeHead(200, { etag: '"v1"' }).end('{"text":"x"}');
    const record = await add(`${origin}/texts/a.jsonl?key=1`);
    expect(record).toMatchObject({ name: 'a.jsonl', kind: 'url', version: '"v1"' });
    const file = path.join(sourcePath(record, options), 'a.jsonl');
    expect(await readFile(file, 'utf8')).toBe('{"text":"x"}');
  });

  test('is recorded without what is secret in it', async () => {
    const secrets = 'X-Amz-Signature=s1&token=s2&access_token=s3&api_key=s4&sig=s5';
    handlers[`/a.txt?page=2&${secrets}`] = bytes('x');
    const record = await add(`${origin}/a.txt?page=2&${secrets}`);
    expect(record.source).toBe(`${origin}/a.txt?page=2`);
    expect(JSON.stringify(record)).not.toMatch(/s[1-5]"|=s[1-5]/);
    await expect(add('http://')).rejects.toMatchObject({ code: 'bad-source' });
  });

  test('is taken up again where the connection was cut, if it is the same file', async () => {
    const content = 'a'.repeat(50_000) + 'b'.repeat(50_000);
    handlers['/big.txt'] = (request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const headers: Record<string, string | number> = { etag: '"same"', 'content-length': content.length - from };
      if (from > 0) headers['content-range'] = `bytes ${from}-${content.length - 1}/${content.length}`;
      response.writeHead(from === 0 ? 200 : 206, headers);
      if (from > 0) return void response.end(content.slice(from));
      response.write(content.slice(0, 60_000), () => setTimeout(() => response.destroy(), 20));
    };
    const record = await add(`${origin}/big.txt`);
    expect(record.files[0]).toMatchObject({ sizeBytes: content.length });
    expect(await readFile(path.join(sourcePath(record, options), 'big.txt'), 'utf8')).toBe(content);
    expect(asked.length).toBe(2);
    expect(asked[1]?.headers['if-range']).toBe('"same"');
  });

  test('is fetched anew where what came was compressed on the way, or another part comes than was asked for', async () => {
    const content = Array.from({ length: 50_000 }, (_, index) => (index * 7919) % 997).join();
    for (const [name, isZipped] of [
      ['a.txt', true],
      ['b.txt', false],
    ] as const) {
      const body = isZipped ? gzipSync(content) : Buffer.from(content);
      let tries = 0;
      handlers[`/${name}`] = (request, response) => {
        const headers: Record<string, string> = { etag: '"same"', 'content-length': String(body.length) };
        if (isZipped) headers['content-encoding'] = 'gzip';
        if (request.headers.range !== undefined) headers['content-range'] = `bytes 0-${body.length - 1}/${body.length}`;
        response.writeHead(request.headers.range === undefined ? 200 : 206, headers);
        if (++tries > 1) return void response.end(body);
        response.write(body.subarray(0, body.length >> 1), () => setTimeout(() => response.destroy(), 20));
      };
      const record = await add(`${origin}/${name}`);
      expect(record.files[0]?.sha256).toBe(createHash('sha256').update(content).digest('hex'));
    }
    // fetch itself adds a second one to a request for a part
    for (const { headers } of asked) expect(headers['accept-encoding']).toMatch(/^identity(, identity)?$/);
  });

  test('is tried again while the server is busy, and given up in one line', async () => {
    let tries = 0;
    handlers['/busy.txt'] = (_, response) => void response.writeHead(++tries < 3 ? 503 : 200).end('at last');
    await add(`${origin}/busy.txt`);
    expect(tries).toBe(3);
    handlers['/down.txt'] = (_, response) => void response.writeHead(503).end();
    await expect(add(`${origin}/down.txt`)).rejects.toMatchObject({ code: 'source-unreachable' });
    await expect(add(`${origin}/none.txt?token=secret`)).rejects.toMatchObject({
      code: 'source-refused',
      message: `${origin}/none.txt: 404 Not Found`,
    });
    await expect(add('http://127.0.0.1:1/a.txt')).rejects.toMatchObject({ code: 'source-unreachable' });
    handlers['/large.txt'] = bytes('x'.repeat(2000));
    await expect(add(`${origin}/large.txt`, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'source-too-large' });
    await expect(add(`http://name:secret@127.0.0.1/a`)).rejects.toMatchObject({ code: 'bad-source' });
    expect(await readdir(path.join(options.stateFolder, 'sources'))).toEqual(['busy.txt']);
  });
});

describe('npm:', () => {
  async function publish(
    files: Record<string, string>,
    change: { readonly integrity?: string; readonly tgz?: Buffer } = {},
  ) {
    const entries = Object.entries(files).map(([name, body]) => ({
      header: { name, size: Buffer.byteLength(body) },
      body,
    }));
    const tgz = change.tgz ?? gzipSync(await packTar(entries));
    const integrity = change.integrity ?? `sha512-${createHash('sha512').update(tgz).digest('base64')}`;
    const version = (number: string) => ({
      version: number,
      license: 'MIT',
      dist: { tarball: `${origin}/poems.tgz`, integrity },
    });
    handlers['/poems'] = json({
      'dist-tags': { latest: '2.0.1' },
      versions: { '1.4.0': version('1.4.0'), '1.9.2': version('1.9.2'), '2.0.1': version('2.0.1') },
    });
    handlers['/poems.tgz'] = bytes(tgz);
  }
  const files = {
    'package/package.json': '{}',
    'package/dist/ci/a.json': '[]',
    'package/dist/ci/b.json': '[]',
    'package/other.txt': 'no',
  };

  test('takes the folder asked for out of the version asked for', async () => {
    await publish(files);
    const record = await add('npm:poems@^1.0.0/dist/ci');
    expect(record).toMatchObject({ name: 'ci', kind: 'npm', version: '1.9.2', licence: 'MIT' });
    expect(record.files.map((file) => file.origin)).toEqual(['dist/ci/a.json', 'dist/ci/b.json']);
    expect(await add('npm:poems')).toMatchObject({ version: '2.0.1' });
    // what is not asked for is read past, however large
    await publish({ 'package/large.txt': 'x'.repeat(2 << 20), 'package/small.txt': 'small' });
    expect((await add('npm:poems/small.txt')).files.map((file) => file.origin)).toEqual(['small.txt']);
    await publish(files);
    expect((await add('npm:poems@2.0.1')).files).toHaveLength(4);
  });

  test('asks the registry of the scope, and shows its token to that host alone', async () => {
    await writeFile(
      path.join(options.projectFolder, '.npmrc'),
      `@own:registry=${origin}/own/\n//${origin.slice('http://'.length)}/own/:_authToken=\${TOKEN}\n`,
    );
    await publish(files);
    handlers['/own/@own%2fpoems'] = handlers['/poems'] as Handler;
    await add('npm:@own/poems/other.txt', { env: { TOKEN: 'abc' } });
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer abc', 'Bearer abc']);
  });

  test.each([
    ['npm:nobody', 'source-refused', 'npm:nobody: there is no such package'],
    ['npm:poems@9.0.0', 'no-such-version', 'npm:poems@9.0.0: there is no such version'],
    ['npm:poems/nothing', 'source-empty', 'npm:poems/nothing: the package has no file there'],
    ['npm:poems/../../etc', 'bad-source', 'npm:poems/../../etc: not a package of npm'],
  ])('%s is refused in one line', async (source, code, message) => {
    await publish(files);
    await expect(add(source)).rejects.toMatchObject({ code, message });
    await expectNothing();
  });

  test('bytes that are not those the registry names are not unpacked', async () => {
    await publish(files, { integrity: `sha512-${createHash('sha512').update('other').digest('base64')}` });
    await expect(add('npm:poems')).rejects.toMatchObject({ code: 'source-damaged' });
    await publish(files, { tgz: gzipSync('no tar at all'.repeat(100)) });
    await expect(add('npm:poems')).rejects.toMatchObject({ code: 'source-damaged' });
    await expectNothing();
  });

  test('what unpacks too far is given up', async () => {
    await publish({ 'package/a.txt': 'x'.repeat(1 << 20) });
    await expect(add('npm:poems', { maxUnpackedBytes: 100_000 })).rejects.toMatchObject({
      code: 'source-damaged',
      message: 'npm:poems: the package unpacks to more than any package of texts',
    });
    await expectNothing();
  });

  test('entries that lead out of the package, and links, stay out', async () => {
    const tgz = gzipSync(
      await packTar([
        { header: { name: 'package/../../out.txt', size: 2 }, body: 'no' },
        { header: { name: 'package/link', size: 0, type: 'symlink', linkname: '/etc/passwd' } },
        { header: { name: 'package/in.txt', size: 2 }, body: 'ok' },
      ]),
    );
    await publish({}, { tgz });
    expect((await add('npm:poems')).files.map((file) => file.origin)).toEqual(['in.txt']);
  });
});

test.each([
  [['package/a.txt', 'package/a.txt']],
  [['package/a', 'package/a/b.txt']],
  [['package/a/b.txt', 'package/a']],
  [['package/a/b.txt', 'package/a//b.txt']],
])('a package with %j is refused in one line', async (names) => {
  const tgz = gzipSync(await packTar(names.map((name) => ({ header: { name, size: 1 }, body: 'x' }))));
  const integrity = `sha512-${createHash('sha512').update(tgz).digest('base64')}`;
  const dist = { tarball: `${origin}/twice.tgz`, integrity };
  handlers['/twice'] = json({ 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { version: '1.0.0', dist } } });
  handlers['/twice.tgz'] = bytes(tgz);
  await expect(add('npm:twice')).rejects.toMatchObject({
    code: 'source-damaged',
    message: expect.stringMatching(/^npm:twice: the package holds \S+ twice/),
  });
  await expectNothing();
});

describe('hf:', () => {
  beforeEach(() => {
    handlers['/api/datasets/me/faq'] = json({ sha: 'c0ffee', tags: ['license:cc-by-4.0', 'language:en'] });
    const urls = (name: string) => [`${origin}/api/datasets/me/faq/parquet/default/${name}/0.parquet`];
    handlers['/api/datasets/me/faq/parquet'] = json({ default: { train: urls('train'), test: urls('test') } });
    for (const name of ['train', 'test'])
      handlers[`/api/datasets/me/faq/parquet/default/${name}/0.parquet`] = bytes(`PAR1 ${name}`);
  });

  test('takes train, or the split asked for, with licence and commit', async () => {
    const record = await add('hf:me/faq', { env: { ...options.env, HF_TOKEN: 'secret' } });
    expect(record).toMatchObject({ name: 'faq', kind: 'hf', licence: 'cc-by-4.0', version: 'c0ffee' });
    expect(record.files.map((file) => file.origin)).toEqual(['train/0.parquet']);
    expect(new Set(asked.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer secret']));
    expect((await add('hf:me/faq/default:test')).files[0]?.origin).toBe('test/0.parquet');
    expect(JSON.stringify(record)).not.toContain('secret');
  });

  test.each([
    ['hf:me/faq:validation', 'no-such-split', 'Write hf:OWNER/NAME:SPLIT; there are train, test.'],
    ['hf:me/faq/zh', 'no-such-split', 'Write hf:OWNER/NAME/CONFIG; there are default.'],
    ['hf:me/none', 'source-refused', 'Check the name on huggingface.co/datasets.'],
    ['hf:', 'bad-source', 'Write hf:OWNER/NAME, hf:OWNER/NAME:train or hf:OWNER/NAME/CONFIG:train.'],
  ])('%s is refused in one line', async (source, code, fix) => {
    await expect(add(source)).rejects.toMatchObject({ code, fix });
    await expectNothing();
  });

  test('names that an endpoint answers do not lead out of the copy; all files together keep to the limit', async () => {
    handlers['/api/datasets/me/faq/parquet'] = json({ default: { '../../../out': [`${origin}/p`] } });
    await expect(add('hf:me/faq')).rejects.toMatchObject({ code: 'source-damaged' });
    handlers['/p'] = bytes('PAR1'.repeat(100));
    handlers['/api/datasets/me/faq/parquet'] = json({ default: { train: [`${origin}/p`, `${origin}/p`] } });
    await expect(add('hf:me/faq', { maxBytes: 700 })).rejects.toMatchObject({ code: 'source-too-large' });
    await expect(add('hf:me/faq/constructor')).rejects.toMatchObject({ code: 'no-such-split' });
    await expectNothing();
    expect(await readdir(options.projectFolder)).toEqual(['.moat']);
  });

  test.each([
    [401, /private, gated/],
    [403, /private, gated/],
    [429, /asks to wait/],
    [500, /answers 500/],
  ])('an answer of %i is told', async (status, message) => {
    handlers['/api/datasets/me/faq'] = (_, response) => void response.writeHead(status).end();
    await expect(add('hf:me/faq')).rejects.toMatchObject({
      code: 'source-refused',
      message: expect.stringMatching(message),
    });
  });
});

describe('postgres:', () => {
  test.each([
    ['postgres:DB', undefined, /a variable and a query are wanted/],
    ['postgres:DB', 'select 1', /the environment has no DB/],
    ['postgres:DB;x', 'select 1', /a variable and a query/],
  ])('%s with %s is refused in one line', async (source, query, message) => {
    await expect(add(source, { query })).rejects.toMatchObject({
      code: 'bad-source',
      message: expect.stringMatching(message),
    });
    await expectNothing();
  });

  test('a server that is not there is told without the connection string', async () => {
    const env = { DB: 'postgres://me:geheim@127.0.0.1:1/x' };
    const failure = await add('postgres:DB', { query: 'select 1', env }).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'database-unavailable' });
    expect(String(failure)).not.toContain('geheim');
    await expectNothing();
  });
});
