/**
 * The training loop: batches in, updated parameters, events and checkpoints out. It knows no architecture (it is handed
 * programs over named parameters), no files (a checkpoint is a function it calls) and no clock but the one given.
 */
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { floats } from '../runtime/program.js';
import type { BatchPosition } from './batches.js';
import type { BatchShape } from './language-objective.js';
import type { Learner } from './learner.js';
import type { Sample } from './sample-text.js';
import { type ScheduleSettings, learningRateScale } from './schedule.js';
import type { SourceBatch, TrainingSource } from './token-source.js';

/** Where a run is, saved in every checkpoint. */
export interface TrainingProgress {
  /** Optimizer steps taken. */
  readonly step: number;
  /** Seconds of training, over every process of the run. */
  readonly elapsedSeconds: number;
  readonly tokensSeen: number;
  readonly batches: BatchPosition;
  /** The lowest validation loss so far; null before the first measurement. */
  readonly best: Measurement | null;
  /** Checkpoints kept for their validation loss, the lowest first. */
  readonly bestCheckpoints: readonly Measurement[];
}

/** Of a run that has done nothing yet. */
export const TRAINING_BEGINNING: TrainingProgress = {
  step: 0,
  elapsedSeconds: 0,
  tokensSeen: 0,
  batches: { epoch: 0, cursor: 0 },
  best: null,
  bestCheckpoints: [],
};

/** A validation loss, nats a token, and the step it was measured at. */
export interface Measurement {
  readonly loss: number;
  readonly step: number;
}

export interface LoopSettings extends BatchShape {
  /** Micro-batches summed into one step. */
  readonly gradientAccumulation: number;
  /** The run ends at whichever comes first; at least one is given. */
  readonly maxSteps: number | undefined;
  readonly maxSeconds: number | undefined;
  readonly schedule: ScheduleSettings;
  readonly evalEvery: number;
  readonly checkpointEvery: number;
  /** Stops after this many steps without a lower validation loss; undefined never stops early. */
  readonly patience: number | undefined;
  /** How many checkpoints are kept for their validation loss, beside the last ones; each is then measured. */
  readonly keepBest: number;
}

export interface TrainerParts {
  readonly settings: LoopSettings;
  readonly learner: Learner;
  readonly source: TrainingSource;
  readonly from: TrainingProgress;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** Called after every step, when the parameters have moved. */
  readonly afterStep: (step: number) => void;
  /** Names what a batch holds, for the error of a loss that is not a number. */
  readonly describe: (starts: readonly number[]) => string;
  /** Validation loss of the parameters as they are. */
  readonly evaluate: (() => Promise<{ loss: number; bitsPerByte?: number }>) | undefined;
  /** How the parameters as they are go on with a text, shown beside each validation loss. */
  readonly sample?: (() => AsyncIterable<Sample>) | undefined;
  readonly saveCheckpoint: (progress: TrainingProgress) => Promise<{ path: string; bytes: number }>;
}

export interface TrainingOutcome {
  readonly progress: TrainingProgress;
  /** `converged`: the validation loss has not fallen for `patience` steps. */
  readonly reason: 'finished' | 'stopped' | 'converged';
  /** Mean training loss over the last steps, nats a token. */
  readonly loss: number;
}

/** How many of the last steps the reported loss is a mean of. */
const RECENT_STEPS = 20;

/** @throws MoatError `non-finite-loss`, naming the batch; the last checkpoint stays as it was */
export async function runTraining(parts: TrainerParts): Promise<TrainingOutcome> {
  const { settings, clock, signal } = parts;
  const recent: number[] = [];
  let progress = parts.from;
  let savedAt = parts.from.step;
  let mark = clock.monotonic();
  while (fractionDone(settings, progress) < 1 && !hasConverged(settings, progress) && signal?.aborted !== true) {
    const taken = await takeStep(parts, progress);
    const now = clock.monotonic();
    const seconds = (now - mark) / 1000;
    progress = { ...taken.progress, elapsedSeconds: progress.elapsedSeconds + seconds };
    recent.push(taken.loss);
    if (recent.length > RECENT_STEPS) recent.shift();
    parts.onEvent(stepEvent(parts, progress, taken, seconds));
    const last = fractionDone(settings, progress) >= 1;
    const saving = last || progress.step % settings.checkpointEvery === 0;
    const measuring = last || progress.step % settings.evalEvery === 0 || (saving && settings.keepBest > 0);
    if (measuring) progress = await evaluateNow(parts, progress, saving);
    if (measuring) await sampleNow(parts, progress);
    if (saving) await checkpointNow(parts, progress);
    if (saving) savedAt = progress.step;
    mark = clock.monotonic(); // evaluation and saving are not training time
  }
  if (progress.step > savedAt) await checkpointNow(parts, progress);
  const loss = recent.length === 0 ? Number.NaN : recent.reduce((a, b) => a + b) / recent.length;
  return { progress, reason: reasonOf(settings, progress), loss };
}

