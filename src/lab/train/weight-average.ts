/**
 * An exponential moving average of the parameters (Polyak & Juditsky 1992): what is measured, saved and served is the
 * average, while training goes on with the parameters themselves.
 */
import type { Kernels } from '../runtime/kernels.js';
import { type Value, floats } from '../runtime/program.js';
import type { OptimizerState } from './optimizer.js';
import type { ParameterStore } from './parameter-store.js';

export interface WeightAverage {
  /** Takes the parameters after a step in. @param step 1-based */
  update(step: number): void;
  /** The averages by parameter name. */
  readonly arrays: ReadonlyMap<string, OptimizerState>;
  /** As program feeds, read in place. */
  feeds(): Record<string, Value>;
}

/**
 * In the beginning the average follows more quickly, so that it forgets where the parameters started:
 * decay at step t = min(decay, (1 + t) / (10 + t)), as TensorFlow's `ExponentialMovingAverage` does.
 * @param decay in [0, 1)
 */
export function createWeightAverage(kernels: Kernels, store: ParameterStore, decay: number): WeightAverage {
  const pairs = store.parameters.map(({ spec, value }) => ({ spec, value, average: kernels.allocate(value.length) }));
  return {
    arrays: new Map(pairs.map(({ spec, average }) => [spec.name, { array: average, shape: spec.shape }])),
    feeds: () => Object.fromEntries(pairs.map(({ spec, average }) => [spec.name, floats(average.view(), spec.shape)])),
    update(step) {
      const kept = Math.min(decay, (1 + step) / (10 + step));
      for (const { value, average } of pairs) {
        if (step === 1) average.view().set(value.view());
        else kernels.decayAndAdd({ parameter: average, update: value, decay: 1 - kept, factor: 1 - kept });
      }
    },
  };
}
