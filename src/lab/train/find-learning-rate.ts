/**
 * The learning-rate range test (Smith 2017, arXiv:1506.01186): a fresh model takes steps at a rate that grows from far
 * too small to far too large, and the loss shows where it learns and where it breaks. Nothing is written.
 */
import path from 'node:path';
import { readTokenModel } from '../models/registry.js';
import { trainingParts } from './prepare-run.js';
import type { RunConfig } from './run-config.js';
import { meanLossOf } from './trainer.js';
import type { TrainingJob } from './training-job.js';
import { initializeParameters } from './training-state.js';

export interface RatePoint {
  /** Multiplies every learning rate of the configuration. */
  readonly factor: number;
  /** Of this step's batch before the step was taken, nats a token. */
  readonly loss: number;
  /** Averaged over the steps before, as the suggestion reads it. */
  readonly smoothed: number;
}

export interface RateSearch {
  readonly points: readonly RatePoint[];
  /** Where the smoothed loss falls fastest; undefined when it never falls. */
  readonly suggestedFactor: number | undefined;
}

export interface RateSearchOptions {
  readonly steps: number;
  /** Factors of the configuration's rates at the first and the last step. */
  readonly from: number;
  readonly to: number;
  readonly onPoint?: (point: RatePoint, index: number) => void;
}

/** The loss after which there is nothing to learn from going on, as a multiple of the lowest. */
const DIVERGED = 2;
const SMOOTHING = 0.8;

/** @throws MoatError as `trainRun` */
export async function findLearningRate(
  job: TrainingJob,
  config: RunConfig,
  options: RateSearchOptions,
): Promise<RateSearch> {
  const { model } = readTokenModel(config.model, path.join(job.runDirectory, 'config.json'));
  const { store, learner, source } = await trainingParts(job, config, model);
  const points: RatePoint[] = [];
  try {
    initializeParameters(store, config.seed);
    let average = 0;
    let lowest = Infinity;
    for (let step = 1; step <= options.steps && job.signal?.aborted !== true; step++) {
      const factor = options.from * (options.to / options.from) ** ((step - 1) / Math.max(1, options.steps - 1));
      const loss = await meanLossOf({ learner, source }, config.loop.gradientAccumulation, step);
      average = SMOOTHING * average + (1 - SMOOTHING) * loss;
      const smoothed = average / (1 - SMOOTHING ** step);
      lowest = Math.min(lowest, smoothed);
      if (!Number.isFinite(loss) || smoothed > DIVERGED * lowest) break;
      points.push({ factor, loss, smoothed });
      options.onPoint?.({ factor, loss, smoothed }, step - 1);
      await learner.update(step, factor);
    }
  } finally {
    await learner.close();
  }
  return { points, suggestedFactor: steepest(points) };
}

/** Steps over which a slope is taken: shorter ones follow the noise of single batches. */
const SLOPE_STEPS = 6;

/** The factor in the middle of the steepest fall of the smoothed loss over equal stretches of log(factor). */
export function steepest(points: readonly RatePoint[]): number | undefined {
  let best: { fall: number; factor: number } | undefined;
  for (let end = SLOPE_STEPS; end < points.length; end++) {
    const [first, middle, last] = [points[end - SLOPE_STEPS], points[end - SLOPE_STEPS / 2], points[end]];
    if (first === undefined || middle === undefined || last === undefined) continue;
    const fall = first.smoothed - last.smoothed;
    if (fall > 0 && (best === undefined || fall > best.fall)) best = { fall, factor: middle.factor };
  }
  return best?.factor;
}
