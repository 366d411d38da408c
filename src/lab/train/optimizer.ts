import type { FloatArray } from '../runtime/kernels.js';

/** What one step needs beside the gradients. */
export interface StepScale {
  /** 1-based; bias corrections depend on it. */
  readonly step: number;
  /** The schedule's factor of every learning rate. */
  readonly learningRate: number;
  /** Multiplies gradients before they are used: 1, or less when clipped. */
  readonly gradient: number;
}

/**
 * Updates the parameters it was made for, in place, from their gradients. Its state is named arrays, saved beside the
 * model and restored by `restore`, after which it goes on bit for bit.
 */
export interface Optimizer {
  step(scale: StepScale): Promise<void>;
  readonly state: ReadonlyMap<string, OptimizerState>;
  close(): Promise<void>;
}

export interface OptimizerState {
  readonly array: FloatArray;
  readonly shape: readonly number[];
}
