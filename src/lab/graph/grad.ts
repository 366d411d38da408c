import { MoatError } from '../../base/errors.js';
import { formatShape, sameShape } from './dims.js';
import { add } from './ops/arithmetic.js';
import { createReplay } from './recompute.js';
import { type Tensor, constant, scalar, topologicalOrder } from './tensor.js';

export interface GradOptions {
  /**
   * Hidden states through which everything later must pass. What lies between two of them is not kept for the backward
   * pass but computed again from the earlier one (gradient checkpointing; Chen et al. 2016): less memory, more time.
   */
  readonly boundaries?: readonly Tensor[];
}

/**
 * Reverse-mode differentiation: the gradients of a scalar `loss` with respect to each of `parameters`, as tensors of
 * the same graph. A parameter the loss does not depend on gets zeros.
 * @throws MoatError `not-scalar` when the loss has more than one element; `not-differentiable` when a path from a
 * parameter to the loss passes an op without a gradient.
 */
export function grad(loss: Tensor, parameters: readonly Tensor[], options: GradOptions = {}): Tensor[] {
  if (loss.shape.length !== 0) {
    throw new MoatError('not-scalar', `grad: the loss must be a scalar, got ${formatShape(loss.shape)}`);
  }
  const order = topologicalOrder([loss]);
  const needed = dependents(order, new Set(parameters));
  const gradients = new Map<Tensor, Tensor>([[loss, scalar(1)]]);
  const replay = createReplay(order, options.boundaries ?? [], gradients);
  for (const tensor of order.reverse()) {
    const gradient = gradients.get(tensor);
    if (gradient !== undefined && needed.has(tensor)) propagate(tensor, replay(tensor), gradient, needed, gradients);
  }
  return parameters.map((parameter) => gradients.get(parameter) ?? zerosLike(parameter));
}

/** The tensors that depend on any of `sources`, the sources included. `order` lists dependencies first. */
function dependents(order: readonly Tensor[], sources: ReadonlySet<Tensor>): Set<Tensor> {
  const result = new Set<Tensor>(sources);
  for (const tensor of order) {
    if (tensor.inputs.some((dependency) => result.has(dependency))) result.add(tensor);
  }
  return result;
}

/** @param replayed `output` as the gradient rule is to see it: itself, or computed again */
function propagate(
  output: Tensor,
  replayed: Tensor,
  gradient: Tensor,
  needed: ReadonlySet<Tensor>,
  gradients: Map<Tensor, Tensor>,
): void {
  const { op, inputs, attributes } = output;
  if (inputs.length === 0) return;
  if (op.gradient === 'none') {
    throw new MoatError(
      'not-differentiable',
      `grad: ${op.name} has no gradient and stands between a parameter and the loss`,
      {
        fix: 'Wrap its input in stopGradient when no gradient should flow.',
      },
    );
  }
  const shares = op.gradient({ inputs: replayed.inputs, output: replayed, gradient, attributes });
  for (const [index, source] of inputs.entries()) {
    const share = shares[index];
    if (share === undefined || !needed.has(source)) continue;
    if (!sameShape(share.shape, source.shape)) {
      throw new Error(
        `${op.name}: gradient ${index} has ${formatShape(share.shape)}, its input ${formatShape(source.shape)}`,
      );
    }
    const before = gradients.get(source);
    gradients.set(source, before === undefined ? share : add(before, share));
  }
}

function zerosLike(tensor: Tensor): Tensor {
  const shape = tensor.shape.map((dim) => {
    if (typeof dim === 'string') throw new MoatError('shape-mismatch', `grad: ${dim} must be a number in a parameter`);
    return dim;
  });
  return constant(new Float32Array(shape.reduce((product, dim) => product * dim, 1)), shape);
}
