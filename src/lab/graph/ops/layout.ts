/** Ops that cut, join and pad. */
import { type Dim, type Shape, resolveAxis, sumOf } from '../dims.js';
import { type OpRecord, type Tensor, apply, shapeError } from '../tensor.js';

interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  /** Undefined reads to the end of an axis whose size is known only when the program runs; `size` then names the rest. */
  readonly end?: number;
  readonly size?: Dim;
}

const readSlice = (attributes: object): SliceAttributes => attributes as SliceAttributes;

export const sliceOp: OpRecord = {
  name: 'slice',
  infer([source], attributes) {
    const { axis, start, end, size } = readSlice(attributes);
    const available = source?.shape[axis];
    const fits =
      end === undefined || (start >= 0 && start < end && (typeof available === 'string' || end <= (available ?? 0)));
    const taken = end === undefined ? size : end - start;
    if (source === undefined || available === undefined || !fits || taken === undefined) {
      throw shapeError(
        'slice',
        `an axis ${axis} that holds ${start} to ${end}`,
        ...(source === undefined ? [] : [source]),
      );
    }
    return { shape: source.shape.map((dim, i) => (i === axis ? taken : dim)), dtype: source.dtype };
  },
  gradient({ inputs: [source], gradient, attributes }) {
    const { axis, start, end } = readSlice(attributes);
    const available = sizeAt((source as Tensor).shape, axis);
    return [pad(gradient, axis, start, available - (end ?? available))];
  },
  emit(context) {
    const { axis, start, end = Number.MAX_SAFE_INTEGER } = readSlice(context.attributes);
    const bounds = [context.int64([start]), context.int64([end]), context.int64([axis])];
    context.node('Slice', [context.inputs[0] as string, ...bounds], { outputs: context.outputs });
  },
  examples: [
    { inputs: [[2, 5]], attributes: { axis: 1, start: 1, end: 4 } },
    { inputs: [[4, 2, 3]], attributes: { axis: 0, start: 3, end: 4 } },
    { inputs: [[2, 5]], attributes: { axis: 1, start: 2, size: 3 } },
  ],
};

/** Elements `start` to `end − 1` along `axis`. */
export function slice(source: Tensor, axis: number, start: number, end: number): Tensor {
  const resolved = resolveAxis(axis, source.shape.length) ?? axis;
  if (start === 0 && end === source.shape[resolved]) return source;
  return apply(sliceOp, [source], { axis: resolved, start, end });
}

/** Elements from `start` to the end along an axis of named size; `size` is what the caller knows to remain. */
export function sliceFrom(source: Tensor, axis: number, start: number, size: Dim): Tensor {
  return apply(sliceOp, [source], { axis: resolveAxis(axis, source.shape.length) ?? axis, start, size });
}

export const padOp: OpRecord = {
  name: 'pad',
  infer([source], attributes) {
    const axis = attributes['axis'] as number;
    const size = source?.shape[axis];
    if (source === undefined || typeof size !== 'number') throw shapeError('pad', `a known size at axis ${axis}`);
    const padded = size + (attributes['before'] as number) + (attributes['after'] as number);
    return { shape: source.shape.map((dim, i) => (i === axis ? padded : dim)), dtype: source.dtype };
  },
  gradient({ inputs: [source], gradient, attributes }) {
    const axis = attributes['axis'] as number;
    const before = attributes['before'] as number;
    return [slice(gradient, axis, before, before + ((source as Tensor).shape[axis] as number))];
  },
  emit(context) {
    const rank = context.outputType.shape.length;
    const amounts = Array.from({ length: 2 * rank }, () => 0);
    amounts[context.attributes['axis'] as number] = context.attributes['before'] as number;
    amounts[rank + (context.attributes['axis'] as number)] = context.attributes['after'] as number;
    context.node('Pad', [context.inputs[0] as string, context.int64(amounts)], { outputs: context.outputs });
  },
  examples: [{ inputs: [[2, 3]], attributes: { axis: 1, before: 1, after: 2 } }],
};

/** Zeros before and after along `axis`. */
export function pad(source: Tensor, axis: number, before: number, after: number): Tensor {
  return before === 0 && after === 0 ? source : apply(padOp, [source], { axis, before, after });
}

export const concatOp: OpRecord = {
  name: 'concat',
  infer(inputs, attributes) {
    const axis = attributes['axis'] as number;
    const [first, ...rest] = inputs;
    if (first === undefined) throw shapeError('concat', 'at least one tensor');
    const fits = (other: Tensor): boolean =>
      other.dtype === first.dtype &&
      other.shape.length === first.shape.length &&
      other.shape.every((dim, i) => i === axis || dim === first.shape[i]);
    if (!rest.every(fits)) throw shapeError('concat', `shapes that differ only at axis ${axis}`, ...inputs);
    const total = inputs.map((tensor) => tensor.shape[axis] as Dim).reduce((a, b) => sumOf(a, b));
    return { shape: first.shape.map((dim, i) => (i === axis ? total : dim)), dtype: first.dtype };
  },
  gradient({ inputs, gradient, attributes }) {
    const axis = attributes['axis'] as number;
    let start = 0;
    return inputs.map((tensor) => {
      const end = start + sizeAt(tensor.shape, axis);
      const share = slice(gradient, axis, start, end);
      start = end;
      return share;
    });
  },
  emit(context) {
    const axis = context.attributes['axis'] as number;
    context.node('Concat', context.inputs, { outputs: context.outputs, attributes: { axis } });
  },
  examples: [
    {
      inputs: [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
      attributes: { axis: 1 },
    },
    {
      inputs: [
        [1, 2],
        [3, 2],
      ],
      attributes: { axis: 0 },
    },
  ],
};

function sizeAt(shape: Shape, axis: number): number {
  const size = shape[axis];
  if (typeof size !== 'number')
    throw shapeError('concat', 'known sizes to be differentiated', { shape, dtype: 'float32' });
  return size;
}

/** Joins tensors along `axis`. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const resolved = resolveAxis(axis, tensors[0]?.shape.length ?? 0) ?? axis;
  return tensors.length === 1 ? (tensors[0] as Tensor) : apply(concatOp, tensors, { axis: resolved });
}
