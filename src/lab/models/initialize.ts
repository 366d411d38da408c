import type { Rng } from '../../base/rng.js';
import { elementCount } from '../graph/dims.js';
import type { ParameterSpec } from './model.js';

/** Fills `target` with a fresh parameter's values. @param target as long as the spec's shape holds elements */
export function initialize(spec: ParameterSpec, target: Float32Array, rng: Rng): void {
  if (target.length !== elementCount(spec.shape))
    throw new RangeError(`${spec.name}: ${target.length} elements do not fit`);
  const { initializer } = spec;
  if (initializer.kind === 'normal') {
    for (let i = 0; i < target.length; i++) target[i] = rng.normal() * initializer.standardDeviation;
  } else if (initializer.kind === 'uniform') {
    for (let i = 0; i < target.length; i++) target[i] = (2 * rng.uniform() - 1) * initializer.bound;
  } else {
    target.fill(initializer.kind === 'ones' ? 1 : 0);
  }
}
