/** Pooling over windows of images `[batch, channels, height, width]`. */
import { type Dim, isStatic } from '../dims.js';
import { type OpRecord, type Tensor, apply, projection, shapeError } from '../tensor.js';
import { mean } from './reduce.js';
import { reshape } from './reshape.js';

export interface PoolingOptions {
  /** Height and width of a window. */
  readonly kernel: readonly [number, number];
  /** Default: the height of the kernel, so that windows do not overlap. */
  readonly stride?: number;
  /** Default 0; padding never wins. */
  readonly padding?: number;
}

const readOptions = (attributes: object): Required<PoolingOptions> => {
  const { kernel, stride = kernel[0], padding = 0 } = attributes as PoolingOptions;
  return { kernel, stride, padding };
};

/** The second output says where in the whole input each maximum was found. */
export const maxPool2dOp: OpRecord = {
  name: 'maxPool2d',
  infer([x], attributes) {
    const { kernel, stride, padding } = readOptions(attributes);
    const [batch, channels, ...image] = x?.shape ?? [];
    const sizes = image.map((size, i) => Math.floor((Number(size) + 2 * padding - (kernel[i] as number)) / stride) + 1);
    if (x?.dtype !== 'float32' || image.length !== 2 || !isStatic(image) || sizes.some((size) => size < 1)) {
      throw shapeError('maxPool2d', `an image no smaller than ${kernel.join(' × ')}`, ...(x === undefined ? [] : [x]));
    }
    const shape = [batch as Dim, channels as Dim, ...sizes];
    return { shape, dtype: 'float32', extraOutputs: [{ shape, dtype: 'int64' }] };
  },
  gradient: ({ inputs: [x], output, gradient }) => [scatterFlat(gradient, projection(output, 1), x as Tensor)],
  emit(context) {
    const { kernel, stride, padding } = readOptions(context.attributes);
    const attributes = { kernel_shape: kernel, strides: [stride, stride], pads: Array<number>(4).fill(padding) };
    context.node('MaxPool', context.inputs, { outputs: context.outputs, attributes });
  },
  // values far apart: at a tie there is no derivative
  examples: [
    { inputs: [[2, 3, 4, 6]], attributes: { kernel: [2, 2] }, range: [-30, 30] },
    {
      name: 'overlapping and padded',
      inputs: [[2, 2, 5, 5]],
      attributes: { kernel: [3, 3], stride: 2, padding: 1 },
      range: [-30, 30],
    },
  ],
};

/** The largest value of each window. @param x `[batch, channels, height, width]` */
export function maxPool2d(x: Tensor, options: PoolingOptions): Tensor {
  return apply(maxPool2dOp, [x], { ...options });
}

/** The mean of each channel. @param x `[batch, channels, height, width]` @returns `[batch, channels]` */
export const globalAveragePool2d = (x: Tensor): Tensor => mean(x, [2, 3]);

/** Zeros of the target's shape with each value added at its flat index. */
export const scatterFlatOp: OpRecord = {
  name: 'scatterFlat',
  infer(_inputs, attributes) {
    return { shape: attributes['shape'] as readonly number[], dtype: 'float32' };
  },
  gradient: 'none',
  emit(context) {
    const shape = context.outputType.shape as readonly number[];
    const [values, indices] = context.inputs.map((name) => context.node('Reshape', [name, context.int64([-1])]));
    const size = shape.reduce((product, dim) => product * dim, 1);
    const zeros = context.node('ConstantOfShape', [context.int64([size])]);
    const attributes = { axis: 0, reduction: 'add' };
    const flat = context.node('ScatterElements', [zeros, indices as string, values as string], { attributes });
    context.node('Reshape', [flat, context.int64(shape)], { outputs: context.outputs });
  },
  examples: [
    {
      inputs: [[2, 2], { data: BigInt64Array.of(0n, 5n, 2n, 5n), shape: [2, 2], dtype: 'int64' }],
      attributes: { shape: [2, 3] },
    },
  ],
};

function scatterFlat(values: Tensor, indices: Tensor, like: Tensor): Tensor {
  if (!isStatic(like.shape)) throw shapeError('maxPool2d', 'known sizes to be differentiated', like);
  const scattered = apply(scatterFlatOp, [values, indices], { shape: like.shape });
  return reshape(scattered, like.shape);
}
