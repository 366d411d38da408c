/** `moat train --on ray://…`: a run of the project on a Ray cluster, with the same bar, events and files as one here. */
import { readFile, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { DoneEvent, RunEvent } from '../../base/run-events.js';
import { formatBytes, formatCount } from '../../base/units.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';
import { httpSend } from '../../lab/distributed/http-send.js';
import { writeJobFolder } from '../../lab/distributed/job-folder.js';
import { checkWorkers, portableModel } from '../../lab/distributed/job-spec.js';
import type { RunPlace } from '../../lab/distributed/run-place.js';
import { createRayJobs } from '../../lab/distributed/ray-jobs.js';
import { openStorage } from '../../lab/distributed/open-storage.js';
import { type RunStorage, type SentShards } from '../../lab/distributed/run-storage.js';
import { type RayRunOptions, trainOnRay } from '../../lab/distributed/train-on-ray.js';
import { parameterCount } from '../../lab/models/model.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { resumedConfig } from '../../lab/train/resumed-config.js';
import type { RunConfig } from '../../lab/train/run-config.js';
import { isTraining, whileTraining } from '../../lab/train/run-lock.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { modelFiles, runDirectoryOf, tokenizerFacts } from './model-files.js';
import { filesOf } from './project-files.js';
import { runConfigOf } from './run-settings.js';
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
  /** Of the run, where it is neither the project's nor that of the run that goes on. */
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

/** The worker's program and its requirements, beside the package's own. */
const PROGRAM = fileURLToPath(new URL('../../../distributed/', import.meta.url));

/** @throws MoatError `cannot-distribute`, `too-many-workers`, and those of `trainOnRay` */
export async function runRayStage(options: RayStageOptions): Promise<RayStageResult> {
  const { project, runName, reporter, env, address, workers, resume, detach, clock } = options;
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
  const storage = openStorage(options.storage, runDirectory, { env, send: httpSend, clock, wait });
  const stage = reporter.stage('train');
  const watch = watchRun(stage);
  let last: RunEvent | undefined;
  // whoever asks for a stop beside the run's lock asks this process, which follows the job
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const onSent: SentShards = (sentBytes, allBytes) =>
    stage.progress({ text: `shards are sent: ${formatBytes(sentBytes)} of ${formatBytes(allBytes)}` });
  const run: RayRunOptions = {
    jobs,
    runDirectory,
    storage,
    place: placeOf(options, jobs.address),
    config,
    resume,
    // the weights, and at most two more numbers each for the optimizer
    checkpointBytes: parameters * 3 * Float32Array.BYTES_PER_ELEMENT,
    writeJob: async (folder) => writeJob(folder, options, { storage, config, tokenizer, runDirectory, onSent }),
    requirements: options.install ? await requirements(options.storage) : [],
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
  };
  const { job, outcome } = await whileTraining(runDirectory, stop, () => trainOnRay(run)).finally(() =>
    // only what was refused has left nothing in it
    rmdir(runDirectory).catch(() => {}),
  );
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

function placeOf({ workers, workerCpus, storage, install }: RayStageOptions, on: string): RunPlace {
  const there = storage === undefined || storage.includes('://') ? storage : path.resolve(storage);
  return { on, workers, workerCpus: workerCpus ?? null, storage: there ?? null, install };
}

const ENDS: Readonly<Record<RayStageResult['reason'], string>> = {
  finished: '',
  stopped: '; stopped and saved',
  converged: '; the validation loss falls no more',
  failed: '; failed',
  detached: '; it goes on by itself',
};

function endOf(last: RunEvent | undefined, signal: AbortSignal): DoneEvent['reason'] {
  if (last?.type === 'done') return last.reason;
  return signal.aborted ? 'stopped' : 'failed';
}

type LoadedTokenizer = Awaited<ReturnType<typeof loadTokenizer>>;

async function configOf(
  { project, resume, config }: RayStageOptions,
  runDirectory: string,
  tokenizer: LoadedTokenizer,
): Promise<RunConfig> {
  if (config !== undefined) return config;
  if (resume === undefined) return runConfigOf(project.config, tokenizerFacts(tokenizer));
  return resumedConfig(runDirectory, tokenizer.hash);
}

interface Prepared {
  readonly storage: RunStorage;
  readonly config: RunConfig;
  readonly tokenizer: LoadedTokenizer;
  readonly runDirectory: string;
  readonly onSent: SentShards;
}

async function writeJob(
  folder: string,
  { project, runName, resume, workers, workerCpus }: RayStageOptions,
  { storage, config, tokenizer, runDirectory, onSent }: Prepared,
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
    shardsThere: await storage.placeShards(shards, onSent),
    travels: true,
    shared: storage.directory,
    sendStart: storage.sendStart,
    program: PROGRAM,
  });
}

/** What Ray installs for the job: the cluster's own Ray stays as it is. */
async function requirements(storage: string | undefined): Promise<string[]> {
  const files = ['requirements.txt', ...(storage?.startsWith('s3://') === true ? ['requirements-s3.txt'] : [])];
  const texts = await Promise.all(files.map((name) => readFile(path.join(PROGRAM, name), 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n')).map((line) => line.trim());
  return lines.filter((line) => line !== '' && !/^(#|ray\b)/.test(line));
}
