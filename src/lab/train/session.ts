/**
 * A training run on disk: starts or resumes `runs/<name>`, wires programs, optimizer, batches, events and checkpoints to
 * the loop, and leaves a directory from which anyone can go on. The last event says how it ended.
 */
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { MoatError, messageOf } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import type { FileSystem } from '../checkpoint/file-system.js';
import { latestCheckpoint, listCheckpoints } from '../checkpoint/run-checkpoints.js';
import type { CheckpointContents } from '../checkpoint/save-checkpoint.js';
import { parameterCount } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { createKernels } from '../runtime/kernels.js';
import type { Program } from '../runtime/program.js';
import { createBatchLoader } from './batches.js';
import { type TokenStream, documentNats } from './held-out-loss.js';
import { clippedParameters, createOptimizer } from './optimizers.js';
import { type ParameterStore, createParameterStore, trainingBytes } from './parameter-store.js';
import { type RunConfig, parseRunConfig } from './run-config.js';
import { type EventLog, assertNoRun, createRun, openEventLog, readRunConfig } from './run-directory.js';
import { compileEvaluation, compileTrainingStep } from './step-program.js';
import {
  type LoopSettings,
  type TrainingOutcome,
  type TrainingProgress,
  feedsOf,
  runTraining,
  tokensPerStep,
} from './trainer.js';
import { initializeParameters, restoreTrainingState, saveTrainingState } from './training-state.js';

/** Held-out documents as one stream, and the bytes of their text, for bits per byte. */
export interface HeldOut {
  readonly stream: TokenStream;
  readonly byteCount: number;
}

export interface TrainingJob {
  readonly runDirectory: string;
  /** For a new run; a resumed one reads its own. */
  readonly config: RunConfig | undefined;
  readonly resume: { readonly fromStep: number | undefined } | undefined;
  readonly trainTokens: ArrayLike<number>;
  readonly heldOut: HeldOut | undefined;
  /** Files to stand beside the weights in every checkpoint: the tokenizer's. `config.json` is added here. */
  readonly files: CheckpointContents['files'];
  readonly tokenizerHash: string;
  readonly threads: number | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  readonly fileSystem?: FileSystem;
}

export interface TrainingResult extends TrainingOutcome {
  readonly parameterCount: number;
  /** The last checkpoint's directory. */
  readonly checkpoint: string;
  /** Wall seconds of this process, from start to finish: compiling, evaluating and saving included. */
  readonly wallSeconds: number;
}

/**
 * Trains until the run's budget is used or `signal` aborts; then saves and returns.
 * @throws MoatError `run-exists`, `no-such-run`, `no-checkpoint`, `other-tokenizer`, `corpus-too-small`,
 * `out-of-memory`, `non-finite-loss`, `disk-full`, and those of `loadCheckpoint`
 */
