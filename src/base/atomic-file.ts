import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { MoatError, systemCode } from './errors.js';

/**
 * Whole-or-nothing files: written under a temporary name beside the target, synced, renamed over it, the folder
 * synced. A kill or a full disk at any moment leaves the old file or the new one, never a part.
 */
export async function writeFileAtomic(
  target: string,
  write: string | Uint8Array | ((handle: FileHandle) => Promise<void>),
): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  const temporary = temporaryNameFor(target);
  try {
    const handle = await open(temporary, 'wx');
    try {
      if (typeof write === 'function') await write(handle);
      else await handle.writeFile(write);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainWriteError(error, target);
  }
  await syncDirectory(path.dirname(target));
}

/** A name no reader looks for: readers ignore everything that ends in `.partial`. */
export function temporaryNameFor(target: string): string {
  return `${target}.${randomBytes(6).toString('hex')}.partial`;
}

/** Makes a rename in this folder survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Turns the system's write errors into one clear line; anything else comes back unchanged. */
export function explainWriteError(error: unknown, target: string): unknown {
  switch (systemCode(error)) {
    case 'ENOSPC':
      return new MoatError('disk-full', `${target}: the disk is full; nothing was written`, {
        fix: 'Free some space and run the command again; what was there before is untouched.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new MoatError('not-writable', `${target}: this user may not write here`, {
        fix: 'Choose another folder or change its permissions.',
        cause: error,
      });
    default:
      return error;
  }
}
