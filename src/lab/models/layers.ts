/** Parameters and layers that classifiers and generators share, named and initialised as torch.nn does. */
import { type Dim, elementCount } from '../graph/dims.js';
import { add } from '../graph/ops/arithmetic.js';
import { conv2d } from '../graph/ops/convolution.js';
import type { ConvolutionOptions } from '../graph/ops/convolution.js';
import { linear } from '../graph/ops/matmul.js';
import { reshape } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import type { ParameterSpec, Parameters } from './model.js';

/** The bound of torch.nn's default, 1/√fanIn, where fanIn counts what one output reads. */
const bound = (shape: readonly number[]): number => 1 / Math.sqrt(elementCount(shape.slice(1)));

/** `name.weight` `[out, in]` and `name.bias`. */
export function linearSpecs(
  name: string,
  out: number,
  into: number,
  role: 'matrix' | 'head' = 'matrix',
): ParameterSpec[] {
  const initializer = { kind: 'uniform', bound: bound([out, into]) } as const;
  return [
    { name: `${name}.weight`, shape: [out, into], initializer, role },
    { name: `${name}.bias`, shape: [out], initializer, role: 'vector' },
  ];
}

/** `name.weight` `[out, in, height, width]` and, unless left out, `name.bias`. */
export function convolutionSpecs(
  name: string,
  shape: readonly [number, number, number, number],
  { bias = true }: { readonly bias?: boolean } = {},
): ParameterSpec[] {
  const initializer = { kind: 'uniform', bound: bound(shape) } as const;
  const weight: ParameterSpec = { name: `${name}.weight`, shape, initializer, role: 'kernel' };
  return bias ? [weight, { name: `${name}.bias`, shape: [shape[0]], initializer, role: 'vector' }] : [weight];
}

/** Gain 1 and bias 0 of a normalisation over `size` channels. */
export function normSpecs(name: string, size: number): ParameterSpec[] {
  return [
    { name: `${name}.weight`, shape: [size], initializer: { kind: 'ones' }, role: 'vector' },
    { name: `${name}.bias`, shape: [size], initializer: { kind: 'zeros' }, role: 'vector' },
  ];
}

/** `x · weightᵀ + bias`. */
export const dense = (p: Parameters, name: string, x: Tensor): Tensor =>
  add(linear(x, p(`${name}.weight`)), p(`${name}.bias`));

/** A vector a channel, as something to add to an image. */
export const asChannels = (vector: Tensor): Tensor => reshape(vector, [1, vector.shape[0] as Dim, 1, 1]);

/** A convolution with its bias. @param x `[batch, in, height, width]` */
export const convolution = (p: Parameters, name: string, x: Tensor, options: ConvolutionOptions = {}): Tensor =>
  add(conv2d(x, p(`${name}.weight`), options), asChannels(p(`${name}.bias`)));
