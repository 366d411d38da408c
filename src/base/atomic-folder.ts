import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { explainWriteError, syncDirectory, temporaryNameFor } from './atomic-file.js';
import { systemCode } from './errors.js';

/**
 * Whole-or-nothing folders: filled under a temporary name beside the target, synced, renamed to it. When the target
 * exists already it is moved aside first; a kill between the two renames leaves it under `<target>.previous.partial`,
 * from where `restoreFolder` (called by readers and by the next write) takes it back.
 */
export async function writeFolderAtomic<T>(target: string, fill: (folder: string) => Promise<T>): Promise<T> {
  const parent = path.dirname(path.resolve(target));
  const temporary = temporaryNameFor(path.resolve(target));
  try {
    await mkdir(parent, { recursive: true });
    await restoreFolder(target);
    await mkdir(temporary);
    const result = await fill(temporary);
    await syncFiles(temporary);
    await swapIn(temporary, path.resolve(target));
    await syncDirectory(parent);
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw explainWriteError(error, target);
  }
}

/** Finishes or undoes an interrupted replacement; does nothing when there was none. Call before reading the folder. */
export async function restoreFolder(target: string): Promise<void> {
  if (await exists(target)) return;
  try {
    await rename(previousNameOf(target), path.resolve(target));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

async function swapIn(temporary: string, target: string): Promise<void> {
  const previous = previousNameOf(target);
  await rm(previous, { recursive: true, force: true });
  try {
    await rename(target, previous);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await rename(temporary, target);
  await rm(previous, { recursive: true, force: true });
}

function previousNameOf(target: string): string {
  return `${path.resolve(target)}.previous.partial`;
}

async function exists(target: string): Promise<boolean> {
  try {
    await lstat(target);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function syncFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const handle = await open(path.join(folder, entry.name), 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  await syncDirectory(folder);
}
