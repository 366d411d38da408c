/**
 * A convolutional network over tokens (Kim 2014, arXiv:1408.5882): filters of several widths slide over the embedded
 * text, the strongest answer of each filter counts, a linear layer decides.
 */
import { z } from 'zod';
import type { Dim } from '../graph/dims.js';
import { relu } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { concat } from '../graph/ops/layout.js';
import { maxPool2d } from '../graph/ops/pooling.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import { convolution, convolutionSpecs, dense, linearSpecs } from './layers.js';
import { type ClassifierModel, type Parameters, type Pass, defineArchitecture } from './model.js';

const count = z.int().positive();

const configSchema = z
  .looseObject({
    model_type: z.literal('text_cnn'),
    vocab_size: count,
    /** Tokens of every text; shorter ones are padded. */
    max_position_embeddings: count.default(64),
    embedding_size: count.default(64),
    kernel_sizes: z.array(count).min(1).default([3, 4, 5]),
    num_filters: count.default(64),
    num_labels: count.default(2),
    dropout: z.number().min(0).lt(1).default(0.5),
  })
  .refine(({ kernel_sizes, max_position_embeddings: time }) => kernel_sizes.every((size) => size <= time), {
    path: ['kernel_sizes'],
    error: 'no filter may be wider than max_position_embeddings',
  });
type TextCnnConfig = z.infer<typeof configSchema>;

export const textCnn = defineArchitecture<TextCnnConfig, 'classifier'>({
  modelType: 'text_cnn',
  className: 'TextCNN',
  title: 'Convolutional network for text',
  source: 'https://arxiv.org/abs/1408.5882',
  kind: 'classifier',
  configSchema,
  build: textCnnModel,
  example: { name: 'reviews', config: { vocab_size: 8000, embedding_size: 128, num_filters: 100 } },
});

function textCnnModel(config: TextCnnConfig): ClassifierModel {
  const { max_position_embeddings: time, embedding_size: width, num_filters: filters, kernel_sizes: sizes } = config;
  /** The strongest answer of each filter of one width. @param image `[batch, width, 1, time]` @returns `[batch, filters]` */
  const strongest = (p: Parameters, image: Tensor, index: number): Tensor => {
    const answers = relu(convolution(p, `convs.${index}`, image)); // [batch, filters, 1, time − size + 1]
    const steps = time - (sizes[index] as number) + 1;
    return reshape(maxPool2d(answers, { kernel: [1, steps] }), [image.shape[0] as Dim, filters]);
  };
  return {
    kind: 'classifier',
    input: { shape: [time], dtype: 'int64' },
    classCount: config.num_labels,
    parameters: [
      {
        name: 'embedding.weight',
        shape: [config.vocab_size, width],
        initializer: { kind: 'normal', standardDeviation: 1 },
        role: 'embedding',
      },
      ...sizes.flatMap((size, index) => convolutionSpecs(`convs.${index}`, [filters, width, 1, size])),
      ...linearSpecs('fc', config.num_labels, filters * sizes.length, 'head'),
    ],
    forward(p: Parameters, x: Tensor, pass: Pass) {
      const embedded = transpose(gather(p('embedding.weight'), x), [0, 2, 1]); // [batch, width, time]
      const image = reshape(embedded, [x.shape[0] as Dim, width, 1, time]);
      const features = concat(
        sizes.map((_, index) => strongest(p, image, index)),
        -1,
      );
      return dense(p, 'fc', pass.dropout(features, config.dropout));
    },
  };
}
