/** Where a run lies while workers train it, and how it gets there and back: in folders. Of stores: `stored-run.ts`. */
import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, open, readFile, rm, rmdir, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { explainWriteError, writeFileAtomic } from '../../base/atomic-file.js';
import { writeFolderAtomic } from '../../base/atomic-folder.js';
import { MoatError, systemCode } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { withLock } from '../../base/process-lock.js';
import { formatBytes } from '../../base/units.js';
import { MANIFEST_FILE } from '../checkpoint/manifest.js';
import { forgetAttempts, withoutOvertaken } from '../checkpoint/run-attempts.js';
import {
  type CheckpointReference,
  checkpointDirectory,
  latestCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
} from '../checkpoint/run-checkpoints.js';
import { SHARD_HEADER_BYTES } from '../tokenizer/shard-format.js';
import { readShardManifest } from '../tokenizer/shard-reader.js';
import { MANIFEST_FILE as SHARD_MANIFEST } from '../tokenizer/shard-writer.js';
import { EVENTS_FILE, readEvents } from '../train/run-directory.js';
import { type EventFeed, fileFeed, logFeed } from './event-feed.js';
import { START_FILE } from './job-folder.js';
import { type ClaimPlace, type RunClaim, claimIn } from './run-claim.js';
import { STOP_FILE } from './torchrun.js';

/** Where a run lies while workers train it. */
export interface RunStorage {
  /** The run's directory as the workers see it: a path or a URI. */
  readonly location: string;
  /** The same as this machine sees it; undefined where it is no folder here. */
  readonly directory: string | undefined;
  /** Where the run is claimed. The first decides; the others are for those who go on with it there. */
  readonly claims: readonly [ClaimPlace, ...ClaimPlace[]];
  /** The events since the run had as many. @param readLogs all that the job has printed */
  feed(skip: number, readLogs: () => Promise<string>): EventFeed;
  /** @returns whether the workers hear of it; else they must be asked by other means */
  askToStop(): Promise<boolean>;
  /** Sends first weights that are too large to travel, where they are not written into `directory`. @returns where they lie then */
  readonly sendStart: ((file: string) => Promise<string>) | undefined;
  /** Removes what a job that has ended needed beside the run: that it was asked to stop, and its first weights. */
  clear(): Promise<void>;
  /** Puts the shards where the workers find them, unless they are there. @returns where; undefined: they must travel */
  placeShards(shards: string, onSent?: SentShards): Promise<string | undefined>;
  /** Makes two copies of the run's events one. @throws MoatError `runs-diverged` */
  joinEvents(): Promise<void>;
  /** Brings the checkpoint to go on from, the last or that of a step, where it is not yet. */
  sendCheckpoint(step: number | undefined): Promise<void>;
  /** Brings every checkpoint back that is not here, and lets those go that the run would have let go here. */
  fetchCheckpoints(keepLast: number): Promise<void>;
  /** Removes what a run that never began has left there. */
  forget(): Promise<void>;
}

/** How much of the shards has arrived. */
export type SentShards = (sentBytes: number, allBytes: number) => void;

/** Files of a run that never began. */
export const BEGINNINGS = ['config.json', EVENTS_FILE] as const;

/** The run's own directory here, which the workers see under the same path. */
export function ownStorage(runDirectory: string): RunStorage {
  return {
    ...folderParts(runDirectory),
    claims: [claimIn(runDirectory)],
    placeShards: (shards) => Promise.resolve(shards),
    async joinEvents() {},
    async sendCheckpoint() {},
    async fetchCheckpoints() {},
  };
}

/** A folder that both sides see, other than the run's own. */
export function folderStorage(storage: string, runDirectory: string): RunStorage {
  const directory = path.resolve(storage, path.basename(runDirectory));
  return {
    ...folderParts(directory),
    claims: [claimIn(directory), claimIn(runDirectory)],
    placeShards: (shards) => placeShards(shards, path.dirname(directory)),
    joinEvents: () => joinEvents(runDirectory, directory),
    sendCheckpoint: (step) => sendCheckpoint(runDirectory, directory, step),
    fetchCheckpoints: (keepLast) => fetchCheckpoints(directory, runDirectory, keepLast),
  };
}

function folderParts(
  directory: string,
): Pick<RunStorage, 'location' | 'directory' | 'feed' | 'askToStop' | 'sendStart' | 'clear' | 'forget'> {
  return {
    location: directory,
    directory,
    feed: (skip) => fileFeed(path.join(directory, EVENTS_FILE), skip),
    async askToStop() {
      await writeFile(path.join(directory, STOP_FILE), '');
      return true;
    },
    sendStart: undefined,
    async clear() {
      for (const name of [STOP_FILE, START_FILE]) await rm(path.join(directory, name), { force: true });
    },
    async forget() {
      await forgetAttempts(directory);
      for (const name of BEGINNINGS) await rm(path.join(directory, name), { force: true });
      // only while nothing else is in it
      await rmdir(directory).catch(() => {});
    },
  };
}

