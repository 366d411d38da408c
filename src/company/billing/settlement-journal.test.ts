import { mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type JournalOptions, createSettlementJournal } from './settlement-journal.js';
import type { SettlementRecord } from './settlement.js';

let directory: string;
let booked: SettlementRecord[];
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'moat-journal-'));
  booked = [];
});
afterEach(() => rm(directory, { recursive: true }));

const record = (id: string): SettlementRecord => ({ request_id: id, output_tokens: 7, is_rated: false, key_id: null });
const away = new Error('away');

const open = (more: Partial<JournalOptions> = {}) =>
  createSettlementJournal({
    directory,
    settle: async (one) => void booked.push(one),
    isAway: (error) => error === away,
    onStuck: async () => undefined,
    ...more,
  });

const nothing = (): void => undefined;
const idsOf = (records: readonly SettlementRecord[]) => records.map((one) => one['request_id']).sort();
const names = () => readdir(directory);
/** As `kill -9` leaves it: on disk, and nobody books it. */
const leaveBehind = async (...ids: string[]): Promise<string> => {
  const journal = open({ settle: () => Promise.reject(away) });
  await Promise.all(ids.map((id) => journal.append(record(id), nothing)));
  const [name = ''] = (await names()).filter((each) => each.endsWith('.journal'));
  return path.join(directory, name);
};

test('what is appended is on disk at once, in the books a moment later, and then gone from the disk', async () => {
  const journal = open();
  const done: string[] = [];
  await Promise.all(['a', 'b'].map((id) => journal.append(record(id), () => done.push(id))));
  const [name = ''] = await names();
  expect(await readFile(path.join(directory, name), 'utf8')).toMatch(
    /^[0-9a-f]{8} \{"request_id":"a",.*\n[0-9a-f]{8} /,
  );
  await journal.flush();
  expect(booked).toEqual([record('a'), record('b')]);
  expect(done).toEqual(['a', 'b']);
  await journal.close();
  expect(await names()).toEqual([]);
});

test('the next process books what one that died had kept, but for a line it had not finished', async () => {
  const file = await leaveBehind('a', 'b', 'c');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.slice(0, -5));
  await open().recover();
  expect(idsOf(booked)).toEqual(['a', 'b']);
  expect(await names()).toEqual([]);
});

test('a line that was damaged is left out, those around it are not', async () => {
  const file = await leaveBehind('a', 'b', 'c');
  await writeFile(file, (await readFile(file, 'utf8')).replace('"b"', '"x"'));
  await open().recover();
  expect(idsOf(booked)).toEqual(['a', 'c']);
});

test('a process that died while it booked what another had kept leaves it to the next', async () => {
  const file = await leaveBehind('a');
  await expect(open({ settle: () => Promise.reject(away) }).recover()).rejects.toBe(away);
  expect(await names()).toEqual([path.basename(file).replace('.journal', '.taken')]);
  await open().recover();
  expect(idsOf(booked)).toEqual(['a']);
  expect(await names()).toEqual([]);
});

test('a file that is taken from a living process: it keeps the next record in another before it says so', async () => {
  const journal = open({ settle: () => Promise.reject(away) });
  await journal.append(record('a'), nothing);
  await open().recover();
  expect(idsOf(booked)).toEqual(['a']);
  await journal.append(record('b'), nothing);
  await open().recover();
  expect(idsOf(booked)).toEqual(['a', 'b']);
});

test('living processes are left alone: only what was not written to since the last look is taken', async () => {
  const own = open();
  await own.recover();
  const file = await leaveBehind('a');
  await own.recover();
  expect(booked).toEqual([]);
  await own.recover();
  expect(idsOf(booked)).toEqual(['a']);
  expect(await names()).not.toContain(path.basename(file));
});

test('while the books are away records wait, and nobody who waits for them waits for ever', async () => {
  let isAway = true;
  const journal = open({
    settle: async (one) => {
      if (isAway) throw away;
      booked.push(one);
    },
  });
  await journal.append(record('a'), nothing);
  await journal.flush();
  expect(booked).toEqual([]);
  isAway = false;
  await journal.flush();
  expect(idsOf(booked)).toEqual(['a']);
  isAway = true;
  await journal.append(record('b'), nothing);
  await journal.close();
  expect(await names()).toHaveLength(1);
  await open().recover();
  // the first one again, which changes nothing in the books
  expect(new Set(idsOf(booked))).toEqual(new Set(['a', 'b']));
});

test('a record that the books refuse is handed on, once, and holds nobody up', async () => {
  const stuck: SettlementRecord[] = [];
  const journal = open({
    settle: async (one) => {
      if (one['request_id'] === 'bad') throw new Error('no such customer');
      booked.push(one);
    },
    onStuck: async (one) => void stuck.push(one),
  });
  const done = vi.fn<() => void>();
  await Promise.all(['a', 'bad', 'c'].map((id) => journal.append(record(id), done)));
  await journal.close();
  expect(idsOf(booked)).toEqual(['a', 'c']);
  expect(idsOf(stuck)).toEqual(['bad']);
  expect(done).toHaveBeenCalledTimes(3);
  expect(await names()).toEqual([]);
});

test('a file that is full is followed by another, and each goes when all of it is in the books', async () => {
  let isAway = true;
  const journal = open({
    settle: async (one) => {
      if (isAway) throw away;
      booked.push(one);
    },
  });
  const long = 'x'.repeat(40_000);
  for (let at = 0; at < 60; at++) await journal.append({ ...record(`r${at}`), model: long }, nothing);
  expect((await names()).length).toBeGreaterThan(1);
  isAway = false;
  await journal.close();
  expect(booked).toHaveLength(60);
  expect(await names()).toEqual([]);
});

test('where the disk takes nothing, that is said, and nothing is half kept', async () => {
  const journal = open({ directory: path.join(directory, 'file') });
  await writeFile(path.join(directory, 'file'), '');
  await expect(journal.append(record('a'), nothing)).rejects.toThrow(/EEXIST|ENOTDIR/);
  await rename(path.join(directory, 'file'), path.join(directory, 'other'));
  await journal.append(record('b'), nothing);
  await journal.close();
  expect(idsOf(booked)).toEqual(['b']);
});
