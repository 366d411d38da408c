/** Which optimizer trains which parameter, and with what. */
import type { Kernels } from '../runtime/kernels.js';
import { type AdamWSettings, createAdamW } from './adamw.js';
import { createMuon } from './muon.js';
import { createSgd } from './sgd.js';
import type { Optimizer, OptimizerState } from './optimizer.js';
import type { ParameterStore, StoredParameter } from './parameter-store.js';

export interface OptimizerSettings {
  /** `muon` trains the block matrices with Muon and everything else with AdamW. `adam` couples the decay, as PyTorch's does. */
  readonly kind: 'muon' | 'adamw' | 'adam' | 'sgd';
  /** For the block matrices. */
  readonly learningRate: number;
  readonly embeddingLearningRate: number;
  readonly headLearningRate: number;
  /** For gains and biases. */
  readonly vectorLearningRate: number;
  /** Of everything but gains and biases; decoupled, except in `adam` and `sgd`. With `muon`, of the block matrices alone. */
  readonly weightDecay: number;
  /** Of `sgd` and `muon`; default 0.9 and 0.95. */
  readonly momentum?: number | undefined;
  /** Adam's decay rates of its two moments; default 0.9 (beside Muon 0.8) and 0.95. */
  readonly betas?: readonly [number, number] | undefined;
}

const MUON_MOMENTUM = 0.95;
const SGD_MOMENTUM = 0.9;
const MUON_BETAS = [0.8, 0.95] as const;
const ADAM_BETAS = [0.9, 0.95] as const;
const isMatrix = ({ spec }: StoredParameter): boolean => spec.role === 'matrix';

export async function createOptimizer(
  kernels: Kernels,
  store: ParameterStore,
  settings: OptimizerSettings,
  threads?: number,
): Promise<Optimizer> {
  const withMuon = settings.kind === 'muon';
  if (settings.kind === 'sgd') {
    const momentum = settings.momentum ?? SGD_MOMENTUM;
    return createSgd(
      kernels,
      store.parameters.map((parameter) => ({ parameter, ...ratesOf(parameter, settings) })),
      momentum,
    );
  }
  const byAdamW = store.parameters.filter((parameter) => !withMuon || !isMatrix(parameter));
  const adamw = createAdamW(
    kernels,
    byAdamW.map((parameter) => ({ parameter, settings: adamwSettings(parameter, settings) })),
  );
  if (!withMuon) return adamw;
  const muon = await createMuon(kernels, store.stacks, {
    learningRate: settings.learningRate,
    momentum: settings.momentum ?? MUON_MOMENTUM,
    weightDecay: settings.weightDecay,
    ...(threads === undefined ? {} : { threads }),
  });
  return together([adamw, muon]);
}

/** Parameters whose gradients are clipped together: those of AdamW; Muon's update has the same size whatever the gradient. */
export function clippedParameters(store: ParameterStore, settings: OptimizerSettings): StoredParameter[] {
  return store.parameters.filter((parameter) => settings.kind !== 'muon' || !isMatrix(parameter));
}

function ratesOf(
  { spec }: StoredParameter,
  settings: OptimizerSettings,
): { learningRate: number; weightDecay: number } {
  const withMuon = settings.kind === 'muon';
  const rates = {
    matrix: settings.learningRate,
    embedding: settings.embeddingLearningRate,
    head: settings.headLearningRate,
    vector: settings.vectorLearningRate,
    // Muon's rate is meant for orthogonal updates; what Adam trains beside it wants Adam's
    kernel: withMuon ? settings.vectorLearningRate : settings.learningRate,
    statistic: 0,
  } as const;
  return {
    learningRate: rates[spec.role],
    weightDecay: withMuon || spec.role === 'vector' ? 0 : settings.weightDecay,
  };
}

function adamwSettings(parameter: StoredParameter, settings: OptimizerSettings): AdamWSettings {
  // beside Muon, tables that see each row rarely want a short memory (Jordan's modded-nanogpt)
  const [beta1, beta2] = settings.betas ?? (settings.kind === 'muon' ? MUON_BETAS : ADAM_BETAS);
  return { ...ratesOf(parameter, settings), beta1, beta2, epsilon: 1e-8, coupledDecay: settings.kind === 'adam' };
}

function together(optimizers: readonly Optimizer[]): Optimizer {
  const state = new Map<string, OptimizerState>(optimizers.flatMap((optimizer) => [...optimizer.state]));
  return {
    state,
    async step(scale) {
      for (const optimizer of optimizers) await optimizer.step(scale);
    },
    async close() {
      for (const optimizer of optimizers) await optimizer.close();
    },
  };
}
