/**
 * A run as a job of a Ray cluster: claims the run, sends what travels, follows the job and, where the cluster lost it,
 * submits it again from its last checkpoint. The run's directory here then holds what a local run's would.
 */
import { randomBytes } from 'node:crypto';
import { readFile, readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { zipOf } from '../data/containers/write-zip.js';
import type { RunConfig } from '../train/run-config.js';
import { assertNoRun, createRun, isRun, openEventLog, readEvents } from '../train/run-directory.js';
import { errorInLogs, lastWords } from './event-feed.js';
import { type JobEnd, followJob } from './follow-job.js';
import type { JobStatus, RayJobs } from './ray-jobs.js';
import { type RunClaim, claimedBy, mayBeSubmitting, submitterHere } from './run-claim.js';
import { type RunPlace, forgetPlace, writePlace } from './run-place.js';
import { BEGINNINGS, type RunStorage, checkRoom, heldBy, writeProbe } from './run-storage.js';

export interface RayRunOptions {
  readonly jobs: RayJobs;
  /** `runs/<name>` here. */
  readonly runDirectory: string;
  readonly storage: RunStorage;
  /** The same in the words of the one who asked for it. */
  readonly place: RunPlace;
  readonly config: RunConfig;
  /** Undefined for a new run. */
  readonly resume: { readonly fromStep: number | undefined } | undefined;
  /** Of one checkpoint of this run, about. */
  readonly checkpointBytes: number;
  /** Writes what travels, the workers' program and all. */
  readonly writeJob: (folder: string) => Promise<unknown>;
  /** Packages that Ray installs for this job; the cluster's own are used where there are none. */
  readonly requirements: readonly string[];
  /** Leave once it trains. */
  readonly detach: boolean;
  readonly clock: Clock;
  readonly wait: (ms: number) => Promise<void>;
  /** When it aborts, the run is stopped with a checkpoint. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  readonly onStatus: (status: JobStatus) => void;
  /** What somebody who watches should know: a lost connection, a job submitted anew. */
  readonly onNotice: (text: string) => void;
}

export interface RayRunEnd {
  readonly job: string;
  /** `left`: it goes on without us. */
  readonly outcome: 'ended' | 'left';
}

/** How long the cluster may be out of reach. */
const PATIENCE_MS = 15 * 60_000;
/** Jobs submitted anew without a checkpoint between them. */
const MOST_RESTARTS = 3;
/** How long a cluster may take from its first answer to its first job. */
const READY_PATIENCE_MS = 90_000;
const READY_PAUSE_MS = 3000;
/** Saving a large model takes a while; Ray kills a job that was asked to end after 3 s otherwise. */
const STOP_SECONDS = 600;
/** After that, a job that was asked to stop by a file is asked by Ray. */
const STOP_FILE_PATIENCE_MS = 20_000;

/**
 * @throws MoatError `run-exists`, `run-busy`, `no-space`, `storage-not-shared`, `ray-job-failed`, those of the Jobs API, of
 * `writeJob`, and what the workers failed by
 */
export async function trainOnRay(options: RayRunOptions): Promise<RayRunEnd> {
  const { jobs, resume, runDirectory, storage } = options;
  await jobs.version();
  const home = storage.directory ?? runDirectory;
  const held = await heldBy(storage);
  if (held !== undefined && (await isTaken(jobs, held, resume !== undefined))) throw claimedBy(runDirectory, held);
  if (held !== undefined && resume !== undefined) {
    if (held.location !== storage.location) throw elsewhere(runDirectory, held);
    options.onNotice(`the job ${held.job} has this run: following it`);
    // a process that was killed right after it had sent the job
    if (runDirectory !== storage.directory && !(await isRun(runDirectory)))
      await createRun(runDirectory, options.config);
    const end = await watch(options, home, held);
    if (end.outcome === 'left' || options.signal.aborted || (await isOver(runDirectory))) return end;
  }
  if (resume === undefined) await assertNoRun(runDirectory);
  const claim = await claimRun(options);
  try {
    await prepare(options, home);
    await submit(options, home, claim, false);
    // where the workers see this directory, they do it
    if (resume === undefined && runDirectory !== storage.directory) await createRun(runDirectory, options.config);
    await writePlace(runDirectory, options.place);
  } catch (error) {
    await forget(options, home, claim.job);
    throw error;
  }
  return watch(options, home, claim);
}

/** Whether a job that was left alone has meanwhile done all there was to do. */
async function isOver(runDirectory: string): Promise<boolean> {
  const last = (await readEvents(runDirectory)).at(-1);
  return last?.type === 'done' && (last.reason === 'finished' || last.reason === 'converged');
}

/** Whether a claim stands in the way of one who would go on with the run, or begin one. */
async function isTaken(jobs: RayJobs, held: RunClaim, goesOn: boolean): Promise<boolean> {
  // another cluster's jobs cannot be asked after here
  if (held.address !== jobs.address) return true;
  const state = (await jobs.status(held.job))?.state;
  if (state === undefined) return mayBeSubmitting(held);
  return !goesOn && (state === 'PENDING' || state === 'RUNNING');
}

function elsewhere(runDirectory: string, { job, location }: RunClaim): MoatError {
  return new MoatError('usage', `${runDirectory}: the job ${job} keeps this run in ${location}`, {
    fix: `Give --storage ${location.replace(/\/[^/]*$/, '')}.`,
  });
}

async function claimRun({ jobs, runDirectory, storage }: RayRunOptions): Promise<RunClaim> {
  const job = `moat-${path.basename(runDirectory)}-${randomBytes(4).toString('hex')}`;
  await storage.joinEvents();
  const eventsBefore = (await readEvents(runDirectory)).length;
  const claim = { address: jobs.address, job, location: storage.location, eventsBefore, submitter: submitterHere() };
  await take(storage, runDirectory, claim, await storage.claims[0].read());
  return claim;
}

/** @throws MoatError `run-busy` */
async function take(
  { claims: [first, ...others] }: RunStorage,
  runDirectory: string,
  claim: RunClaim,
  stale: RunClaim | undefined,
): Promise<void> {
  const other = await first.take(claim, stale);
  if (other !== undefined) throw claimedBy(runDirectory, other);
  for (const place of others) await place.take(claim, await place.read());
}

/** What travels, and what must be read back: beside the run until its job has ended. */
const jobFolder = (home: string): string => path.join(home, 'job');
const PROBE_FILE = 'probe';

async function removeTraces(storage: RunStorage, home: string, job: string): Promise<void> {
  // another job may have taken the run over
  if ((await storage.claims[0].read())?.job === job) {
    await rm(jobFolder(home), { recursive: true, force: true });
    await rm(path.join(home, PROBE_FILE), { force: true });
    await storage.clear();
  }
  for (const place of storage.claims) await place.release(job);
}

/** Room, the checkpoint to go on from, and the folder that travels, kept beside the run until the job has ended. */
async function prepare(options: RayRunOptions, home: string): Promise<void> {
  const { storage, resume, checkpointBytes, writeJob } = options;
  if (storage.directory !== undefined) await checkRoom(home, checkpointBytes);
  if (resume !== undefined) await storage.sendCheckpoint(resume.fromStep);
  await writeJob(jobFolder(home));
}

/** @param isAgain the run is this job's own, and goes on from where the job before it came to */
async function submit(
  { jobs, storage, requirements, wait, onNotice }: RayRunOptions,
  home: string,
  claim: RunClaim,
  isAgain: boolean,
): Promise<void> {
  const probe = storage.directory === undefined ? undefined : await writeProbe(path.join(home, PROBE_FILE));
  const packageUri = await jobs.upload(await archiveOf(jobFolder(home)));
  if (requirements.length > 0 && !isAgain) onNotice(`the cluster installs what it lacks: ${requirements.join(', ')}`);
  await whenReady(wait, () =>
    jobs.submit({
      id: claim.job,
      entrypoint: `python worker.py --job job.json --launcher ray${isAgain ? ' --again' : ''}`,
      packageUri,
      requirements,
      environment: {
        ...(probe === undefined ? {} : { MOAT_PROBE_FILE: probe.file, MOAT_PROBE_NONCE: probe.nonce }),
        RAY_JOB_STOP_WAIT_TIME_S: String(STOP_SECONDS),
        // events differ in their numbers only, and Ray would fold them into one line
        RAY_DEDUP_LOGS: '0',
        RAY_COLOR_PREFIX: '0',
      },
      metadata: { run: path.basename(home), location: claim.location },
      cpus: 0,
    }),
  );
}

/** The dashboard of a new cluster answers before there is anybody to start a job. */
async function whenReady(wait: RayRunOptions['wait'], submitJob: () => Promise<void>): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += READY_PAUSE_MS) {
    try {
      return await submitJob();
    } catch (error) {
      const passes = error instanceof MoatError && error.code === 'ray-not-ready';
      if (!passes || waitedMs >= READY_PATIENCE_MS) throw error;
      await wait(READY_PAUSE_MS);
    }
  }
}

