import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { trainTokenizer } from '../tokenizer/train-tokenizer.js';
import { writeTokenShards } from '../tokenizer/shard-writer.js';
import { placeShards } from './run-storage.js';

test('shards that many put beside their runs at once are copied once, and nobody is disturbed', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-storage-'));
  const shards = path.join(root, 'shards');
  const text = 'the rules of the shop';
  const tokenizer = await trainTokenizer(path.join(root, 'tokenizer'), [text], { vocabularySize: 270 });
  await writeTokenShards(shards, { train: [{ id: '0', text }] }, tokenizer);
  const storage = path.join(root, 'shared');
  const placed = await Promise.all(Array.from({ length: 12 }, () => placeShards(shards, storage)));
  expect(new Set(placed).size).toBe(1);
  expect(await readdir(storage)).toEqual([path.basename(placed[0] ?? '')]);
  for (const name of await readdir(shards))
    expect(await readFile(path.join(placed[0] ?? '', name))).toEqual(await readFile(path.join(shards, name)));
  await rm(root, { recursive: true });
});
