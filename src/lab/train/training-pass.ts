/** What a forward pass does in training beside computing, gathered while the graph is built. */
import { scale, where } from '../graph/ops/arithmetic.js';
import { isStatic } from '../graph/dims.js';
import { type Tensor, input, scalar, shapeError } from '../graph/tensor.js';
import type { Pass } from '../models/model.js';

/** A place where elements are dropped: the mask is an input, drawn anew for each micro-batch. */
export interface DropoutSite {
  readonly mask: Tensor;
  /** Of an element being dropped. */
  readonly probability: number;
}

export interface TrainingPass extends Pass {
  readonly sites: readonly DropoutSite[];
  readonly boundaries: readonly Tensor[];
  /** Next values of statistics, by parameter name. */
  readonly updates: ReadonlyMap<string, Tensor>;
}

export function createTrainingPass(): TrainingPass {
  const sites: DropoutSite[] = [];
  const boundaries: Tensor[] = [];
  const updates = new Map<string, Tensor>();
  return {
    training: true,
    sites,
    boundaries,
    updates,
    dropout(x, probability) {
      if (probability === 0) return x;
      if (!isStatic(x.shape)) throw shapeError('dropout', 'a shape known before the program runs', x);
      const mask = input(`dropout:${sites.length}`, x.shape, 'bool');
      sites.push({ mask, probability });
      return where(mask, scale(x, 1 / (1 - probability)), scalar(0));
    },
    boundary(hidden) {
      boundaries.push(hidden);
    },
    update(name, value) {
      updates.set(name, value);
    },
  };
}