async function archiveOf(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: Record<string, Uint8Array> = {};
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    files[path.relative(folder, file).split(path.sep).join('/')] = await readFile(file);
  }
  return zipOf(files);
}

/** Follows the claimed job, and those that take its place, to the end. */
async function watch(options: RayRunOptions, home: string, first: RunClaim): Promise<RayRunEnd> {
  const { jobs, onNotice } = options;
  let claim = first;
  let restarts = 0;
  for (;;) {
    const seen = await mirror(options, claim);
    if (seen === 'left') return { job: claim.job, outcome: 'left' };
    if (seen.sawCheckpoint) restarts = 0;
    const { end } = seen;
    if (!isCrash(end) || options.signal.aborted || restarts >= MOST_RESTARTS) {
      await conclude(options, home, claim, end);
      return { job: claim.job, outcome: 'ended' };
    }
    restarts++;
    onNotice(`${jobs.address} lost the job ${claim.job}: submitting it again, from its last checkpoint`);
    claim = await claimAgain(options, claim, first.job);
    await submit(options, home, claim, true);
  }
}

/** For a job that takes the place of one that the cluster lost. */
async function claimAgain(
  { runDirectory, storage }: RayRunOptions,
  lost: RunClaim,
  firstJob: string,
): Promise<RunClaim> {
  const eventsBefore = (await readEvents(runDirectory)).length;
  const job = `${firstJob}-again-${randomBytes(2).toString('hex')}`;
  const claim = { ...lost, job, eventsBefore, submitter: submitterHere() };
  await take(storage, runDirectory, claim, lost);
  return claim;
}

