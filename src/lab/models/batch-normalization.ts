/** Batch normalisation as a layer: statistics of the batch in training, running ones at inference (Ioffe & Szegedy 2015). */
import { type Dim, elementCount, isStatic } from '../graph/dims.js';
import { add, div, scale, sqrt } from '../graph/ops/arithmetic.js';
import { batchNorm, fixedBatchNorm } from '../graph/ops/batch-norm.js';
import { type Tensor, scalar } from '../graph/tensor.js';
import { normSpecs } from './layers.js';
import type { ParameterSpec, Parameters, Pass } from './model.js';

/** PyTorch's defaults. */
const EPSILON = 1e-5;
const MOMENTUM = 0.1;

export function batchNormSpecs(name: string, channels: number): ParameterSpec[] {
  return [
    ...normSpecs(name, channels),
    { name: `${name}.running_mean`, shape: [channels], initializer: { kind: 'zeros' }, role: 'statistic' },
    { name: `${name}.running_var`, shape: [channels], initializer: { kind: 'ones' }, role: 'statistic' },
  ];
}

/** @param x `[batch, channels, height, width]` */
export function batchNormalized(p: Parameters, name: string, x: Tensor, pass: Pass): Tensor {
  const [weight, bias] = [p(`${name}.weight`), p(`${name}.bias`)];
  const [average, variance] = [p(`${name}.running_mean`), p(`${name}.running_var`)];
  if (!pass.training) {
    const inverse = div(scalar(1), sqrt(add(variance, scalar(EPSILON))));
    return fixedBatchNorm(x, { weight, bias, average, inverse });
  }
  const batch = batchNorm(x, weight, bias, EPSILON);
  const count = elementsOfChannel(x.shape);
  const follow = (running: Tensor, now: Tensor): Tensor => add(scale(running, 1 - MOMENTUM), scale(now, MOMENTUM));
  pass.update(`${name}.running_mean`, follow(average, batch.mean));
  // the running variance is that of the population, as PyTorch keeps it
  pass.update(`${name}.running_var`, follow(variance, scale(batch.variance, count / (count - 1))));
  return batch.output;
}

function elementsOfChannel([batch, , ...image]: readonly Dim[]): number {
  const sizes = [batch as Dim, ...image];
  if (!isStatic(sizes)) throw new RangeError('batch normalisation learns on batches of known size');
  return Math.max(2, elementCount(sizes));
}
