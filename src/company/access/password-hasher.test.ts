import { scryptSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { createPasswordHasher } from './password-hasher.js';
import { checkNewPassword } from './refused-passwords.js';

const QUICK = { log2N: 10, blockSize: 8, parallelism: 1 };
const PASSWORD = 'correct horse battery staple';

test('the hash is scrypt’s own at OWASP’s cost, and the event loop runs on meanwhile', async () => {
  const hasher = createPasswordHasher();
  let turns = 0;
  const ticking = setInterval(() => turns++, 5);
  const stored = await hasher.hash(PASSWORD);
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(5);
  const [, salt = '', hash = ''] = /^\$scrypt\$ln=17,r=8,p=1\$(.+)\$(.+)$/.exec(stored) ?? [];
  const options = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
  expect(scryptSync(PASSWORD, Buffer.from(salt, 'base64'), 32, options).equals(Buffer.from(hash, 'base64'))).toBe(true);
});

test('right, wrong, and right at another cost; two hashes of one password differ', async () => {
  const [quick, dearer] = [createPasswordHasher(QUICK), createPasswordHasher({ ...QUICK, log2N: 11 })];
  const stored = await quick.hash(PASSWORD);
  expect(await quick.hash(PASSWORD)).not.toBe(stored);
  expect(await quick.verify(PASSWORD, stored)).toBe('right');
  expect(await dearer.verify(PASSWORD, stored)).toBe('outdated');
  expect(await quick.verify(`${PASSWORD} `, stored)).toBe('wrong');
  expect(await quick.verify(PASSWORD, null)).toBe('wrong');
  // composed and decomposed, as two keyboards send it
  expect(
    await quick.verify('cafe\u0301 cafe\u0301 cafe\u0301', await quick.hash('caf\u00e9 caf\u00e9 caf\u00e9')),
  ).toBe('right');
  await expect(quick.verify(PASSWORD, '$scrypt$ln=31,r=8,p=1$a$b')).rejects.toThrow('not one of scrypt');
});

test('nobody can make it hold the memory of more than two, or let more than 64 wait', async () => {
  const hasher = createPasswordHasher(QUICK);
  const results = await Promise.allSettled(Array.from({ length: 80 }, () => hasher.verify(PASSWORD, null)));
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(14);
  expect(results.at(-1)).toMatchObject({ reason: { code: 'too-many-logins' } });
  expect(await hasher.verify(PASSWORD, null)).toBe('wrong');
});

test.each([
  'short',
  'Password123456',
  'password password',
  'qwertyuiop123456'.slice(0, 11),
  '123456789012345',
  'aaaaaaaaaaaaaaaa',
  'ann.smith-1234567',
  '😀😀😀😀😀😀',
  'x'.repeat(257),
])('%j is refused', (password) => {
  expect(() => checkNewPassword(password, ['ann.smith@example.com', 'Ann Smith'])).toThrow(
    expect.objectContaining({ code: 'weak-password', message: expect.not.stringContaining(password) }),
  );
});

test.each([PASSWORD, 'gR7#mv9!kq2Lx', '马 电池 订书机 正确 一二三四', 'ann likes purple rivers'])(
  '%j is taken',
  (password) => {
    checkNewPassword(password, ['ann.smith@example.com', 'Ann Smith']);
  },
);
