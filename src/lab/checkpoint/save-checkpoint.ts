/**
 * Saves a checkpoint whole or not at all: written and synced under a temporary name, then renamed into place. A kill, a
 * full disk or a power cut at any moment leaves the checkpoints that were there, and this one only if it is whole.
 */
import path from 'node:path';
import { explainWriteError, temporaryNameFor } from '../../base/atomic-file.js';
import { invariant } from '../../base/errors.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { type FileRecord, MANIFEST_FILE, STATE_FILE, fileChunks, writeRecorded } from './manifest.js';
import {
  checkpointDirectory,
  checkpointsDirectory,
  pruneCheckpoints,
  removeLeftovers,
  replacedName,
} from './run-checkpoints.js';
import { type NamedTensor, safetensorsChunks } from './safetensors.js';

export const MODEL_FILE = 'model.safetensors';
export const OPTIMIZER_FILE = 'optimizer.safetensors';

export interface CheckpointContents {
  /**
   * The Hugging Face files beside the weights (`config.json`, `tokenizer.json`, `tokenizer_config.json`,
   * `generation_config.json` …): text, or the path of a file to copy.
   */
  readonly files: Readonly<Record<string, string | { readonly copyOf: string }>>;
  /** Weights under their Hugging Face names; left alone by the caller until the save is done, as `optimizer` is. */
  readonly tensors: readonly NamedTensor[];
  readonly optimizer: readonly NamedTensor[];
  /** What else a resumed run needs, as JSON: step, loader position, random state. */
  readonly state: object;
}

export interface SaveOptions {
  /** How many checkpoints remain, this one included; all when not given. */
  readonly keepLast?: number;
  /** Steps whose checkpoints remain in any case. */
  readonly keepSteps?: readonly number[];
  readonly fileSystem?: FileSystem;
}

export interface SavedCheckpoint {
  readonly directory: string;
  /** Of all its files. */
  readonly sizeBytes: number;
}

/**
 * A second save of the same step replaces the first.
 * @throws MoatError `disk-full` or `not-writable`; earlier checkpoints are untouched
 */
export async function saveCheckpoint(
  runDirectory: string,
  step: number,
  contents: CheckpointContents,
  options: SaveOptions = {},
): Promise<SavedCheckpoint> {
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const directory = checkpointDirectory(runDirectory, step);
  const temporary = temporaryNameFor(directory);
  let sizeBytes: number;
  try {
    await fileSystem.createDirectory(checkpointsDirectory(runDirectory));
    await fileSystem.syncDirectory(runDirectory);
    await removeLeftovers(runDirectory, fileSystem);
    await fileSystem.createDirectory(temporary);
    sizeBytes = await writeFiles(fileSystem, temporary, step, contents);
    await fileSystem.syncDirectory(temporary);
    await putInPlace(fileSystem, temporary, directory);
  } catch (error) {
    // the first error is the one to report; what cannot be removed now is removed by the next save
    await fileSystem.remove(temporary).catch(() => {});
    throw explainWriteError(error, directory);
  }
  const { keepLast, keepSteps = [] } = options;
  if (keepLast !== undefined) {
    await pruneCheckpoints(runDirectory, { keepLast, keepSteps, notAfter: step }, fileSystem);
  }
  return { directory, sizeBytes };
}

async function writeFiles(
  fileSystem: FileSystem,
  directory: string,
  step: number,
  { files, tensors, optimizer, state }: CheckpointContents,
): Promise<number> {
  const records: Record<string, FileRecord> = {};
  let sizeBytes = 0;
  const write = async (name: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> => {
    invariant(path.basename(name) === name && !(name in records), `"${name}" is not a new file's name`);
    const record = await writeRecorded(fileSystem, path.join(directory, name), chunks);
    records[name] = record;
    sizeBytes += record.bytes;
  };
  for (const [name, content] of Object.entries(files)) {
    await write(name, typeof content === 'string' ? [Buffer.from(content)] : fileChunks(fileSystem, content.copyOf));
  }
  await write(MODEL_FILE, safetensorsChunks(tensors, { format: 'pt' }));
  await write(OPTIMIZER_FILE, safetensorsChunks(optimizer));
  await write(STATE_FILE, [jsonBytes(state)]);
  await write(MANIFEST_FILE, [jsonBytes({ step, files: { ...records } })]);
  return sizeBytes;
}

const jsonBytes = (value: object): Uint8Array => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);

/** An older save of this step steps aside first, under a name that still counts: rename cannot replace a full directory. */
async function putInPlace(fileSystem: FileSystem, temporary: string, directory: string): Promise<void> {
  const parent = path.dirname(directory);
  const names = (await fileSystem.list(parent)).map(({ name }) => name);
  const aside = replacedName(directory);
  if (names.includes(path.basename(directory))) await fileSystem.rename(directory, aside);
  await fileSystem.rename(temporary, directory);
  await fileSystem.syncDirectory(parent);
  await fileSystem.remove(aside);
}
