/** Qwen2 and Qwen2.5 (Qwen Team 2024, arXiv:2407.10671): Llama's blocks with biases on queries, keys and values. */
import { z } from 'zod';
import { type DecoderKeys, checkSizes, decoderKeys, decoderSizes, planOf, windowKeys } from './decoder-config.js';
import type { DecoderPlan } from './decoder-plan.js';
import { decoderArchitecture } from './decoder.js';

/** Qwen turns its windows on by a switch; without `layer_types` the first `max_window_layers` layers keep the whole past. */
export const qwenWindowKeys = {
  ...windowKeys,
  use_sliding_window: z.boolean().default(false),
  sliding_window: windowKeys.sliding_window.default(4096),
  max_window_layers: z.int().nonnegative().default(28),
} as const;
type QwenWindows = z.infer<z.ZodObject<typeof qwenWindowKeys>>;

/** The plan of a Qwen model without what Qwen2 and Qwen3 differ in. */
export function qwenPlan(config: DecoderKeys & QwenWindows): DecoderPlan {
  const window = config.use_sliding_window ? (config.sliding_window ?? undefined) : undefined;
  const slides = (layer: number): boolean =>
    config.layer_types == null ? layer >= config.max_window_layers : config.layer_types[layer] === 'sliding_attention';
  return planOf(config, (layer) => (slides(layer) ? window : undefined));
}

const configSchema = z
  .looseObject({ model_type: z.literal('qwen2'), ...decoderKeys, ...qwenWindowKeys })
  .superRefine(checkSizes);

export const qwen2 = decoderArchitecture({
  modelType: 'qwen2',
  className: 'Qwen2ForCausalLM',
  title: 'Qwen2',
  source: 'https://arxiv.org/abs/2407.10671',
  configSchema,
  sized: (sizes) => decoderSizes(sizes),
  plan: (config: z.infer<typeof configSchema>) => ({
    ...qwenPlan(config),
    biases: { queryKeyValue: true, output: false, feedForward: false },
  }),
  example: {
    name: 'Qwen2.5 0.5B',
    config: {
      vocab_size: 151936,
      hidden_size: 896,
      intermediate_size: 4864,
      num_hidden_layers: 24,
      num_attention_heads: 14,
      num_key_value_heads: 2,
      max_position_embeddings: 32768,
      rope_theta: 1000000,
      tie_word_embeddings: true,
    },
  },
});