/** What Ray says where the packages of --install could not be had. */
const NOT_INSTALLED = /^runtime_env setup failed/;

/** The job did not end by itself: its node or the cluster's head died under it. */
function isCrash(end: JobEnd): boolean {
  if (end.state === 'lost') return true;
  return end.state === 'FAILED' && !/exit code [1-9]/.test(end.message) && !NOT_INSTALLED.test(end.message);
}

interface Watched {
  readonly end: JobEnd;
  readonly sawCheckpoint: boolean;
}

/** Passes a job's events on, and writes those that are not there yet into the run's directory here. */
async function mirror(options: RayRunOptions, claim: RunClaim): Promise<Watched | 'left'> {
  const { jobs, runDirectory, storage, detach, onEvent } = options;
  let mirrored = (await readEvents(runDirectory)).length - claim.eventsBefore;
  const log = storage.directory === runDirectory ? undefined : await openEventLog(runDirectory);
  const leave = new AbortController();
  let sawCheckpoint = false;
  let lost = jobs.address;
  const follow = followJob({
    ...options,
    id: claim.job,
    patienceMs: PATIENCE_MS,
    feed: storage.feed(claim.eventsBefore, () => jobs.logs(claim.job)),
    stop: stopping(options, claim.job),
    isLeft: () => leave.signal.aborted,
    onConnection(state, error) {
      if (state === 'lost') lost = error?.code === 'store-unreachable' ? claim.location : jobs.address;
      options.onNotice(state === 'lost' ? `${lost} is out of reach; the job goes on` : `${lost} is there again`);
    },
    onEvent(event) {
      if (mirrored-- <= 0) log?.append(event);
      if (event.type === 'checkpoint') sawCheckpoint = true;
      if (event.type === 'step' && detach) leave.abort();
      onEvent(event);
    },
  });
  try {
    const end = await follow;
    return end === undefined ? 'left' : { end, sawCheckpoint };
  } finally {
    log?.close();
  }
}

