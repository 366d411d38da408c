/**
 * What checkpoints need of a disk, as an argument, so that tests can fill it up, cut a write short or cut the power
 * between any two operations. `nodeFileSystem` is the real one.
 */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { syncDirectory } from '../../base/atomic-file.js';

export interface WritableFile {
  /** Appends; resolves to how many of the bytes were taken, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  /** Resolves when everything written so far would survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface ReadableFile {
  readonly sizeBytes: number;
  /** Fills `into` from `position`; resolves to how many bytes came, 0 at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** Errors are Node's, with `code` (`ENOENT`, `ENOSPC`, `EEXIST` …). */
export interface FileSystem {
  /** With its parents; no error when it exists. */
  createDirectory(directory: string): Promise<void>;
  list(directory: string): Promise<DirectoryEntry[]>;
  /** @throws `EEXIST` when the file exists */
  create(file: string): Promise<WritableFile>;
  open(file: string): Promise<ReadableFile>;
  rename(from: string, to: string): Promise<void>;
  /** A file, or a directory with all it holds; no error when there is none. */
  remove(target: string): Promise<void>;
  /** Makes the names in a directory (new, renamed, removed) survive a power cut. */
  syncDirectory(directory: string): Promise<void>;
}

export const nodeFileSystem: FileSystem = {
  async createDirectory(directory) {
    await mkdir(directory, { recursive: true });
  },
  async list(directory) {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  },
  async create(file) {
    const handle = await open(file, 'wx');
    return {
      write: async (bytes) => (await handle.write(bytes)).bytesWritten,
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  async open(file) {
    const handle = await open(file, 'r');
    const { size } = await handle.stat();
    return {
      sizeBytes: size,
      read: async (into, position) => (await handle.read(into, 0, into.byteLength, position)).bytesRead,
      close: () => handle.close(),
    };
  },
  rename,
  remove: (target) => rm(target, { recursive: true, force: true }),
  syncDirectory,
};

/** Reads until `into` is full or the file ends; resolves to the bytes read. */
export async function readFully(file: ReadableFile, into: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < into.byteLength) {
    const count = await file.read(into.subarray(done), position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Writes all bytes, however few the disk takes at a time. */
export async function writeFully(file: WritableFile, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const count = await file.write(bytes.subarray(done));
    if (count === 0) throw Object.assign(new Error('the disk takes no more bytes'), { code: 'ENOSPC' });
    done += count;
  }
}
