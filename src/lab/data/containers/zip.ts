/** ZIP archives (PKWARE APPNOTE), read through their directory at the end, never through the local headers alone. */
import { isUtf8 } from 'node:buffer';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { OpenedFile } from '../format-reader.js';
import { type Container, type ContainerEntry, ContainerError, isPassedOver, refuseName } from './container.js';

/** A directory larger than this is no archive that somebody made by hand. */
const MAX_ENTRIES = 1_000_000;
const ENCRYPTED = 1;
const UNIX_MODE_SHIFT = 16;
const FILE_TYPE_MASK = 0o170000;
const SYMBOLIC_LINK = 0o120000;

export const zip: Container = {
  name: 'ZIP',
  hasSignature: isZip,
  async *entries(file) {
    const archive = await openZip(file);
    try {
      for await (const entry of archive.entries()) {
        if (entry.name.endsWith('/') || isPassedOver(entry.name)) continue;
        yield refuseName(entry.name) ?? refuseEntry(entry) ?? fileOf(archive, entry);
      }
    } finally {
      archive.close();
    }
  },
};

export function isZip(head: Buffer): boolean {
  return head.length >= 4 && (head.readUInt32LE(0) === 0x04034b50 || head.readUInt32LE(0) === 0x06054b50);
}

function fileOf(archive: OpenedZip, entry: ZipEntry): ContainerEntry {
  return { kind: 'file', name: entry.name, bytes: archive.read(entry) };
}

function refuseEntry({ name, header: { generalPurposeBitFlag, externalFileAttributes } }: ZipEntry) {
  const refuse = (reason: string, detail: string): ContainerEntry => ({ kind: 'refused', name, reason, detail });
  if ((generalPurposeBitFlag & ENCRYPTED) !== 0) return refuse('encrypted', 'is encrypted');
  const type = (externalFileAttributes >>> UNIX_MODE_SHIFT) & FILE_TYPE_MASK;
  if (type === SYMBOLIC_LINK) return refuse('symbolic-link', 'symbolic links are not followed');
  return undefined;
}

export interface ZipEntry {
  /** As it stands there; a folder's ends with a slash. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly header: Entry;
}

export interface OpenedZip {
  /** The directory, in its order; may be gone through once. @throws ContainerError */
  entries(): AsyncIterable<ZipEntry>;
  /** An entry's bytes, never more than its directory says. @throws ContainerError */
  read(entry: ZipEntry): AsyncIterable<Uint8Array>;
  close(): void;
}

/** @throws ContainerError `damaged` */
export async function openZip(file: Pick<OpenedFile, 'path'>): Promise<OpenedZip> {
  const archive = await orDamaged(
    yauzl.openPromise(file.path, { lazyEntries: true, autoClose: false, decodeStrings: false }),
  );
  if (archive.entryCount > MAX_ENTRIES) {
    archive.close();
    throw new ContainerError('unpacks-too-far', `holds ${archive.entryCount} files, the limit is ${MAX_ENTRIES}`);
  }
  return {
    entries: () => entriesOf(archive),
    read: (entry) => bytesOf(archive, entry),
    close: () => archive.close(),
  };
}

async function* entriesOf(archive: ZipFile): AsyncGenerator<ZipEntry> {
  const iterator = archive.eachEntry();
  for (;;) {
    const { value, done } = await orDamaged(iterator.next());
    if (done === true) return;
    yield { name: nameOf(value), sizeBytes: value.uncompressedSize, header: value };
  }
}

/** Many writers store UTF-8 without saying so. yauzl is not asked, since it gives up an archive for one bad name. */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  if (isUtf8(fileNameRaw)) return fileNameRaw.toString('utf8');
  return yauzl.getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false);
}

async function* bytesOf(archive: ZipFile, { header }: ZipEntry): AsyncGenerator<Uint8Array> {
  const stream = await orDamaged(archive.openReadStreamPromise(header));
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw damaged(error);
  } finally {
    stream.destroy();
  }
}

async function orDamaged<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw damaged(error);
  }
}

function damaged(cause: unknown): ContainerError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ContainerError('damaged', `is cut off or damaged: ${why}`, { cause });
}
