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
import type { OptimizerState } from './optimizer.js';
import type { ParameterStore } from './parameter-store.js';
import type { TrainingProgress } from './trainer.js';

const measurementSchema = z.object({ loss: z.number(), step: z.int().positive() });

export const progressSchema = z.object({
  step: z.int().nonnegative(),
  elapsedSeconds: z.number().nonnegative(),
  tokensSeen: z.int().nonnegative(),
  batches: z.object({ epoch: z.int().nonnegative(), cursor: z.int().nonnegative() }),
  best: measurementSchema.nullable().default(null),
  bestCheckpoints: z.array(measurementSchema).default([]),
});

/** Fresh parameters; equal seeds give equal models. */
export function initializeParameters(store: ParameterStore, seed: number): void {
  const rng = Rng.fromSeed(seed);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
}

/** The arrays of a run, by the name they are saved under. */
export interface TrainingArrays {
  /** What the checkpoint's model is. */
  readonly model: ReadonlyMap<string, OptimizerState>;
  /** What else a resumed run needs to go on bit for bit: the optimizer's state, carried states … */
  readonly further: ReadonlyMap<string, OptimizerState>;
}

export interface SaveStateOptions {
  readonly runDirectory: string;
  readonly files: CheckpointContents['files'];
  readonly keepLast: number;
  /** Of the weights' file; a whole model's when not given. */
  readonly layout?: Pick<CheckpointContents, 'weightsFile' | 'metadata'>;
  readonly fileSystem?: FileSystem;
}

export async function saveTrainingState(
  arrays: TrainingArrays,
  progress: TrainingProgress,
  { runDirectory, files, layout, ...options }: SaveStateOptions,
): Promise<{ directory: string; sizeBytes: number }> {
  const named = (map: TrainingArrays['model']): NamedTensor[] =>
    [...map].map(([name, { shape, array }]) => ({ name, shape, data: array.view() }));
  const contents = {
    ...layout,
    files,
    tensors: named(arrays.model),
    optimizer: named(arrays.further),
    state: progress,
  };
  const keepSteps = progress.bestCheckpoints.map(({ step }) => step);
  return saveCheckpoint(runDirectory, progress.step, contents, { ...options, keepSteps });
}

/**
 * Fills the arrays from a checkpoint.
 * @param schema of `trainer-state.json`
 * @throws MoatError as `loadCheckpoint`; `bad-checkpoint` when it was written for other parameters
 */
export async function restoreTrainingState<Progress extends TrainingProgress>(
  arrays: TrainingArrays,
  directory: string,
  schema: z.ZodType<Progress>,
): Promise<Progress> {
  const checkpoint = await loadCheckpoint(directory);
  try {
    for (const [name, { array, shape }] of arrays.model) await fill(checkpoint.model, name, array, shape);
    for (const [name, { array, shape }] of arrays.further) await fill(checkpoint.optimizer, name, array, shape);
    const parsed = schema.safeParse(checkpoint.state);
    if (!parsed.success)
      throw new MoatError('bad-checkpoint', `${directory}: trainer-state.json is not a training state`);
    return parsed.data;
  } finally {
    await checkpoint.close();
  }
}

/**
 * Begins with the model of a checkpoint, whatever trained it.
 * @throws MoatError as `loadCheckpoint`; `bad-checkpoint` when it is of another shape
 */
export async function restoreWeights(store: ParameterStore, directory: string): Promise<void> {
  const checkpoint = await loadCheckpoint(directory);
  try {
    for (const { spec, value } of store.parameters) await fill(checkpoint.model, spec.name, value, spec.shape);
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