/** By a file where the storage is seen, which the workers look for after each step; else, and after a while, by Ray. */
function stopping({ jobs, storage, clock, onNotice }: RayRunOptions, job: string): () => Promise<boolean> {
  let askedMs: number | undefined;
  let isHeard = false;
  return async () => {
    if (askedMs === undefined) {
      isHeard = await storage.askToStop();
      onNotice('the job was asked to save and end (--detach leaves it running)');
    }
    askedMs ??= clock.monotonic();
    const state = (await jobs.status(job))?.state;
    const isWaiting = isHeard && clock.monotonic() - askedMs < STOP_FILE_PATIENCE_MS;
    if (isWaiting && state === 'RUNNING') return false;
    // one that has ended meanwhile heard of it
    if (state === 'PENDING' || state === 'RUNNING') await jobs.stop(job);
    return true;
  };
}

/** Brings back what the run has made; what it failed by is thrown. */
async function conclude(
  options: RayRunOptions,
  home: string,
  { job, eventsBefore }: RunClaim,
  end: JobEnd,
): Promise<void> {
  const { jobs, runDirectory, storage, config } = options;
  await storage.joinEvents();
  await storage.fetchCheckpoints(config.keepCheckpoints);
  const failure = await failureOf(jobs, job, end);
  const hasBegun = (await readEvents(runDirectory)).length > eventsBefore || options.resume !== undefined;
  if (failure !== undefined && !hasBegun) await forget(options, home, job);
  await removeTraces(storage, home, job);
  if (failure !== undefined) throw failure;
}

async function failureOf(jobs: RayJobs, job: string, end: JobEnd): Promise<MoatError | undefined> {
  if (end.state === 'SUCCEEDED' || end.state === 'STOPPED') return undefined;
  if (end.state === 'lost') {
    return new MoatError('ray-job-lost', `${jobs.address}: the cluster no longer knows the job ${job}`, {
      fix: 'Go on from the last checkpoint with --resume.',
    });
  }
  if (NOT_INSTALLED.test(end.message)) {
    const why = end.message.match(/ERROR: .*/g)?.at(-1) ?? end.message.slice(0, 300);
    return new MoatError('ray-install-failed', `${jobs.address}: the cluster could not install the packages: ${why}`, {
      fix: 'Install distributed/requirements.txt on its nodes, or let them reach a package index.',
    });
  }
  const logs = await jobs.logs(job);
  const said = errorInLogs(logs);
  if (said !== undefined) return said;
  const words = lastWords(logs);
  // Ray Train says it in words of its own where PyTorch is missing
  const missing = /No module named '([^']+)'/.exec(words)?.[1] ?? /(PyTorch) isn't installed/.exec(words)?.[1];
  if (missing !== undefined) {
    return new MoatError('ray-lacks-package', `${jobs.address}: the cluster's Python has no ${missing}`, {
      fix: 'Install distributed/requirements.txt on its nodes, or give --install to have Ray do it for the job.',
    });
  }
  return new MoatError('ray-job-failed', `${jobs.address}: the job ${job} failed: ${words || end.message}`, {
    fix: `All it printed: ray job logs ${job} --address ${jobs.address.replace(/^ray/, 'http')}`,
  });
}

/** Undoes what a job that never trained has left. */
async function forget({ resume, runDirectory, storage }: RayRunOptions, home: string, job: string): Promise<void> {
  await removeTraces(storage, home, job);
  if (resume !== undefined) return;
  forgetPlace(runDirectory);
  await storage.forget();
  for (const name of BEGINNINGS) await rm(path.join(runDirectory, name), { force: true });
  // only while nothing else is in it
  await rmdir(runDirectory).catch(() => {});
}
