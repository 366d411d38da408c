/**
 * `manifest.json` in a checkpoint: every other file's size and SHA-256, written last. It tells a truncated or altered
 * checkpoint from a whole one before anything of it is used.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { MoatError, systemCode } from '../../base/errors.js';
import { type FileSystem, readFully, writeFully } from './file-system.js';

export const MANIFEST_FILE = 'manifest.json';
/** How far the training was. */
export const STATE_FILE = 'trainer-state.json';

const CHUNK_BYTES = 4 << 20;
/** The small files that are read whole: configurations, tokenizers, states. */
const MAX_TEXT_BYTES = 256 << 20;

export interface FileRecord {
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

const manifestSchema = z.object({
  step: z.int().min(0),
  files: z.record(
    z.string().regex(/^[^/\\]+$/),
    z.object({ bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Writes one new file from pieces, syncs it and says what it holds. */
export async function writeRecorded(
  fileSystem: FileSystem,
  file: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<FileRecord> {
  const hash = createHash('sha256');
  let bytes = 0;
  const target = await fileSystem.create(file);
  try {
    for await (const chunk of chunks) {
      await writeFully(target, chunk);
      hash.update(chunk);
      bytes += chunk.byteLength;
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** A file in pieces; each piece is valid until the next is asked for. */
export async function* fileChunks(fileSystem: FileSystem, file: string): AsyncGenerator<Uint8Array> {
  const source = await fileSystem.open(file);
  try {
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(1, source.sizeBytes)));
    for (let position = 0; ;) {
      const count = await readFully(source, buffer, position);
      if (count === 0) return;
      yield buffer.subarray(0, count);
      position += count;
    }
  } finally {
    await source.close();
  }
}

/** A whole text file. @throws MoatError `file-too-large`; Node's error when it cannot be read */
export async function readTextFile(fileSystem: FileSystem, file: string): Promise<string> {
  const source = await fileSystem.open(file);
  try {
    if (source.sizeBytes > MAX_TEXT_BYTES) {
      throw new MoatError('file-too-large', `${file}: ${source.sizeBytes} bytes, over the limit of ${MAX_TEXT_BYTES}`);
    }
    const bytes = new Uint8Array(source.sizeBytes);
    const count = await readFully(source, bytes, 0);
    return new TextDecoder().decode(bytes.subarray(0, count));
  } finally {
    await source.close();
  }
}

/**
 * Reads a checkpoint's manifest and checks every file against it.
 * @throws MoatError `checkpoint-missing`, `checkpoint-truncated` or `checkpoint-corrupt`, naming the file
 */
export async function verifyManifest(fileSystem: FileSystem, directory: string): Promise<Manifest> {
  const manifest = await readManifest(fileSystem, directory);
  for (const [name, record] of Object.entries(manifest.files)) {
    await verifyFile(fileSystem, path.join(directory, name), record);
  }
  return manifest;
}

async function readManifest(fileSystem: FileSystem, directory: string): Promise<Manifest> {
  const file = path.join(directory, MANIFEST_FILE);
  const text = await readTextFile(fileSystem, file).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('checkpoint-missing', `${file}: no such file; this is not a whole checkpoint`, {
      cause: error,
    });
  });
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new MoatError('checkpoint-corrupt', `${file}: not a checkpoint's manifest`, { cause: error });
  }
}

async function verifyFile(fileSystem: FileSystem, file: string, expected: FileRecord): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of fileChunks(fileSystem, file)) {
      hash.update(chunk);
      bytes += chunk.byteLength;
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('checkpoint-missing', `${file}: missing from the checkpoint`, { cause: error });
  }
  if (bytes < expected.bytes) {
    throw new MoatError('checkpoint-truncated', `${file}: truncated, ${bytes} of ${expected.bytes} bytes`);
  }
  if (bytes > expected.bytes || hash.digest('hex') !== expected.sha256) {
    throw new MoatError('checkpoint-corrupt', `${file}: corrupt, it is not what was saved`);
  }
}
