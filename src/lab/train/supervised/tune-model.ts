/**
 * Goes on training a model on a task, in whole or in part, and keeps the weights that did best on what was held out.
 * The folder is a model (or an adapter) from the first measurement on: a run that is killed leaves the best so far.
 * Knows no file formats of data, no templates, no command line.
 */
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../../base/atomic-file.js';
import type { Clock } from '../../../base/clock.js';
import { MoatError, messageOf } from '../../../base/errors.js';
import type { RunEvent } from '../../../base/run-events.js';
import { parameterCount } from '../../models/model.js';
import { createKernels } from '../../runtime/kernels.js';
import { type Learner, createLearner } from '../learner.js';
import { createParameterStore, trainingBytes } from '../parameter-store.js';
import { openEnergyMeter } from '../energy-meter.js';
import { openEventLog } from '../run-directory.js';
import { type LoopSettings, type TrainingProgress, runTraining } from '../trainer.js';
import { type HeldOut, type HeldOutMeasure, createHeldOut } from './held-out.js';
import { type TrainableWeights, overTrained } from './trainable-weights.js';
import { type TuneResult, changedRecords, writeTuningRecord } from './tuning-record.js';
import type { TuningTask } from './tuning-task.js';

export interface TuneSettings {
  /** The run ends at whichever comes first. */
  readonly epochs: number;
  readonly maxSteps?: number | undefined;
  readonly maxSeconds?: number | undefined;
  /** The peak: warmed up to over the first `warmupFraction` of the steps, then half a cosine down to a tenth. */
  readonly learningRate: number;
  readonly warmupFraction: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  readonly gradientAccumulation: number;
  /** Steps between measurements; default: twice an epoch. */
  readonly evalEvery?: number | undefined;
  /** Measurements without a lower loss after which training ends; never when absent. */
  readonly patience?: number | undefined;
  readonly recompute: boolean;
  readonly seed: number;
  readonly threads?: number | undefined;
}

export interface TuneJob {
  /** New or empty; the result and `events.jsonl` appear in it. */
  readonly folder: string;
  readonly architecture: string;
  readonly weights: TrainableWeights;
  readonly task: TuningTask;
  readonly settings: TuneSettings;
  /** Files beside the weights: text, or the path of a file to copy. */
  readonly files: Readonly<Record<string, string | { readonly copyOf: string }>>;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

const FINAL_SCALE = 0.1;
const BETAS = [0.9, 0.999] as const;

/**
 * @throws MoatError `folder-taken`, `non-finite-loss` naming the records, `out-of-memory`, `disk-full`; what the task and
 *   the weights throw
 */
export async function tuneModel(job: TuneJob): Promise<TuneResult> {
  await checkIsEmpty(job.folder);
  const started = job.clock.monotonic();
  const learner = await learnerOf(job);
  const heldOut = await createHeldOut(job);
  await mkdir(job.folder, { recursive: true });
  const log = await openEventLog(job.folder);
  const joules = openEnergyMeter();
  const emit = (event: RunEvent): void => {
    log.append(joules === undefined ? event : { ...event, joules: joules() });
    job.onEvent?.(event);
  };
  let step = 0;
  try {
    const result = await run(
      job,
      {
        learner,
        heldOut,
        emit: (event) => {
          if (event.type === 'step') step = event.step;
          emit(event);
        },
      },
      started,
    );
    const { task, architecture, settings } = job;
    await writeTuningRecord(job.folder, { objective: task.name, architecture, settings }, result);
    return result;
  } catch (error) {
    emit({ ...ending(job, started, step), reason: 'failed', loss: null, message: messageOf(error) });
    throw error;
  } finally {
    log.close();
    await heldOut?.close();
    await learner.close();
  }
}

async function checkIsEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.length === 0) return;
  throw new MoatError('folder-taken', `${folder}: this folder is not empty`, { fix: 'Name another with --out.' });
}

async function learnerOf({ weights, task, settings }: TuneJob): Promise<Learner> {
  const specs = weights.trained.map(({ spec }) => spec);
  const store = createParameterStore(createKernels(trainingBytes(specs)), specs);
  for (const [index, { value }] of store.parameters.entries())
    value.view().set(weights.trained[index]?.initial as Float32Array);
  const { learningRate, weightDecay, clipNorm, recompute, seed, threads } = settings;
  return createLearner({
    store,
    objective: overTrained(weights, task.objective),
    optimizer: {
      kind: 'adamw',
      learningRate,
      embeddingLearningRate: learningRate,
      headLearningRate: learningRate,
      vectorLearningRate: learningRate,
      weightDecay,
      betas: BETAS,
    },
    clipNorm,
    recompute,
    seed,
    ...(threads === undefined ? {} : { threads }),
  });
}

interface Running {
  readonly learner: Learner;
  readonly heldOut: HeldOut | undefined;
  readonly emit: (event: RunEvent) => void;
}

