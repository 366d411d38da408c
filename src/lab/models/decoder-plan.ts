/**
 * What the decoder blocks need to know, whatever a configuration calls it: each architecture of the family reads its
 * `config.json` and says here what it means. Names and shapes of the parameters follow from it.
 */
import type { ActivationName } from './activations.js';
import type { Scoring } from './attention.js';
import type { Initializer, ParameterSpec } from './model.js';
import type { Rotation } from './rotary-frequencies.js';

export interface LayerPlan {
  readonly rotation: Rotation;
  /** How many tokens back the layer sees, the token itself among them; undefined for all. */
  readonly window: number | undefined;
}

export interface DecoderPlan {
  readonly vocabularySize: number;
  readonly width: number;
  /** Of the feed-forward layers. */
  readonly innerWidth: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly contextLength: number;
  readonly layers: readonly LayerPlan[];
  readonly epsilon: number;
  readonly activation: ActivationName;
  readonly scoring: Scoring;
  readonly attentionDropout: number;
  /** The embedding is also the head. */
  readonly tied: boolean;
  readonly biases: { readonly queryKeyValue: boolean; readonly output: boolean; readonly feedForward: boolean };
  /** RMSNorm over each head's queries and keys before the rotation (Henry et al. 2020). */
  readonly normalizeQueriesAndKeys: boolean;
  /** Gains are stored as their distance from 1, so that weight decay pulls towards 1 (Gemma). */
  readonly gainsFromOne: boolean;
  /** A norm also behind attention and feed-forward layer, before the residual sum (Gemma 2). */
  readonly normalizeOutputs: boolean;
  /** Multiplies embeddings. */
  readonly embeddingScale: number;
  /** Bends logits into (−cap, cap). */
  readonly logitCap?: number | undefined;
}

/** What most of the family has in common. */
export const PLAIN_BLOCKS = {
  biases: { queryKeyValue: false, output: false, feedForward: false },
  normalizeQueriesAndKeys: false,
  gainsFromOne: false,
  normalizeOutputs: false,
  embeddingScale: 1,
} as const;

const ZEROS: Initializer = { kind: 'zeros' };

/** The norms of a block by what they stand in front of, or behind; Gemma names the second one differently. */
export function blockNorms({ normalizeOutputs }: DecoderPlan) {
  return {
    beforeAttention: 'input_layernorm',
    afterAttention: normalizeOutputs ? 'post_attention_layernorm' : undefined,
    beforeFeedForward: normalizeOutputs ? 'pre_feedforward_layernorm' : 'post_attention_layernorm',
    afterFeedForward: normalizeOutputs ? 'post_feedforward_layernorm' : undefined,
  } as const;
}

/**
 * Names, shapes and initial values. What writes to the residual stream starts at zero, so that a fresh model is the
 * identity (unless a norm follows, which would blow zeros up); the other matrices at 1/√width; the embedding at 1, or
 * 1/√width where it is also the head.
 */
export function decoderParameters(plan: DecoderPlan): ParameterSpec[] {
  const { width, vocabularySize } = plan;
  const scaled: Initializer = { kind: 'normal', standardDeviation: width ** -0.5 };
  const embedding: Initializer = plan.tied ? scaled : { kind: 'normal', standardDeviation: 1 };
  return [
    { name: 'model.embed_tokens.weight', shape: [vocabularySize, width], initializer: embedding, role: 'embedding' },
    ...plan.layers.flatMap((_, index) => blockParameters(plan, `model.layers.${index}`, scaled)),
    gain(plan, 'model.norm', width),
    ...(plan.tied
      ? []
      : [{ name: 'lm_head.weight', shape: [vocabularySize, width], initializer: ZEROS, role: 'head' } as const]),
  ];
}

function gain({ gainsFromOne }: DecoderPlan, name: string, size: number): ParameterSpec {
  return {
    name: `${name}.weight`,
    shape: [size],
    initializer: { kind: gainsFromOne ? 'zeros' : 'ones' },
    role: 'vector',
  };
}

/** A matrix `[out, into]`, with its bias where there is one. */
function layer(
  name: string,
  shape: readonly [number, number],
  initializer: Initializer,
  biased: boolean,
): ParameterSpec[] {
  return [
    { name: `${name}.weight`, shape, initializer, role: 'matrix' },
    ...(biased ? [{ name: `${name}.bias`, shape: [shape[0]], initializer: ZEROS, role: 'vector' } as const] : []),
  ];
}

function blockParameters(plan: DecoderPlan, at: string, scaled: Initializer): ParameterSpec[] {
  const { width, innerWidth: inner, headSize, biases, normalizeOutputs } = plan;
  const queries = plan.heads * headSize;
  const keys = plan.keyValueHeads * headSize;
  const toResidual = normalizeOutputs ? scaled : ZEROS;
  const norms = Object.values(blockNorms(plan)).filter((name) => name !== undefined);
  return [
    ...norms.map((name) => gain(plan, `${at}.${name}`, width)),
    ...layer(`${at}.self_attn.q_proj`, [queries, width], scaled, biases.queryKeyValue),
    ...layer(`${at}.self_attn.k_proj`, [keys, width], scaled, biases.queryKeyValue),
    ...layer(`${at}.self_attn.v_proj`, [keys, width], scaled, biases.queryKeyValue),
    ...layer(`${at}.self_attn.o_proj`, [width, queries], toResidual, biases.output),
    ...(plan.normalizeQueriesAndKeys
      ? [gain(plan, `${at}.self_attn.q_norm`, headSize), gain(plan, `${at}.self_attn.k_norm`, headSize)]
      : []),
    ...layer(`${at}.mlp.gate_proj`, [inner, width], scaled, biases.feedForward),
    ...layer(`${at}.mlp.up_proj`, [inner, width], scaled, biases.feedForward),
    ...layer(`${at}.mlp.down_proj`, [width, inner], toResidual, biases.feedForward),
  ];
}
