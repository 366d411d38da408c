import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseUrlFrom, secretFrom } from './secret-environment.js';

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'secret-'));
  file = path.join(folder, 'password');
  await writeFile(file, ' p@ss/word \n');
  await writeFile(path.join(folder, 'empty'), '\n');
});
afterAll(() => rm(folder, { recursive: true }));

test('a secret is in the environment or in a file, and never in both', () => {
  expect(secretFrom({ KEY: ' abc ' }, 'KEY')).toBe('abc');
  expect(secretFrom({ KEY_FILE: file }, 'KEY')).toBe('p@ss/word');
  expect(secretFrom({ KEY: '' }, 'KEY')).toBeUndefined();
  expect(() => secretFrom({ KEY: 'abc', KEY_FILE: file }, 'KEY')).toThrow('KEY and KEY_FILE are both set');
  expect(() => secretFrom({ KEY_FILE: `${file}.none` }, 'KEY')).toThrow(/KEY_FILE: .*cannot be read \(ENOENT\)/);
  expect(() => secretFrom({ KEY_FILE: path.join(folder, 'empty') }, 'KEY')).toThrow(/is empty/);
});

test('the database address takes a password that stands elsewhere, and keeps its own', () => {
  const DATABASE_URL = 'postgres://moat@db:5432/moat';
  const url = databaseUrlFrom({ DATABASE_URL, PGPASSWORD_FILE: file });
  expect(decodeURIComponent(new URL(url ?? '').password)).toBe('p@ss/word');
  expect(databaseUrlFrom({ DATABASE_URL: 'postgres://moat:own@db/moat', PGPASSWORD: 'other' })).toContain(':own@');
  expect(databaseUrlFrom({ DATABASE_URL })).toBe(DATABASE_URL);
  expect(databaseUrlFrom({ PGPASSWORD: 'x' })).toBeUndefined();
});
