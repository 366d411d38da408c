/**
 * Goes on training a model on a task, in whole or in part, and keeps the weights that did best on what was held out.
 * The folder is a model (or an adapter) from the first measurement on: a run that is killed leaves the best so far, and a
 * checkpoint beside it to go on from, which goes when the run has come to its end. Knows no file formats of data, no
 * templates, no command line.
 */
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../../base/atomic-file.js';
import type { Clock } from '../../../base/clock.js';
import { MoatError, messageOf } from '../../../base/errors.js';
import type { RunEvent } from '../../../base/run-events.js';
import { latestCheckpoint } from '../../checkpoint/run-checkpoints.js';
import { parameterCount } from '../../models/model.js';
import { createKernels } from '../../runtime/kernels.js';
import { openEnergyMeter } from '../energy-meter.js';
import { type Learner, createLearner } from '../learner.js';
import { type ParameterStore, createParameterStore, trainingBytes } from '../parameter-store.js';
import { openEventLog } from '../run-directory.js';
import { whileTraining } from '../run-lock.js';
import { type TrainingProgress, runTraining, tokensPerStep } from '../trainer.js';
import { type TrainingArrays, restoreTrainingState, saveTrainingState } from '../training-state.js';
import { type HeldOut, type HeldOutMeasure, createHeldOut } from './held-out.js';
import { type TrainableWeights, overTrained } from './trainable-weights.js';
import { type TuneSettings, tuneLoop, tuneOptimizer } from './tune-plan.js';
import { TUNE_BEGINNING, type TuneProgress, keepBest, removeCheckpoints, tuneProgressSchema } from './tune-state.js';
import { type TuneResult, changedRecords, writeTuningRecord } from './tuning-record.js';
import type { TuningTask } from './tuning-task.js';

export interface TuneJob {
  /** New or empty, or that of the run to go on with; the result and `events.jsonl` appear in it. */
  readonly folder: string;
  readonly architecture: string;
  readonly weights: TrainableWeights;
  readonly task: TuningTask;
  readonly settings: TuneSettings;
  /** Files beside the weights: text, or the path of a file to copy. */
  readonly files: Readonly<Record<string, string | { readonly copyOf: string }>>;
  /** What the run was asked to do beside these, for whoever goes on with it. */
  readonly asked?: object;
  /** Go on from the last checkpoint. Default false. */
  readonly resume?: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

/** What is kept of a run's intention: the same whoever trains it. */
export const tuningRecordOf = ({ task, architecture, settings, asked }: Omit<TuneJob, 'folder'>): object => ({
  objective: task.name,
  architecture,
  settings,
  ...asked,
});

/**
 * @throws MoatError `folder-taken`, `run-busy`, `non-finite-loss` naming the records, `out-of-memory`, `disk-full`; to go on those
 *   of `restoreTrainingState`; what the task and the weights throw
 */
export async function tuneModel(job: TuneJob): Promise<TuneResult> {
  const { folder, resume = false } = job;
  if (!resume) await checkIsEmpty(folder);
  const started = job.clock.monotonic();
  const parts = await learnerOf(job);
  const heldOut = await createHeldOut(job);
  const stop = new AbortController();
  const signal = job.signal === undefined ? stop.signal : AbortSignal.any([job.signal, stop.signal]);
  try {
    return await whileTraining(folder, stop, async () => {
      const from = resume ? await resumed(job, parts) : TUNE_BEGINNING;
      if (!resume) await writeTuningRecord(folder, tuningRecordOf(job));
      return withLog(job, started, (emit) => run({ ...job, signal }, { ...parts, heldOut, from, emit }, started));
    });
  } finally {
    await heldOut?.close();
    await parts.learner.close();
  }
}

async function withLog(
  job: TuneJob,
  started: number,
  work: (emit: (event: RunEvent) => void) => Promise<TuneResult>,
): Promise<TuneResult> {
  const log = await openEventLog(job.folder);
  const joules = openEnergyMeter();
  let step = 0;
  const emit = (event: RunEvent): void => {
    if (event.type === 'step') step = event.step;
    log.append(joules === undefined ? event : { ...event, joules: joules() });
    job.onEvent?.(event);
  };
  try {
    const result = await work(emit);
    await writeTuningRecord(job.folder, tuningRecordOf(job), result);
    if (result.reason !== 'stopped') await removeCheckpoints(job.folder);
    return result;
  } catch (error) {
    emit({ ...ending(job, started, step), reason: 'failed', loss: null, message: messageOf(error) });
    throw error;
  } finally {
    log.close();
  }
}

/** @throws MoatError `folder-taken` */
export async function checkIsEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.length === 0) return;
  throw new MoatError('folder-taken', `${folder}: this folder is not empty`, {
    fix: 'Name another with --out, or go on with the run in it with --resume.',
  });
}

