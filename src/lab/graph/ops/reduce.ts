/** Reductions other than the plain sum (which lives with its inverse in `reshape.ts`). */
import { type OpRecord, type Tensor, apply, shapeError } from '../tensor.js';
import { scale } from './arithmetic.js';
import { normalizeAxes, reducedShape, unreduce } from './reshape.js';

export const meanOp: OpRecord = {
  name: 'mean',
  infer(inputs, attributes) {
    const x = inputs[0] as Tensor;
    const axes = attributes['axes'] as readonly number[];
    return { shape: reducedShape('mean', x, axes, attributes['keepAxes'] === true), dtype: x.dtype };
  },
  gradient({ inputs: [x], gradient, attributes }) {
    const { shape } = x as Tensor;
    const axes = attributes['axes'] as readonly number[];
    const count = axes.reduce((product, axis) => product * sizeOf(shape[axis]), 1);
    return [unreduce(scale(gradient, 1 / count), shape, axes)];
  },
  emit(context) {
    const axes = context.int64(context.attributes['axes'] as readonly number[]);
    context.node('ReduceMean', [context.inputs[0] as string, axes], {
      outputs: context.outputs,
      attributes: { keepdims: context.attributes['keepAxes'] === true ? 1 : 0 },
    });
  },
  examples: [
    { inputs: [[2, 3]], attributes: { axes: [1], keepAxes: true } },
    { inputs: [[2, 3, 4]], attributes: { axes: [0, 2], keepAxes: false } },
  ],
};

function sizeOf(dim: number | string | undefined): number {
  if (typeof dim !== 'number') throw shapeError('mean', 'known sizes to be differentiated');
  return dim;
}

/** The mean over `axes` (all by default); `keepAxes` leaves them with size 1. */
export function mean(x: Tensor, axes?: readonly number[], keepAxes = false): Tensor {
  return apply(meanOp, [x], { axes: normalizeAxes('mean', x, axes), keepAxes });
}
