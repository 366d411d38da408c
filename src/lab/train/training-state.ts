/** A run's parameters, optimizer and place in the data, into a checkpoint and out of it again, bit for bit. */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';
import type { FileSystem } from '../checkpoint/file-system.js';
import { loadCheckpoint } from '../checkpoint/load-checkpoint.js';
import type { NamedTensor, SafetensorsReader } from '../checkpoint/safetensors.js';
import { type CheckpointContents, saveCheckpoint } from '../checkpoint/save-checkpoint.js';
import { initialize } from '../models/initialize.js';
import type { FloatArray } from '../runtime/kernels.js';
import type { Optimizer } from './optimizer.js';
import type { ParameterStore } from './parameter-store.js';
import type { TrainingProgress } from './trainer.js';

const progressSchema = z.object({
  step: z.int().nonnegative(),
  elapsedSeconds: z.number().nonnegative(),
  tokensSeen: z.int().nonnegative(),
  batches: z.object({ epoch: z.int().nonnegative(), cursor: z.int().nonnegative() }),
});

/** Fresh parameters; equal seeds give equal models. */
export function initializeParameters(store: ParameterStore, seed: number): void {
  const rng = Rng.fromSeed(seed);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
}

export interface SaveStateOptions {
  readonly runDirectory: string;
  readonly files: CheckpointContents['files'];
  readonly keepLast: number;
  readonly fileSystem?: FileSystem;
}

export async function saveTrainingState(
  store: ParameterStore,
  optimizer: Optimizer,
  progress: TrainingProgress,
  options: SaveStateOptions,
): Promise<{ directory: string; sizeBytes: number }> {
  const named = (name: string, shape: readonly number[], array: FloatArray): NamedTensor => ({
    name,
    shape,
    data: array.view(),
  });
  return saveCheckpoint(
    options.runDirectory,
    progress.step,
    {
      files: options.files,
      tensors: store.parameters.map(({ spec, value }) => named(spec.name, spec.shape, value)),
      optimizer: [...optimizer.state].map(([name, { shape, array }]) => named(name, shape, array)),
      state: progress,
    },
    { keepLast: options.keepLast, ...(options.fileSystem === undefined ? {} : { fileSystem: options.fileSystem }) },
  );
}

/**
 * Fills store and optimizer from a checkpoint.
 * @throws MoatError as `loadCheckpoint`; `bad-checkpoint` when it was written for other parameters
 */
export async function restoreTrainingState(
  store: ParameterStore,
  optimizer: Optimizer,
  directory: string,
): Promise<TrainingProgress> {
  const checkpoint = await loadCheckpoint(directory);
  try {
    for (const { spec, value } of store.parameters) await fill(checkpoint.model, spec.name, value, spec.shape);
    for (const [name, { array, shape }] of optimizer.state) await fill(checkpoint.optimizer, name, array, shape);
    const parsed = progressSchema.safeParse(checkpoint.state);
    if (!parsed.success)
      throw new MoatError('bad-checkpoint', `${directory}: trainer-state.json is not a training state`);
    return parsed.data;
  } finally {
    await checkpoint.close();
  }
}

async function fill(
  reader: SafetensorsReader,
  name: string,
  array: FloatArray,
  shape: readonly number[],
): Promise<void> {
  const found = reader.tensors.get(name)?.shape;
  if (found === undefined || String(found) !== String(shape)) {
    const what = found === undefined ? 'is missing' : `has shape [${found.join(', ')}], not [${shape.join(', ')}]`;
    throw new MoatError('bad-checkpoint', `${reader.file}: tensor "${name}" ${what}`, {
      fix: 'It belongs to another model or optimizer; start a new run under another --name.',
    });
  }
  await reader.readFloat32(name, array.view());
}
