/**
 * Two-dimensional convolution, its transpose, and the gradient of either's weight: each is what the others need to be
 * differentiated. Images are `[batch, channels, height, width]`.
 */
import { type Dim, isStatic } from '../dims.js';
import { type EmitContext, type OpRecord, type Tensor, apply, shapeError } from '../tensor.js';
import { slice } from './layout.js';
import { transpose } from './reshape.js';

export interface ConvolutionOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on every side. Default 0. */
  readonly padding?: number;
}

interface Steps {
  readonly stride: number;
  readonly padding: number;
}

const stepsOf = (attributes: object): Steps => {
  const { stride = 1, padding = 0 } = attributes as ConvolutionOptions;
  return { stride, padding };
};

const square = (value: number): readonly number[] => [value, value];
const around = ({ padding }: Steps): readonly number[] => [padding, padding, padding, padding];

/** Sizes of an image of known shape. @throws MoatError `shape-mismatch` */
function imageShape(op: string, tensor: Tensor | undefined): readonly [Dim, number, number, number] {
  const [batch, ...rest] = tensor?.shape ?? [];
  if (tensor?.dtype !== 'float32' || rest.length !== 3 || batch === undefined || !isStatic(rest)) {
    throw shapeError(op, 'float32 [batch, channels, height, width]', ...(tensor === undefined ? [] : [tensor]));
  }
  return [batch, ...(rest as [number, number, number])];
}

const shrunk = (size: number, kernel: number, { stride, padding }: Steps): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** `weight` `[out, in, kernelHeight, kernelWidth]`, as PyTorch's `Conv2d` has it. */
export const conv2dOp: OpRecord = {
  name: 'conv2d',
  infer([x, weight], attributes) {
    const [batch, channels, height, width] = imageShape('conv2d', x);
    const [out, into, ...kernel] = imageShape('conv2d', weight);
    const [rows, columns] = kernel.map((size, i) => shrunk([height, width][i] as number, size, stepsOf(attributes)));
    if (into !== channels || rows === undefined || columns === undefined || rows < 1 || columns < 1) {
      throw shapeError(
        'conv2d',
        `a weight [out, ${channels}, …] no larger than the image`,
        x as Tensor,
        weight as Tensor,
      );
    }
    return { shape: [batch, out, rows, columns], dtype: 'float32' };
  },
  gradient({ inputs: [x, weight], gradient, attributes }) {
    const steps = stepsOf(attributes);
    const [, , height, width] = imageShape('conv2d', x);
    const [, , kernelHeight, kernelWidth] = imageShape('conv2d', weight);
    return [
      convTranspose2d(gradient, weight as Tensor, { ...steps, size: [height, width] }),
      convWeightGradient2d(x as Tensor, gradient, { ...steps, kernel: [kernelHeight, kernelWidth] }),
    ];
  },
  emit(context) {
    const steps = stepsOf(context.attributes);
    const attributes = { strides: square(steps.stride), pads: around(steps) };
    context.node('Conv', context.inputs, { outputs: context.outputs, attributes });
  },
  examples: [
    {
      inputs: [
        [2, 3, 5, 4],
        [4, 3, 3, 2],
      ],
    },
    {
      name: 'strided and padded',
      inputs: [
        [2, 2, 6, 5],
        [3, 2, 3, 3],
      ],
      attributes: { stride: 2, padding: 1 },
    },
  ],
};

/** @param x `[batch, in, height, width]` @param weight `[out, in, kernelHeight, kernelWidth]` */
export function conv2d(x: Tensor, weight: Tensor, options: ConvolutionOptions = {}): Tensor {
  return apply(conv2dOp, [x, weight], { ...options });
}

export interface TransposedOptions extends ConvolutionOptions {
  /** Height and width of the result, where several would fit; default the smallest, PyTorch's `output_padding` 0. */
  readonly size?: readonly [number, number];
}

const grown = (size: number, kernel: number, { stride, padding }: Steps): number =>
  (size - 1) * stride + kernel - 2 * padding;

