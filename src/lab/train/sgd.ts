/** Stochastic gradient descent with momentum; equal to PyTorch's `torch.optim.SGD`. */
import type { Kernels } from '../runtime/kernels.js';
import type { Optimizer, OptimizerState } from './optimizer.js';
import type { StoredParameter } from './parameter-store.js';

export interface SgdGroup {
  readonly parameter: StoredParameter;
  readonly learningRate: number;
  /** Coupled: added to the gradient. */
  readonly weightDecay: number;
}

/** @param momentum 0 for plain gradient descent */
export function createSgd(kernels: Kernels, groups: readonly SgdGroup[], momentum: number): Optimizer {
  const state = new Map<string, OptimizerState>();
  const buffers = groups.map(({ parameter: { spec, value } }) => {
    const array = kernels.allocate(value.length);
    state.set(`${spec.name}.momentum_buffer`, { array, shape: spec.shape });
    return array;
  });
  return {
    state,
    close: async () => {},
    async step(scale) {
      for (const [index, { parameter, learningRate, weightDecay }] of groups.entries()) {
        kernels.sgdMomentum({
          parameter: parameter.value,
          gradient: parameter.gradient,
          momentum: buffers[index] as (typeof buffers)[number],
          learningRate: learningRate * scale.learningRate,
          factor: momentum,
          weightDecay,
          gradientScale: scale.gradient,
        });
      }
    },
  };
}
