/**
 * `place.json` in a run directory: where a run that Moat itself does not train was sent last, so that whoever goes on with
 * it need not say it again. A run without one is trained by Moat, on this machine.
 */
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { systemCode } from '../../base/errors.js';

const placeSchema = z.object({
  /** As it is written after `--on`. */
  on: z.string(),
  workers: z.int().positive(),
  /** Processors of each worker; null: one is asked for. */
  workerCpus: z.int().positive().nullable(),
  /** As it is written after `--storage`, a folder as its whole path; null: the run's own directory. */
  storage: z.string().nullable(),
  install: z.boolean(),
});

export type RunPlace = z.output<typeof placeSchema>;

const fileOf = (runDirectory: string): string => path.join(runDirectory, 'place.json');

/** Undefined for a run that Moat itself trains, or trained last. */
export async function readPlace(runDirectory: string): Promise<RunPlace | undefined> {
  const text = await readFile(fileOf(runDirectory), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : placeSchema.parse(JSON.parse(text));
}

export const writePlace = (runDirectory: string, place: RunPlace): Promise<void> =>
  writeFileAtomic(fileOf(runDirectory), `${JSON.stringify(place)}\n`);

export const forgetPlace = (runDirectory: string): void => rmSync(fileOf(runDirectory), { force: true });

/** The options of `moat train` that lead there. */
export function placeOptions({ on, workers, workerCpus, storage, install }: RunPlace): string[] {
  return [
    '--on',
    on,
    '--workers',
    `${workers}`,
    ...(workerCpus === null ? [] : ['--worker-cpus', `${workerCpus}`]),
    ...(storage === null ? [] : ['--storage', storage]),
    ...(install ? ['--install'] : []),
  ];
}
