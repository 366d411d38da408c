/**
 * LeNet (LeCun et al. 1998) as it is taught today: two convolutions of 5 × 5, each with ReLU and max pooling, then three
 * fully connected layers.
 */
import { z } from 'zod';
import { relu } from '../graph/ops/arithmetic.js';
import { maxPool2d } from '../graph/ops/pooling.js';
import { reshape } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import { convolution, convolutionSpecs, dense, linearSpecs } from './layers.js';
import { type ClassifierModel, type Parameters, type Pass, defineArchitecture } from './model.js';

const count = z.int().positive();
const KERNEL = 5;
const PADDING = 2;

const configSchema = z
  .looseObject({
    model_type: z.literal('lenet'),
    num_channels: count.default(1),
    image_size: count.default(28),
    num_labels: count.default(10),
    conv_channels: z.tuple([count, count]).default([6, 16]),
    hidden_sizes: z.tuple([count, count]).default([120, 84]),
    dropout: z.number().min(0).lt(1).default(0),
  })
  .refine(({ image_size }) => pooledSize(image_size) > 0, { path: ['image_size'], error: 'it must be 12 or more' });
type LeNetConfig = z.infer<typeof configSchema>;

/** Side of the image after both poolings: the first convolution is padded, the second is not. */
const pooledSize = (size: number): number => ((size >> 1) - KERNEL + 1) >> 1;

export const lenet = defineArchitecture<LeNetConfig, 'classifier'>({
  modelType: 'lenet',
  className: 'LeNet',
  title: 'LeNet',
  source: 'https://doi.org/10.1109/5.726791',
  kind: 'classifier',
  configSchema,
  build: leNetModel,
  example: { name: 'LeNet-5', config: { image_size: 28, num_labels: 10 } },
});

function leNetModel(config: LeNetConfig): ClassifierModel {
  const { num_channels: channels, image_size: size, conv_channels: widths, hidden_sizes: hidden } = config;
  const flat = widths[1] * pooledSize(size) ** 2;
  // ReLU after pooling is ReLU before it, on a quarter of the numbers
  const pooled = (x: Tensor): Tensor => relu(maxPool2d(x, { kernel: [2, 2] }));
  const forward = (p: Parameters, x: Tensor, pass: Pass): Tensor => {
    const first = pooled(convolution(p, 'conv1', x, { padding: PADDING })); // [batch, 6, 14, 14]
    const second = pooled(convolution(p, 'conv2', first)); // [batch, 16, 5, 5]
    const features = reshape(second, [x.shape[0] ?? 1, flat]);
    const third = pass.dropout(relu(dense(p, 'fc1', features)), config.dropout);
    return dense(p, 'fc3', pass.dropout(relu(dense(p, 'fc2', third)), config.dropout));
  };
  return {
    kind: 'classifier',
    input: { shape: [channels, size, size], dtype: 'float32' },
    classCount: config.num_labels,
    parameters: [
      ...convolutionSpecs('conv1', [widths[0], channels, KERNEL, KERNEL]),
      ...convolutionSpecs('conv2', [widths[1], widths[0], KERNEL, KERNEL]),
      ...linearSpecs('fc1', hidden[0], flat),
      ...linearSpecs('fc2', hidden[1], hidden[0]),
      ...linearSpecs('fc3', config.num_labels, hidden[1], 'head'),
    ],
    forward,
  };
}
