/**
 * How much memory a training run will take, worked out from its graph before anything is allocated, and the largest
 * micro-batch that stays under a limit.
 */
import { MoatError } from '../../base/errors.js';
import { formatBytes } from '../../base/units.js';
import { bytesOf, memoryNeed } from '../graph/liveness.js';
import { rewrite } from '../graph/rewrite.js';
import { readTokenModel } from '../models/registry.js';
import { allocationBytes } from '../runtime/kernels.js';
import { objectiveGraph } from './objective.js';
import type { TokenModel } from './objectives/objectives.js';
import { trainingBytes } from './parameter-store.js';
import { type PretrainingLoop, pretrainingObjective } from './pretraining.js';
import type { RunConfig } from './run-config.js';

export interface MemoryEstimate {
  /** Parameters, gradients, the optimizer's state, averages. */
  readonly parameterBytes: number;
  /** What the forward pass leaves for the backward pass, and what both compute on the way. */
  readonly activationBytes: number;
  /** Dropout masks, results on their way out of the engine, the engine itself. */
  readonly otherBytes: number;
  /** All of it, beside what the process holds already. */
  readonly totalBytes: number;
}

/** What a session takes beside its tensors: measured, 6 × 384 to 12 × 768, docs/LOG.md. */
const SESSION_BYTES = 60e6;
/** The engine's allocator loses some room between blocks. */
const FRAGMENTATION = 1.1;

/** @param loop of a run's configuration; `batchSize` is the micro-batch */
export function estimateTrainingMemory(
  model: TokenModel,
  loop: PretrainingLoop & Pick<RunConfig['loop'], 'recompute' | 'averageDecay'>,
): MemoryEstimate {
  const specs = model.parameters;
  const build = pretrainingObjective(model, loop);
  const graph = objectiveGraph(specs, specs, build, loop.recompute);
  // the engine works the last result out first
  const need = memoryNeed(rewrite(Object.values(graph.outputs)).reverse());
  const average =
    loop.averageDecay > 0 ? allocationBytes(specs.map((spec) => bytesOf({ ...spec, dtype: 'float32' }) / 4)) : 0;
  const parameterBytes = trainingBytes(specs) + average;
  const activationBytes = Math.round(need.computedBytes * FRAGMENTATION);
  const maskBytes = graph.sites.reduce((sum, { mask }) => sum + bytesOf(mask), 0);
  const otherBytes = maskBytes + need.outputBytes + need.constantBytes + SESSION_BYTES;
  return { parameterBytes, activationBytes, otherBytes, totalBytes: parameterBytes + activationBytes + otherBytes };
}

export interface FittedRun {
  readonly config: RunConfig;
  readonly estimate: MemoryEstimate;
}

/**
 * Splits the batch into micro-batches until the run fits; the windows of a step, and their order, stay the same.
 * @param limitBytes what the run may take beside what the process holds
 * @throws MoatError `out-of-memory` when a micro-batch of one sequence does not fit, saying what to change
 */
export function fitMemory(config: RunConfig, limitBytes: number, origin: string): FittedRun {
  const { model } = readTokenModel(config.model, origin);
  const { batchSize, gradientAccumulation } = config.loop;
  let estimate: MemoryEstimate | undefined;
  for (let micro = batchSize; micro >= 1; micro--) {
    if (batchSize % micro !== 0) continue;
    const loop = { ...config.loop, batchSize: micro, gradientAccumulation: (gradientAccumulation * batchSize) / micro };
    estimate = estimateTrainingMemory(model, loop);
    if (estimate.totalBytes <= limitBytes) return { config: { ...config, loop }, estimate };
  }
  throw cannotFit(config, model, estimate?.totalBytes ?? 0, limitBytes);
}

function cannotFit(config: RunConfig, model: TokenModel, neededBytes: number, limitBytes: number): MoatError {
  const again = estimateTrainingMemory(model, { ...config.loop, batchSize: 1, recompute: true }).totalBytes;
  const fix =
    !config.loop.recompute && again <= limitBytes
      ? `With --recompute true one takes ${formatBytes(again)}.`
      : 'Lower train.sequenceLength or model.depth, or raise train.memoryLimit if there is more.';
  return new MoatError(
    'out-of-memory',
    `training takes ${formatBytes(neededBytes)} even with one sequence at a time; ${formatBytes(limitBytes)} may be used`,
    { fix },
  );
}
