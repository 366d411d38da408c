/**
 * The Vision Transformer (Dosovitskiy et al. 2020, arXiv:2010.11929): the image as a row of patches behind a class token,
 * learned positions, pre-normalised blocks that see everything, a linear head on the class token. Hugging Face's
 * `ViTForImageClassification`, without a pooler.
 */
import { z } from 'zod';
import type { Dim } from '../graph/dims.js';
import { add } from '../graph/ops/arithmetic.js';
import { concat, slice } from '../graph/ops/layout.js';
import { linear } from '../graph/ops/matmul.js';
import { layerNorm } from '../graph/ops/normalize.js';
import { expand, reshape, transpose } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import { activationName, activationOf } from './activations.js';
import { fullAttention, joinHeads, splitHeads } from './full-attention.js';
import { dense, normSpecs } from './layers.js';
import {
  type ClassifierModel,
  type Initializer,
  type ParameterSpec,
  type Parameters,
  type Pass,
  defineArchitecture,
} from './model.js';

const count = z.int().positive();
const probability = z.number().min(0).lt(1).default(0);

const configSchema = z
  .looseObject({
    model_type: z.literal('vit'),
    image_size: count.default(224),
    patch_size: count.default(16),
    num_channels: count.default(3),
    hidden_size: count.default(768),
    intermediate_size: count.default(3072),
    num_hidden_layers: count.default(12),
    num_attention_heads: count.default(12),
    hidden_act: activationName.default('gelu'),
    qkv_bias: z.literal(true, { error: 'projections without biases are not supported' }).default(true),
    layer_norm_eps: z.number().positive().default(1e-12),
    hidden_dropout_prob: probability,
    attention_probs_dropout_prob: probability,
    initializer_range: z.number().positive().default(0.02),
    num_labels: count.optional(),
    id2label: z.record(z.string(), z.unknown()).optional(),
  })
  .refine(({ image_size, patch_size }) => image_size % patch_size === 0, {
    path: ['patch_size'],
    error: 'it must divide image_size',
  })
  .refine(({ hidden_size, num_attention_heads }) => hidden_size % num_attention_heads === 0, {
    path: ['num_attention_heads'],
    error: 'it must divide hidden_size',
  });
type VitConfig = z.infer<typeof configSchema>;

/** Hugging Face writes the labels' names instead of their number; its default is two. */
const labelCount = ({ num_labels, id2label }: VitConfig): number =>
  num_labels ?? (id2label === undefined ? 2 : Object.keys(id2label).length);

export const vit = defineArchitecture<VitConfig, 'classifier'>({
  modelType: 'vit',
  className: 'ViTForImageClassification',
  title: 'Vision Transformer',
  source: 'https://arxiv.org/abs/2010.11929',
  kind: 'classifier',
  configSchema,
  build: vitModel,
  example: { name: 'ViT-B/16', config: { num_labels: 1000 } },
});

const PREFIX = 'vit.encoder.layer';
const patchCount = ({ image_size, patch_size }: VitConfig): number => (image_size / patch_size) ** 2;

function vitParameters(config: VitConfig): ParameterSpec[] {
  const { hidden_size: width, intermediate_size: inner, num_channels: channels, patch_size: patch } = config;
  const initializer: Initializer = { kind: 'normal', standardDeviation: config.initializer_range };
  const layer = (name: string, out: number, into: number, role: 'matrix' | 'head' = 'matrix'): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [out, into], initializer, role },
    { name: `${name}.bias`, shape: [out], initializer: { kind: 'zeros' }, role: 'vector' },
  ];
  const block = (index: number): ParameterSpec[] => {
    const at = `${PREFIX}.${index}`;
    return [
      ...['query', 'key', 'value'].flatMap((name) => layer(`${at}.attention.attention.${name}`, width, width)),
      ...layer(`${at}.attention.output.dense`, width, width),
      ...layer(`${at}.intermediate.dense`, inner, width),
      ...layer(`${at}.output.dense`, width, inner),
      ...normSpecs(`${at}.layernorm_before`, width),
      ...normSpecs(`${at}.layernorm_after`, width),
    ];
  };
  const projection = 'vit.embeddings.patch_embeddings.projection';
  return [
    { name: 'vit.embeddings.cls_token', shape: [1, 1, width], initializer, role: 'vector' },
    {
      name: 'vit.embeddings.position_embeddings',
      shape: [1, patchCount(config) + 1, width],
      initializer,
      role: 'vector',
    },
    { name: `${projection}.weight`, shape: [width, channels, patch, patch], initializer, role: 'kernel' },
    { name: `${projection}.bias`, shape: [width], initializer: { kind: 'zeros' }, role: 'vector' },
    ...Array.from({ length: config.num_hidden_layers }, (_, index) => block(index)).flat(),
    ...normSpecs('vit.layernorm', width),
    ...layer('classifier', labelCount(config), width, 'head'),
  ];
}

