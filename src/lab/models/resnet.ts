/**
 * A small residual network (He et al. 2015, arXiv:1512.03385) of basic blocks with batch normalisation, the form for
 * small images: a 3 × 3 stem without pooling, one stage a width, each but the first halving the image. Named as
 * torchvision names its parameters.
 */
import { z } from 'zod';
import { add, relu } from '../graph/ops/arithmetic.js';
import { conv2d } from '../graph/ops/convolution.js';
import { globalAveragePool2d } from '../graph/ops/pooling.js';
import type { Tensor } from '../graph/tensor.js';
import { batchNormSpecs, batchNormalized } from './batch-normalization.js';
import { convolutionSpecs, dense, linearSpecs } from './layers.js';
import { type ClassifierModel, type ParameterSpec, type Parameters, type Pass, defineArchitecture } from './model.js';

const count = z.int().positive();

const configSchema = z.looseObject({
  model_type: z.literal('resnet'),
  num_channels: count.default(1),
  image_size: count.default(28),
  num_labels: count.default(10),
  hidden_sizes: z.array(count).min(1).default([16, 32, 64]),
  /** Blocks of each stage. */
  depths: z.array(count).min(1).default([1, 1, 1]),
});
type ResNetConfig = z.infer<typeof configSchema>;

export const resnet = defineArchitecture<ResNetConfig, 'classifier'>({
  modelType: 'resnet',
  className: 'ResNet',
  title: 'Residual network',
  source: 'https://arxiv.org/abs/1512.03385',
  kind: 'classifier',
  configSchema: configSchema.refine(({ hidden_sizes, depths }) => hidden_sizes.length === depths.length, {
    path: ['depths'],
    error: 'as many entries as hidden_sizes are needed',
  }),
  build: resNetModel,
  example: { name: 'ResNet-20', config: { num_channels: 3, image_size: 32, depths: [3, 3, 3] } },
});

interface Block {
  readonly name: string;
  readonly into: number;
  readonly out: number;
  readonly stride: number;
}

function blocksOf({ hidden_sizes: widths, depths }: ResNetConfig): Block[] {
  let into = widths[0] as number;
  return depths.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, index) => {
      const out = widths[stage] as number;
      const block = { name: `layer${stage + 1}.${index}`, into, out, stride: stage > 0 && index === 0 ? 2 : 1 };
      into = out;
      return block;
    }),
  );
}

const changesShape = ({ into, out, stride }: Block): boolean => stride !== 1 || into !== out;

function blockSpecs(block: Block): ParameterSpec[] {
  const { name, into, out } = block;
  const unbiased = { bias: false };
  return [
    ...convolutionSpecs(`${name}.conv1`, [out, into, 3, 3], unbiased),
    ...batchNormSpecs(`${name}.bn1`, out),
    ...convolutionSpecs(`${name}.conv2`, [out, out, 3, 3], unbiased),
    ...batchNormSpecs(`${name}.bn2`, out),
    ...(changesShape(block)
      ? [
          ...convolutionSpecs(`${name}.downsample.0`, [out, into, 1, 1], unbiased),
          ...batchNormSpecs(`${name}.downsample.1`, out),
        ]
      : []),
  ];
}

/** @param x `[batch, into, height, width]` @returns `[batch, out, height/stride, width/stride]` */
function runBlock(p: Parameters, x: Tensor, block: Block, pass: Pass): Tensor {
  const { name, stride } = block;
  const weight = (part: string): Tensor => p(`${name}.${part}.weight`);
  const norm = (part: string, image: Tensor): Tensor => batchNormalized(p, `${name}.${part}`, image, pass);
  const first = relu(norm('bn1', conv2d(x, weight('conv1'), { stride, padding: 1 })));
  const second = norm('bn2', conv2d(first, weight('conv2'), { padding: 1 }));
  const shortcut = changesShape(block) ? norm('downsample.1', conv2d(x, weight('downsample.0'), { stride })) : x;
  return relu(add(second, shortcut));
}

function resNetModel(config: ResNetConfig): ClassifierModel {
  const blocks = blocksOf(config);
  const stem = config.hidden_sizes[0] as number;
  const last = config.hidden_sizes.at(-1) as number;
  return {
    kind: 'classifier',
    input: { shape: [config.num_channels, config.image_size, config.image_size], dtype: 'float32' },
    classCount: config.num_labels,
    parameters: [
      ...convolutionSpecs('conv1', [stem, config.num_channels, 3, 3], { bias: false }),
      ...batchNormSpecs('bn1', stem),
      ...blocks.flatMap(blockSpecs),
      ...linearSpecs('fc', config.num_labels, last, 'head'),
    ],
    forward(p, x, pass) {
      let image = relu(batchNormalized(p, 'bn1', conv2d(x, p('conv1.weight'), { padding: 1 }), pass));
      for (const block of blocks) {
        pass.boundary(image);
        image = runBlock(p, image, block, pass);
      }
      return dense(p, 'fc', globalAveragePool2d(image));
    },
  };
}
