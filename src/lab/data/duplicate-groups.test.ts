import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDuplicateCollector, readDuplicateGroups } from './duplicate-groups.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-duplicates-'));
  const line = (fields: object): string => `${JSON.stringify(fields)}\n`;
  await writeFile(
    path.join(folder, 'train.jsonl'),
    Array.from({ length: 600 }, (_, i) => line({ id: `t"${i}`, text: `text ${i}`, origin: 'a' })).join(''),
  );
  // fields in another order are found too
  await writeFile(path.join(folder, 'validation.jsonl'), line({ text: '😀'.repeat(900), id: 'long', origin: 'a' }));
  await writeFile(path.join(folder, 'test.jsonl'), '');
});
afterAll(() => rm(folder, { recursive: true }));

const copy = (id: string, copyOf?: string) => ({
  id,
  origin: 'a',
  reason: 'near-duplicate',
  detail: 'is alike',
  copyOf,
});

test('of many groups the first five hundred are kept, of many copies the first five, and long texts are cut between characters', async () => {
  const collector = createDuplicateCollector();
  for (let i = 0; i < 12; i++) collector.add(copy(`c${i}`, 'long'), 'x'.repeat(2000));
  collector.add(copy('no copy'), 'text');
  collector.add(copy('of one that was left out', 'gone'), 'text');
  for (let i = 0; i < 600; i++) collector.add(copy(`d${i}`, `t"${i}`), 'text');
  await collector.write(folder);
  const found = await readDuplicateGroups(folder);
  expect([found?.isComplete, found?.groups.length]).toEqual([false, 499]);
  const [first, second] = found?.groups ?? [];
  expect(first).toMatchObject({
    count: 12,
    kept: { id: 'long', side: 'validation', isCut: true, text: '😀'.repeat(600) },
  });
  expect(first?.copies.map(({ id }) => id)).toEqual(['c0', 'c1', 'c2', 'c3', 'c4']);
  expect(first?.copies[0]?.text).toHaveLength(1200);
  expect(second).toMatchObject({ count: 1, kept: { id: 't"0', side: 'train', text: 'text 0', isCut: false } });
  expect((await readFile(path.join(folder, 'duplicates.json'))).length).toBeLessThan(300_000);
});

test('a corpus of before has none; a file that is none is refused', async () => {
  expect(await readDuplicateGroups(path.join(folder, 'older'))).toBeUndefined();
  await writeFile(path.join(folder, 'duplicates.json'), '{"groups":1}');
  await expect(readDuplicateGroups(folder)).rejects.toMatchObject({ code: 'corpus-damaged' });
});
