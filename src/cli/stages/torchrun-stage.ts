/** `moat train --on torchrun`: a run of the project on this machine's PyTorch, with the same bar, events and files. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { formatCount } from '../../base/units.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';
import { START_FILE, writeJobFolder } from '../../lab/distributed/job-folder.js';
import { writePlace } from '../../lab/distributed/run-place.js';
import { type Python, findPython, runTorchrun } from '../../lab/distributed/torchrun.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { resumedConfig } from '../../lab/train/resumed-config.js';
import type { RunConfig } from '../../lab/train/run-config.js';
import { assertNoRun, createRun, openEventLog } from '../../lab/train/run-directory.js';
import { whileTraining } from '../../lab/train/run-lock.js';
import { modelFiles, runDirectoryOf, tokenizerFacts } from './model-files.js';
import { filesOf } from './project-files.js';
import { runConfigOf } from './run-settings.js';
import { type TrainStageOptions, fittedConfig, refuseWhileElsewhere } from './train-stage.js';
import { watchRun } from './watch-run.js';

export interface TorchrunStageOptions extends TrainStageOptions {
  /** Undefined: one a GPU, else one. */
  readonly workers: number | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** What a run left that other processes trained. */
export interface RemoteTraining {
  readonly runName: string;
  readonly reason: 'finished' | 'stopped' | 'converged' | 'failed';
  readonly steps: number;
  readonly tokensSeen: number;
  /** Mean training loss over the last steps, nats a token. */
  readonly loss: number | null;
  readonly tokensPerSecond: number;
  readonly losses: readonly number[];
  readonly bitsPerByte: number | undefined;
  /** The last checkpoint's directory. */
  readonly checkpoint: string;
}

const PROGRAM = fileURLToPath(new URL('../../../distributed', import.meta.url));
const MAX_RESTARTS = 3;

/** @throws MoatError those of `findPython`, `writeJobFolder` and `runTorchrun`; `run-exists`, `run-busy`, `other-tokenizer` */
export async function runTorchrunStage(options: TorchrunStageOptions): Promise<RemoteTraining> {
  const { runName, resume, reporter, env } = options;
  const { config, ...job } = await prepare(options);
  const { runDirectory } = job;
  const stage = reporter.stage('train');
  stage.progress({ fraction: 0, text: 'starting PyTorch' });
  const watch = watchRun(stage);
  const seen = { last: undefined as RunEvent | undefined };
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'start') stage.progress({ fraction: 0, text: event.device });
    seen.last = event;
    watch.see(event);
    options.onEvent?.(event);
  };
  // the workers look for the same file, which the lock puts away
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  await whileTraining(runDirectory, stop, async () => {
    if (resume === undefined) await createRun(runDirectory, config);
    const { workers } = job;
    await writePlace(runDirectory, { on: 'torchrun', workers, workerCpus: null, storage: null, install: false });
    try {
      await runTorchrun({ ...job, env, signal, onEvent });
    } catch (error) {
      const isOvertaken = error instanceof MoatError && error.code === 'overtaken';
      if (!isOvertaken) await recordFailure(runDirectory, error, options, seen.last);
      throw error;
    } finally {
      // as large as the model
      await rm(path.join(job.jobFolder, START_FILE), { force: true });
    }
  });
  const done = seen.last;
  const checkpoint = await latestCheckpoint(runDirectory);
  if (done?.type !== 'done' || checkpoint === undefined) {
    throw new MoatError('no-checkpoint', `${runDirectory}: the workers ended before their first step`);
  }
  const { reason, step: steps, tokensSeen, loss } = done;
  const tokensPerSecond = watch.tokensPerSecond();
  const measured = watch.measured();
  stage.done(
    `${formatCount(steps)} steps, ${formatCount(tokensSeen)} tokens at ${formatCount(tokensPerSecond)}/s` +
      `${loss === null ? '' : `; loss ${loss.toFixed(2)}`}${measured === undefined ? '' : `, validation ${measured}`}` +
      (reason === 'stopped' ? '; stopped and saved' : ''),
  );
  const figures = { losses: watch.losses, tokensPerSecond, bitsPerByte: watch.bitsPerByte() };
  return { runName, reason, steps, tokensSeen, loss, ...figures, checkpoint: checkpoint.directory };
}

