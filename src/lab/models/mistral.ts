/** Mistral (Jiang et al. 2023, arXiv:2310.06825): Llama's blocks; where `sliding_window` is set, every layer has it. */
import { z } from 'zod';
import { checkSizes, decoderKeys, decoderSizes, planOf, windowKeys } from './decoder-config.js';
import { decoderArchitecture } from './decoder.js';

const configSchema = z
  .looseObject({
    model_type: z.literal('mistral'),
    ...decoderKeys,
    sliding_window: windowKeys.sliding_window.default(4096),
  })
  .superRefine(checkSizes);

export const mistral = decoderArchitecture({
  modelType: 'mistral',
  className: 'MistralForCausalLM',
  title: 'Mistral',
  source: 'https://arxiv.org/abs/2310.06825',
  configSchema,
  sized: (sizes) => ({ ...decoderSizes(sizes), sliding_window: null }),
  plan: (config: z.infer<typeof configSchema>) => planOf(config, () => config.sliding_window ?? undefined),
  example: {
    name: 'Mistral 7B v0.1',
    config: {
      vocab_size: 32000,
      hidden_size: 4096,
      intermediate_size: 14336,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      max_position_embeddings: 32768,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      sliding_window: 4096,
    },
  },
});
