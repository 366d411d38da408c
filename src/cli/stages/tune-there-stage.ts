/** `moat tune --on`: the same run by workers on PyTorch, with the same bar, events and files as one here. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { MoatError } from '../../base/errors.js';
import type { DoneEvent, RunEvent } from '../../base/run-events.js';
import { httpSend } from '../../lab/distributed/http-send.js';
import { createRayJobs } from '../../lab/distributed/ray-jobs.js';
import { openStorage } from '../../lab/distributed/open-storage.js';
import { type RunPlace, forgetPlace } from '../../lab/distributed/run-place.js';
import { findPython, runTorchrun } from '../../lab/distributed/torchrun.js';
import { trainOnRay } from '../../lab/distributed/train-on-ray.js';
import {
  type PortableTuning,
  type TuningFolderOptions,
  checkPortable,
  removeShared,
  tuningConfig,
  writeTuningFolder,
} from '../../lab/distributed/tuning-folder.js';
import { parameterCount } from '../../lab/models/model.js';
import { createRun } from '../../lab/train/run-directory.js';
import { isTraining, whileTraining } from '../../lab/train/run-lock.js';
import { checkIsEmpty, resultOf } from '../../lab/train/supervised/tune-model.js';
import { type TuneProgress, keepBest, removeCheckpoints } from '../../lab/train/supervised/tune-state.js';
import { RECORD_FILE, type TuneResult, writeTuningRecord } from '../../lab/train/supervised/tuning-record.js';
import { requirements } from './ray-stage.js';
import { MAX_RESTARTS, PROGRAM, checkGpus, pythonsOf, recordFailure } from './torchrun-stage.js';
import { refuseWhileElsewhere } from './train-stage.js';
import type { TuneOptions, WorkersOptions } from './tune-options.js';

/** What workers left. */
export interface TunedThere {
  /** Undefined where the run goes on by itself, or its weights lie where this machine does not see them. */
  readonly result: TuneResult | undefined;
  /** That took part. */
  readonly machines: number;
  readonly wallSeconds: number;
}

type Options = Pick<TuneOptions, 'out' | 'resume' | 'clock' | 'signal' | 'reporter'> & {
  readonly there: WorkersOptions;
  readonly onEvent: (event: RunEvent) => void;
};

/**
 * @throws MoatError `folder-taken`, `cannot-distribute`, `too-many-workers`, `package-too-large`, `no-checkpoint`, those of the
 *   launcher, and what the workers failed by
 */
export async function tuneThere(options: Options, tuning: PortableTuning): Promise<TunedThere> {
  const { out, resume, clock, there } = options;
  if (!resume) await checkIsEmpty(out);
  const started = clock.monotonic();
  const seen = { machines: 1, last: undefined as RunEvent | undefined };
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'start') seen.machines = event.machines ?? 1;
    seen.last = event;
    options.onEvent(event);
  };
  const watched = { ...options, onEvent };
  if (there.cluster === undefined) await onTorchrun(watched, tuning, () => seen.last);
  else await onRay(watched, tuning, there.cluster);
  const wallSeconds = (clock.monotonic() - started) / 1000;
  const { last: done, machines } = seen;
  // one that goes on by itself writes its checkpoints at this moment
  const progress = done?.type === 'done' ? await keepBest(out) : undefined;
  if (progress === undefined || done?.type !== 'done') return { machines, wallSeconds, result: undefined };
  return { machines, wallSeconds, result: await conclude(out, tuning, progress, { done, wallSeconds }) };
}

async function conclude(
  out: string,
  { task, weights, record }: PortableTuning,
  progress: TuneProgress,
  { done, wallSeconds }: { readonly done: DoneEvent; readonly wallSeconds: number },
): Promise<TuneResult> {
  const result: TuneResult = {
    ...resultOf(task, progress),
    reason: done.reason === 'failed' ? 'stopped' : done.reason,
    trainedParameters: parameterCount(weights.trained.map(({ spec }) => spec)),
    trainingLoss: done.loss ?? Number.NaN,
    wallSeconds,
  };
  await writeTuningRecord(out, record, result);
  if (result.reason === 'stopped') return result;
  await removeCheckpoints(out);
  forgetPlace(out);
  return result;
}

