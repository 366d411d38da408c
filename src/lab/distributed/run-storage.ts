/** Where a run lies while workers train it, and how it gets there and back. */
import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { explainWriteError, writeFileAtomic } from '../../base/atomic-file.js';
import { writeFolderAtomic } from '../../base/atomic-folder.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { withLock } from '../../base/process-lock.js';
import { formatBytes } from '../../base/units.js';
import { withoutOvertaken } from '../checkpoint/run-attempts.js';
import {
  checkpointDirectory,
  latestCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
} from '../checkpoint/run-checkpoints.js';
import { MANIFEST_FILE } from '../checkpoint/manifest.js';
import { MANIFEST_FILE as SHARD_MANIFEST } from '../tokenizer/shard-writer.js';
import { EVENTS_FILE, readEvents } from '../train/run-directory.js';

export interface RunStorage {
  /** The run's directory as the workers see it: a path or a URI. */
  readonly location: string;
  /** The same as this machine sees it; undefined where it does not. */
  readonly directory: string | undefined;
}

/**
 * @param storage a folder that both sides see, or a URI (`s3://…`, `gs://…`, `file:///…`) that the workers see alone;
 * undefined: the run's own directory
 */
export function runStorage(storage: string | undefined, runDirectory: string): RunStorage {
  if (storage === undefined) return { location: runDirectory, directory: runDirectory };
  const name = path.basename(runDirectory);
  if (storage.includes('://')) return { location: `${storage.replace(/\/+$/, '')}/${name}`, directory: undefined };
  const directory = path.resolve(storage, name);
  return { location: directory, directory };
}

/** @throws MoatError `no-space` when two checkpoints of this size would not fit */
export async function checkRoom(
  folder: string,
  checkpointBytes: number,
  freeBytes: (folder: string) => Promise<number> = freeBytesOf,
): Promise<void> {
  const free = await freeBytes(folder);
  // the one being written, and the one before it
  if (free >= 2 * checkpointBytes) return;
  throw new MoatError(
    'no-space',
    `${folder}: ${formatBytes(free)} free; a checkpoint of this model takes ${formatBytes(checkpointBytes)}, and two are needed`,
    { fix: 'Free some space, or give another --storage.' },
  );
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** A file whose content only those can know who see the storage: what the job must read back before it trains. */
export interface StorageProbe {
  readonly file: string;
  readonly nonce: string;
}

/** @throws MoatError `disk-full`, `not-writable` */
export async function writeProbe(file: string): Promise<StorageProbe> {
  const nonce = randomBytes(16).toString('hex');
  await writeFile(file, nonce).catch((error: unknown) => {
    throw explainWriteError(error, file);
  });
  return { file, nonce };
}

/**
 * Makes two copies of a run's events one: the shorter must be the beginning of the longer.
 * @throws MoatError `runs-diverged`
 */
export async function joinEvents(here: string, there: string): Promise<void> {
  const [ours, theirs] = await Promise.all([linesOf(here), linesOf(there)]);
  const [shorter, longer, place] = ours.length < theirs.length ? [ours, theirs, here] : [theirs, ours, there];
  if (shorter.every((line, index) => line === longer[index])) {
    if (shorter.length === longer.length) return;
    return writeFileAtomic(path.join(place, EVENTS_FILE), longer.map((line) => `${line}\n`).join(''));
  }
  throw new MoatError('runs-diverged', `${here} and ${there}: each has gone its own way`, {
    fix: 'Keep the one you want, and remove the other or train under another --name.',
  });
}

/** As the events mean them: two programs write spaces differently. */
const linesOf = async (place: string): Promise<string[]> =>
  (await readEvents(place)).map((event) => JSON.stringify(event));

const textOf = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });

/** Brings the checkpoint to go on from, the last or that of a step, where it is not yet. */
export async function sendCheckpoint(from: string, to: string, step: number | undefined): Promise<void> {
  const chosen =
    step === undefined
      ? await latestCheckpoint(from)
      : (await listCheckpoints(from)).find((each) => each.step === step);
  // where there is none, the worker says so, and which there are
  if (chosen !== undefined) await copyCheckpoint(chosen.directory, checkpointDirectory(to, chosen.step));
}

/** Brings every checkpoint back that is not here, and lets those go that the run would have let go here. */
export async function fetchCheckpoints(from: string, to: string, keepLast: number): Promise<void> {
  const there = await withoutOvertaken(from, await listCheckpoints(from));
  for (const { step, directory } of there) await copyCheckpoint(directory, checkpointDirectory(to, step));
  if ((await latestCheckpoint(to)) === undefined) return;
  await pruneCheckpoints(to, { keepLast, keepSteps: there.map(({ step }) => step) });
}

/** Whole or not at all; one that is the same already stays. */
async function copyCheckpoint(from: string, to: string): Promise<void> {
  const [theirs, ours] = await Promise.all([from, to].map((folder) => textOf(path.join(folder, MANIFEST_FILE))));
  if (theirs !== ours) await copyFolder(from, to);
}

const copyFolder = (from: string, to: string): Promise<void> =>
  writeFolderAtomic(to, (folder) => cp(from, folder, { recursive: true }));

const COPY_PATIENCE_MS = 3_600_000;

/**
 * Puts the token shards where the workers see them, under a name that says which they are, unless they are there.
 * @param storage a folder that both sides see
 */
export async function placeShards(shards: string, storage: string): Promise<string> {
  const manifest = await readFile(path.join(shards, SHARD_MANIFEST));
  const name = `shards-${createHash('sha256').update(manifest).digest('hex').slice(0, 12)}`;
  const there = path.join(storage, name);
  const isThere = async (): Promise<boolean> => (await textOf(path.join(there, SHARD_MANIFEST))) !== undefined;
  if (await isThere()) return there;
  await mkdir(storage, { recursive: true });
  const busy = (): MoatError =>
    new MoatError('storage-busy', `${there}: another process has been copying the shards there for too long`, {
      fix: 'Wait until it has ended, then try again.',
    });
  // trials of a search begin side by side, and a second copy would move the first one away under its workers
  await withLock(`${there}.lock`, { patienceMs: COPY_PATIENCE_MS, busy }, async () => {
    if (!(await isThere())) await copyFolder(shards, there);
  });
  return there;
}
