/** Which optimizer trains which parameter, and with what. */
import type { Kernels } from '../runtime/kernels.js';
import { type AdamWSettings, createAdamW } from './adamw.js';
import { createMuon } from './muon.js';
import type { Optimizer, OptimizerState } from './optimizer.js';
import type { ParameterStore, StoredParameter } from './parameter-store.js';

export interface OptimizerSettings {
  /** `muon` trains the block matrices with Muon and everything else with AdamW. */
  readonly kind: 'muon' | 'adamw';
  /** For the block matrices. */
  readonly learningRate: number;
  readonly embeddingLearningRate: number;
  readonly headLearningRate: number;
  /** For gains and biases. */
  readonly vectorLearningRate: number;
  /** Decoupled, of the block matrices. */
  readonly weightDecay: number;
}

const MUON_MOMENTUM = 0.95;
const isMatrix = ({ spec }: StoredParameter): boolean => spec.role === 'matrix';

export async function createOptimizer(
  kernels: Kernels,
  store: ParameterStore,
  settings: OptimizerSettings,
  threads?: number,
): Promise<Optimizer> {
  const withMuon = settings.kind === 'muon';
  const byAdamW = store.parameters.filter((parameter) => !withMuon || !isMatrix(parameter));
  const adamw = createAdamW(
    kernels,
    byAdamW.map((parameter) => ({ parameter, settings: adamwSettings(parameter, settings) })),
  );
  if (!withMuon) return adamw;
  const muon = await createMuon(kernels, store.stacks, {
    learningRate: settings.learningRate,
    momentum: MUON_MOMENTUM,
    weightDecay: settings.weightDecay,
    ...(threads === undefined ? {} : { threads }),
  });
  return together([adamw, muon]);
}

/** Parameters whose gradients are clipped together: those of AdamW; Muon's update has the same size whatever the gradient. */
export function clippedParameters(store: ParameterStore, settings: OptimizerSettings): StoredParameter[] {
  return store.parameters.filter((parameter) => settings.kind === 'adamw' || !isMatrix(parameter));
}

function adamwSettings({ spec }: StoredParameter, settings: OptimizerSettings): AdamWSettings {
  const rates = {
    matrix: settings.learningRate,
    embedding: settings.embeddingLearningRate,
    head: settings.headLearningRate,
    vector: settings.vectorLearningRate,
    kernel: settings.learningRate,
    statistic: 0,
  } as const;
  return {
    learningRate: rates[spec.role],
    // beside Muon, tables that see each row rarely want a short memory (Jordan's modded-nanogpt)
    beta1: settings.kind === 'muon' ? 0.8 : 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay: settings.kind === 'adamw' && spec.role !== 'vector' ? settings.weightDecay : 0,
  };
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
