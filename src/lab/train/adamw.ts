/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019), element by element in the WebAssembly kernel; equal to
 * PyTorch's `torch.optim.AdamW`, and with coupled decay to its `Adam`.
 */
import type { FloatArray, Kernels } from '../runtime/kernels.js';
import type { Optimizer, OptimizerState } from './optimizer.js';
import type { StoredParameter } from './parameter-store.js';

export interface AdamWSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled: the share of a value that goes in a step is learningRate × weightDecay. */
  readonly weightDecay: number;
  /** Adam's older form (Kingma & Ba 2015): the decay is added to the gradient instead. Default false. */
  readonly coupledDecay?: boolean;
}

export interface AdamWGroup {
  readonly parameter: StoredParameter;
  readonly settings: AdamWSettings;
}

interface Moments {
  readonly first: FloatArray;
  readonly second: FloatArray;
}

export function createAdamW(kernels: Kernels, groups: readonly AdamWGroup[]): Optimizer {
  const state = new Map<string, OptimizerState>();
  const moments = groups.map(({ parameter: { spec, value } }): Moments => {
    const pair = { first: kernels.allocate(value.length), second: kernels.allocate(value.length) };
    state.set(`${spec.name}.exp_avg`, { array: pair.first, shape: spec.shape });
    state.set(`${spec.name}.exp_avg_sq`, { array: pair.second, shape: spec.shape });
    return pair;
  });
  return {
    state,
    close: async () => {},
    async step(scale) {
      for (const [index, { parameter, settings }] of groups.entries()) {
        const { first, second } = moments[index] as Moments;
        const { value, gradient } = parameter;
        const { coupledDecay = false, weightDecay } = settings;
        // the kernel scales the gradient, so what is added to it is scaled the other way
        if (coupledDecay) kernels.axpy({ into: gradient, from: value, factor: weightDecay / scale.gradient });
        kernels.adamw({
          parameter: value,
          gradient,
          firstMoment: first,
          secondMoment: second,
          step: scale.step,
          gradientScale: scale.gradient,
          ...settings,
          learningRate: settings.learningRate * scale.learningRate,
          weightDecay: coupledDecay ? 0 : weightDecay,
        });
      }
    },
  };
}
