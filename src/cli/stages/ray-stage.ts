/** `moat train --on ray://…`: a run of the project on a Ray cluster, with the same bar, events and files as one here. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { DoneEvent, RunEvent } from '../../base/run-events.js';
import { formatCount } from '../../base/units.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';
import { httpSend } from '../../lab/distributed/http-send.js';
import { writeJobFolder } from '../../lab/distributed/job-folder.js';
import { checkWorkers, portableModel } from '../../lab/distributed/job-spec.js';
import { createRayJobs } from '../../lab/distributed/ray-jobs.js';
import { type RunStorage, placeShards, runStorage } from '../../lab/distributed/run-storage.js';
import { trainOnRay } from '../../lab/distributed/train-on-ray.js';
import { parameterCount } from '../../lab/models/model.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { resumedConfig } from '../../lab/train/resumed-config.js';
import type { RunConfig } from '../../lab/train/run-config.js';
import { isTraining } from '../../lab/train/run-lock.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { modelFiles, runDirectoryOf, tokenizerFacts } from './model-files.js';
import { filesOf } from './project-files.js';
import { runConfigOf } from './run-settings.js';
import { PROGRAM } from './torchrun-stage.js';
import { watchRun } from './watch-run.js';

export interface ClusterOptions {
  /** The HTTP address of the cluster's Jobs API. */
  readonly address: URL;
  readonly workers: number;
  /** Processors of each worker; undefined: one is asked for, and what the machine has is used. */
  readonly workerCpus: number | undefined;
  /** A folder that both sides see, or a URI that the workers see; undefined: the project's own `runs/`. */
  readonly storage: string | undefined;
  /** Leave the run alone once it trains. */
  readonly detach: boolean;
  /** Let Ray install the worker's packages for this job. */
  readonly install: boolean;
  readonly env: NodeJS.ProcessEnv;
}