function reasonOf(settings: LoopSettings, progress: TrainingProgress): TrainingOutcome['reason'] {
  if (fractionDone(settings, progress) >= 1) return 'finished';
  return hasConverged(settings, progress) ? 'converged' : 'stopped';
}

function hasConverged({ patience }: LoopSettings, { step, best }: TrainingProgress): boolean {
  return patience !== undefined && best !== null && step - best.step >= patience;
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
  const { settings, source, learner } = parts;
  const step = before.step + 1;
  const scale = learningRateScale(settings.schedule, step, fractionDone(settings, before));
  const batches = Array.from({ length: settings.gradientAccumulation }, () => source.next());
  const loss = await accumulateGradients(parts, batches, step);
  const gradientNorm = learner.gradientNorm();
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
    const held = parts.describe(batches.flatMap(({ starts }) => starts));
    const what = `step ${step}: the loss is ${loss} and the gradient's norm ${gradientNorm}`;
    throw new MoatError('non-finite-loss', `${what}; the batch held ${held}`, {
      fix: 'The last checkpoint is whole: look at these documents, or resume with a lower train.learningRate.',
    });
  }
  await learner.update(step, scale);
  parts.afterStep(step);
  const tokensSeen = before.tokensSeen + tokensPerStep(settings);
  return {
    loss,
    gradientNorm,
    learningRateScale: scale,
    progress: { ...before, step, tokensSeen, batches: source.position },
  };
}

/** Draws a step's batches and gathers their gradient. @returns the mean loss, nats a token */
export function meanLossOf(
  parts: Pick<TrainerParts, 'learner' | 'source'>,
  gradientAccumulation: number,
  step: number,
): Promise<number> {
  const batches = Array.from({ length: gradientAccumulation }, () => parts.source.next());
  return accumulateGradients(parts, batches, step);
}

/** Runs every micro-batch of a step, each token weighing the same whichever it stands in. @returns the mean loss */
async function accumulateGradients(
  { learner, source }: Pick<TrainerParts, 'learner' | 'source'>,
  batches: readonly SourceBatch[],
  step: number,
): Promise<number> {
  const counted = batches.reduce((total, batch) => total + batch.counted.reduce((a, b) => a + b, 0), 0);
  let loss = 0;
  for (const [micro, batch] of batches.entries()) {
    const weights = floats(
      batch.counted.map((count) => count / counted),
      [batch.counted.length],
    );
    const feeds = { ...batch.feeds, ...source.carried(batch), weights };
    const result = await learner.accumulate(feeds, { step, micro });
    source.absorb(result.outputs);
    loss += result.loss;
  }
  return loss;
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
  saving: boolean,
): Promise<TrainingProgress> {
  if (parts.evaluate === undefined) return progress;
  const { step, best, bestCheckpoints } = progress;
  const measured = await parts.evaluate();
  const { loss } = measured;
  parts.onEvent({ type: 'eval', time: new Date(parts.clock.now()).toISOString(), step, ...measured });
  const ranked = saving ? [...bestCheckpoints, { loss, step }].sort((a, b) => a.loss - b.loss) : bestCheckpoints;
  return {
    ...progress,
    best: best === null || loss < best.loss ? { loss, step } : best,
    bestCheckpoints: ranked.slice(0, parts.settings.keepBest),
  };
}

async function sampleNow({ sample, clock, onEvent }: TrainerParts, { step }: TrainingProgress): Promise<void> {
  if (sample === undefined) return;
  let started = clock.monotonic();
  for await (const written of sample()) {
    const now = clock.monotonic();
    const seconds = (now - started) / 1000;
    onEvent({ type: 'sample', time: new Date(clock.now()).toISOString(), step, ...written, seconds });
    started = now;
  }
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
