/**
 * The Llama family (Touvron et al. 2023, arXiv:2302.13971): pre-normalised decoder blocks with RMSNorm, rotary
 * positions, grouped-query attention and a SwiGLU feed-forward layer, no biases. The same blocks serve every
 * architecture that differs by configuration alone (`qwen3.ts`). Knows nothing of training or serving.
 */
import { z } from 'zod';
import { type Dim, productOf } from '../graph/dims.js';
import { add, mul, silu } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { linear } from '../graph/ops/matmul.js';
import { rmsNorm } from '../graph/ops/normalize.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import { rotary, rotaryTables } from '../graph/ops/rotary.js';
import { type Tensor, constant } from '../graph/tensor.js';
import { causalAttention, decodeAttention, positionsFromZero, prefillAttention } from './attention.js';
import {
  type Architecture,
  type ArchitectureDefinition,
  type CacheLayer,
  type CausalModel,
  INFERENCE,
  type Initializer,
  type ParameterSpec,
  type Parameters,
  type Pass,
  type SequenceInputs,
  type StepInputs,
  type SequenceOutputs,
  type StepOutputs,
  defineArchitecture,
  sizeAt,
} from './model.js';

const count = z.int().positive();
/** One id or several. */
export const endTokens = z.union([z.int(), z.array(z.int())]).nullish();

/** Keys of `config.json` that every member of the family shares. */
export const decoderConfigShape = {
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count,
  head_dim: count.optional(),
  max_position_embeddings: count,
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().default(10000),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.literal('silu').default('silu'),
  attention_bias: z.literal(false).default(false),
  bos_token_id: z.int().nullish(),
  eos_token_id: endTokens,
  pad_token_id: z.int().nullish(),
} as const;

/**
 * Newer files keep the rotary base in `rope_parameters`; it is read from there, and anything but the plain rotation
 * is refused rather than ignored.
 */
export function readRotaryBase(json: unknown, context: z.RefinementCtx): unknown {
  if (typeof json !== 'object' || json === null) return json;
  const rope =
    'rope_parameters' in json ? json.rope_parameters : 'rope_scaling' in json ? json.rope_scaling : undefined;
  if (typeof rope !== 'object' || rope === null) return json;
  const type = 'rope_type' in rope ? rope.rope_type : 'default';
  if (type !== 'default') {
    context.addIssue({
      code: 'custom',
      path: ['rope_parameters'],
      message: `rope_type ${String(type)} is not supported`,
    });
  }
  return 'rope_theta' in rope ? { ...json, rope_theta: rope.rope_theta } : json;
}

export const llamaConfigSchema = z.preprocess(
  readRotaryBase,
  z.looseObject({ model_type: z.literal('llama'), ...decoderConfigShape }),
);
export type DecoderConfig = z.infer<z.ZodObject<typeof decoderConfigShape>> & { readonly model_type: string };

/** What members of the family add to the blocks. */
interface Variant {
  /** RMSNorm over each head's queries and keys before the rotation (Henry et al. 2020; Qwen3). */
  readonly normalizeQueriesAndKeys: boolean;
}

export const headSizeOf = (config: DecoderConfig): number =>
  config.head_dim ?? config.hidden_size / config.num_attention_heads;

/** Builds an architecture of the family. */
export function decoderArchitecture(
  about: Omit<ArchitectureDefinition<DecoderConfig, 'causal'>, 'kind' | 'build'>,
  variant: Variant,
): Architecture {
  return defineArchitecture({ ...about, kind: 'causal', build: (config) => decoderModel(config, variant) });
}

function decoderModel(config: DecoderConfig, variant: Variant): CausalModel {
  return {
    kind: 'causal',
    config,
    parameters: decoderParameters(config, variant),
    cacheShape: {
      layerCount: config.num_hidden_layers,
      keyValueHeads: config.num_key_value_heads,
      headSize: headSizeOf(config),
      states: [],
    },
    forward: (parameters, inputs, pass) => forward(parameters, inputs, config, variant, pass),
    step: (parameters, inputs) => step(parameters, inputs, config, variant),
  };
}

export const llama = decoderArchitecture(
  {
    modelType: 'llama',
    className: 'LlamaForCausalLM',
    title: 'Llama',
    source: 'https://arxiv.org/abs/2302.13971',
    configSchema: llamaConfigSchema,
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
        rope_theta: 500000,
        tie_word_embeddings: true,
      },
    },
  },
  { normalizeQueriesAndKeys: false },
);

