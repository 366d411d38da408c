/** Keys of `config.json` that the members of the Llama family share, and what they mean. */
import { z } from 'zod';
import { activationName } from './activations.js';
import { type DecoderPlan, type LayerPlan, PLAIN_BLOCKS } from './decoder-plan.js';
import type { ModelSizes } from './model.js';
import { type Rotation, ropeSchema, rotationOf, wholeHead } from './rotary-frequencies.js';

const count = z.int().positive();

/** One id or several. */
const endTokens = z.union([z.int(), z.array(z.int())]).nullish();
const probability = z.number().min(0).lt(1);

export const tokenKeys = {
  bos_token_id: z.int().nullish(),
  eos_token_id: endTokens,
  pad_token_id: z.int().nullish(),
} as const;

export const decoderKeys = {
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count,
  head_dim: count.nullish(),
  max_position_embeddings: count,
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  partial_rotary_factor: wholeHead,
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: activationName.default('silu'),
  attention_dropout: probability.default(0),
  ...tokenKeys,
} as const;
export type DecoderKeys = z.infer<z.ZodObject<typeof decoderKeys>>;

/** Which layers see a window of the past only; `layer_types` wins over whatever rule a family had before it. */
export const windowKeys = {
  sliding_window: count.nullish(),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
} as const;

/** A plain member of the family in these sizes. */
export function decoderSizes(sizes: ModelSizes) {
  return {
    vocab_size: sizes.vocabularySize,
    hidden_size: sizes.hiddenSize,
    intermediate_size: sizes.intermediateSize,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.keyValueHeads,
    head_dim: sizes.headSize,
    max_position_embeddings: sizes.contextLength,
    rms_norm_eps: 1e-6,
    rope_theta: sizes.ropeTheta,
    tie_word_embeddings: sizes.tieWordEmbeddings,
    attention_dropout: sizes.dropout,
  };
}

const DEFAULT_THETA = 10000;

export const headSizeOf = (config: DecoderKeys): number =>
  config.head_dim ?? config.hidden_size / config.num_attention_heads;

function rotationIn(config: DecoderKeys): Rotation {
  return rotationOf(config.rope_parameters ?? config.rope_scaling ?? undefined, {
    headSize: headSizeOf(config),
    theta: config.rope_theta ?? DEFAULT_THETA,
    contextLength: config.max_position_embeddings,
  });
}

/** The plan of a plain member: RMSNorm, rotary positions, gated feed-forward layers; `windowOf` says what each layer sees. */
export function planOf(
  config: DecoderKeys,
  windowOf: (layer: number) => number | undefined = () => undefined,
): DecoderPlan {
  const rotation = rotationIn(config);
  const layer = (index: number): LayerPlan => ({ rotation, window: windowOf(index) });
  return {
    ...PLAIN_BLOCKS,
    vocabularySize: config.vocab_size,
    width: config.hidden_size,
    innerWidth: config.intermediate_size,
    heads: config.num_attention_heads,
    keyValueHeads: config.num_key_value_heads,
    headSize: headSizeOf(config),
    contextLength: config.max_position_embeddings,
    layers: Array.from({ length: config.num_hidden_layers }, (_, index) => layer(index)),
    epsilon: config.rms_norm_eps,
    activation: config.hidden_act,
    scoring: { factor: headSizeOf(config) ** -0.5 },
    attentionDropout: config.attention_dropout,
    tied: config.tie_word_embeddings,
  };
}

/** Refuses sizes that do not fit together; for `superRefine`. */
export function checkSizes(
  config: { readonly layer_types?: readonly string[] | null | undefined } & Pick<
    DecoderKeys,
    'hidden_size' | 'num_attention_heads' | 'num_key_value_heads' | 'num_hidden_layers' | 'head_dim'
  >,
  context: z.RefinementCtx,
): void {
  const refuse = (field: string, message: string): void => context.addIssue({ code: 'custom', path: [field], message });
  const { num_attention_heads: heads, num_key_value_heads: keyValueHeads } = config;
  if (heads % keyValueHeads !== 0) {
    refuse('num_key_value_heads', `${keyValueHeads} does not divide num_attention_heads (${heads})`);
  }
  const headSize = config.head_dim ?? config.hidden_size / heads;
  if (headSize % 2 !== 0) {
    refuse(config.head_dim == null ? 'hidden_size' : 'head_dim', `heads of size ${headSize}; it must be even`);
  }
  const layers = config.layer_types?.length ?? config.num_hidden_layers;
  if (layers !== config.num_hidden_layers) {
    refuse('layer_types', `${layers} entries for num_hidden_layers ${config.num_hidden_layers}`);
  }
}
