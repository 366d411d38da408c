/** The client against a store on loopback that checks every signature. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ScriptedStore, startScriptedStore } from '../../../tests/scripted-store.js';
import { manualClock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import { httpSend } from './http-send.js';
import { type ObjectStore, openObjectStore } from './object-store.js';
import { storeAccess } from './store-access.js';

let server: ScriptedStore;
let root: string;
let pauses: number[];
beforeEach(async () => {
  server = await startScriptedStore();
  root = await mkdtemp(path.join(tmpdir(), 'moat-store-'));
  pauses = [];
});
afterEach(async () => {
  await server.close();
  await rm(root, { recursive: true });
});

function open(location = 's3://team/runs', env: NodeJS.ProcessEnv = {}, nowMs = Date.now()): ObjectStore {
  const wait = async (ms: number): Promise<void> => void pauses.push(ms);
  return openObjectStore(storeAccess(location, { ...server.env, ...env }), {
    send: httpSend,
    clock: manualClock(nowMs),
    wait,
  });
}

const stored = (key: string): string | undefined => server.buckets.get('team')?.get(key)?.toString();

test('an object: written, read from a byte on, removed', async () => {
  const store = open();
  expect(await store.read('first/events.jsonl')).toBeUndefined();
  await store.write('first/events.jsonl', 'one\ntwo\n');
  expect(stored('runs/first/events.jsonl')).toBe('one\ntwo\n');
  expect((await store.read('first/events.jsonl', 4))?.toString()).toBe('two\n');
  expect((await store.read('first/events.jsonl', 8))?.toString()).toBe('');
  await store.remove('first/events.jsonl');
  await store.remove('first/events.jsonl');
  expect(await store.read('first/events.jsonl')).toBeUndefined();
});

test('of two that create an object, one does', async () => {
  const both = await Promise.all(['a', 'b'].map((text) => open().create('claim', text)));
  expect(both.filter(Boolean)).toHaveLength(1);
});

test('names that signatures are easily wrong about, and a list of several pages', async () => {
  const store = open('s3://team/a b/ü');
  const names = ["it's (1)*!.txt", 'plus+and&amp=.bin', 'ordner/grün.txt', '~tilde', 'z'];
  server.pageSize = 2;
  for (const name of names) await store.write(name, name);
  await open('s3://team').write('elsewhere', '');
  const all = await store.list('');
  expect(all.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(all.map(({ name, sizeBytes }) => sizeBytes === Buffer.byteLength(name))).toEqual(names.map(() => true));
  expect(await store.list('ordner/')).toEqual([{ name: 'ordner/grün.txt', sizeBytes: 16 }]);
  expect(stored("a b/ü/it's (1)*!.txt")).toBe(names[0]);
});

describe('files', () => {
  const LARGE = (35 << 20) + 5;

  test('a large one goes in parts, appears whole, and comes back', async () => {
    const content = randomBytes(LARGE);
    await writeFile(path.join(root, 'large'), content);
    const sent: number[] = [];
    let seen = 'never looked';
    server.intercept = (request) => {
      if (request.includes('partNumber=3')) seen = String(stored('runs/large'));
      return undefined;
    };
    await open().upload('large', path.join(root, 'large'), (bytes) => sent.push(bytes));
    expect(seen).toBe('undefined');
    expect(sent.sort((a, b) => a - b)).toEqual([LARGE - (32 << 20), 16 << 20, 16 << 20]);
    expect(server.buckets.get('team')?.get('runs/large')?.equals(content)).toBe(true);
    expect(server.uploads.size).toBe(0);
    await open().download('large', LARGE, path.join(root, 'back'));
    expect((await readFile(path.join(root, 'back'))).equals(content)).toBe(true);
  });

  test('one whose parts are refused is given up, so that nothing stays and costs', async () => {
    await writeFile(path.join(root, 'large'), randomBytes(LARGE));
    server.intercept = (request) =>
      request.includes('partNumber=2') ? { status: 403, code: 'AccessDenied' } : undefined;
    await expect(open().upload('large', path.join(root, 'large'))).rejects.toMatchObject({ code: 'store-forbidden' });
    expect(server.uploads.size).toBe(0);
    expect(stored('runs/large')).toBeUndefined();
  });
});

describe('what may pass is tried again, longer each time', () => {
  test.each([{ status: 503, code: 'SlowDown' }, { status: 500 }, { status: 429 }, 'cut'] as const)(
    '%j',
    async (bad) => {
      let left = 3;
      server.intercept = () => (left-- > 0 ? bad : undefined);
      await open().write('a', 'x');
      expect(stored('runs/a')).toBe('x');
      expect(pauses).toEqual([500, 1000, 2000]);
    },
  );

  test('but not for ever', async () => {
    server.intercept = () => ({ status: 503, code: 'SlowDown' });
    await expect(open().read('a')).rejects.toMatchObject({
      code: 'store-unreachable',
      message: `s3://team/runs: ${new URL(server.url).host} cannot be reached: status 503, SlowDown`,
    });
    expect(server.requests).toHaveLength(4);
  });
});

describe('one clear line', () => {
  const lineOf = (work: () => Promise<unknown>): Promise<string> =>
    (async () => {
      try {
        await work();
      } catch (error) {
        if (error instanceof MoatError) return `${error.code}: ${error.line}`;
        throw error;
      }
      return 'it worked';
    })();

  test.each([
    [
      'no keys',
      's3://team/runs',
      { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: undefined },
      'store-no-credentials: s3://team/runs: no keys for it here, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The workers need keys of their own, where Ray starts.',
    ],
    [
      'half of them',
      'gs://team/runs',
      { AWS_SECRET_ACCESS_KEY: undefined },
      'store-no-credentials: gs://team/runs: no keys for it here, set AWS_SECRET_ACCESS_KEY. Take an HMAC key of Google Cloud Storage.',
    ],
    [
      'an unknown key',
      's3://team/runs',
      { AWS_ACCESS_KEY_ID: 'NOBODY' },
      'store-wrong-key: s3://team/runs: the key NOBODY is not known there. Look at AWS_ACCESS_KEY_ID, and at AWS_ENDPOINT_URL.',
    ],
    [
      'a wrong secret',
      's3://team/runs',
      { AWS_SECRET_ACCESS_KEY: 'guess' },
      'store-wrong-key: s3://team/runs: the secret does not belong to the key KEY-OF-ALL. Look at AWS_SECRET_ACCESS_KEY.',
    ],
    [
      'no such bucket',
      's3://teem/runs',
      {},
      'store-no-bucket: s3://teem/runs: there is no bucket "teem". Make it first, or correct --storage.',
    ],
    [
      'no permission',
      's3://team/runs',
      { AWS_ACCESS_KEY_ID: 'KEY-OF-A-READER', AWS_SECRET_ACCESS_KEY: 'another' },
      'store-forbidden: s3://team/runs: the key KEY-OF-A-READER may not do this there. Allow it to list the bucket and to read, write and delete below --storage.',
    ],
    [
      'no server',
      's3://team/runs',
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
      'store-unreachable: s3://team/runs: 127.0.0.1:1 cannot be reached: nothing listens on this port. Look at AWS_ENDPOINT_URL, and whether the store runs.',
    ],
    [
      'no address',
      's3://team/runs',
      { AWS_ENDPOINT_URL: '127.0.0.1' },
      'bad-storage: AWS_ENDPOINT_URL: "127.0.0.1" is not the address of a server. Write it as https://HOST:PORT.',
    ],
    [
      'no bucket',
      's3:///runs',
      {},
      'bad-storage: --storage: "s3:///runs" names no bucket. Write it as s3://BUCKET/FOLDER or gs://BUCKET/FOLDER; buckets have names in lower case.',
    ],
  ])('%s', async (_what, location, env, line) => {
    expect(await lineOf(async () => open(location, env).write('a', 'x'))).toBe(line);
  });

  test('a clock that is off', async () => {
    const hour = 3_600_000;
    expect(await lineOf(async () => open('s3://team', {}, Date.now() - hour).read('a'))).toBe(
      "store-clock: s3://team: this machine's clock is 60 minutes behind the store's. Set the clock (NTP) and try again.",
    );
  });

  test('another region, and what is not foreseen', async () => {
    server.intercept = () => ({ status: 301, code: 'PermanentRedirect' });
    expect(await lineOf(() => open().read('a'))).toBe(
      'store-region: s3://team/runs: the bucket is not in the region us-east-1. Set AWS_REGION to where it lies.',
    );
    server.intercept = () => ({ status: 400, code: 'KeyTooLongError' });
    expect(await lineOf(() => open().read('a'))).toMatch(
      /^store-refused: s3:\/\/team\/runs: status 400: KeyTooLongError: about "KeyTooLongError"\. /,
    );
  });
});

describe('where a bucket is', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  test.each([
    ['s3://team/runs', {}, 'https://team.s3.us-east-1.amazonaws.com/', 'us-east-1'],
    ['s3://team', { AWS_REGION: 'eu-west-1' }, 'https://team.s3.eu-west-1.amazonaws.com/', 'eu-west-1'],
    ['s3://team.io/runs', { AWS_DEFAULT_REGION: 'x' }, 'https://s3.x.amazonaws.com/team.io/', 'x'],
    ['s3://team/runs/', { AWS_ENDPOINT_URL: 'http://minio:9000/' }, 'http://minio:9000/team/', 'us-east-1'],
    [
      's3://team',
      { AWS_ENDPOINT_URL: 'http://a', AWS_ENDPOINT_URL_S3: 'http://b/s3' },
      'http://b/s3/team/',
      'us-east-1',
    ],
    ['gs://team/runs', { AWS_ENDPOINT_URL: 'http://minio:9000' }, 'https://storage.googleapis.com/team/', 'auto'],
  ])('%s %j', (location, env, base, region) => {
    const access = storeAccess(location, { ...keys, ...env });
    expect([access.base.href, access.region]).toEqual([base, region]);
    expect(access.location).toBe(location.replace(/\/$/, ''));
  });
});

test('gs:// by HMAC keys, where creating looks before it writes', async () => {
  const store = open('gs://team/runs', { STORAGE_EMULATOR_HOST: server.url });
  expect(await store.create('claim', 'a')).toBe(true);
  expect(await store.create('claim', 'b')).toBe(false);
  expect(stored('runs/claim')).toBe('a');
});
