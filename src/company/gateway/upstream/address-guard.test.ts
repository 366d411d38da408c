import { expect, test } from 'vitest';
import { openScriptedUpstream } from '../../../../tests/scripted-upstream.js';
import { targetAt } from '../../../../tests/served-upstream.js';
import { type AddressKind, type Resolve, addressKind, guardedLookup, urlProblem } from './address-guard.js';
import { connectTo } from './upstream-connection.js';

const KINDS: Record<AddressKind, readonly string[]> = {
  public: ['8.8.8.8', '1.1.1.1', '104.18.7.192', '2606:4700::6812:7c0', '2a00:1450:4001:81b::200e'],
  private: [
    '127.0.0.1',
    '127.255.255.254',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    'fd12:3456::1',
    '::ffff:127.0.0.1',
    '::ffff:10.1.2.3',
    '::ffff:7f00:1',
  ],
  forbidden: [
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.0.1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fec0::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    'ff02::1',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '2001:0:1::1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    'localhost',
    '',
  ],
};

test.each(Object.entries(KINDS).flatMap(([kind, list]) => list.map((address) => [address, kind])))(
  '%s is %s',
  (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  },
);

test('URLs: what is refused always, and what the owner may allow', () => {
  for (const url of [
    'ftp://example.com/v1',
    'file:///etc/passwd',
    'https://user@example.com/v1',
    'https://:pass@example.com/v1',
    'https://example.com/v1?key=1',
    'https://example.com/v1#x',
    'example.com/v1',
    'http://169.254.169.254/latest',
    'http://2852039166/v1', // the same, as one number
    'http://0xa9fea9fe/v1',
    'http://0251.0376.0251.0376/v1',
    'http://[fd00:ec2::254]/v1',
    'http://[::ffff:169.254.169.254]/v1',
    'http://0/v1',
  ]) {
    expect(urlProblem(url, true), url).toBeDefined();
  }
  for (const url of [
    'http://127.1/v1',
    'http://2130706433:8000/v1',
    'http://[::1]:8000/v1',
    'http://localhost:11434/v1',
    'http://a.localhost./v1',
  ]) {
    expect(urlProblem(url, false), url).toMatch(/"allowPrivate": true/);
    expect(urlProblem(url, true), url).toBeUndefined();
  }
  expect(urlProblem('https://api.openai.com/v1', false)).toBeUndefined();
});

const answering = (...addresses: string[]): Resolve => {
  return (_, __, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
};

test('one bad address among many is enough to refuse a name', async () => {
  const asked = (allowPrivate: boolean, all: boolean, ...addresses: string[]) =>
    new Promise((resolve) => {
      guardedLookup(allowPrivate, answering(...addresses))('a.test', { all }, (error, address) => {
        resolve(error === null ? address : error.message);
      });
    });
  expect(await asked(false, false, '8.8.8.8')).toBe('8.8.8.8');
  expect(await asked(false, true, '8.8.8.8')).toEqual([{ address: '8.8.8.8', family: 4 }]);
  expect(await asked(false, true, '8.8.8.8', '10.0.0.1')).toMatch(/private network/);
  expect(await asked(true, true, '8.8.8.8', '10.0.0.1')).toHaveLength(2);
  expect(await asked(true, true, '8.8.8.8', '169.254.169.254')).toMatch(/never asked/);
  expect(await asked(true, true)).toMatch(/no address/);
});

test('a name that changes its answer is judged at each connection', async () => {
  const engine = await openScriptedUpstream(() => ({ kind: 'answer', hangAfter: 1 }));
  let address = '127.0.0.1';
  const target = targetAt(engine.url.replace('127.0.0.1', 'engine.test'));
  const resolve: Resolve = (hostname, options, callback) => answering(address)(hostname, options, callback);
  const allowed = connectTo({ ...target, allowPrivate: true }, resolve);
  const strict = connectTo({ ...target, allowPrivate: false }, resolve);
  const open = (connection: typeof allowed) =>
    connection.open('/completions', '{"max_tokens":3}', new AbortController().signal);
  (await open(allowed)).close(false);
  expect(engine.seen).toHaveLength(1);
  await expect(open(strict)).rejects.toThrow(/private network/);
  address = '169.254.169.254';
  await expect(open(allowed)).rejects.toThrow(/never asked/);
  expect(engine.seen).toHaveLength(1);
  allowed.close();
  strict.close();
  await engine.close();
});
