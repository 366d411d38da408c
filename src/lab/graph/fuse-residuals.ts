/**
 * A rewrite across the graph: a sum that is normalised and used again (the residual stream of every transformer) is
 * computed together with its normalisation, in one pass over memory.
 */
import { sameShape } from './dims.js';
import { addOp } from './ops/arithmetic.js';
import { addRmsNorm, rmsNormOp } from './ops/normalize.js';
import { type Tensor, isConstant, isInput, isProjection, projection, topologicalOrder } from './tensor.js';

/** For graphs that are not differentiated any more. @returns the outputs, in order */
export function fuseResiduals(outputs: readonly Tensor[]): Tensor[] {
  const order = topologicalOrder(outputs);
  const norms = normsOfSums(order);
  const rewritten = new Map<Tensor, Tensor>();
  const result = (tensor: Tensor): Tensor => rewritten.get(tensor) ?? tensor;
  for (const tensor of order) {
    if (rewritten.has(tensor)) continue;
    const norm = norms.get(tensor);
    if (norm !== undefined) {
      const [a, b] = tensor.inputs.map(result) as [Tensor, Tensor];
      const fused = addRmsNorm(a, b, norm.inputs[1] as Tensor, norm.attributes['epsilon'] as number);
      rewritten.set(norm, fused);
      rewritten.set(tensor, projection(fused, 1));
    } else if (tensor.inputs.some((source) => rewritten.has(source))) {
      rewritten.set(tensor, { ...tensor, inputs: tensor.inputs.map(result) });
    }
  }
  return outputs.map(result);
}

/** Sums of two tensors of one shape, with the one normalisation that reads them; its statistics must not be wanted. */
function normsOfSums(order: readonly Tensor[]): Map<Tensor, Tensor> {
  const wanted = new Set(order.filter(isProjection).map(({ inputs }) => inputs[0]));
  const norms = new Map<Tensor, Tensor>();
  for (const norm of order) {
    const [sum, weight] = norm.inputs as readonly [Tensor, Tensor];
    if (norm.op !== rmsNormOp || sum.op !== addOp || wanted.has(norm) || norms.has(sum)) continue;
    const isPlain = sum.shape.length === 3 && sum.inputs.every(({ shape }) => sameShape(shape, sum.shape));
    // A weight that is itself computed could depend on the sum.
    if (isPlain && (isConstant(weight) || isInput(weight))) norms.set(sum, norm);
  }
  return norms;
}
