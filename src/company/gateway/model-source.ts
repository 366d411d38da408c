/** Which stored model answers under which public name: `serving.json` of a project. Knows nothing of engines and HTTP. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { ADAPTER_FILE } from '../../lab/checkpoint/adapter-folder.js';
import { holdCheckpoint, releaseCheckpoint } from '../../lab/checkpoint/checkpoint-holds.js';
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
 * Writes down that a model answers under a name from now on. Its checkpoint stays, however long its run trains on.
 * @throws MoatError `bad-serving`, also for one name too many; `no-model` for a checkpoint that is not there
 */
export async function writePromotion(project: string, name: string, source: ModelSource): Promise<void> {
  const before = await readServing(project);
  await writeServing(project, before, new Map([...before, [name, source]]), source);
}

/** What was promoted to a name. @throws MoatError `bad-serving`, `not-promoted` */
export async function promotedSource(project: string, name: string): Promise<ModelSource> {
  const serving = await readServing(project);
  const source = serving.get(name);
  if (source !== undefined) return source;
  const known = [...serving.keys()].join(', ');
  throw new MoatError('not-promoted', `"${name}": nothing was promoted to this name`, {
    fix: known === '' ? 'There is no promoted name.' : `Promoted are ${known}.`,
  });
}

/** Writes down that no model answers under a name any more. @throws MoatError `bad-serving` */
export async function writeWithdrawal(project: string, name: string): Promise<void> {
  const before = await readServing(project);
  await writeServing(project, before, new Map([...before].filter(([each]) => each !== name)));
}

/** Lets the checkpoints of all promoted names stay, also of those that were promoted before anything held them. */
export async function holdPromoted(project: string): Promise<void> {
  for (const source of (await readServing(project)).values())
    await holdCheckpoint(folderIn(project, source)).catch((error: unknown) => {
      // whoever serves says that it is gone
      if (!(error instanceof MoatError)) throw error;
    });
}

type Serving = ReadonlyMap<string, ModelSource>;

/** @param fresh held before it is written down; what no name needs any more is let go afterwards */
async function writeServing(project: string, before: Serving, after: Serving, fresh?: ModelSource): Promise<void> {
  const file = path.join(project, SERVING_FILE);
  const { data, error } = servingSchema.safeParse({ models: Object.fromEntries(after) });
  if (data === undefined) throw badServing(file, error);
  if (fresh !== undefined) await holdCheckpoint(folderIn(project, fresh));
  await writeFileAtomic(file, `${JSON.stringify(data, null, 2)}\n`);
  const wanted = new Set([...after.values()].map((source) => folderIn(project, source)));
  for (const source of before.values()) {
    const folder = folderIn(project, source);
    if (!wanted.has(folder)) await releaseCheckpoint(folder);
  }
}

const folderIn = (project: string, source: ModelSource): string => folderOfSource(path.join(project, 'runs'), source);

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
