/** Llama (Touvron et al. 2023; Llama 3: Dubey et al. 2024, arXiv:2407.21783): the plain member of the family. */
import { z } from 'zod';
import { checkSizes, decoderKeys, decoderSizes, planOf } from './decoder-config.js';
import { decoderArchitecture } from './decoder.js';

const configSchema = z
  .looseObject({
    model_type: z.literal('llama'),
    ...decoderKeys,
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
  })
  .superRefine(checkSizes);

export const llama = decoderArchitecture({
  modelType: 'llama',
  className: 'LlamaForCausalLM',
  title: 'Llama',
  source: 'https://arxiv.org/abs/2302.13971',
  configSchema,
  sized: (sizes) => ({ ...decoderSizes(sizes), hidden_act: 'silu', attention_bias: false }),
  plan: (config: z.infer<typeof configSchema>) => ({
    ...planOf(config),
    biases: {
      queryKeyValue: config.attention_bias,
      output: config.attention_bias,
      feedForward: config.mlp_bias,
    },
  }),
  example: {
    name: 'Llama 3.2 1B',
    config: {
      vocab_size: 128256,
      hidden_size: 2048,
      intermediate_size: 8192,
      num_hidden_layers: 16,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      head_dim: 64,
      max_position_embeddings: 131072,
      rms_norm_eps: 1e-5,
      rope_theta: 500000,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
      tie_word_embeddings: true,
    },
  },
});
