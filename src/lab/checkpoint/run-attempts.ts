/**
 * `attempts/00000003` in a run directory: every start of a run's workers takes the next number, and one that finds a higher
 * number than its own ends (`distributed/attempts.py`). Each file says after which step its attempt began. A run that
 * Moat alone has trained has none: its lock keeps others away.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MoatError, systemCode } from '../../base/errors.js';
import { STATE_FILE } from './manifest.js';

const ATTEMPTS_FOLDER = 'attempts';

const nameOf = (number: number): string => `${ATTEMPTS_FOLDER}/${String(number).padStart(8, '0')}`;
const fileOf = (runDirectory: string, number: number): string => path.join(runDirectory, nameOf(number));

/** A run's files by their names in it, wherever it lies. */
export interface RunFiles {
  /** None where there is no such folder. */
  names(folder: string): Promise<string[]>;
  /** Undefined where there is no such file. */
  text(file: string): Promise<string | undefined>;
}

const filesIn = (runDirectory: string): RunFiles => ({
  names: async (folder) => (await unlessMissing(readdir(path.join(runDirectory, folder)))) ?? [],
  text: (file) => unlessMissing(readFile(path.resolve(runDirectory, file), 'utf8')),
});

const unlessMissing = <T>(reading: Promise<T>): Promise<T | undefined> =>
  reading.catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });

/** The highest number that was taken; 0 where there is none. */
async function newestAttempt(files: RunFiles): Promise<number> {
  const names = await files.names(ATTEMPTS_FOLDER);
  return Math.max(0, ...names.filter((name) => /^\d+$/.test(name)).map(Number));
}

export interface Attempt {
  readonly number: number;
  /** @throws MoatError `overtaken` once a newer attempt has begun */
  check(): void;
}

/**
 * Takes the next number of a run that workers have trained before, so that those that may still be at it end.
 * @param step after which it begins
 * @returns undefined where workers never trained the run
 */
export async function takeAttempt(runDirectory: string, step: number): Promise<Attempt | undefined> {
  let number = await newestAttempt(filesIn(runDirectory));
  if (number === 0) return undefined;
  const aside = `${fileOf(runDirectory, number)}.${randomBytes(6).toString('hex')}.partial`;
  await writeFile(aside, `${JSON.stringify({ step })}\n`);
  try {
    while (!(await isLinked(aside, fileOf(runDirectory, ++number))));
  } finally {
    await rm(aside, { force: true });
  }
  return { number, check: () => checkNewest(runDirectory, number) };
}

function checkNewest(runDirectory: string, number: number): void {
  if (!existsSync(fileOf(runDirectory, number + 1))) return;
  throw new MoatError('overtaken', `${runDirectory}: this run was begun anew elsewhere while it trained here`, {
    fix: 'Leave it to the others, or stop them and go on with --resume.',
  });
}

async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

interface Saved {
  readonly step: number;
  /** A whole path, or its name in the run. */
  readonly directory: string;
}

/**
 * Checkpoints that still belong to the run: not those that an attempt saved, further than where a newer one began, once
 * that had begun.
 */
export const withoutOvertaken = <T extends Saved>(runDirectory: string, checkpoints: readonly T[]): Promise<T[]> =>
  notOvertaken(filesIn(runDirectory), checkpoints);

/** The same of a run wherever it lies. */
export async function notOvertaken<T extends Saved>(files: RunFiles, checkpoints: readonly T[]): Promise<T[]> {
  const newest = await newestAttempt(files);
  if (newest === 0) return [...checkpoints];
  const begun: (number | undefined)[] = [];
  for (let number = 1; number <= newest; number++) begun[number] = await numberIn(files, nameOf(number), 'step');
  const kept = checkpoints.map(async (checkpoint) => {
    const attempt = await numberIn(files, `${checkpoint.directory}/${STATE_FILE}`, 'attempt');
    if (attempt === undefined) return [checkpoint];
    return begun.slice(attempt + 1).some((step) => step !== undefined && step < checkpoint.step) ? [] : [checkpoint];
  });
  return (await Promise.all(kept)).flat();
}

/** Undefined where there is no such file, or no such number in it. */
async function numberIn(files: RunFiles, file: string, name: 'step' | 'attempt'): Promise<number | undefined> {
  const value = (JSON.parse((await files.text(file)) ?? '{}') as Partial<Record<typeof name, unknown>>)[name];
  return typeof value === 'number' ? value : undefined;
}

/** Gives up the numbers of a run that was never trained. */
export const forgetAttempts = (runDirectory: string): Promise<void> =>
  rm(path.join(runDirectory, ATTEMPTS_FOLDER), { recursive: true, force: true });
