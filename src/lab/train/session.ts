/**
 * A training run on disk: starts or resumes `runs/<name>`, wires programs, optimizer, batches, events and checkpoints to
 * the loop, and leaves a directory from which anyone can go on. The last event says how it ended.
 */
import path from 'node:path';
import { MoatError, messageOf } from '../../base/errors.js';
import type { EvalEvent, RunEvent, StepEvent } from '../../base/run-events.js';
import { takeAttempt } from '../checkpoint/run-attempts.js';
import { latestCheckpoint } from '../checkpoint/run-checkpoints.js';
import { openEnergyMeter } from './energy-meter.js';
import { type PreparedRun, prepareRun } from './prepare-run.js';
import { resumedConfig } from './resumed-config.js';
import type { RunConfig } from './run-config.js';
import { whileTraining } from './run-lock.js';
import { type EventLog, assertNoRun, createRun, openEventLog, readEvents } from './run-directory.js';
import { type TrainingOutcome, type TrainingProgress, tokensPerStep } from './trainer.js';
import type { TrainingJob } from './training-job.js';

export interface TrainingResult extends TrainingOutcome {
  readonly parameterCount: number;
  /** The last checkpoint's directory. */
  readonly checkpoint: string;
  /** Wall seconds of this process, from start to finish: compiling, evaluating and saving included. */
  readonly wallSeconds: number;
}

/**
 * Trains until the run's budget is used or `signal` aborts; then saves and returns.
 * @throws MoatError `run-exists`, `run-finished`, `run-busy`, `no-such-run`, `no-checkpoint`, `other-tokenizer`, `corpus-too-small`,
 * `out-of-memory`, `non-finite-loss`, `disk-full`, and those of `loadCheckpoint`
 */
export async function trainRun(job: TrainingJob): Promise<TrainingResult> {
  const started = job.clock.monotonic();
  const stop = new AbortController();
  const signal = job.signal === undefined ? stop.signal : AbortSignal.any([job.signal, stop.signal]);
  const stoppable = { ...job, signal };
  const config = await configOf(job);
  const alone = <T>(work: () => Promise<T>): Promise<T> => whileTraining(job.runDirectory, stop, work);
  if (job.resume !== undefined) return alone(() => prepared(stoppable, config, started, (work) => work()));
  return prepared(stoppable, config, started, (work) =>
    // only now, when all that could be refused has been accepted, does anything appear on disk
    alone(async () => {
      await createRun(job.runDirectory, config);
      return work();
    }),
  );
}

/** @param around the moment between what may be refused and what is written */
async function prepared(
  job: TrainingJob,
  config: RunConfig,
  started: number,
  around: (work: () => Promise<TrainingResult>) => Promise<TrainingResult>,
): Promise<TrainingResult> {
  const run = await prepareRun(job, config);
  try {
    await assertUnfinished(job);
    return await around(() => withLog(job, run, (emit) => execute(job, config, run, emit, started), started));
  } finally {
    await run.close();
  }
}

async function withLog<T>(
  job: TrainingJob,
  run: PreparedRun,
  work: (emit: EventLog['append']) => Promise<T>,
  started: number,
): Promise<T> {
  const log = await openEventLog(job.runDirectory);
  const attempt = await takeAttempt(job.runDirectory, run.from.step);
  const numbered = attempt === undefined ? {} : { attempt: attempt.number };
  const joules = openEnergyMeter();
  const emit = (event: RunEvent): void => {
    attempt?.check();
    const measured = { ...(event.type === 'step' || event.type === 'eval' ? withMemory(event) : event), ...numbered };
    log.append(joules === undefined ? measured : { ...measured, joules: joules() });
    job.onEvent?.(measured);
  };
  try {
    return await work(emit);
  } catch (error) {
    if (error instanceof MoatError && error.code === 'overtaken') throw error;
    emit({ ...endOf(job, run.from, run.from, started), reason: 'failed', loss: null, message: messageOf(error) });
    throw error;
  } finally {
    log.close();
  }
}

function withMemory(event: StepEvent | EvalEvent): RunEvent {
  return { ...event, residentBytes: process.memoryUsage.rss() };
}

async function configOf(job: TrainingJob): Promise<RunConfig> {
  if (job.resume === undefined) {
    if (job.config === undefined) throw new Error('a new run needs a configuration');
    await assertNoRun(job.runDirectory);
    return job.config;
  }
  return resumedConfig(job.runDirectory, job.tokenizerHash);
}

/** One that was killed after its last step has no `done`, and ends when it is resumed. */
async function assertUnfinished({ resume, runDirectory }: TrainingJob): Promise<void> {
  if (resume === undefined || resume.fromStep !== undefined) return;
  const last = (await readEvents(runDirectory)).at(-1);
  if (last?.type !== 'done' || last.reason !== 'finished') return;
  throw new MoatError('run-finished', `${runDirectory}: the run has had all the time or steps it was given`, {
    fix: `Train on from its weights in a new run: moat train --fork ${path.basename(runDirectory)} --with-weights.`,
  });
}

async function execute(
  job: TrainingJob,
  config: RunConfig,
  run: PreparedRun,
  emit: EventLog['append'],
  started: number,
): Promise<TrainingResult> {
  emit({
    type: 'start',
    time: new Date(job.clock.now()).toISOString(),
    runName: path.basename(job.runDirectory),
    architecture: run.architecture,
    parameterCount: run.parameterCount,
    totalSteps: config.loop.maxSteps,
    tokensPerStep: tokensPerStep(run.settings),
    trainTokens: job.trainTokens.length,
    device: job.device ?? 'cpu',
    resumedFromStep: run.from.step,
  });
  const outcome = await run.train(emit);
  emit({ ...endOf(job, run.from, outcome.progress, started), reason: outcome.reason, loss: outcome.loss });
  const last = await latestCheckpoint(job.runDirectory);
  if (last === undefined)
    throw new MoatError('no-checkpoint', `${job.runDirectory}: the run ended before its first step`);
  return {
    ...outcome,
    parameterCount: run.parameterCount,
    checkpoint: last.directory,
    wallSeconds: secondsSince(job, started),
  };
}

/** @param from where this process began: what earlier ones trained counts, too */
function endOf(job: TrainingJob, from: TrainingProgress, progress: TrainingProgress, started: number) {
  return {
    type: 'done' as const,
    time: new Date(job.clock.now()).toISOString(),
    step: progress.step,
    elapsedSeconds: from.elapsedSeconds + secondsSince(job, started),
    tokensSeen: progress.tokensSeen,
  };
}

function secondsSince(job: TrainingJob, started: number): number {
  return (job.clock.monotonic() - started) / 1000;
}
