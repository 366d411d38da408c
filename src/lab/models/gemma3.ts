/**
 * Gemma 3's text model (Gemma Team 2025, arXiv:2503.19786): five layers with a sliding window to one that sees the whole
 * past, each kind with its own rotary base; queries and keys normalised, a norm before and behind everything that writes
 * to the residual stream, embeddings scaled by √width. Soft-capping is Gemma 2's; configurations may still ask for it.
 */
import { z } from 'zod';
import { activationName } from './activations.js';
import { checkSizes, decoderKeys, decoderSizes, planOf, windowKeys } from './decoder-config.js';
import type { DecoderPlan, LayerPlan } from './decoder-plan.js';
import { decoderArchitecture } from './decoder.js';
import { type RopeParameters, ropeSchema, rotationOf } from './rotary-frequencies.js';

const positive = z.number().positive();
const { hidden_act: _, ...keys } = decoderKeys;

/** Newer files keep the rotation of each kind of layer under its name. */
const ropeByKind = z.looseObject({
  full_attention: ropeSchema.nullish(),
  sliding_attention: ropeSchema.nullish(),
});

const configSchema = z
  .looseObject({
    model_type: z.literal('gemma3_text'),
    ...keys,
    head_dim: z.int().positive().default(256),
    max_position_embeddings: z.int().positive().default(131072),
    tie_word_embeddings: z.boolean().default(true),
    hidden_activation: activationName.default('gelu_pytorch_tanh'),
    rope_theta: positive.default(1000000),
    rope_local_base_freq: positive.default(10000),
    rope_parameters: ropeByKind.nullish(),
    query_pre_attn_scalar: positive.default(256),
    attention_bias: z.boolean().default(false),
    ...windowKeys,
    sliding_window: windowKeys.sliding_window.default(4096),
    sliding_window_pattern: z.int().positive().nullish(),
    attn_logit_softcapping: positive.nullish(),
    final_logit_softcapping: positive.nullish(),
    use_bidirectional_attention: z
      .literal(false, { error: 'tokens that see what follows are not supported' })
      .nullish(),
  })
  .superRefine(checkSizes);
type Gemma3Config = z.infer<typeof configSchema>;

const PATTERN = 6;

function planGemma(config: Gemma3Config): DecoderPlan {
  const rotation = (rope: RopeParameters | null | undefined, theta: number) =>
    rotationOf(rope ?? undefined, {
      headSize: config.head_dim,
      theta,
      contextLength: config.max_position_embeddings,
    });
  const { rope_parameters: byKind, rope_scaling: scaling } = config;
  const whole: LayerPlan = {
    rotation: rotation(byKind?.full_attention ?? scaling, config.rope_theta),
    window: undefined,
  };
  const local: LayerPlan = {
    rotation: rotation(byKind?.sliding_attention, config.rope_local_base_freq),
    window: config.sliding_window ?? undefined,
  };
  const slides = (layer: number): boolean =>
    config.layer_types == null
      ? (layer + 1) % (config.sliding_window_pattern ?? PATTERN) !== 0
      : config.layer_types[layer] === 'sliding_attention';
  return {
    ...planOf({ ...config, hidden_act: config.hidden_activation, rope_parameters: undefined }),
    layers: Array.from({ length: config.num_hidden_layers }, (_unused, layer) => (slides(layer) ? local : whole)),
    biases: { queryKeyValue: config.attention_bias, output: config.attention_bias, feedForward: false },
    scoring: { factor: config.query_pre_attn_scalar ** -0.5, cap: config.attn_logit_softcapping ?? undefined },
    normalizeQueriesAndKeys: true,
    gainsFromOne: true,
    normalizeOutputs: true,
    embeddingScale: Math.sqrt(config.hidden_size),
    logitCap: config.final_logit_softcapping ?? undefined,
  };
}

export const gemma3 = decoderArchitecture({
  modelType: 'gemma3_text',
  className: 'Gemma3ForCausalLM',
  title: 'Gemma 3',
  source: 'https://arxiv.org/abs/2503.19786',
  configSchema,
  sized: (sizes) => ({
    ...decoderSizes(sizes),
    query_pre_attn_scalar: sizes.headSize,
    sliding_window: Math.max(1, sizes.contextLength >> 1),
  }),
  plan: planGemma,
  example: {
    name: 'Gemma 3 270M',
    config: {
      vocab_size: 262144,
      hidden_size: 640,
      intermediate_size: 2048,
      num_hidden_layers: 18,
      num_attention_heads: 4,
      num_key_value_heads: 1,
      head_dim: 256,
      max_position_embeddings: 32768,
      query_pre_attn_scalar: 256,
      sliding_window: 512,
    },
  },
});
