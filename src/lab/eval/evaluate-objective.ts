/** How well a model that does not continue texts does what it learned, on text it has not seen. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';
import { loadCheckpoint } from '../checkpoint/load-checkpoint.js';
import { initialize } from '../models/initialize.js';
import { readTokenModel } from '../models/registry.js';
import { type CompileOptions, type Value, floats } from '../runtime/program.js';
import { compileMeasure, meanOfBatches, sharesOf } from '../train/pretraining.js';
import type { ObjectiveShares, TokenKnowledge } from '../train/objectives/objectives.js';
import type { RunConfig } from '../train/run-config.js';
import { drawnFigures, eachDraw, percentileInterval } from './metrics/intervals.js';

export interface ObjectiveLoss {
  readonly objective: ObjectiveShares;
  /** Nats a prediction, with a 95 % interval: bootstrap over batches. */
  readonly loss: number;
  readonly low: number;
  readonly high: number;
  /** The same batches, before anything was learned. */
  readonly untrained: number;
  readonly batches: number;
}

const RESAMPLES = 1000;

/**
 * @param directory a checkpoint of the run @param stream token ids of the test documents
 * @throws MoatError those of `loadCheckpoint`; `nothing-to-evaluate` where the test documents do not fill a batch
 */
export async function evaluateObjective(
  directory: string,
  { loop, seed }: Pick<RunConfig, 'loop' | 'seed'>,
  stream: ArrayLike<number>,
  tokens: TokenKnowledge,
  options: CompileOptions = {},
): Promise<ObjectiveLoss> {
  const checkpoint = await loadCheckpoint(directory);
  try {
    const { model } = readTokenModel(
      JSON.parse(await checkpoint.readText('config.json')),
      path.join(directory, 'config.json'),
    );
    const rng = Rng.fromSeed(seed);
    const learned: Record<string, Value> = {};
    const fresh: Record<string, Value> = {};
    for (const spec of model.parameters) {
      const { name, shape } = spec;
      const begin = new Float32Array(shape.reduce((a, b) => a * b, 1));
      initialize(spec, begin, rng);
      fresh[name] = floats(begin, shape);
      learned[name] = floats(await checkpoint.model.readFloat32(name), shape);
    }
    const measuring = await compileMeasure(model, loop, stream, { tokens, ...options });
    try {
      const batches = await measuring.measure(learned);
      if (batches.length === 0) {
        throw new MoatError('nothing-to-evaluate', `${stream.length} tokens of test documents do not fill a batch`, {
          fix: 'Add documents, or lower train.batchSize.',
        });
      }
      const draws = [...eachDraw(batches.length, RESAMPLES, Rng.fromSeed(seed))];
      const { low, high } = percentileInterval(drawnFigures((rows) => meanOfBatches(batches, rows), draws));
      return {
        objective: sharesOf(loop, model),
        loss: meanOfBatches(batches),
        low,
        high,
        untrained: meanOfBatches(await measuring.measure(fresh)),
        batches: batches.length,
      };
    } finally {
      await measuring.close();
    }
  } finally {
    await checkpoint.close();
  }
}