/** `weight` `[in, out, kernelHeight, kernelWidth]`, as PyTorch's `ConvTranspose2d` has it. */
export const convTranspose2dOp: OpRecord = {
  name: 'convTranspose2d',
  infer([x, weight], attributes) {
    const [batch, channels, height, width] = imageShape('convTranspose2d', x);
    const [into, out, kernelHeight, kernelWidth] = imageShape('convTranspose2d', weight);
    const steps = stepsOf(attributes);
    const smallest = [grown(height, kernelHeight, steps), grown(width, kernelWidth, steps)] as const;
    const size = (attributes['size'] as readonly [number, number] | undefined) ?? smallest;
    const fits = size.every(
      (each, i) => each - (smallest[i] as number) >= 0 && each - (smallest[i] as number) < steps.stride,
    );
    if (into !== channels || !fits) {
      throw shapeError(
        'convTranspose2d',
        `a weight [${channels}, out, …] and a size that fits`,
        x as Tensor,
        weight as Tensor,
      );
    }
    return { shape: [batch, out, ...size], dtype: 'float32' };
  },
  gradient({ inputs: [x, weight], gradient, attributes }) {
    const steps = stepsOf(attributes);
    const [, , kernelHeight, kernelWidth] = imageShape('convTranspose2d', weight);
    return [
      conv2d(gradient, weight as Tensor, steps),
      convWeightGradient2d(gradient, x as Tensor, { ...steps, kernel: [kernelHeight, kernelWidth] }),
    ];
  },
  emit(context) {
    const steps = stepsOf(context.attributes);
    const [, , height, width] = imageShapeOf(context, 0);
    const [, , kernelHeight, kernelWidth] = imageShapeOf(context, 1);
    const [, , outHeight, outWidth] = context.outputType.shape as readonly [Dim, number, number, number];
    const extra = [outHeight - grown(height, kernelHeight, steps), outWidth - grown(width, kernelWidth, steps)];
    const attributes = { strides: square(steps.stride), pads: around(steps), output_padding: extra };
    context.node('ConvTranspose', context.inputs, { outputs: context.outputs, attributes });
  },
  examples: [
    {
      inputs: [
        [2, 3, 3, 4],
        [3, 2, 3, 2],
      ],
    },
    {
      name: 'strided and padded',
      inputs: [
        [2, 3, 3, 3],
        [3, 2, 4, 4],
      ],
      attributes: { stride: 2, padding: 1 },
    },
    {
      name: 'with a size of its own',
      inputs: [
        [1, 2, 3, 3],
        [2, 2, 3, 3],
      ],
      attributes: { stride: 2, padding: 1, size: [6, 5] },
    },
  ],
};

/** @param x `[batch, in, height, width]` @param weight `[in, out, kernelHeight, kernelWidth]` */
export function convTranspose2d(x: Tensor, weight: Tensor, options: TransposedOptions = {}): Tensor {
  return apply(convTranspose2dOp, [x, weight], { ...options });
}

const imageShapeOf = ({ inputTypes }: EmitContext, index: number): readonly [Dim, number, number, number] =>
  inputTypes[index]?.shape as readonly [Dim, number, number, number];

/**
 * The gradient of `conv2d`'s weight: the image correlated with the gradient of the result. A convolution once more, with
 * channels and batch exchanged, the stride as dilation.
 */
function convWeightGradient2d(
  x: Tensor,
  gradient: Tensor,
  { stride, padding, kernel }: Steps & { readonly kernel: readonly [number, number] },
): Tensor {
  const exchanged = apply(dilatedConv2dOp, [transpose(x, [1, 0, 2, 3]), transpose(gradient, [1, 0, 2, 3])], {
    dilation: stride,
    padding,
  }); // [in, out, ≥ kernelHeight, ≥ kernelWidth]
  const cut = slice(slice(exchanged, 2, 0, kernel[0]), 3, 0, kernel[1]);
  return transpose(cut, [1, 0, 2, 3]);
}

/** Convolution with holes in the kernel; used for weight gradients alone. */
export const dilatedConv2dOp: OpRecord = {
  name: 'dilatedConv2d',
  infer([x, weight], attributes) {
    const [batch, channels, height, width] = imageShape('dilatedConv2d', x);
    const [out, into, ...kernel] = imageShape('dilatedConv2d', weight);
    const { padding } = stepsOf(attributes);
    const reach = kernel.map((size) => (size - 1) * (attributes['dilation'] as number) + 1);
    const [rows, columns] = reach.map((size, i) => shrunk([height, width][i] as number, size, { stride: 1, padding }));
    if (into !== channels)
      throw shapeError('dilatedConv2d', `a weight [out, ${channels}, …]`, x as Tensor, weight as Tensor);
    return { shape: [batch, out, rows as number, columns as number], dtype: 'float32' };
  },
  gradient: 'none',
  emit(context) {
    const steps = stepsOf(context.attributes);
    const attributes = { dilations: square(context.attributes['dilation'] as number), pads: around(steps) };
    context.node('Conv', context.inputs, { outputs: context.outputs, attributes });
  },
  examples: [
    {
      inputs: [
        [3, 2, 5, 5],
        [4, 2, 2, 2],
      ],
      attributes: { dilation: 2, padding: 1 },
    },
  ],
};