/** Of a job: beside the run until it has ended. */
const jobFolderOf = (out: string): string => path.join(out, 'job');

async function onTorchrun(options: Options, tuning: PortableTuning, last: () => RunEvent | undefined): Promise<void> {
  const { out, resume, there, signal, reporter } = options;
  await refuseWhileElsewhere(out);
  checkPortable(tuning, there.workers ?? 1);
  const adapters = tuning.adapted !== undefined;
  const python = await findPython(pythonsOf(there.env), path.join(PROGRAM, 'requirements.txt'), { adapters });
  const workers = there.workers ?? Math.max(1, python.gpuCount);
  checkGpus(workers, python);
  checkPortable(tuning, workers);
  reporter.stage('workers').done(`${workers} of ${python.executable}`);
  const jobFolder = jobFolderOf(out);
  const stop = new AbortController();
  await whileTraining(out, stop, async () => {
    try {
      if (!resume) await createRun(out, tuning.record, RECORD_FILE);
      const job = { python: python.executable, jobFolder, runDirectory: out, workers, maxRestarts: MAX_RESTARTS };
      const folderOf = folderOptions(options, out, workers, jobFolder);
      const threadsPerWorker = folderOf.threadsPerWorker ?? tuning.settings.threads ?? null;
      await writeTuningFolder(jobFolder, tuning, { ...folderOf, threadsPerWorker });
      const both = AbortSignal.any([signal, stop.signal]);
      await runTorchrun({ ...job, env: there.env, signal: both, onEvent: options.onEvent });
    } catch (error) {
      await recordFailure(out, error, options, last());
      throw error;
    } finally {
      await rm(jobFolder, { recursive: true, force: true });
    }
  });
}

function folderOptions(
  { out, resume, there }: Options,
  runDirectory: string,
  workers: number,
  shared: string | undefined,
): TuningFolderOptions {
  return {
    runName: path.basename(out),
    runDirectory,
    resume,
    workers,
    threadsPerWorker: there.workerCpus ?? null,
    shared,
    program: PROGRAM,
    maxRestarts: MAX_RESTARTS,
  };
}

function placeOf({ workerCpus, storage, install }: WorkersOptions, workers: number, on: string): RunPlace {
  const place = storage === undefined || storage.includes('://') ? storage : path.resolve(storage);
  return { on, workers, workerCpus: workerCpus ?? null, storage: place ?? null, install };
}

async function onRay(options: Options, tuning: PortableTuning, address: URL): Promise<void> {
  const { out, resume, there, clock, signal, reporter, onEvent } = options;
  if ((await isTraining(out)) === true) {
    throw new MoatError('run-busy', `${out}: a process of this machine is training this run`, {
      fix: 'Stop it first, or tune into another folder.',
    });
  }
  const workers = there.workers ?? 1;
  checkPortable(tuning, workers);
  const storage = openStorage(there.storage, out, { env: there.env, send: httpSend, clock, wait });
  const jobs = createRayJobs(address, { send: httpSend, token: there.env['RAY_AUTH_TOKEN'] });
  const stage = reporter.stage('cluster');
  const { job, outcome } = await trainOnRay({
    jobs,
    runDirectory: out,
    storage,
    place: placeOf(there, workers, jobs.address),
    config: tuningConfig(tuning),
    record: { file: RECORD_FILE, content: tuning.record },
    resume: resume ? { fromStep: undefined } : undefined,
    // the weights, and two more numbers each for the optimizer
    checkpointBytes:
      3 * Float32Array.BYTES_PER_ELEMENT * parameterCount(tuning.weights.trained.map(({ spec }) => spec)),
    writeJob: (folder) =>
      writeTuningFolder(folder, tuning, folderOptions(options, storage.location, workers, storage.directory)),
    requirements: there.install ? await requirements(there.storage) : [],
    detach: there.detach,
    clock,
    wait,
    signal,
    onEvent,
    onStatus: ({ state, message }) => stage.progress({ text: state === 'PENDING' ? message : 'workers' }),
    onNotice: (text) => reporter.warn(text),
  });
  if (outcome === 'ended' && storage.directory !== undefined) await removeShared(storage.directory);
  stage.done(outcome === 'left' ? `the job ${job} goes on by itself` : `the job ${job}`);
}
