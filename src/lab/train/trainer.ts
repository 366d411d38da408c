/**
 * The training loop: batches in, updated parameters, events and checkpoints out. It knows no architecture (it is handed
 * programs over named parameters), no files (a checkpoint is a function it calls) and no clock but the one given.
 */
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import type { Program, Value } from '../runtime/program.js';
import { floats } from '../runtime/program.js';
import type { Batch, BatchLoader, BatchPosition } from './batches.js';
import type { Optimizer } from './optimizer.js';
import type { ParameterStore, StoredParameter } from './parameter-store.js';
import { type ScheduleSettings, learningRateScale } from './schedule.js';
import { type BatchShape, gradientName } from './step-program.js';

/** Where a run is, saved in every checkpoint. */
export interface TrainingProgress {
  /** Optimizer steps taken. */
  readonly step: number;
  /** Seconds of training, over every process of the run. */
  readonly elapsedSeconds: number;
  readonly tokensSeen: number;
  readonly batches: BatchPosition;
}

export interface LoopSettings extends BatchShape {
  /** Micro-batches summed into one step. */
  readonly gradientAccumulation: number;
  /** The run ends at whichever comes first; at least one is given. */
  readonly maxSteps: number | undefined;
  readonly maxSeconds: number | undefined;
  readonly schedule: ScheduleSettings;
  /** The largest global norm of the clipped gradients; 0 turns clipping off. */
  readonly clipNorm: number;
  readonly evalEvery: number;
  readonly checkpointEvery: number;
}

export interface TrainerParts {
  readonly settings: LoopSettings;
  readonly program: Program;
  readonly store: ParameterStore;
  readonly clipped: readonly StoredParameter[];
  readonly optimizer: Optimizer;
  readonly loader: BatchLoader;
  readonly from: TrainingProgress;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** Held-out loss of the parameters as they are. */
  readonly evaluate: (() => Promise<{ loss: number; bitsPerByte: number }>) | undefined;
  readonly saveCheckpoint: (progress: TrainingProgress) => Promise<{ path: string; bytes: number }>;
}

export interface TrainingOutcome {
  readonly progress: TrainingProgress;
  readonly reason: 'finished' | 'stopped';
  /** Mean training loss over the last steps, nats a token. */
  readonly loss: number;
}

/** How many of the last steps the reported loss is a mean of. */
const RECENT_STEPS = 20;

/** @throws MoatError `non-finite-loss`; the last checkpoint stays as it was */
export async function runTraining(parts: TrainerParts): Promise<TrainingOutcome> {
  const { settings, clock, signal } = parts;
  const recent: number[] = [];
  let progress = parts.from;
  let savedAt = parts.from.step;
  let mark = clock.monotonic();
  while (fractionDone(settings, progress) < 1 && signal?.aborted !== true) {
    const taken = await takeStep(parts, progress);
    const now = clock.monotonic();
    const seconds = (now - mark) / 1000;
    mark = now;
    progress = { ...taken.progress, elapsedSeconds: progress.elapsedSeconds + seconds };
    recent.push(taken.loss);
    if (recent.length > RECENT_STEPS) recent.shift();
    parts.onEvent(stepEvent(parts, progress, taken, seconds));
    const last = fractionDone(settings, progress) >= 1;
    if (parts.evaluate !== undefined && (last || progress.step % settings.evalEvery === 0)) {
      await evaluateNow(parts, progress, parts.evaluate);
    }
    if (!last && progress.step % settings.checkpointEvery === 0) {
      await checkpointNow(parts, progress);
      savedAt = progress.step;
    }
    mark = clock.monotonic(); // evaluation and saving are not training time
  }
  if (progress.step > savedAt) await checkpointNow(parts, progress);
  const reason = fractionDone(settings, progress) >= 1 ? 'finished' : 'stopped';
  return { progress, reason, loss: recent.length === 0 ? Number.NaN : recent.reduce((a, b) => a + b) / recent.length };
}

/** How much of the run lies behind: by steps or by time, whichever is further. */
function fractionDone(settings: LoopSettings, progress: TrainingProgress): number {
  const bySteps = settings.maxSteps === undefined ? 0 : progress.step / settings.maxSteps;
  const byTime = settings.maxSeconds === undefined ? 0 : progress.elapsedSeconds / settings.maxSeconds;
  return Math.min(1, Math.max(bySteps, byTime));
}

interface StepTaken {
  readonly progress: TrainingProgress;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRateScale: number;
}

