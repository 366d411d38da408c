/**
 * Opens a checkpoint of a run after checking all of it. One that is missing, truncated or corrupt is refused by name,
 * and the error says which earlier one can be used instead.
 */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { type Manifest, STATE_FILE, readTextFile, verifyManifest } from './manifest.js';
import { listCheckpoints } from './run-checkpoints.js';
import { type SafetensorsReader, openSafetensors } from './safetensors.js';
import { MODEL_FILE, OPTIMIZER_FILE } from './save-checkpoint.js';

export interface Checkpoint {
  readonly directory: string;
  readonly step: number;
  readonly model: SafetensorsReader;
  readonly optimizer: SafetensorsReader;
  /** The JSON that was given to `saveCheckpoint`; the caller validates it. */
  readonly state: unknown;
  /** The text of `config.json`, `tokenizer.json` … */
  readText(name: string): Promise<string>;
  close(): Promise<void>;
}

/**
 * @param directory as `listCheckpoints` gives it
 * @throws MoatError `checkpoint-missing`, `checkpoint-truncated`, `checkpoint-corrupt` or `bad-safetensors`; its `fix`
 * names the newest earlier checkpoint that is whole
 */
export async function loadCheckpoint(directory: string, fileSystem: FileSystem = nodeFileSystem): Promise<Checkpoint> {
  try {
    return await open(directory, fileSystem);
  } catch (error) {
    if (!(error instanceof MoatError)) throw error;
    throw new MoatError(error.code, error.message, { cause: error, fix: await wayOut(directory, fileSystem) });
  }
}

async function open(directory: string, fileSystem: FileSystem): Promise<Checkpoint> {
  const { step, files } = await verifyManifest(fileSystem, directory);
  requireFiles(directory, files);
  const state: unknown = JSON.parse(await readTextFile(fileSystem, path.join(directory, STATE_FILE)));
  const model = await openSafetensors(path.join(directory, MODEL_FILE), fileSystem);
  let optimizer: SafetensorsReader;
  try {
    optimizer = await openSafetensors(path.join(directory, OPTIMIZER_FILE), fileSystem);
  } catch (error) {
    await model.close();
    throw error;
  }
  return {
    directory,
    step,
    model,
    optimizer,
    state,
    readText: (name) => readTextFile(fileSystem, path.join(directory, name)),
    async close() {
      await model.close();
      await optimizer.close();
    },
  };
}

function requireFiles(directory: string, files: Manifest['files']): void {
  for (const name of [MODEL_FILE, OPTIMIZER_FILE, STATE_FILE]) {
    if (Object.hasOwn(files, name)) continue;
    throw new MoatError('checkpoint-missing', `${path.join(directory, name)}: missing from the checkpoint`);
  }
}

async function wayOut(directory: string, fileSystem: FileSystem): Promise<string> {
  const runDirectory = path.dirname(path.dirname(directory));
  const step = stepOf(directory);
  const earlier = (await listCheckpoints(runDirectory, fileSystem)).filter((other) => other.step < step);
  for (const { directory: candidate } of earlier.reverse()) {
    const whole = await verifyManifest(fileSystem, candidate).then(
      () => true,
      () => false,
    );
    if (whole) return `Use the one before it, ${candidate}, which is whole.`;
  }
  return 'No earlier checkpoint of this run is whole: copy this one again, or start a new run.';
}

function stepOf(directory: string): number {
  const digits = /step-(\d+)/.exec(path.basename(directory))?.[1];
  return digits === undefined ? Infinity : Number(digits);
}
