/**
 * Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): the forward values a gradient rule reads are computed
 * again from the boundary before them, and only once the gradient of the boundary behind them is known, so that no two
 * segments are in memory at the same time.
 */
import { type OpRecord, type Tensor, apply, isConstant, isInput, shapeError } from './tensor.js';

/** `x`, but not before `after` is known, and never merged with an equal expression by an optimiser. */
export const barrierOp: OpRecord = {
  name: 'barrier',
  infer([x, after]) {
    if (x?.dtype !== 'float32' || after?.dtype !== 'float32') throw shapeError('barrier', 'two float32 tensors');
    return { shape: x.shape, dtype: x.dtype };
  },
  gradient: ({ gradient }) => [gradient, undefined],
  emit(context) {
    // x + 0 · after[0]: a dependency that ONNX Runtime cannot see through, for one pass over x
    const [x, after] = context.inputs as readonly [string, string];
    const flat = context.node('Reshape', [after, context.int64([-1])]);
    const first = context.node('Slice', [flat, context.int64([0]), context.int64([1]), context.int64([0])]);
    const zero = context.node('Mul', [first, context.scalar(0)]);
    context.node('Add', [x, zero], { outputs: context.outputs });
  },
  examples: [{ inputs: [[2, 3], [4]], skipGradient: [1] }],
};

/**
 * @param order all tensors, each after its inputs
 * @param gradients filled by the backward walk as it goes
 * @returns the form in which a tensor's gradient rule is to see it
 */
export function createReplay(
  order: readonly Tensor[],
  boundaries: readonly Tensor[],
  gradients: ReadonlyMap<Tensor, Tensor>,
): (tensor: Tensor) => Tensor {
  if (boundaries.length < 2) return (tensor) => tensor;
  const segments = segmentsOf(order, boundaries);
  const restarted = new Map<number, Tensor>();
  const copies = new Map<Tensor, Tensor>();
  const restart = (segment: number): Tensor | undefined => {
    const gradient = gradients.get(boundaries[segment + 1] as Tensor);
    if (gradient === undefined) return undefined;
    const known = restarted.get(segment) ?? apply(barrierOp, [boundaries[segment] as Tensor, gradient]);
    restarted.set(segment, known);
    return known;
  };
  const copyIn = (segment: number, tensor: Tensor): Tensor => {
    if (tensor === boundaries[segment]) return restart(segment) ?? tensor;
    if (segments.get(tensor) !== segment) return tensor;
    const known = copies.get(tensor);
    if (known !== undefined) return known;
    const copy = { ...tensor, inputs: tensor.inputs.map((source) => copyIn(segment, source)) };
    copies.set(tensor, copy);
    return copy;
  };
  return (tensor) => {
    const segment = segments.get(tensor);
    // what comes after the last boundary is used at once: nothing would be saved
    if (segment === undefined || segment >= boundaries.length - 1 || restart(segment) === undefined) return tensor;
    return copyIn(segment, tensor);
  };
}

/** Which boundary each tensor was computed from: the latest it depends on. Those that depend on none are left out. */
function segmentsOf(order: readonly Tensor[], boundaries: readonly Tensor[]): Map<Tensor, number> {
  const indices = new Map(boundaries.map((tensor, index) => [tensor, index]));
  const segments = new Map<Tensor, number>();
  for (const tensor of order) {
    if (isInput(tensor) || isConstant(tensor)) continue;
    let latest = -1;
    for (const source of tensor.inputs) latest = Math.max(latest, indices.get(source) ?? segments.get(source) ?? -1);
    if (latest >= 0) segments.set(tensor, latest);
  }
  return segments;
}