const ZEROS: Initializer = { kind: 'zeros' };

/**
 * Names, shapes and initial values. What writes to the residual stream starts at zero, so that a fresh model is the
 * identity; the other matrices at 1/√width; the embedding at 1 (or 1/√width where it is also the head).
 */
function decoderParameters(config: DecoderConfig, variant: Variant): ParameterSpec[] {
  const { hidden_size: width, vocab_size: vocabulary, intermediate_size: inner } = config;
  const headSize = headSizeOf(config);
  const scaled: Initializer = { kind: 'normal', standardDeviation: width ** -0.5 };
  const embedding: Initializer = config.tie_word_embeddings ? scaled : { kind: 'normal', standardDeviation: 1 };
  const matrix = (name: string, out: number, into: number, initializer: Initializer): ParameterSpec => ({
    name: `${name}.weight`,
    shape: [out, into],
    initializer,
    role: 'matrix',
  });
  const gain = (name: string, size: number): ParameterSpec => ({
    name: `${name}.weight`,
    shape: [size],
    initializer: { kind: 'ones' },
    role: 'vector',
  });
  const layer = (index: number): ParameterSpec[] => {
    const at = `model.layers.${index}`;
    const queries = config.num_attention_heads * headSize;
    const keys = config.num_key_value_heads * headSize;
    return [
      gain(`${at}.input_layernorm`, width),
      matrix(`${at}.self_attn.q_proj`, queries, width, scaled),
      matrix(`${at}.self_attn.k_proj`, keys, width, scaled),
      matrix(`${at}.self_attn.v_proj`, keys, width, scaled),
      matrix(`${at}.self_attn.o_proj`, width, queries, ZEROS),
      ...(variant.normalizeQueriesAndKeys
        ? [gain(`${at}.self_attn.q_norm`, headSize), gain(`${at}.self_attn.k_norm`, headSize)]
        : []),
      gain(`${at}.post_attention_layernorm`, width),
      matrix(`${at}.mlp.gate_proj`, inner, width, scaled),
      matrix(`${at}.mlp.up_proj`, inner, width, scaled),
      matrix(`${at}.mlp.down_proj`, width, inner, ZEROS),
    ];
  };
  return [
    { name: 'model.embed_tokens.weight', shape: [vocabulary, width], initializer: embedding, role: 'embedding' },
    ...Array.from({ length: config.num_hidden_layers }, (_, index) => layer(index)).flat(),
    gain('model.norm', width),
    ...(config.tie_word_embeddings
      ? []
      : [{ name: 'lm_head.weight', shape: [vocabulary, width], initializer: ZEROS, role: 'head' } as const]),
  ];
}

type Attend = (queries: Tensor, recent: CacheLayer, layer: number) => Tensor;

interface Walk {
  readonly p: Parameters;
  readonly config: DecoderConfig;
  readonly variant: Variant;
  /** `[batch, time]` int64. */
  readonly positions: Tensor;
  readonly cosines: Tensor;
  readonly sines: Tensor;
  readonly attend: Attend;
  readonly boundary: Pass['boundary'];
}

function forward(
  p: Parameters,
  { tokens, packing }: SequenceInputs,
  config: DecoderConfig,
  variant: Variant,
  pass: Pass,
): SequenceOutputs {
  const [batch, time] = tokens.shape as readonly [number, number];
  const positions = packing?.positions ?? positionsFromZero(batch, time);
  const attend: Attend = (q, recent) => causalAttention(q, recent.keys, recent.values, packing?.segments);
  const walk = newWalk({ p, config, variant, positions, attend, boundary: pass.boundary }, time);
  const { hidden } = blocks(walk, tokens);
  return { logits: logitsOf(walk, reshape(hidden, [batch * time, config.hidden_size])), states: [] };
}

function step(p: Parameters, inputs: StepInputs, config: DecoderConfig, variant: Variant): StepOutputs {
  const { tokens, positions, pastMask, cache, prefill } = inputs;
  const attend: Attend = (queries, recent, layer) => {
    const past = cache[layer] as CacheLayer;
    return prefill === undefined
      ? decodeAttention(queries, past, recent, pastMask)
      : prefillAttention(queries, past, recent, pastMask, prefill.causalMask);
  };
  const { boundary } = INFERENCE;
  const walk = newWalk({ p, config, variant, positions, attend, boundary }, config.max_position_embeddings);
  const { hidden, rows } = blocks(walk, tokens);
  const flat = reshape(hidden, [productOf(tokens.shape), config.hidden_size]);
  const last = prefill === undefined ? flat : gather(flat, prefill.lastRow);
  return { logits: logitsOf(walk, last), cache: rows, states: [] };
}