export interface RayStageOptions extends ClusterOptions {
  readonly project: Project;
  readonly runName: string;
  readonly resume: { readonly fromStep: number | undefined } | undefined;
  /** Of a new run, where it is not the project's. */
  readonly config?: RunConfig;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

export interface RayStageResult {
  readonly runName: string;
  /** Of the cluster, as it is written after `--on`. */
  readonly address: string;
  readonly job: string;
  /** `detached`: it goes on by itself. */
  readonly reason: DoneEvent['reason'] | 'detached';
  readonly step: number;
  readonly losses: readonly number[];
  readonly tokensPerSecond: number;
  readonly bitsPerByte: number | undefined;
  /** The last checkpoint's directory here; undefined where it lies on storage that this machine does not see. */
  readonly checkpoint: string | undefined;
}

/** @throws MoatError `cannot-distribute`, `too-many-workers`, and those of `trainOnRay` */
export async function runRayStage(options: RayStageOptions): Promise<RayStageResult> {
  const { project, runName, reporter, env, address, workers, resume, detach, clock, signal } = options;
  const runDirectory = runDirectoryOf(project, runName);
  if ((await isTraining(runDirectory)) === true) {
    throw new MoatError('run-busy', `${runDirectory}: a process of this machine is training this run`, {
      fix: 'Stop it first, or train under another --name.',
    });
  }
  const tokenizer = await loadTokenizer(filesOf(project).tokenizer);
  const config = await configOf(options, runDirectory, tokenizer);
  const { model } = portableModel(config, path.join(runDirectory, 'config.json'));
  checkWorkers(workers, config);
  const parameters = parameterCount(model.parameters);
  const jobs = createRayJobs(address, { send: httpSend, token: env['RAY_AUTH_TOKEN'] });
  const storage = runStorage(options.storage, runDirectory);
  const stage = reporter.stage('train');
  const watch = watchRun(stage);
  let last: RunEvent | undefined;
  const { job, outcome } = await trainOnRay({
    jobs,
    runDirectory,
    storage,
    config,
    resume,
    // the weights, and at most two more numbers each for the optimizer
    checkpointBytes: parameters * 3 * Float32Array.BYTES_PER_ELEMENT,
    writeJob: async (folder) => writeJob(folder, options, { storage, config, tokenizer, runDirectory }),
    requirements: options.install ? await requirements() : [],
    detach,
    clock,
    wait,
    signal,
    onEvent(event) {
      last = event;
      watch.see(event);
      options.onEvent?.(event);
    },
    onStatus: ({ state, message }) => {
      if (last === undefined) stage.progress({ text: state === 'PENDING' ? message : 'workers start' });
    },
    onNotice: (text) => reporter.warn(text),
  });
  const step = last !== undefined && 'step' in last ? last.step : 0;
  const reason = outcome === 'left' ? 'detached' : endOf(last, signal);
  const figures = {
    losses: watch.losses,
    tokensPerSecond: watch.tokensPerSecond(),
    bitsPerByte: watch.bitsPerByte(),
  };
  const measured = watch.measured();
  const loss = watch.losses.at(-1);
  stage.done(
    `${formatCount(parameters)} parameters, ${formatCount(step)} steps` +
      (loss === undefined ? '' : `, ${formatCount(figures.tokensPerSecond)} tokens/s; loss ${loss.toFixed(2)}`) +
      (measured === undefined ? '' : `, validation ${measured}`) +
      ENDS[reason],
  );
  const checkpoint = (await latestCheckpoint(runDirectory))?.directory;
  return { runName, address: jobs.address, job, reason, step, ...figures, checkpoint };
}

const ENDS: Readonly<Record<RayStageResult['reason'], string>> = {
  finished: '',
  stopped: '; stopped and saved',
  converged: '; the validation loss falls no more',
  failed: '; failed',
  detached: '; it goes on by itself',
};

export function endOf(last: RunEvent | undefined, signal: AbortSignal): DoneEvent['reason'] {
  if (last?.type === 'done') return last.reason;
  return signal.aborted ? 'stopped' : 'failed';
}

type LoadedTokenizer = Awaited<ReturnType<typeof loadTokenizer>>;

async function configOf(
  { project, resume, config }: RayStageOptions,
  runDirectory: string,
  tokenizer: LoadedTokenizer,
): Promise<RunConfig> {
  if (resume === undefined) return config ?? runConfigOf(project.config, tokenizerFacts(tokenizer));
  return resumedConfig(runDirectory, tokenizer.hash);
}

interface Prepared {
  readonly storage: RunStorage;
  readonly config: RunConfig;
  readonly tokenizer: LoadedTokenizer;
  readonly runDirectory: string;
}

async function writeJob(
  folder: string,
  { project, runName, resume, workers, workerCpus, storage: place }: RayStageOptions,
  { storage, config, tokenizer, runDirectory }: Prepared,
): Promise<void> {
  const { shards } = filesOf(project);
  await writeJobFolder(folder, {
    runName,
    runDirectory: storage.location,
    config,
    origin: path.join(runDirectory, 'config.json'),
    workers,
    threadsPerWorker: workerCpus ?? null,
    resume: resume === undefined ? null : { fromStep: resume.fromStep ?? null },
    files: await modelFiles(project, runName, tokenizer),
    endOfText: tokenizer.endOfText,
    shards,
    shardsThere: await shardsThere(shards, place, storage),
    travels: true,
    program: PROGRAM,
  });
}

/** In the project itself where that is the storage; else beside the runs; undefined: they travel. */
async function shardsThere(
  shards: string,
  place: string | undefined,
  storage: RunStorage,
): Promise<string | undefined> {
  if (storage.directory === undefined) return undefined;
  return place === undefined ? shards : placeShards(shards, path.dirname(storage.directory));
}

/** What Ray installs for the job: the cluster's own Ray stays as it is. */
export async function requirements(): Promise<string[]> {
  const lines = (await readFile(path.join(PROGRAM, 'requirements.txt'), 'utf8')).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !/^(#|ray\b)/.test(line));
}
