/**
 * Settlements on this machine's disk, on their way to the books: an answer may end once its record is here, and the books get it a
 * moment later, many at a time. What a process that died left here is settled by the next one; settling twice changes nothing.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fdatasync, fsyncSync, openSync, statSync, writeSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { systemCode } from '../../base/errors.js';
import { createBatcher } from './batcher.js';
import { type SettlementRecord, settlementRecordSchema } from './settlement.js';

export interface SettlementJournal {
  /**
   * Resolves when the record is on disk. @param booked called once, when it is in the books or was handed to `onStuck`
   * @throws what the disk says; the record may then be on it or not
   */
  append(record: SettlementRecord, booked: () => void): Promise<void>;
  /** Resolves when what was appended so far is in the books, or the books are away. */
  flush(): Promise<void>;
  /**
   * Settles what other processes left, dead ones as a rule. One that lives loses nothing by it: it notices before it says that a
   * record is kept. @throws what settling threw, after all files were gone through
   */
  recover(): Promise<void>;
  /** Books what it can; the rest stays on disk for the next process. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly directory: string;
  /** Puts one record into the books; called for many at once. */
  readonly settle: (record: SettlementRecord) => Promise<unknown>;
  /** Whether an error of `settle` means that the books are away, and not that they refuse the record. */
  readonly isAway: (error: unknown) => boolean;
  /** Keeps a record that the books refuse, for a person to look at. */
  readonly onStuck: (record: SettlementRecord, error: unknown) => Promise<void>;
}

interface Segment {
  readonly file: string;
  readonly descriptor: number;
  readonly inode: number;
  sizeBytes: number;
  /** Records in it that are not in the books. */
  open: number;
}

interface Entry {
  readonly record: SettlementRecord;
  readonly booked: () => void;
}

interface KeptEntry extends Entry {
  readonly segment: Segment;
}

/** So that records of the same moment share a transaction. */
const GATHER_MS = 50;
const AWAY_MS = 1_000;
const MOST_AT_ONCE = 512;
const SEGMENT_BYTES = 1 << 20;
const SEGMENT_NAME = /^[0-9a-f]{16}\.(journal|taken)$/;

export function createSettlementJournal(options: JournalOptions): SettlementJournal {
  const { directory } = options;
  const segments = createSegments(directory);
  /** On disk and not in the books, oldest first. */
  const waiting = new Set<KeptEntry>();
  let draining: Promise<void> | undefined;
  let isAway = false;
  /** Those who wait for the end of a batch. */
  let watchers: (() => void)[] = [];
  let hurry = new AbortController();
  let isClosed = false;

  const batcher = createBatcher<Entry, undefined>(
    async (entries) => {
      const segment = await segments.write(entries.map(({ record }) => lineOf(record)).join(''), entries.length);
      for (const entry of entries) waiting.add({ ...entry, segment });
      draining ??= drain();
      return entries.map(() => undefined);
    },
    MOST_AT_ONCE,
    true,
  );

  async function drain(): Promise<void> {
    while (waiting.size > 0 && !(isClosed && isAway)) {
      await pause(isAway ? AWAY_MS : GATHER_MS, hurry.signal);
      const batch = [...waiting].slice(0, MOST_AT_ONCE);
      isAway = (await Promise.all(batch.map(book))).includes(false);
      for (const done of watchers) done();
      watchers = [];
    }
    draining = undefined;
  }

  const book = async (entry: KeptEntry): Promise<boolean> => {
    try {
      await settleOrHandOn(options, entry.record);
    } catch {
      return false;
    }
    waiting.delete(entry);
    entry.booked();
    await segments.booked(entry.segment);
    return true;
  };

  const flush = async (): Promise<void> => {
    const due = [...waiting];
    hurry.abort();
    for (let tried = false; due.some((entry) => waiting.has(entry)) && !(tried && isAway); tried = true)
      await new Promise<void>((resolve) => watchers.push(resolve));
    hurry = new AbortController();
  };
  let seen: ReadonlyMap<string, number> | undefined;

  return {
    async append(record, booked) {
      await batcher.submit({ record, booked });
    },
    flush,
    async recover() {
      const { problems, seen: found } = await recover(options, segments, seen);
      seen = found;
      if (problems.length > 0) throw problems[0];
    },
    async close() {
      await batcher.idle();
      isClosed = true;
      await flush();
      await draining;
      await segments.close();
    },
  };
}

/** @throws where the record is not off our hands: the books are away, or what they refuse could not be kept */
async function settleOrHandOn({ settle, isAway, onStuck }: JournalOptions, record: SettlementRecord): Promise<void> {
  try {
    await settle(record);
  } catch (error) {
    if (isAway(error)) throw error;
    await onStuck(record, error);
  }
}