interface LearnerParts {
  readonly store: ParameterStore;
  readonly learner: Learner;
}

async function learnerOf({ weights, task, settings }: TuneJob): Promise<LearnerParts> {
  const specs = weights.trained.map(({ spec }) => spec);
  const store = createParameterStore(createKernels(trainingBytes(specs)), specs);
  for (const [index, { value }] of store.parameters.entries())
    value.view().set(weights.trained[index]?.initial as Float32Array);
  const { clipNorm, recompute, seed, threads } = settings;
  const learner = await createLearner({
    store,
    objective: overTrained(weights, task.objective),
    optimizer: tuneOptimizer(settings),
    clipNorm,
    recompute,
    seed,
    ...(threads === undefined ? {} : { threads }),
  });
  return { store, learner };
}

const arraysOf = ({ store, learner }: LearnerParts): TrainingArrays => ({
  model: new Map(store.parameters.map(({ spec, value }) => [spec.name, { array: value, shape: spec.shape }])),
  further: learner.optimizer.state,
});

/** Workers that were killed may have left the best weights among the checkpoints. Without a checkpoint it begins again. */
async function resumed({ folder }: TuneJob, parts: LearnerParts): Promise<TuneProgress> {
  await keepBest(folder);
  const last = await latestCheckpoint(folder);
  if (last === undefined) return TUNE_BEGINNING;
  return restoreTrainingState(arraysOf(parts), last.directory, tuneProgressSchema);
}

interface Running extends LearnerParts {
  readonly heldOut: HeldOut | undefined;
  readonly from: TuneProgress;
  readonly emit: (event: RunEvent) => void;
}

async function run(job: TuneJob, running: Running, started: number): Promise<TuneResult> {
  const { task, weights } = job;
  const { learner, heldOut, from, emit } = running;
  const settings = tuneLoop(task, job.settings);
  const trainedParameters = parameterCount(weights.trained.map(({ spec }) => spec));
  emit({
    type: 'start',
    time: new Date(job.clock.now()).toISOString(),
    runName: path.basename(job.folder),
    architecture: job.architecture,
    parameterCount: trainedParameters,
    totalSteps: settings.maxSteps,
    tokensPerStep: tokensPerStep(settings),
    trainTokens: task.learnedTokens,
    device: 'cpu',
    resumedFromStep: from.step,
  });
  const keeping = await keeper(job, running);
  const source = task.source(Object.fromEntries(weights.frozen));
  source.seek(from.batches);
  const outcome = await runTraining({
    settings,
    learner,
    source,
    from,
    clock: job.clock,
    ...(job.signal === undefined ? {} : { signal: job.signal }),
    onEvent: emit,
    afterStep: keeping.afterStep,
    describe: task.describe,
    evaluate:
      heldOut &&
      (async () => {
        const measure = await heldOut.measure(learner.parameters());
        await keeping.keepIfBetter(measure);
        return { loss: measure.loss, ...bitsPerByte(job, measure.loss) };
      }),
    saveCheckpoint: keeping.saveCheckpoint,
  });
  const { progress, reason, loss } = outcome;
  emit({ ...ending(job, started, progress.step, progress.tokensSeen), reason, loss });
  const figures = { reason, trainedParameters, trainingLoss: loss, wallSeconds: secondsSince(job, started) };
  return { ...resultOf(task, { ...progress, heldOut: keeping.heldOut() }), ...figures };
}

