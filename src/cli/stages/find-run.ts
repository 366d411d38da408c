import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { ADAPTER_FILE } from '../../lab/checkpoint/adapter-folder.js';
import { INDEX_FILE } from '../../lab/checkpoint/model-folder.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';
import { MODEL_FILE } from '../../lab/checkpoint/save-checkpoint.js';

const NUMBERED = /^run-(\d+)$/;

/** `run-1`, or the number after the highest there is. */
export async function freeRunName(runsDirectory: string): Promise<string> {
  const names = await readdir(runsDirectory).catch(() => []);
  const numbers = names.map((name) => Number(NUMBERED.exec(name)?.[1] ?? 0));
  return `run-${Math.max(0, ...numbers) + 1}`;
}

/** @throws MoatError `bad-run-name` for one that is no folder's name */
export function checkedRunName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) return name;
  throw new MoatError('bad-run-name', `--name: "${name}" cannot be a run's name`, {
    fix: 'Use letters, digits, ".", "_" and "-", beginning with a letter or digit.',
  });
}

/** The run whose events changed last; undefined when there is none. */
export const newestRunName = async (runsDirectory: string): Promise<string | undefined> =>
  (await newestRunNames(runsDirectory))[0];

/** Newest first. */
async function newestRunNames(runsDirectory: string): Promise<string[]> {
  const names = await readdir(runsDirectory).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const facts = await stat(path.join(runsDirectory, name, 'events.jsonl')).catch(() => undefined);
      return { name, modifiedMs: facts?.mtimeMs ?? 0 };
    }),
  );
  const newest = found.filter(({ modifiedMs }) => modifiedMs > 0).sort((a, b) => b.modifiedMs - a.modifiedMs);
  return newest.map(({ name }) => name);
}

/**
 * The directory of the newest checkpoint, of a named run or of the newest run that has one. A named run may also be a
 * model that was imported there.
 * @throws MoatError `no-model`
 */
export async function findModel(runsDirectory: string, runName: string | undefined): Promise<string> {
  const named = runName === undefined ? undefined : path.join(runsDirectory, runName);
  // a tuned model keeps its best weights itself, whatever checkpoints lie beside them while it learns
  if (named !== undefined && (await holdsModel(named))) return named;
  for (const each of runName === undefined ? await newestRunNames(runsDirectory) : [runName]) {
    const checkpoint = await latestCheckpoint(path.join(runsDirectory, each));
    if (checkpoint !== undefined) return checkpoint.directory;
  }
  throw new MoatError('no-model', `${named ?? runsDirectory}: there is no trained model`, {
    fix: 'Train one with moat train.',
  });
}

/** Whether a folder has weights itself, a model's or an adapter's; a run's `config.json` alone is no model's. */
async function holdsModel(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => [MODEL_FILE, INDEX_FILE, ADAPTER_FILE].includes(name));
}

/**
 * A model by its folder, by the folder of its run, or by the name of its run in `runs/`.
 * @throws MoatError `no-model`
 */
export async function findModelOrFolder(directory: string, name: string): Promise<string> {
  const folder = path.resolve(directory, name);
  if (await holdsModel(folder)) return folder;
  const checkpoint = await latestCheckpoint(folder);
  return checkpoint?.directory ?? findModel(path.join(directory, 'runs'), name);
}
