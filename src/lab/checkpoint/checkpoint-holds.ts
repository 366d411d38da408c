/**
 * Checkpoints that stay although newer ones come: what is promoted, or being exported. An empty folder beside a checkpoint
 * says so (`step-00000180.held`), so that every program that removes old checkpoints sees it, whatever it is written in.
 * That of an export ends by itself after a day: whoever was killed can no longer take it away.
 */
import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { MoatError, systemCode } from '../../base/errors.js';
import type { DirectoryEntry } from './file-system.js';

const CHECKPOINT = /^step-\d{8,15}$/;
const HOLD = /^step-(\d{8,15})\.held(?:-until-(\d{1,15})-\d+)?$/;
const DAY_MS = 86_400_000;

export interface Holds {
  readonly steps: ReadonlySet<number>;
  /** Names of those that are over. */
  readonly ended: readonly string[];
}

/** @param entries of a run's `checkpoints/` */
export function holdsAmong(entries: readonly DirectoryEntry[], nowMs: number): Holds {
  const steps = new Set<number>();
  const ended: string[] = [];
  for (const { name } of entries) {
    const match = HOLD.exec(name);
    if (match === null) continue;
    if (match[2] === undefined || Number(match[2]) > nowMs) steps.add(Number(match[1]));
    else ended.push(name);
  }
  return { steps, ended };
}

/**
 * Until it is released.
 * @param directory of a checkpoint; nothing is done for another folder, which nobody prunes
 * @throws MoatError `no-model` when it went in the same moment
 */
export function holdCheckpoint(directory: string): Promise<void> {
  return hold(directory, `${directory}.held`);
}

export async function releaseCheckpoint(directory: string): Promise<void> {
  if (CHECKPOINT.test(path.basename(directory))) await rm(`${directory}.held`, { recursive: true, force: true });
}

/** As `holdCheckpoint`, for as long as the work takes, and a day at most. */
export async function holdWhile<T>(directory: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  const marker = `${directory}.held-until-${clock.now() + DAY_MS}-${process.pid}`;
  await hold(directory, marker);
  try {
    return await work();
  } finally {
    await rm(marker, { recursive: true, force: true });
  }
}

async function hold(directory: string, marker: string): Promise<void> {
  if (!CHECKPOINT.test(path.basename(directory))) return;
  try {
    await mkdir(marker).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    await stat(directory);
  } catch (error) {
    await rm(marker, { recursive: true, force: true });
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('no-model', `${directory}: this checkpoint is not there any more`, {
      fix: 'Take a newer one of the run.',
    });
  }
}
