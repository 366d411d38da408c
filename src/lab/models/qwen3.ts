/**
 * Qwen3 (Qwen Team 2025, arXiv:2505.09388): Llama's blocks with queries and keys RMS-normalised head by head before
 * the rotation, which keeps attention scores bounded at high learning rates, and a head size of its own.
 */
import { z } from 'zod';
import { checkSizes, decoderKeys, decoderSizes } from './decoder-config.js';
import { decoderArchitecture } from './decoder.js';
import { qwenPlan, qwenWindowKeys } from './qwen2.js';

const configSchema = z
  .looseObject({
    model_type: z.literal('qwen3'),
    ...decoderKeys,
    ...qwenWindowKeys,
    head_dim: z.int().positive().default(128),
    attention_bias: z.boolean().default(false),
  })
  .superRefine(checkSizes);

export const qwen3 = decoderArchitecture({
  modelType: 'qwen3',
  className: 'Qwen3ForCausalLM',
  title: 'Qwen3',
  source: 'https://arxiv.org/abs/2505.09388',
  configSchema,
  sized: (sizes) => ({ ...decoderSizes(sizes), hidden_act: 'silu', attention_bias: false }),
  plan: (config: z.infer<typeof configSchema>) => ({
    ...qwenPlan(config),
    normalizeQueriesAndKeys: true,
    biases: { queryKeyValue: config.attention_bias, output: config.attention_bias, feedForward: false },
  }),
  example: {
    name: 'Qwen3 0.6B',
    config: {
      vocab_size: 151936,
      hidden_size: 1024,
      intermediate_size: 3072,
      num_hidden_layers: 28,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      head_dim: 128,
      max_position_embeddings: 40960,
      rope_theta: 1000000,
      tie_word_embeddings: true,
    },
  },
});