interface Segments {
  /** @returns the segment that the lines are in, on disk @throws what the disk says */
  write(lines: string, count: number): Promise<Segment>;
  /** One of its records is in the books. */
  booked(segment: Segment): Promise<void>;
  /** Whether a file is one of this process. */
  has(name: string): boolean;
  /** Removes the last one, where all of it is in the books. */
  close(): Promise<void>;
}

function createSegments(directory: string): Segments {
  const own = new Set<string>();
  let current: Segment | undefined;
  const removeWhenBooked = async (segment: Segment): Promise<void> => {
    if (segment.open > 0 || segment === current || !own.delete(path.basename(segment.file))) return;
    closeSync(segment.descriptor);
    await rm(segment.file, { force: true });
  };
  const leave = async (segment: Segment): Promise<void> => {
    if (current === segment) current = undefined;
    await removeWhenBooked(segment);
  };
  const tryToWrite = async (lines: string, count: number): Promise<Segment> => {
    if (current === undefined) await mkdir(directory, { recursive: true });
    const segment = (current ??= openSegment(directory));
    own.add(path.basename(segment.file));
    segment.open += count;
    try {
      await persist(segment, lines);
      return segment;
    } catch (error) {
      // Half a line may stand at its end, so nothing is written behind it.
      segment.open -= count;
      await leave(segment);
      throw error;
    }
  };
  return {
    async write(lines, count) {
      const wasBegun = current !== undefined;
      const segment = await tryToWrite(lines, count).catch((error: unknown) => {
        if (wasBegun) return tryToWrite(lines, count);
        throw error;
      });
      if (segment.sizeBytes > SEGMENT_BYTES) await leave(segment);
      return segment;
    },
    async booked(segment) {
      segment.open--;
      await removeWhenBooked(segment);
    },
    has: (name) => own.has(name),
    async close() {
      if (current !== undefined) await leave(current);
    },
  };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).then(
    () => undefined,
    () => undefined,
  );

function openSegment(directory: string): Segment {
  const file = path.join(directory, `${randomBytes(8).toString('hex')}.journal`);
  const descriptor = openSync(file, 'ax', 0o600);
  const folder = openSync(directory, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
  return { file, descriptor, inode: statSync(file).ino, sizeBytes: 0, open: 0 };
}

/** @throws what the disk says, or that the file is another process's by now */
async function persist(segment: Segment, lines: string): Promise<void> {
  const bytes = Buffer.from(lines);
  for (let written = 0; written < bytes.length;) written += writeSync(segment.descriptor, bytes, written);
  await new Promise<void>((resolve, reject) => {
    fdatasync(segment.descriptor, (error) => (error === null ? resolve() : reject(error)));
  });
  // Whoever takes a file renames it before he reads it: what is on disk under its own name now, he will read.
  if (statSync(segment.file, { throwIfNoEntry: false })?.ino !== segment.inode)
    throw new Error(`${segment.file} was taken over`);
  segment.sizeBytes += bytes.length;
}

function lineOf(record: SettlementRecord): string {
  const text = JSON.stringify(record);
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
}

/** Lines that are whole. What was written when the machine stopped was never said to be kept. */
function recordsIn(text: string): SettlementRecord[] {
  return text.split('\n').flatMap((line) => {
    const body = line.slice(9);
    if (line[8] !== ' ' || crc32(body).toString(16).padStart(8, '0') !== line.slice(0, 8)) return [];
    return [settlementRecordSchema.parse(JSON.parse(body))];
  });
}

/** @param seen files of the last time, and when they were written to: those that were not since belong to nobody who lives */
async function recover(
  options: JournalOptions,
  segments: Pick<Segments, 'has'>,
  seen: ReadonlyMap<string, number> | undefined,
): Promise<{ readonly problems: unknown[]; readonly seen: ReadonlyMap<string, number> }> {
  const problems: unknown[] = [];
  const found = new Map<string, number>();
  const { directory } = options;
  for (const name of await readdir(directory).catch(() => [])) {
    if (!SEGMENT_NAME.test(name) || segments.has(name)) continue;
    const file = path.join(directory, name);
    const taken = file.replace('.journal', '.taken');
    try {
      const { mtimeMs } = await stat(file);
      found.set(name, mtimeMs);
      if (seen !== undefined && file !== taken && seen.get(name) !== mtimeMs) continue;
      await rename(file, taken);
      await Promise.all(recordsIn(await readFile(taken, 'utf8')).map((record) => settleOrHandOn(options, record)));
      await rm(taken, { force: true });
    } catch (error) {
      // another process of this folder settled it
      if (systemCode(error) !== 'ENOENT') problems.push(error);
    }
  }
  return { problems, seen: found };
}
