/**
 * `ray-job.json` in a run directory names the job that trains the run, so that no two do, and so that a run that was
 * left alone is found again. It lies where the job writes, and goes when the job has ended.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { explainWriteError } from '../../base/atomic-file.js';
import { MoatError, systemCode } from '../../base/errors.js';
import type { ObjectStore } from './object-store.js';

const claimSchema = z.object({
  /** Of the cluster, as it is written after `--on`. */
  address: z.string(),
  job: z.string(),
  /** Where the job writes, as the workers see it. */
  location: z.string(),
  /** Events of the run before this job's first. */
  eventsBefore: z.int().nonnegative(),
  /** The process that submitted it: until the cluster knows the job, only that one knows of it. */
  submitter: z.object({ host: z.string(), pid: z.int() }),
});

export type RunClaim = z.output<typeof claimSchema>;

const CLAIM_FILE = 'ray-job.json';
const claimFile = (runDirectory: string): string => path.join(runDirectory, CLAIM_FILE);

export const submitterHere = (): RunClaim['submitter'] => ({ host: os.hostname(), pid: process.pid });

/** Whether the process that submitted a job may still be about to. One of another machine is not known to have died. */
export function mayBeSubmitting({ submitter }: RunClaim): boolean {
  if (submitter.host !== os.hostname()) return true;
  try {
    process.kill(submitter.pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Who holds the run; undefined where nobody does. */
export async function readClaim(runDirectory: string): Promise<RunClaim | undefined> {
  return (await readWhole(claimFile(runDirectory)))?.claim;
}

/**
 * Takes a run that nobody holds, or over from `stale`, whose job is known to have ended.
 * @returns the claim that stands in the way; undefined when the run was taken
 */
export async function takeClaim(
  runDirectory: string,
  claim: RunClaim,
  stale: RunClaim | undefined,
): Promise<RunClaim | undefined> {
  const file = claimFile(runDirectory);
  const aside = `${file}.${randomBytes(6).toString('hex')}.partial`;
  try {
    await mkdir(runDirectory, { recursive: true });
    if (stale !== undefined) await clear(file, aside, stale);
    // written first and linked whole, so that no reader ever sees a claim without its job's name
    await writeFile(aside, `${JSON.stringify(claim)}\n`);
    await link(aside, file);
    return undefined;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw explainWriteError(error, file);
    return (await readWhole(file))?.claim ?? claim;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Gives the run free, if it is still held by this job. */
export async function releaseClaim(runDirectory: string, job: string): Promise<void> {
  const file = claimFile(runDirectory);
  if ((await readWhole(file))?.claim.job === job) await rm(file, { force: true });
}

/** Where a claim lies. */
export interface ClaimPlace {
  read(): Promise<RunClaim | undefined>;
  /** As `takeClaim`. */
  take(claim: RunClaim, stale: RunClaim | undefined): Promise<RunClaim | undefined>;
  /** As `releaseClaim`. */
  release(job: string): Promise<void>;
}

export const claimIn = (runDirectory: string): ClaimPlace => ({
  read: () => readClaim(runDirectory),
  take: (claim, stale) => takeClaim(runDirectory, claim, stale),
  release: (job) => releaseClaim(runDirectory, job),
});

/** In a store, whose workers end by themselves where two took the same stale claim over (`distributed/attempts.py`). */
export function claimInStore(store: ObjectStore): ClaimPlace {
  const read = async (): Promise<RunClaim | undefined> => {
    const text = await store.read(CLAIM_FILE);
    return text === undefined ? undefined : claimSchema.parse(JSON.parse(text.toString('utf8')));
  };
  const release = async (job: string): Promise<void> => {
    if ((await read())?.job === job) await store.remove(CLAIM_FILE);
  };
  return {
    read,
    async take(claim, stale) {
      if (stale !== undefined) await release(stale.job);
      if (await store.create(CLAIM_FILE, `${JSON.stringify(claim)}\n`)) return undefined;
      return (await read()) ?? claim;
    },
    release,
  };
}

/** Two may find the same stale claim: a rename succeeds once, and what was moved aside is looked at again. */
async function clear(file: string, aside: string, stale: RunClaim): Promise<void> {
  try {
    await rename(file, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readWhole(aside))?.claim.job !== stale.job) await rename(aside, file);
}

async function readWhole(file: string): Promise<{ claim: RunClaim } | undefined> {
  try {
    return { claim: claimSchema.parse(JSON.parse(await readFile(file, 'utf8'))) };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What one is told who would train a run that a job has. */
export function claimedBy(runDirectory: string, { address, job, location }: RunClaim): MoatError {
  const name = path.basename(runDirectory);
  const isElsewhere = location !== runDirectory;
  const storage = isElsewhere ? ` --storage ${location.replace(/\/[^/]*$/, '')}` : '';
  const file = isElsewhere ? `${location}/${CLAIM_FILE}, and ${claimFile(runDirectory)}` : claimFile(runDirectory);
  return new MoatError('run-busy', `${runDirectory}: the job ${job} on ${address} trains this run`, {
    fix: `Follow it with moat train --resume --name ${name} --on ${address}${storage}; where that cluster is gone for good, remove ${file}.`,
  });
}