async function run(job: TuneJob, { learner, heldOut, emit }: Running, started: number): Promise<TuneResult> {
  const { task, weights } = job;
  const settings = loopSettings(job);
  const trainedParameters = parameterCount(weights.trained.map(({ spec }) => spec));
  emit({
    type: 'start',
    time: new Date(job.clock.now()).toISOString(),
    runName: path.basename(job.folder),
    architecture: job.architecture,
    parameterCount: trainedParameters,
    totalSteps: settings.maxSteps,
    tokensPerStep: task.tokensPerBatch * settings.gradientAccumulation,
    trainTokens: task.learnedTokens,
    device: 'cpu',
    resumedFromStep: 0,
  });
  let step = 0;
  let kept: ({ readonly step: number } & HeldOutMeasure) | undefined;
  let bytes = 0;
  const keep = async (measure: HeldOutMeasure): Promise<void> => {
    bytes = await save(job, learner);
    kept = { step, ...measure };
  };
  const before = await heldOut?.measure(learner.parameters());
  const lossBefore = before?.loss;
  if (lossBefore !== undefined) emit(evalEvent(job, 0, lossBefore));
  const outcome = await runTraining({
    settings,
    learner,
    source: task.source(Object.fromEntries(weights.frozen)),
    from: BEGINNING,
    clock: job.clock,
    ...(job.signal === undefined ? {} : { signal: job.signal }),
    onEvent: emit,
    afterStep: (taken) => {
      step = taken;
    },
    describe: task.describe,
    evaluate:
      heldOut &&
      (async () => {
        const measure = await heldOut.measure(learner.parameters());
        if (kept === undefined || measure.loss < kept.loss) await keep(measure);
        return { loss: measure.loss, ...bitsPerByte(job, measure.loss) };
      }),
    saveCheckpoint: async () => {
      if (kept === undefined) await keep({ loss: Number.NaN, preferred: undefined, byId: new Map() });
      return { path: '.', bytes };
    },
  });
  emit({ ...ending(job, started, step, outcome.progress.tokensSeen), reason: outcome.reason, loss: outcome.loss });
  return {
    reason: outcome.reason,
    steps: step,
    keptStep: kept?.step ?? 0,
    trainedParameters,
    trainingLoss: outcome.loss,
    lossBefore,
    lossAfter: heldOut === undefined ? undefined : kept?.loss,
    heldOutBytesPerToken: task.heldOutBytesPerUnit,
    preferredAfter: kept?.preferred,
    records: changedRecords(before, kept),
    tokensSeen: outcome.progress.tokensSeen,
    wallSeconds: secondsSince(job, started),
  };
}

const BEGINNING: TrainingProgress = {
  step: 0,
  elapsedSeconds: 0,
  tokensSeen: 0,
  batches: { epoch: 0, cursor: 0 },
  best: null,
  bestCheckpoints: [],
};

function loopSettings({ task, settings }: TuneJob): LoopSettings {
  const { gradientAccumulation, epochs, warmupFraction, patience } = settings;
  const stepsPerEpoch = Math.max(1, Math.ceil(task.batchesPerEpoch / gradientAccumulation));
  const planned = Math.max(1, Math.ceil(stepsPerEpoch * epochs));
  const maxSteps = Math.min(planned, settings.maxSteps ?? planned);
  const evalEvery = settings.evalEvery ?? Math.max(1, Math.min(maxSteps, Math.ceil(stepsPerEpoch / 2)));
  return {
    batchSize: task.batchSize,
    sequenceLength: task.tokensPerBatch / task.batchSize,
    gradientAccumulation,
    maxSteps,
    maxSeconds: settings.maxSeconds,
    schedule: {
      kind: 'cosine',
      warmupSteps: Math.ceil(maxSteps * warmupFraction),
      decayFraction: 1,
      finalScale: FINAL_SCALE,
    },
    evalEvery,
    // what is worth keeping is kept when it is measured
    checkpointEvery: Number.MAX_SAFE_INTEGER,
    patience: patience === undefined ? undefined : patience * evalEvery,
    keepBest: 0,
  };
}

/** Weights first: a folder without `config.json` is no model yet. */
async function save({ folder, weights, files }: TuneJob, learner: Learner): Promise<number> {
  const bytes = await weights.write(folder, learner.parameters());
  for (const [name, content] of Object.entries(files)) {
    const target = path.join(folder, name);
    if (typeof content === 'string') await writeFileAtomic(target, content);
    else await copyFile(content.copyOf, target);
  }
  return bytes;
}

/** Nothing for losses that are no probability of a text. */
function bitsPerByte({ task: { heldOutBytesPerUnit } }: TuneJob, loss: number): { readonly bitsPerByte?: number } {
  return heldOutBytesPerUnit === undefined ? {} : { bitsPerByte: loss / Math.LN2 / heldOutBytesPerUnit };
}

function evalEvent(job: TuneJob, step: number, loss: number): RunEvent {
  return {
    type: 'eval',
    time: new Date(job.clock.now()).toISOString(),
    step,
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
