import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { placeShards } from './run-storage.js';

test('shards that many put beside their runs at once are copied once, and nobody is disturbed', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-storage-'));
  const shards = path.join(root, 'shards');
  await mkdir(shards);
  for (const name of ['manifest.json', 'train-00000.bin']) await writeFile(path.join(shards, name), name);
  const storage = path.join(root, 'shared');
  const placed = await Promise.all(Array.from({ length: 12 }, () => placeShards(shards, storage)));
  expect(new Set(placed).size).toBe(1);
  expect(await readdir(storage)).toEqual([path.basename(placed[0] ?? '')]);
  expect(await readFile(path.join(placed[0] ?? '', 'train-00000.bin'), 'utf8')).toBe('train-00000.bin');
  await rm(root, { recursive: true });
});