/** Patches do not overlap, so the convolution is one product. @param x `[batch, channels, size, size]` @returns `[batch, 1 + patches, width]` */
function embedded(p: Parameters, x: Tensor, config: VitConfig): Tensor {
  const { hidden_size: width, num_channels: channels, patch_size: patch, image_size: size } = config;
  const batch = x.shape[0] as number;
  const side = size / patch;
  const tiles = transpose(reshape(x, [batch, channels, side, patch, side, patch]), [0, 2, 4, 1, 3, 5]);
  const rows = reshape(tiles, [batch, side * side, channels * patch * patch]);
  const projection = 'vit.embeddings.patch_embeddings.projection';
  const weight = reshape(p(`${projection}.weight`), [width, channels * patch * patch]);
  const patches = add(linear(rows, weight), p(`${projection}.bias`)); // [batch, patches, width]
  const token = expand(p('vit.embeddings.cls_token'), [batch, 1, width]);
  return add(concat([token, patches], 1), p('vit.embeddings.position_embeddings'));
}

function runBlock(p: Parameters, hidden: Tensor, at: string, config: VitConfig, pass: Pass): Tensor {
  const { num_attention_heads: heads, hidden_size: width, hidden_dropout_prob: dropout } = config;
  const norm = (name: string, x: Tensor): Tensor =>
    layerNorm(x, p(`${at}.${name}.weight`), p(`${at}.${name}.bias`), config.layer_norm_eps);
  const normed = norm('layernorm_before', hidden);
  const project = (name: string): Tensor => splitHeads(dense(p, `${at}.attention.attention.${name}`, normed), heads);
  const seen = fullAttention({
    queries: project('query'),
    keys: project('key'),
    values: project('value'),
    biases: [],
    scoreFactor: (width / heads) ** -0.5,
    drop: (weights) => pass.dropout(weights, config.attention_probs_dropout_prob),
  });
  const attended = add(hidden, pass.dropout(dense(p, `${at}.attention.output.dense`, joinHeads(seen)), dropout));
  const inner = activationOf(config.hidden_act)(
    dense(p, `${at}.intermediate.dense`, norm('layernorm_after', attended)),
  );
  return add(attended, pass.dropout(dense(p, `${at}.output.dense`, inner), dropout));
}

function vitModel(config: VitConfig): ClassifierModel {
  const { hidden_size: width, image_size: size } = config;
  return {
    kind: 'classifier',
    input: { shape: [config.num_channels, size, size], dtype: 'float32' },
    classCount: labelCount(config),
    parameters: vitParameters(config),
    forward(p, x, pass) {
      let hidden = pass.dropout(embedded(p, x, config), config.hidden_dropout_prob);
      for (let index = 0; index < config.num_hidden_layers; index++) {
        pass.boundary(hidden);
        hidden = runBlock(p, hidden, `${PREFIX}.${index}`, config, pass);
      }
      const token = reshape(slice(hidden, 1, 0, 1), [x.shape[0] as Dim, width]);
      const normed = layerNorm(token, p('vit.layernorm.weight'), p('vit.layernorm.bias'), config.layer_norm_eps);
      return dense(p, 'classifier', normed);
    },
  };
}