async function takeStep(parts: TrainerParts, before: TrainingProgress): Promise<StepTaken> {
  const { settings, loader, optimizer, store } = parts;
  const step = before.step + 1;
  const scale = learningRateScale(settings.schedule, step, fractionDone(settings, before));
  const loss = await accumulateGradients(parts);
  const gradientNorm = normOf(store, store.parameters);
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
    throw new MoatError(
      'non-finite-loss',
      `step ${step}: the loss is ${loss} and the gradient's norm ${gradientNorm}`,
      {
        fix: 'The last checkpoint is whole: resume from it with a lower train.learningRate.',
      },
    );
  }
  await optimizer.step({
    step,
    learningRate: scale,
    gradient: clipScale(settings.clipNorm, normOf(store, parts.clipped)),
  });
  return {
    loss,
    gradientNorm,
    learningRateScale: scale,
    progress: { ...before, step, tokensSeen: before.tokensSeen + tokensPerStep(settings), batches: loader.position },
  };
}

/** Runs every micro-batch of a step and leaves the mean gradient over all of its tokens in the store. */
async function accumulateGradients({ settings, program, loader, store }: TrainerParts): Promise<number> {
  const { batchSize, sequenceLength, gradientAccumulation } = settings;
  const tokenCount = batchSize * sequenceLength;
  const weights = floats(new Float32Array(tokenCount).fill(1 / (tokenCount * gradientAccumulation)), [tokenCount]);
  const parameters = feedsOf(store);
  let loss = 0;
  for (let micro = 0; micro < gradientAccumulation; micro++) {
    const results = await program.run({ ...parameters, ...batchFeeds(loader.next(), settings), weights });
    loss += Number(results['loss']?.data[0]);
    for (const { spec, gradient } of store.parameters) {
      const share = results[gradientName(spec.name)]?.data as Float32Array;
      if (micro === 0) gradient.view().set(share);
      else addTo(gradient.view(), share);
    }
  }
  return loss;
}

/** The parameters as program feeds, read in place. */
export function feedsOf(store: ParameterStore): Record<string, Value> {
  return Object.fromEntries(store.parameters.map(({ spec, value }) => [spec.name, floats(value.view(), spec.shape)]));
}

function batchFeeds(batch: Batch, { batchSize, sequenceLength }: BatchShape): Record<string, Value> {
  return {
    tokens: { data: batch.tokens, dims: [batchSize, sequenceLength], dtype: 'int64' },
    targets: { data: batch.targets, dims: [batchSize * sequenceLength], dtype: 'int64' },
  };
}

function addTo(total: Float32Array, share: Float32Array): void {
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (share[i] as number);
}

function normOf({ kernels }: ParameterStore, parameters: readonly StoredParameter[]): number {
  return Math.sqrt(parameters.reduce((total, { gradient }) => total + kernels.sumOfSquares(gradient), 0));
}

function clipScale(limit: number, norm: number): number {
  return limit > 0 && norm > limit ? limit / norm : 1;
}

function stepEvent(parts: TrainerParts, progress: TrainingProgress, taken: StepTaken, seconds: number): RunEvent {
  const tokens = tokensPerStep(parts.settings);
  const done = fractionDone(parts.settings, progress);
  return {
    type: 'step',
    time: new Date(parts.clock.now()).toISOString(),
    step: progress.step,
    loss: taken.loss,
    learningRateScale: taken.learningRateScale,
    gradientNorm: taken.gradientNorm,
    tokens,
    tokensPerSecond: tokens / seconds,
    elapsedSeconds: progress.elapsedSeconds,
    remainingSeconds: done === 0 ? 0 : (progress.elapsedSeconds * (1 - done)) / done,
  };
}

/** Tokens in one optimizer step. */
export function tokensPerStep(settings: LoopSettings): number {
  return settings.batchSize * settings.sequenceLength * settings.gradientAccumulation;
}

async function evaluateNow(
  parts: TrainerParts,
  progress: TrainingProgress,
  evaluate: NonNullable<TrainerParts['evaluate']>,
): Promise<void> {
  const { loss, bitsPerByte } = await evaluate();
  parts.onEvent({
    type: 'eval',
    time: new Date(parts.clock.now()).toISOString(),
    step: progress.step,
    loss,
    bitsPerByte,
  });
}

async function checkpointNow(parts: TrainerParts, progress: TrainingProgress): Promise<void> {
  const started = parts.clock.monotonic();
  const { path, bytes } = await parts.saveCheckpoint(progress);
  parts.onEvent({
    type: 'checkpoint',
    time: new Date(parts.clock.now()).toISOString(),
    step: progress.step,
    path,
    bytes,
    seconds: (parts.clock.monotonic() - started) / 1000,
  });
}
