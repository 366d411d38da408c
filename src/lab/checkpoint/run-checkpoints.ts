/**
 * The checkpoints of a run: `checkpoints/step-00000123/`. Names that end in `.partial` are saves or removals that never
 * finished and are ignored; `.replaced` is the older of two saves of one step, which counts only while the newer is not
 * in place yet. One process at a time writes into a run.
 */
import path from 'node:path';
import { type Clock, systemClock } from '../../base/clock.js';
import { systemCode } from '../../base/errors.js';
import { type Holds, holdsAmong } from './checkpoint-holds.js';
import { type DirectoryEntry, type FileSystem, nodeFileSystem } from './file-system.js';
import { withoutOvertaken } from './run-attempts.js';

export interface CheckpointReference {
  readonly step: number;
  readonly directory: string;
}

const NAME = /^step-(\d{8,15})(\.replaced)?$/;

export function checkpointsDirectory(runDirectory: string): string {
  return path.join(runDirectory, 'checkpoints');
}

export function checkpointDirectory(runDirectory: string, step: number): string {
  if (!Number.isSafeInteger(step) || step < 0 || step > 1e15) throw new RangeError(`step ${step}`);
  return path.join(checkpointsDirectory(runDirectory), `step-${String(step).padStart(8, '0')}`);
}

export function replacedName(directory: string): string {
  return `${directory}.replaced`;
}

/** All finished checkpoints, oldest first; none when there is no such run. They are not opened. */
export async function listCheckpoints(
  runDirectory: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<CheckpointReference[]> {
  const parent = checkpointsDirectory(runDirectory);
  const entries = await namesIn(parent, fileSystem);
  const byStep = new Map<number, string>();
  for (const { name, isDirectory } of entries) {
    const match = NAME.exec(name);
    if (!isDirectory || match === null) continue;
    const step = Number(match[1]);
    if (match[2] === undefined || !byStep.has(step)) byStep.set(step, path.join(parent, name));
  }
  return [...byStep].map(([step, directory]) => ({ step, directory })).sort((a, b) => a.step - b.step);
}

/** The checkpoint of the highest step that an attempt which was overtaken did not leave, or undefined when there is none. */
export async function latestCheckpoint(
  runDirectory: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<CheckpointReference | undefined> {
  return (await withoutOvertaken(runDirectory, await listCheckpoints(runDirectory, fileSystem))).at(-1);
}

/**
 * Removes all checkpoints but the newest `keepLast`, those of `keepSteps` and those that are held; the newest always remains. Those
 * after `notAfter` go too: a run that went back and on from an earlier step has left them. Each is renamed before it is removed, so
 * that a kill leaves no half checkpoint under a good name.
 */
export async function pruneCheckpoints(
  runDirectory: string,
  { keepLast, keepSteps = [], notAfter = Infinity, clock = systemClock }: PruneOptions,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<void> {
  if (!Number.isSafeInteger(keepLast) || keepLast < 1) throw new RangeError(`keepLast is ${keepLast}, not 1 or more`);
  const all = await listCheckpoints(runDirectory, fileSystem);
  const left = all.filter(({ step }) => step > notAfter);
  const older = all.filter(({ step }) => step <= notAfter).slice(0, -keepLast);
  const holds = await holdsOf(runDirectory, clock, fileSystem);
  for (const { step, directory } of [...left, ...older.filter(({ step }) => !keepSteps.includes(step))]) {
    if (holds.steps.has(step)) continue;
    const doomed = `${directory}.removed.partial`;
    await fileSystem.rename(directory, doomed);
    await fileSystem.remove(doomed);
  }
  for (const name of holds.ended) await fileSystem.remove(path.join(checkpointsDirectory(runDirectory), name));
}

async function holdsOf(runDirectory: string, clock: Clock, fileSystem: FileSystem): Promise<Holds> {
  return holdsAmong(await namesIn(checkpointsDirectory(runDirectory), fileSystem), clock.now());
}

/** Steps that are served or exported, and stay. */
export async function heldSteps(runDirectory: string, clock: Clock): Promise<ReadonlySet<number>> {
  return (await holdsOf(runDirectory, clock, nodeFileSystem)).steps;
}

/** None when there is no such directory. */
async function namesIn(directory: string, fileSystem: FileSystem): Promise<DirectoryEntry[]> {
  return fileSystem.list(directory).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
}

interface PruneOptions {
  readonly keepLast: number;
  readonly keepSteps?: readonly number[];
  readonly notAfter?: number;
  readonly clock?: Clock;
}

/** Removes what killed saves and removals left behind. */
export async function removeLeftovers(runDirectory: string, fileSystem: FileSystem): Promise<void> {
  const parent = checkpointsDirectory(runDirectory);
  const names = (await fileSystem.list(parent)).map(({ name }) => name);
  const superseded = (name: string): boolean =>
    name.endsWith('.replaced') && names.includes(name.slice(0, -'.replaced'.length));
  for (const name of names) {
    if (name.endsWith('.partial') || superseded(name)) await fileSystem.remove(path.join(parent, name));
  }
}
