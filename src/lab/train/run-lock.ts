/**
 * Who trains a run: `runs/<name>/training.lock` names the process, so that no two write into one run and whoever looks
 * on knows whether it is alive. A file `stop` beside it asks for what Ctrl-C does, from any process and across a restart
 * of the one that started the training.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { isHeld, withLock } from '../../base/process-lock.js';

const LOOK_INTERVAL_MS = 300;
const PATIENCE_MS = 200;

const lockOf = (runDirectory: string): string => path.join(runDirectory, 'training.lock');
const stopFileOf = (runDirectory: string): string => path.join(runDirectory, 'stop');

/**
 * Runs `work` as the only one who trains in this directory.
 * @param stop aborts when a stop is asked for
 * @throws MoatError `run-busy`
 */
export async function whileTraining<T>(
  runDirectory: string,
  stop: AbortController,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(runDirectory, { recursive: true });
  const busy = (): MoatError =>
    new MoatError('run-busy', `${runDirectory}: another process is training this run`, {
      fix: 'Stop it first, or train under another --name.',
    });
  return withLock(lockOf(runDirectory), { patienceMs: PATIENCE_MS, busy }, async () => {
    const stopFile = stopFileOf(runDirectory);
    // of a process that was killed before it looked
    await rm(stopFile, { force: true });
    const look = setInterval(() => {
      if (existsSync(stopFile)) stop.abort();
    }, LOOK_INTERVAL_MS).unref();
    try {
      return await work();
    } finally {
      clearInterval(look);
      await rm(stopFile, { force: true });
    }
  });
}

/** Whether the process that trains the run is alive; undefined where the run has none. */
export function isTraining(runDirectory: string): Promise<boolean | undefined> {
  return isHeld(lockOf(runDirectory));
}

/** Whether a stop was asked for that has not happened yet. */
export function isStopping(runDirectory: string): boolean {
  return existsSync(stopFileOf(runDirectory));
}

/**
 * Asks for a checkpoint and an orderly end, after the step that is under way. Safe to repeat.
 * @throws MoatError `not-training`
 */
export async function requestStop(runDirectory: string): Promise<void> {
  if ((await isTraining(runDirectory)) !== true) {
    throw new MoatError('not-training', `${runDirectory}: nothing is training this run`);
  }
  await writeFile(stopFileOf(runDirectory), '');
}