/** A place that the workers alone see: what they print is all that is known of it. */
export function unseenStorage(location: string, runDirectory: string): RunStorage {
  return {
    location,
    directory: undefined,
    claims: [claimIn(runDirectory)],
    feed: (_skip, readLogs) => logFeed(readLogs),
    askToStop: () => Promise.resolve(false),
    placeShards: () => Promise.resolve(undefined),
    sendStart: undefined,
    async clear() {},
    async joinEvents() {},
    async sendCheckpoint() {},
    async fetchCheckpoints() {},
    async forget() {},
  };
}

/** Who has the run, there or here. */
export async function heldBy({ claims }: RunStorage): Promise<RunClaim | undefined> {
  for (const place of claims) {
    const held = await place.read();
    if (held !== undefined) return held;
  }
  return undefined;
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
 * Which of two copies of a run's events lacks some: the shorter must be the beginning of the longer.
 * @returns the one to be written, and what; undefined where they are the same
 * @throws MoatError `runs-diverged`
 */
export function joined(
  here: readonly RunEvent[],
  there: readonly RunEvent[],
  places: string,
): { readonly lacking: 'here' | 'there'; readonly text: string } | undefined {
  // as the events mean them: two programs write spaces differently
  const [ours, theirs] = [here, there].map((events) => events.map((event) => JSON.stringify(event))) as [
    string[],
    string[],
  ];
  const [shorter, longer] = ours.length < theirs.length ? [ours, theirs] : [theirs, ours];
  if (shorter.every((line, index) => line === longer[index])) {
    if (shorter.length === longer.length) return undefined;
    return { lacking: shorter === ours ? 'here' : 'there', text: longer.map((line) => `${line}\n`).join('') };
  }
  throw new MoatError('runs-diverged', `${places}: each has gone its own way`, {
    fix: 'Keep the one you want, and remove the other or train under another --name.',
  });
}

async function joinEvents(here: string, there: string): Promise<void> {
  const [ours, theirs] = await Promise.all([readEvents(here), readEvents(there)]);
  const missing = joined(ours, theirs, `${here} and ${there}`);
  if (missing === undefined) return;
  await writeFileAtomic(path.join(missing.lacking === 'here' ? here : there, EVENTS_FILE), missing.text);
}

const textOf = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });

/** To go on from: the last, or that of a step. */
export async function checkpointToSend(
  runDirectory: string,
  step: number | undefined,
): Promise<CheckpointReference | undefined> {
  if (step === undefined) return latestCheckpoint(runDirectory);
  return (await listCheckpoints(runDirectory)).find((each) => each.step === step);
}

async function sendCheckpoint(from: string, to: string, step: number | undefined): Promise<void> {
  const chosen = await checkpointToSend(from, step);
  // where there is none, the worker says so, and which there are
  if (chosen !== undefined) await copyCheckpoint(chosen.directory, checkpointDirectory(to, chosen.step));
}

async function fetchCheckpoints(from: string, to: string, keepLast: number): Promise<void> {
  const there = await withoutOvertaken(from, await listCheckpoints(from));
  for (const { step, directory } of there) await copyCheckpoint(directory, checkpointDirectory(to, step));
  await keepFetched(to, keepLast, there);
}

/** Lets those go that the run would have let go here. */
export async function keepFetched(
  runDirectory: string,
  keepLast: number,
  fetched: readonly { readonly step: number }[],
): Promise<void> {
  if ((await latestCheckpoint(runDirectory)) === undefined) return;
  await pruneCheckpoints(runDirectory, { keepLast, keepSteps: fetched.map(({ step }) => step) });
}

/** Whole or not at all; one that is the same already stays. */
async function copyCheckpoint(from: string, to: string): Promise<void> {
  const [theirs, ours] = await Promise.all([from, to].map((folder) => textOf(path.join(folder, MANIFEST_FILE))));
  if (theirs !== ours) await copyFolder(from, to);
}

const copyFolder = (from: string, to: string): Promise<void> =>
  writeFolderAtomic(to, (folder) => cp(from, folder, { recursive: true }));

const COPY_PATIENCE_MS = 3_600_000;

export async function placeShards(shards: string, storage: string): Promise<string> {
  const there = path.join(storage, await shardsName(shards));
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

/** Of a folder of token shards, by their content: their manifest, and the head of each, where its checksum is. */
export async function shardsName(shards: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(path.join(shards, SHARD_MANIFEST)));
  for (const name of await shardFiles(shards)) {
    const file = await open(path.join(shards, name));
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(SHARD_HEADER_BYTES), 0, SHARD_HEADER_BYTES, 0);
      hash.update(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  }
  return `shards-${hash.digest('hex').slice(0, 12)}`;
}

/** In the order of their manifest, which is not among them. */
export const shardFiles = async (shards: string): Promise<string[]> =>
  Object.values((await readShardManifest(shards)).splits).flatMap((split) => split.shards);
