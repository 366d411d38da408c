/** A run that lies in an object store while workers train it, and how it gets there and back. */
import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { writeFolderAtomic } from '../../base/atomic-folder.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { nodeFileSystem } from '../checkpoint/file-system.js';
import { MANIFEST_FILE, verifyManifest } from '../checkpoint/manifest.js';
import { type RunFiles, notOvertaken } from '../checkpoint/run-attempts.js';
import { type CheckpointReference, checkpointDirectory } from '../checkpoint/run-checkpoints.js';
import { MANIFEST_FILE as SHARD_MANIFEST } from '../tokenizer/shard-writer.js';
import { EVENTS_FILE, eventsFileOf, parseEvents, readEvents } from '../train/run-directory.js';
import { tailFeed } from './event-feed.js';
import { START_FILE } from './job-folder.js';
import type { ObjectStore } from './object-store.js';
import { claimIn, claimInStore } from './run-claim.js';
import {
  BEGINNINGS,
  type RunStorage,
  type SentShards,
  checkpointToSend,
  joined,
  keepFetched,
  shardFiles,
  shardsName,
} from './run-storage.js';
import { STOP_FILE } from './torchrun.js';

/**
 * @param run the store below the run's own name
 * @param runs the store below which it lies, and the shards beside it
 */
export function storedRun(run: ObjectStore, runs: ObjectStore, runDirectory: string): RunStorage {
  return {
    location: run.location,
    directory: undefined,
    claims: [claimInStore(run), claimIn(runDirectory)],
    feed: (skip) => tailFeed((byte) => run.read(EVENTS_FILE, byte), skip),
    async askToStop() {
      await run.write(STOP_FILE, '');
      return true;
    },
    async sendStart(file) {
      await run.upload(START_FILE, file);
      return `${run.location}/${START_FILE}`;
    },
    async clear() {
      for (const name of [STOP_FILE, START_FILE]) await run.remove(name);
    },
    placeShards: (shards, onSent) => sendShards(shards, runs, onSent),
    joinEvents: () => joinEvents(runDirectory, run),
    sendCheckpoint: (step) => sendCheckpoint(runDirectory, run, step),
    fetchCheckpoints: (keepLast) => fetchCheckpoints(run, runDirectory, keepLast),
    async forget() {
      const attempts = (await run.list('attempts/')).map(({ name }) => name);
      for (const name of [...BEGINNINGS, ...attempts]) await run.remove(name);
    },
  };
}

/** What is there already, under a name that their content gives, is not sent again. */
async function sendShards(shards: string, runs: ObjectStore, onSent: SentShards = () => {}): Promise<string> {
  const folder = await shardsName(shards);
  const there = new Map((await runs.list(`${folder}/`)).map(({ name, sizeBytes }) => [name, sizeBytes]));
  // the manifest, by which people know a whole folder, is the last
  const files = [...(await shardFiles(shards)), SHARD_MANIFEST].map(async (file) => ({
    file: path.join(shards, file),
    name: `${folder}/${file}`,
    sizeBytes: (await stat(path.join(shards, file))).size,
  }));
  const missing = (await Promise.all(files)).filter(({ name, sizeBytes }) => there.get(name) !== sizeBytes);
  const allBytes = missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let sentBytes = 0;
  for (const { file, name } of missing)
    await runs.upload(name, file, (bytes) => onSent((sentBytes += bytes), allBytes));
  return `${runs.location}/${folder}`;
}

async function joinEvents(runDirectory: string, run: ObjectStore): Promise<void> {
  const text = (await run.read(EVENTS_FILE))?.toString('utf8') ?? '';
  const missing = joined(
    await readEvents(runDirectory),
    parseEvents(text.split('\n')),
    `${runDirectory} and ${run.location}`,
  );
  if (missing?.lacking === 'here') await writeFileAtomic(eventsFileOf(runDirectory), missing.text);
  if (missing?.lacking === 'there') await run.write(EVENTS_FILE, missing.text);
}

const folderOf = (step: number): string => `checkpoints/${path.basename(checkpointDirectory('', step))}`;

/** It counts once its manifest is there, which is sent last. */
async function sendCheckpoint(runDirectory: string, run: ObjectStore, step: number | undefined): Promise<void> {
  const chosen = await checkpointToSend(runDirectory, step);
  // where there is none, the worker says so, and which there are
  if (chosen === undefined) return;
  const { files } = await verifyManifest(nodeFileSystem, chosen.directory);
  const manifest = await readFile(path.join(chosen.directory, MANIFEST_FILE));
  const name = (file: string): string => `${folderOf(chosen.step)}/${file}`;
  const theirs = await run.read(name(MANIFEST_FILE));
  if (theirs?.equals(manifest) === true) return;
  if (theirs !== undefined) await run.remove(name(MANIFEST_FILE));
  for (const file of Object.keys(files)) await run.upload(name(file), path.join(chosen.directory, file));
  await run.write(name(MANIFEST_FILE), manifest);
}

async function fetchCheckpoints(run: ObjectStore, runDirectory: string, keepLast: number): Promise<void> {
  const there = await notOvertaken(filesOf(run), await wholeCheckpoints(run));
  for (const checkpoint of there)
    await fetchCheckpoint(run, checkpoint, checkpointDirectory(runDirectory, checkpoint.step));
  await keepFetched(runDirectory, keepLast, there);
}

const filesOf = (run: ObjectStore): RunFiles => ({
  names: async (folder) => (await run.list(`${folder}/`)).map(({ name }) => path.posix.basename(name)),
  text: async (file) => (await run.read(file))?.toString('utf8'),
});

/** Those with a manifest; others are uploads that have not ended. */
async function wholeCheckpoints(run: ObjectStore): Promise<CheckpointReference[]> {
  const names = (await run.list('checkpoints/')).map(({ name }) => name);
  return names.flatMap((name) => {
    const step = /^checkpoints\/step-(\d{8,15})\/manifest\.json$/.exec(name)?.[1];
    return step === undefined ? [] : [{ step: Number(step), directory: folderOf(Number(step)) }];
  });
}

/** Whole, and what its manifest says, or not at all; one that is the same already stays. */
async function fetchCheckpoint(run: ObjectStore, { directory }: CheckpointReference, to: string): Promise<void> {
  const manifest = await run.read(`${directory}/${MANIFEST_FILE}`);
  const ours = await readFile(path.join(to, MANIFEST_FILE)).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  // undefined: it was let go meanwhile
  if (manifest === undefined || ours?.equals(manifest) === true) return;
  await mkdir(path.dirname(to), { recursive: true });
  await writeFolderAtomic(to, async (folder) => {
    for (const { name, sizeBytes } of await run.list(`${directory}/`)) {
      await run.download(name, sizeBytes, path.join(folder, path.posix.basename(name)));
    }
    await verifyManifest(nodeFileSystem, folder).catch((error: unknown) => {
      if (!(error instanceof MoatError)) throw error;
      const what = error.message.replaceAll(`${folder}${path.sep}`, `${run.location}/${directory}/`);
      throw new MoatError(error.code, what, {
        fix: 'Remove this checkpoint there, and fetch the others with --resume.',
      });
    });
  });
}
