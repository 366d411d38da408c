/**
 * The multi-layer perceptron (Rumelhart, Hinton & Williams 1986): fully connected layers of any depth and activation.
 * Layer i is `layers.i.weight` `[out, in]` and `layers.i.bias`; the last one gives the logits.
 */
import { z } from 'zod';
import type { Tensor } from '../graph/tensor.js';
import { denseActivationName, denseActivationOf } from './activations.js';
import { dense, linearSpecs } from './layers.js';
import { type ClassifierModel, type Parameters, type Pass, defineArchitecture } from './model.js';

const count = z.int().positive();

const configSchema = z.looseObject({
  model_type: z.literal('mlp'),
  input_size: count,
  hidden_sizes: z.array(count).default([32]),
  num_labels: count.default(2),
  hidden_act: denseActivationName.default('relu'),
  dropout: z.number().min(0).lt(1).default(0),
});
type MlpConfig = z.infer<typeof configSchema>;

export const mlp = defineArchitecture<MlpConfig, 'classifier'>({
  modelType: 'mlp',
  className: 'MultiLayerPerceptron',
  title: 'Multi-layer perceptron',
  source: 'https://doi.org/10.1038/323533a0',
  kind: 'classifier',
  configSchema,
  build: mlpModel,
  example: { name: 'tabular, 2 × 64', config: { input_size: 30, hidden_sizes: [64, 64], num_labels: 2 } },
});

function mlpModel(config: MlpConfig): ClassifierModel {
  const sizes = [config.input_size, ...config.hidden_sizes, config.num_labels];
  const layers = sizes.slice(1).map((out, index) => ({ name: `layers.${index}`, into: sizes[index] as number, out }));
  const forward = (p: Parameters, x: Tensor, pass: Pass): Tensor =>
    layers.reduce((hidden, { name }, index) => {
      const output = dense(p, name, hidden); // [batch, out]
      if (index === layers.length - 1) return output;
      pass.boundary(output);
      return pass.dropout(denseActivationOf(config.hidden_act)(output), config.dropout);
    }, x);
  return {
    kind: 'classifier',
    input: { shape: [config.input_size], dtype: 'float32' },
    classCount: config.num_labels,
    parameters: layers.flatMap(({ name, out, into }) => linearSpecs(name, out, into)),
    forward,
  };
}
