/** Which stored model answers under which public name: `serving.json` of a project. Knows nothing of engines and HTTP. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { ADAPTER_FILE } from '../../lab/checkpoint/adapter-folder.js';
import { INDEX_FILE } from '../../lab/checkpoint/model-folder.js';
import { checkpointsDirectory, listCheckpoints } from '../../lab/checkpoint/run-checkpoints.js';
import { MODEL_FILE } from '../../lab/checkpoint/save-checkpoint.js';
import type { ModelSource } from './api-types.js';
import { isRunName } from './run-reader.js';

export const SERVING_FILE = 'serving.json';
/** Each is a model in memory. */
const MAX_NAMES = 16;

/** What customers ask for: no spaces, so that it stands in a list of a key's models as it is. */
export const publicName = z.string().regex(/^[^\s,\p{Cc}]{1,128}$/u, 'is a name without spaces and commas');
const runName = z.string().refine(isRunName, 'is the name of a folder in runs/');
export const checkpointName = z.string().regex(/^step-\d{8,15}$/, 'is a checkpoint, such as step-00000180');

const servingSchema = z.strictObject({
  models: z
    .record(publicName, z.strictObject({ run: runName, checkpoint: checkpointName.nullable() }))
    .refine((models) => Object.keys(models).length <= MAX_NAMES, `at most ${MAX_NAMES} models are served at once`),
});

/**
 * By public name; none where nothing was promoted.
 * @throws MoatError `bad-serving`
 */
export async function readServing(project: string): Promise<ReadonlyMap<string, ModelSource>> {
  const file = path.join(project, SERVING_FILE);
  try {
    return new Map(Object.entries(servingSchema.parse(JSON.parse(await readFile(file, 'utf8'))).models));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return new Map();
    throw badServing(file, error);
  }
}

function badServing(file: string, error: unknown): MoatError {
  const what = error instanceof z.ZodError ? (error.issues[0]?.message ?? 'has another shape') : String(error);
  return new MoatError('bad-serving', `${file}: ${what}`, {
    fix: 'Remove the file, and promote the models again with moat models promote.',
    cause: error,
  });
}

/**
 * Writes down that a model answers under a name from now on.
 * @throws MoatError `bad-serving`, also for one name too many
 */
export async function writePromotion(project: string, name: string, source: ModelSource): Promise<void> {
  const file = path.join(project, SERVING_FILE);
  const models = Object.fromEntries([...(await readServing(project)), [name, source]]);
  const { data, error } = servingSchema.safeParse({ models });
  if (data === undefined) throw badServing(file, error);
  await writeFileAtomic(file, `${JSON.stringify(data, null, 2)}\n`);
}

/** The folder of a promoted model. */
export const folderOfSource = (runs: string, { run, checkpoint }: ModelSource): string =>
  checkpoint === null ? path.join(runs, run) : path.join(checkpointsDirectory(path.join(runs, run)), checkpoint);

/** What a folder of `runs/` is as a source; null for a folder elsewhere. */
export function sourceOfFolder(runs: string, folder: string): ModelSource | null {
  const [run = '', middle, checkpoint = null, ...rest] = path.relative(runs, folder).split(path.sep);
  if (!isRunName(run) || rest.length > 0) return null;
  if (middle === undefined) return { run, checkpoint: null };
  return middle === 'checkpoints' && checkpoint !== null ? { run, checkpoint } : null;
}

/**
 * A run's checkpoint, by default the newest, or the model that was imported under that name.
 * @throws MoatError `no-model`
 */
export async function findSource(runs: string, run: string, checkpoint?: string): Promise<ModelSource> {
  const folder = path.join(runs, run);
  const found = isRunName(run) ? await checkpointNames(folder) : [];
  const wanted = checkpoint ?? found[0];
  if (wanted !== undefined && found.includes(wanted)) return { run, checkpoint: wanted };
  if (isRunName(run) && checkpoint === undefined && (await holdsWeights(folder))) return { run, checkpoint: null };
  const what = checkpoint === undefined ? 'no trained or imported model' : `no checkpoint ${checkpoint}`;
  throw new MoatError('no-model', `runs/${run}: there is ${what}`, {
    fix: found.length === 0 ? 'Train one with moat train.' : `There are ${found.slice(0, 5).join(', ')}.`,
  });
}

/** Of a run, newest first. */
export const checkpointNames = async (runFolder: string): Promise<string[]> =>
  (await listCheckpoints(runFolder)).map(({ directory }) => path.basename(directory)).reverse();

async function holdsWeights(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => [MODEL_FILE, INDEX_FILE, ADAPTER_FILE].includes(name));
}