/** All that may be refused is refused here; nothing of the run is written yet. */
async function prepare(options: TorchrunStageOptions) {
  const { project, runName, resume, env } = options;
  const files = filesOf(project);
  const runDirectory = runDirectoryOf(project, runName);
  await refuseWhileElsewhere(runDirectory);
  const tokenizer = await loadTokenizer(files.tokenizer);
  const python = await findPython(pythonsOf(env), path.join(PROGRAM, 'requirements.txt'));
  const workers = options.workers ?? Math.max(1, python.gpuCount);
  checkGpus(workers, python);
  if (resume === undefined) await assertNoRun(runDirectory);
  const config =
    resume === undefined
      ? await newConfig(options, python, tokenizer)
      : await resumedConfig(runDirectory, tokenizer.hash);
  const jobFolder = path.join(files.state, 'jobs', runName);
  await writeJobFolder(jobFolder, {
    runName,
    runDirectory,
    config,
    origin: resume === undefined ? 'moat.config.ts' : path.join(runDirectory, 'config.json'),
    files: await modelFiles(project, runName, tokenizer),
    endOfText: tokenizer.endOfText,
    shards: files.shards,
    shardsThere: files.shards,
    travels: false,
    program: PROGRAM,
    resume: resume === undefined ? null : { fromStep: resume.fromStep ?? null },
    workers,
    maxRestarts: MAX_RESTARTS,
  });
  return { python: python.executable, config, jobFolder, runDirectory, workers, maxRestarts: MAX_RESTARTS };
}

function pythonsOf(env: NodeJS.ProcessEnv): string[] {
  const named = env['MOAT_PYTHON'];
  return named === undefined ? [path.join(PROGRAM, '.venv', 'bin', 'python'), 'python3', 'python'] : [named];
}

function checkGpus(workers: number, { gpuCount }: Python): void {
  if (gpuCount === 0 || workers <= gpuCount) return;
  throw new MoatError('too-many-workers', `--workers ${workers}: this machine has ${gpuCount} GPUs`, {
    fix: 'A worker has a GPU of its own; leave --workers out to take all of them.',
  });
}

type Tokenizer = Awaited<ReturnType<typeof loadTokenizer>>;

/** On processors the batch is split as the local trainer splits it; on GPUs each worker takes its share whole. */
async function newConfig(
  { project, reporter }: TorchrunStageOptions,
  python: Python,
  tokenizer: Tokenizer,
): Promise<RunConfig> {
  if (python.gpuCount > 0) return runConfigOf(project.config, tokenizerFacts(tokenizer));
  return fittedConfig({ project, fork: undefined, reporter }, tokenizer, undefined);
}

/** The workers that failed can no longer say so themselves. */
async function recordFailure(
  runDirectory: string,
  error: unknown,
  { clock }: TorchrunStageOptions,
  last: RunEvent | undefined,
): Promise<void> {
  const log = await openEventLog(runDirectory);
  const step = last !== undefined && 'step' in last ? last.step : 0;
  const tokensSeen = last?.type === 'step' ? last.step * last.tokens : 0;
  const elapsedSeconds = last?.type === 'step' ? last.elapsedSeconds : 0;
  const message = error instanceof Error ? error.message : String(error);
  const time = new Date(clock.now()).toISOString();
  const end = { type: 'done', time, reason: 'failed', loss: null } as const;
  const attempt = last?.attempt === undefined ? {} : { attempt: last.attempt };
  log.append({ ...end, step, elapsedSeconds, tokensSeen, message, ...attempt });
  log.close();
}