export async function trainRun(job: TrainingJob): Promise<TrainingResult> {
  const started = job.clock.monotonic();
  const config = await configOf(job);
  const run = await prepare(job, config);
  try {
    // only now, when all that could be refused has been accepted, does anything appear on disk
    if (job.resume === undefined) await createRun(job.runDirectory, config);
    return await withLog(job, run, (emit) => execute(job, config, run, emit, started), started);
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
  const emit = (event: RunEvent): void => {
    log.append(event);
    job.onEvent?.(event);
  };
  try {
    return await work(emit);
  } catch (error) {
    emit({ ...endOf(job, run.from, started), reason: 'failed', loss: null, message: messageOf(error) });
    throw error;
  } finally {
    log.close();
  }
}

async function configOf(job: TrainingJob): Promise<RunConfig> {
  if (job.resume === undefined) {
    if (job.config === undefined) throw new Error('a new run needs a configuration');
    await assertNoRun(job.runDirectory);
    return job.config;
  }
  const config = parseRunConfig(await readRunConfig(job.runDirectory), path.join(job.runDirectory, 'config.json'));
  if (config.tokenizerHash !== job.tokenizerHash) {
    throw new MoatError(
      'other-tokenizer',
      `${job.runDirectory}: the run was begun with another tokenizer than the project has now`,
      {
        fix: 'Start a new run under another --name.',
      },
    );
  }
  return config;
}

interface PreparedRun {
  readonly settings: LoopSettings;
  readonly store: ParameterStore;
  readonly from: TrainingProgress;
  readonly parameterCount: number;
  readonly architecture: string;
  train(emit: (event: RunEvent) => void): Promise<TrainingOutcome>;
  close(): Promise<void>;
}

const BEGINNING: TrainingProgress = { step: 0, elapsedSeconds: 0, tokensSeen: 0, batches: { epoch: 0, cursor: 0 } };

async function prepare(job: TrainingJob, config: RunConfig): Promise<PreparedRun> {
  const { architecture, model } = readCausalModel(config.model, path.join(job.runDirectory, 'config.json'));
  const specs = model.parameters;
  const kernels = createKernels(trainingBytes(specs));
  const store = createParameterStore(kernels, specs);
  const optimizer = await createOptimizer(kernels, store, config.optimizer, job.threads);
  const from = await startingPoint(job, config, store, optimizer);
  const settings: LoopSettings = { ...config.loop, maxSteps: config.loop.maxSteps, maxSeconds: config.loop.maxSeconds };
  const options = job.threads === undefined ? {} : { threads: job.threads };
  const loader = createBatchLoader(job.trainTokens, { ...settings, seed: config.seed, position: from.batches });
  const program = await compileTrainingStep(model, settings, options);
  let evaluation: Program | undefined;
  const { heldOut, signal } = job;
  const evaluate = async (held: HeldOut): Promise<{ loss: number; bitsPerByte: number }> => {
    evaluation ??= await compileEvaluation(model, settings, options);
    const nats = await documentNats(evaluation, settings, feedsOf(store), held.stream);
    const total = nats.reduce((sum, each) => sum + each, 0);
    return { loss: total / held.stream.tokens.length, bitsPerByte: total / Math.LN2 / held.byteCount };
  };
  const files = { 'config.json': hubConfig(config.model, architecture.className), ...job.files };
  return {
    settings,
    store,
    from,
    parameterCount: parameterCount(specs),
    architecture: architecture.modelType,
    train: (emit) =>
      runTraining({
        settings,
        program,
        store,
        clipped: clippedParameters(store, config.optimizer),
        optimizer,
        loader,
        from,
        clock: job.clock,
        ...(signal === undefined ? {} : { signal }),
        onEvent: emit,
        evaluate: heldOut && (() => evaluate(heldOut)),
        saveCheckpoint: async (progress) => {
          const where = { runDirectory: job.runDirectory, files, keepLast: config.keepCheckpoints };
          const saved = await saveTrainingState(store, optimizer, progress, {
            ...where,
            ...(job.fileSystem === undefined ? {} : { fileSystem: job.fileSystem }),
          });
          return { path: path.relative(job.runDirectory, saved.directory), bytes: saved.sizeBytes };
        },
      }),
    async close() {
      await program.close();
      await evaluation?.close();
      await optimizer.close();
    },
  };
}

async function startingPoint(
  job: TrainingJob,
  config: RunConfig,
  store: ParameterStore,
  optimizer: Awaited<ReturnType<typeof createOptimizer>>,
): Promise<TrainingProgress> {
  if (job.resume === undefined) {
    initializeParameters(store, config.seed);
    return BEGINNING;
  }
  const { fromStep } = job.resume;
  const all = await listCheckpoints(job.runDirectory);
  const chosen = fromStep === undefined ? all.at(-1) : all.find(({ step }) => step === fromStep);
  if (chosen === undefined) {
    const known = all.map(({ step }) => step).join(', ');
    throw new MoatError(
      'no-checkpoint',
      `${job.runDirectory}: there is no checkpoint ${fromStep === undefined ? 'yet' : `at step ${fromStep}`}`,
      {
        fix: known === '' ? 'Start the run anew under another --name.' : `There are steps ${known}.`,
      },
    );
  }
  return restoreTrainingState(store, optimizer, chosen.directory);
}

/** `config.json` as Hugging Face writes it for a saved model. */
function hubConfig(model: RunConfig['model'], className: string): string {
  return `${JSON.stringify({ architectures: [className], torch_dtype: 'float32', ...model }, undefined, 2)}\n`;
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
    device: 'cpu',
    resumedFromStep: run.from.step,
  });
  const outcome = await run.train(emit);
  emit({ ...endOf(job, outcome.progress, started), reason: outcome.reason, loss: outcome.loss });
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

function endOf(job: TrainingJob, progress: TrainingProgress, started: number) {
  return {
    type: 'done' as const,
    time: new Date(job.clock.now()).toISOString(),
    step: progress.step,
    elapsedSeconds: secondsSince(job, started),
    tokensSeen: progress.tokensSeen,
  };
}

function secondsSince(job: TrainingJob, started: number): number {
  return (job.clock.monotonic() - started) / 1000;
}