/** What a run's last checkpoint tells of its result. */
export function resultOf(
  task: Pick<TuningTask, 'heldOutIds' | 'examples' | 'heldOutBytesPerUnit'>,
  { step, tokensSeen, heldOut: { before, kept } }: TuneProgress,
): Omit<TuneResult, 'reason' | 'trainedParameters' | 'trainingLoss' | 'wallSeconds'> {
  return {
    steps: step,
    keptStep: kept?.step ?? step,
    lossBefore: before?.loss,
    lossAfter: kept?.loss,
    heldOutBytesPerToken: task.heldOutBytesPerUnit,
    preferredAfter: kept?.preferred ?? undefined,
    records: changedRecords(task, before, kept),
    tokensSeen,
  };
}

/** Holds what was measured, writes the best weights into the folder and the checkpoints beside them. */
async function keeper(job: TuneJob, { heldOut, from, emit, ...parts }: Running) {
  const { learner } = parts;
  let { before, kept } = from.heldOut;
  let step = from.step;
  if (heldOut !== undefined && before === null) {
    before = await heldOut.measure(learner.parameters());
    emit(evalEvent(job, before.loss));
  }
  return {
    heldOut: () => ({ before, kept }),
    afterStep: (taken: number) => {
      step = taken;
    },
    async keepIfBetter(measure: HeldOutMeasure): Promise<void> {
      if (kept !== null && measure.loss >= kept.loss) return;
      await save(job, learner);
      kept = { step, ...measure };
    },
    async saveCheckpoint(progress: TrainingProgress) {
      if (kept === null) await save(job, learner);
      const { layout } = job.weights;
      const state: TuneProgress = { ...progress, heldOut: { before, kept } };
      const saved = await saveTrainingState(arraysOf(parts), state, {
        runDirectory: job.folder,
        files: { ...layout.files, ...job.files },
        layout,
        keepLast: 1,
      });
      return { path: path.relative(job.folder, saved.directory), bytes: saved.sizeBytes };
    },
  };
}

/** Weights first: a folder without `config.json` is no model yet. */
async function save({ folder, weights, files }: TuneJob, learner: Learner): Promise<void> {
  await mkdir(folder, { recursive: true });
  await weights.write(folder, learner.parameters());
  for (const [name, content] of Object.entries(files)) {
    const target = path.join(folder, name);
    if (typeof content === 'string') await writeFileAtomic(target, content);
    else await copyFile(content.copyOf, target);
  }
}

/** Nothing for losses that are no probability of a text. */
function bitsPerByte({ task: { heldOutBytesPerUnit } }: TuneJob, loss: number): { readonly bitsPerByte?: number } {
  return heldOutBytesPerUnit === undefined ? {} : { bitsPerByte: loss / Math.LN2 / heldOutBytesPerUnit };
}

/** Of the model as it was. */
function evalEvent(job: TuneJob, loss: number): RunEvent {
  return {
    type: 'eval',
    time: new Date(job.clock.now()).toISOString(),
    step: 0,
    loss,
    ...bitsPerByte(job, loss),
  };
}

const secondsSince = ({ clock }: TuneJob, started: number): number => (clock.monotonic() - started) / 1000;

function ending(job: TuneJob, started: number, step: number, tokensSeen = 0) {
  return {
    type: 'done' as const,
    time: new Date(job.clock.now()).toISOString(),
    step,
    elapsedSeconds: secondsSince(job, started),
    tokensSeen,
  };
}
