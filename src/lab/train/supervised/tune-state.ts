/** Where a tuning run is: in each checkpoint of it, wherever it was trained. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../../base/atomic-file.js';
import { nodeFileSystem } from '../../checkpoint/file-system.js';
import { loadCheckpoint } from '../../checkpoint/load-checkpoint.js';
import { MANIFEST_FILE, STATE_FILE, fileChunks } from '../../checkpoint/manifest.js';
import { forgetAttempts } from '../../checkpoint/run-attempts.js';
import { checkpointsDirectory, listCheckpoints } from '../../checkpoint/run-checkpoints.js';
import { OPTIMIZER_FILE } from '../../checkpoint/save-checkpoint.js';
import { progressSchema } from '../training-state.js';
import { TRAINING_BEGINNING, type TrainingProgress } from '../trainer.js';
import { heldOutMeasureSchema } from './held-out.js';

export const tuneProgressSchema = progressSchema.extend({
  /** Of the model as it was, and of the weights that did best; null where nothing was measured. */
  heldOut: z.object({
    before: heldOutMeasureSchema.nullable(),
    kept: heldOutMeasureSchema.extend({ step: z.int().positive() }).nullable(),
  }),
});

export interface TuneProgress extends TrainingProgress {
  readonly heldOut: z.output<typeof tuneProgressSchema>['heldOut'];
}

export const TUNE_BEGINNING: TuneProgress = {
  ...TRAINING_BEGINNING,
  heldOut: { before: null, kept: null },
};

/** Files of a checkpoint that only a trainer reads. */
const TRAINERS: ReadonlySet<string> = new Set([OPTIMIZER_FILE, STATE_FILE, MANIFEST_FILE]);

/**
 * Puts the weights that workers kept into the run's folder: those that did best, or where nothing was measured the last.
 * @returns where the run is, by its last checkpoint; undefined where it has none
 * @throws MoatError as `loadCheckpoint`, `disk-full`
 */
export async function keepBest(folder: string): Promise<TuneProgress | undefined> {
  const all = await listCheckpoints(folder);
  const last = all.at(-1);
  if (last === undefined) return undefined;
  const progress = await progressOf(last.directory);
  const wanted = progress.heldOut.kept?.step ?? last.step;
  // where it is not among the checkpoints, an earlier trainer has put it there already
  const found = all.find(({ step }) => step === wanted);
  if (found !== undefined) await copyWeights(found.directory, folder);
  return progress;
}

async function progressOf(directory: string): Promise<TuneProgress> {
  const checkpoint = await loadCheckpoint(directory);
  await checkpoint.close();
  return tuneProgressSchema.parse(checkpoint.state);
}

/** Weights first: a folder without `config.json` is no model yet. */
async function copyWeights(checkpoint: string, folder: string): Promise<void> {
  const isWeights = (name: string): number => Number(name.endsWith('.safetensors'));
  const names = (await readdir(checkpoint)).filter((name) => !TRAINERS.has(name));
  for (const name of names.sort((a, b) => isWeights(b) - isWeights(a))) {
    await writeFileAtomic(path.join(folder, name), async (handle) => {
      await writeFile(handle, fileChunks(nodeFileSystem, path.join(checkpoint, name)));
    });
  }
}

/** Of a run that has come to its end, and needs them no more. */
export async function removeCheckpoints(folder: string): Promise<void> {
  await rm(checkpointsDirectory(folder), { recursive: true, force: true });
  await forgetAttempts(folder);
}
