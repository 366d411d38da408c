/**
 * DCGAN (Radford, Metz & Chintala 2015, arXiv:1511.06434): a generator of transposed convolutions that doubles its image
 * from 7 × 7 (or a quarter of the size) upwards, a discriminator of strided convolutions that halves it again; batch
 * normalisation inside, leaky ReLU in the discriminator, tanh at the end of the generator.
 */
import { z } from 'zod';
import type { Dim } from '../graph/dims.js';
import { maximum, relu, scale, tanh } from '../graph/ops/arithmetic.js';
import { conv2d, convTranspose2d } from '../graph/ops/convolution.js';
import { reshape } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import { batchNormSpecs, batchNormalized } from './batch-normalization.js';
import { type AdversarialModel, type ParameterSpec, type Parameters, type Pass, defineArchitecture } from './model.js';

const count = z.int().positive();

const configSchema = z
  .looseObject({
    model_type: z.literal('gan'),
    noise_size: count.default(64),
    image_size: count.default(28),
    num_channels: count.default(1),
    /** Channels of the widest layer; the others have half as many each. */
    hidden_size: count.default(64),
  })
  .refine(({ image_size }) => image_size % 4 === 0, { path: ['image_size'], error: 'it must be a multiple of 4' })
  .refine(({ hidden_size }) => hidden_size % 2 === 0, { path: ['hidden_size'], error: 'it must be even' });
type GanConfig = z.infer<typeof configSchema>;

export const gan = defineArchitecture<GanConfig, 'adversarial'>({
  modelType: 'gan',
  className: 'DCGAN',
  title: 'DCGAN',
  source: 'https://arxiv.org/abs/1511.06434',
  kind: 'adversarial',
  configSchema,
  build: ganModel,
  example: { name: 'digits', config: { noise_size: 64, image_size: 28, hidden_size: 64 } },
});

/** The paper's initialisation of all convolutions. */
const INITIAL = { kind: 'normal', standardDeviation: 0.02 } as const;
const HALVING = { stride: 2, padding: 1 } as const;
const KERNEL = 4;
const LEAK = 0.2;

const kernel = (name: string, first: number, second: number, side: number): ParameterSpec => ({
  name: `${name}.weight`,
  shape: [first, second, side, side],
  initializer: INITIAL,
  role: 'kernel',
});

/** max(x, 0.2·x) (Maas et al. 2013). */
const leaky = (x: Tensor): Tensor => maximum(x, scale(x, LEAK));

function ganModel(config: GanConfig): AdversarialModel {
  const { noise_size: noiseSize, image_size: size, num_channels: channels, hidden_size: wide } = config;
  const narrow = wide / 2;
  const seed = size / 4;
  const parameters = [
    kernel('generator.project', noiseSize, wide, seed),
    ...batchNormSpecs('generator.norm1', wide),
    kernel('generator.grow', wide, narrow, KERNEL),
    ...batchNormSpecs('generator.norm2', narrow),
    kernel('generator.paint', narrow, channels, KERNEL),
    kernel('discriminator.look', narrow, channels, KERNEL),
    kernel('discriminator.shrink', wide, narrow, KERNEL),
    ...batchNormSpecs('discriminator.norm', wide),
    kernel('discriminator.decide', 1, wide, seed),
  ];
  const weight = (p: Parameters, name: string): Tensor => p(`${name}.weight`);
  return {
    kind: 'adversarial',
    noiseSize,
    imageShape: [channels, size, size],
    parameters,
    generate(p: Parameters, noise: Tensor, pass: Pass) {
      const points = reshape(noise, [noise.shape[0] as Dim, noiseSize, 1, 1]);
      const norm = (name: string, x: Tensor): Tensor => relu(batchNormalized(p, `generator.${name}`, x, pass));
      const first = norm('norm1', convTranspose2d(points, weight(p, 'generator.project'))); // [batch, wide, 7, 7]
      const second = norm('norm2', convTranspose2d(first, weight(p, 'generator.grow'), HALVING)); // [batch, narrow, 14, 14]
      return tanh(convTranspose2d(second, weight(p, 'generator.paint'), HALVING)); // [batch, channels, 28, 28]
    },
    discriminate(p: Parameters, images: Tensor, pass: Pass) {
      const first = leaky(conv2d(images, weight(p, 'discriminator.look'), HALVING)); // [batch, narrow, 14, 14]
      const shrunk = conv2d(first, weight(p, 'discriminator.shrink'), HALVING); // [batch, wide, 7, 7]
      const second = leaky(batchNormalized(p, 'discriminator.norm', shrunk, pass));
      return reshape(conv2d(second, weight(p, 'discriminator.decide')), [images.shape[0] as Dim]);
    },
  };
}
