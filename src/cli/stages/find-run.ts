import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';

/** The run whose events changed last; undefined when there is none. */
export async function newestRunName(runsDirectory: string): Promise<string | undefined> {
  const names = await readdir(runsDirectory).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const facts = await stat(path.join(runsDirectory, name, 'events.jsonl')).catch(() => undefined);
      return { name, modifiedMs: facts?.mtimeMs ?? 0 };
    }),
  );
  return found.filter(({ modifiedMs }) => modifiedMs > 0).sort((a, b) => b.modifiedMs - a.modifiedMs)[0]?.name;
}

/**
 * The directory of the newest checkpoint, of a named run or of the newest run that has one.
 * @throws MoatError `no-model`
 */
export async function findModel(runsDirectory: string, runName: string | undefined): Promise<string> {
  const name = runName ?? (await newestRunName(runsDirectory));
  const checkpoint = name === undefined ? undefined : await latestCheckpoint(path.join(runsDirectory, name));
  if (checkpoint !== undefined) return checkpoint.directory;
  throw new MoatError(
    'no-model',
    `${name === undefined ? runsDirectory : path.join(runsDirectory, name)}: there is no trained model`,
    {
      fix: 'Train one with moat train.',
    },
  );
}