function newWalk(parts: Omit<Walk, 'cosines' | 'sines'>, positionCount: number): Walk {
  const headSize = headSizeOf(parts.config);
  const { cosines, sines } = rotaryTables(positionCount, headSize, parts.config.rope_theta);
  const table = [positionCount, headSize / 2];
  return { ...parts, cosines: constant(cosines, table), sines: constant(sines, table) };
}

function blocks(walk: Walk, tokens: Tensor): { hidden: Tensor; rows: CacheLayer[] } {
  const { p, config } = walk;
  let hidden = gather(p('model.embed_tokens.weight'), tokens); // [batch, time, width]
  const rows: CacheLayer[] = [];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    walk.boundary(hidden);
    const normed = rmsNorm(hidden, p(`${at}.input_layernorm.weight`), config.rms_norm_eps);
    const attended = attentionLayer(walk, normed, layer);
    rows.push(attended.recent);
    hidden = add(hidden, attended.output);
    const inner = rmsNorm(hidden, p(`${at}.post_attention_layernorm.weight`), config.rms_norm_eps);
    hidden = add(hidden, feedForward(p, `${at}.mlp`, inner));
  }
  return { hidden, rows };
}

function attentionLayer(walk: Walk, x: Tensor, layer: number): { output: Tensor; recent: CacheLayer } {
  const { p, config } = walk;
  const at = `model.layers.${layer}.self_attn`;
  const { num_attention_heads: heads, num_key_value_heads: keyValueHeads } = config;
  const headSize = headSizeOf(config);
  const [batch, time] = x.shape as readonly [Dim, Dim, Dim];
  const split = (tensor: Tensor, headCount: number): Tensor =>
    transpose(reshape(tensor, [batch, time, headCount, headSize]), [0, 2, 1, 3]); // [batch, heads, time, headSize]
  const queries = split(rotated(walk, linear(x, p(`${at}.q_proj.weight`)), heads, `${at}.q_norm.weight`), heads);
  const keys = rotated(walk, linear(x, p(`${at}.k_proj.weight`)), keyValueHeads, `${at}.k_norm.weight`);
  const values = linear(x, p(`${at}.v_proj.weight`));
  const recent = { keys: split(keys, keyValueHeads), values: split(values, keyValueHeads) };
  const grouped = reshape(queries, [batch, keyValueHeads, heads / keyValueHeads, time, headSize]);
  const attended = reshape(walk.attend(grouped, recent, layer), [batch, heads, time, headSize]);
  const joined = reshape(transpose(attended, [0, 2, 1, 3]), [batch, time, heads * headSize]);
  return { output: linear(joined, p(`${at}.o_proj.weight`)), recent };
}

/** Normalises each head where the variant asks for it, then turns it by its position. @param x `[batch, time, heads · headSize]` */
function rotated(walk: Walk, x: Tensor, headCount: number, normName: string): Tensor {
  const { p, config, variant, positions, cosines, sines } = walk;
  let turned = x;
  if (variant.normalizeQueriesAndKeys) {
    const [batch, time] = x.shape as readonly [Dim, Dim, Dim];
    const perHead = reshape(x, [batch, time, headCount, headSizeOf(config)]);
    turned = reshape(rmsNorm(perHead, p(normName), config.rms_norm_eps), x.shape);
  }
  return rotary(turned, positions, cosines, sines, headCount);
}

/** SwiGLU (Shazeer 2020): down(silu(gate(x)) · up(x)). */
function feedForward(p: Parameters, at: string, x: Tensor): Tensor {
  const gate = silu(linear(x, p(`${at}.gate_proj.weight`)));
  return linear(mul(gate, linear(x, p(`${at}.up_proj.weight`))), p(`${at}.down_proj.weight`));
}

/** @param hidden `[rows, width]` @returns `[rows, vocabulary]` */
function logitsOf({ p, config }: Walk, hidden: Tensor): Tensor {
  const normed = rmsNorm(hidden, p('model.norm.weight'), config.rms_norm_eps);
  const head = p(config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight');
  if (sizeAt(head.shape, 0) !== config.vocab_size) throw new RangeError('the head does not fit vocab_size');
  return linear(normed, head);
}
