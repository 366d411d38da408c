/**
 * Ops that move or repeat values and the sum that undoes repetition: each is the other's gradient, so they share a file.
 */
import { type Dim, type Shape, broadcast, formatShape, isStatic, productOf, resolveAxis, sameShape } from '../dims.js';
import { type OpRecord, type Tensor, apply, constantData, shapeError } from '../tensor.js';

const only = (inputs: readonly Tensor[]): Tensor => inputs[0] as Tensor;

export const reshapeOp: OpRecord = {
  name: 'reshape',
  infer(inputs, attributes) {
    const source = only(inputs);
    const shape = attributes['shape'] as Shape;
    if (productOf(source.shape) !== productOf(shape)) {
      throw shapeError('reshape', `as many elements as ${formatShape(shape)}`, source);
    }
    return { shape, dtype: source.dtype };
  },
  gradient: ({ inputs, gradient }) => [reshape(gradient, only(inputs).shape)],
  emit(context) {
    const target = onnxShape(context.inputTypes[0]?.shape ?? [], context.outputType.shape);
    context.node('Reshape', [context.inputs[0] as string, context.int64(target)], { outputs: context.outputs });
  },
  fold: (inputs) => constantData(only(inputs)),
  examples: [
    { inputs: [[2, 6]], attributes: { shape: [3, 4] } },
    { inputs: [[4]], attributes: { shape: [2, 1, 2] } },
  ],
};

/** Reads the same elements under another shape. At most one named size may move to another axis. */
export function reshape(source: Tensor, shape: Shape): Tensor {
  return sameShape(source.shape, shape) ? source : apply(reshapeOp, [source], { shape });
}

/** ONNX's spelling: 0 copies the size at the same axis, −1 is worked out when the program runs (once). */
function onnxShape(from: Shape, to: Shape): number[] {
  let inferred = false;
  return to.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (from[axis] === dim) return 0;
    if (inferred)
      throw shapeError('reshape', `one moved named size, not several, towards ${formatShape(to)}`, {
        shape: from,
        dtype: 'float32',
      });
    inferred = true;
    return -1;
  });
}

export const transposeOp: OpRecord = {
  name: 'transpose',
  infer(inputs, attributes) {
    const source = only(inputs);
    const permutation = attributes['permutation'] as readonly number[];
    const valid = [...permutation].sort((a, b) => a - b).every((axis, index) => axis === index);
    if (!valid || permutation.length !== source.shape.length) {
      throw shapeError('transpose', `a tensor that [${permutation.join(', ')}] permutes`, source);
    }
    return { shape: permutation.map((axis) => source.shape[axis] as Dim), dtype: source.dtype };
  },
  gradient({ gradient, attributes }) {
    const permutation = attributes['permutation'] as readonly number[];
    return [
      transpose(
        gradient,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
    ];
  },
  emit(context) {
    const permutation = context.attributes['permutation'] as readonly number[];
    context.node('Transpose', context.inputs, { outputs: context.outputs, attributes: { perm: permutation } });
  },
  examples: [
    { inputs: [[2, 3]], attributes: { permutation: [1, 0] } },
    { inputs: [[2, 3, 4]], attributes: { permutation: [2, 0, 1] } },
  ],
};

/** Axis `i` of the result is axis `permutation[i]` of the source. */
export function transpose(source: Tensor, permutation: readonly number[]): Tensor {
  if (permutation.every((axis, index) => axis === index) && permutation.length === source.shape.length) return source;
  return apply(transposeOp, [source], { permutation });
}

export const expandOp: OpRecord = {
  name: 'expand',
  infer(inputs, attributes) {
    const source = only(inputs);
    const shape = attributes['shape'] as Shape;
    const result = broadcast(source.shape, shape);
    if (result === undefined || !sameShape(result, shape)) {
      throw shapeError('expand', `a shape that broadcasts to ${formatShape(shape)}`, source);
    }
    return { shape, dtype: source.dtype };
  },
  gradient: ({ inputs, gradient }) => [sumTo(gradient, only(inputs).shape)],
  emit(context) {
    const { shape } = context.outputType;
    if (!isStatic(shape)) throw shapeError('expand', 'sizes known before the program runs', context.outputType);
    context.node('Expand', [context.inputs[0] as string, context.int64(shape)], { outputs: context.outputs });
  },
  examples: [
    { inputs: [[1, 3]], attributes: { shape: [2, 3] } },
    { inputs: [[3]], attributes: { shape: [2, 4, 3] } },
  ],
};

/** Repeats the source along axes of size 1, and along new leading axes, to `shape`. */
export function expand(source: Tensor, shape: Shape): Tensor {
  return sameShape(source.shape, shape) ? source : apply(expandOp, [source], { shape });
}

export const sumOp: OpRecord = {
  name: 'sum',
  infer(inputs, attributes) {
    const source = only(inputs);
    return {
      shape: reducedShape('sum', source, attributes['axes'] as readonly number[], attributes['keepAxes'] === true),
      dtype: source.dtype,
    };
  },
  gradient({ inputs, gradient, attributes }) {
    return [unreduce(gradient, only(inputs).shape, attributes['axes'] as readonly number[])];
  },
  emit(context) {
    const axes = context.attributes['axes'] as readonly number[];
    context.node('ReduceSum', [context.inputs[0] as string, context.int64(axes)], {
      outputs: context.outputs,
      attributes: { keepdims: context.attributes['keepAxes'] === true ? 1 : 0 },
    });
  },
  examples: [
    { inputs: [[2, 3]], attributes: { axes: [0, 1], keepAxes: false } },
    { inputs: [[2, 3, 4]], attributes: { axes: [1], keepAxes: true } },
  ],
};

/** Sums over `axes` (all by default); `keepAxes` leaves them with size 1. */
export function sum(source: Tensor, axes?: readonly number[], keepAxes = false): Tensor {
  return apply(sumOp, [source], { axes: normalizeAxes('sum', source, axes), keepAxes });
}

/** Undoes a broadcast: sums the axes along which `shape` was repeated to get the gradient's shape. */
export function sumTo(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const added = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, axis) => {
    const original = axis < added ? undefined : shape[axis - added];
    return original === undefined || (original === 1 && dim !== 1) ? [axis] : [];
  });
  return reshape(axes.length === 0 ? gradient : sum(gradient, axes), shape);
}

/** Spreads the gradient of a reduction over the axes that were reduced. */
export function unreduce(gradient: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return expand(reshape(gradient, kept), shape);
}

/** All axes, or the given ones made non-negative. @throws MoatError `shape-mismatch` for an axis out of range */
export function normalizeAxes(op: string, source: Tensor, axes?: readonly number[]): readonly number[] {
  const rank = source.shape.length;
  return (axes ?? source.shape.map((_, axis) => axis)).map((axis) => {
    const resolved = resolveAxis(axis, rank);
    if (resolved === undefined) throw shapeError(op, `an axis within rank ${rank}, not ${axis},`, source);
    return resolved;
  });
}

/** The shape left by a reduction over `axes` (already non-negative). */
export function reducedShape(op: string, source: Tensor, axes: readonly number[], keepAxes: boolean): Shape {
  if (new Set(axes).size !== axes.length) throw shapeError(op, 'each axis once', source);
  if (keepAxes) return source.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return source.shape.filter((_, axis) => !axes.includes(axis));
}
