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
import { causalAttention, decodeAttention, prefillAttention } from './attention.js';
import {
  type Architecture,
  type CacheLayer,
  type Initializer,
  type ParameterSpec,
  type Parameters,
  type StepInputs,
  type StepOutputs,
  sizeAt,
} from './model.js';

const count = z.int().positive();

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
  eos_token_id: z.union([z.int(), z.array(z.int())]).nullish(),
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
  about: Pick<Architecture<DecoderConfig>, 'modelType' | 'className' | 'title' | 'source' | 'configSchema'>,
  variant: Variant,
): Architecture<DecoderConfig> {
  return {
    ...about,
    parameters: (config) => decoderParameters(config, variant),
    forward: (parameters, tokens, config) => forward(parameters, tokens, config, variant),
    step: (parameters, inputs, cache, config) => step(parameters, inputs, cache, config, variant),
    cacheShape: (config) => ({
      layerCount: config.num_hidden_layers,
      keyValueHeads: config.num_key_value_heads,
      headSize: headSizeOf(config),
    }),
  };
}

export const llama = decoderArchitecture(
  {
    modelType: 'llama',
    className: 'LlamaForCausalLM',
    title: 'Llama',
    source: 'https://arxiv.org/abs/2302.13971',
    configSchema: llamaConfigSchema,
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

interface Pass {
  readonly p: Parameters;
  readonly config: DecoderConfig;
  readonly variant: Variant;
  /** `[batch, time]` int64. */
  readonly positions: Tensor;
  readonly cosines: Tensor;
  readonly sines: Tensor;
  readonly attend: Attend;
}

function forward(p: Parameters, tokens: Tensor, config: DecoderConfig, variant: Variant): Tensor {
  const [batch, time] = tokens.shape as readonly [number, number];
  const positions = Array.from({ length: batch * time }, (_, i) => BigInt(i % time));
  const pass = newPass(
    p,
    config,
    variant,
    constant(BigInt64Array.from(positions), [batch, time], 'int64'),
    time,
    (q, recent) => causalAttention(q, recent.keys, recent.values),
  );
  const { hidden } = blocks(pass, tokens);
  return logitsOf(pass, reshape(hidden, [batch * time, config.hidden_size]));
}

function step(
  p: Parameters,
  inputs: StepInputs,
  cache: readonly CacheLayer[],
  config: DecoderConfig,
  variant: Variant,
): StepOutputs {
  const { tokens, positions, pastMask, prefill } = inputs;
  const pass = newPass(p, config, variant, positions, config.max_position_embeddings, (queries, recent, layer) => {
    const past = cache[layer] as CacheLayer;
    return prefill === undefined
      ? decodeAttention(queries, past, recent, pastMask)
      : prefillAttention(queries, past, recent, pastMask, prefill.causalMask);
  });
  const { hidden, rows } = blocks(pass, tokens);
  const flat = reshape(hidden, [productOf(tokens.shape), config.hidden_size]);
  return { logits: logitsOf(pass, prefill === undefined ? flat : gather(flat, prefill.lastRow)), cache: rows };
}

function newPass(
  p: Parameters,
  config: DecoderConfig,
  variant: Variant,
  positions: Tensor,
  positionCount: number,
  attend: Attend,
): Pass {
  const headSize = headSizeOf(config);
  const { cosines, sines } = rotaryTables(positionCount, headSize, config.rope_theta);
  const table = [positionCount, headSize / 2];
  return { p, config, variant, positions, cosines: constant(cosines, table), sines: constant(sines, table), attend };
}

function blocks(pass: Pass, tokens: Tensor): { hidden: Tensor; rows: CacheLayer[] } {
  const { p, config } = pass;
  let hidden = gather(p('model.embed_tokens.weight'), tokens); // [batch, time, width]
  const rows: CacheLayer[] = [];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const normed = rmsNorm(hidden, p(`${at}.input_layernorm.weight`), config.rms_norm_eps);
    const attended = attentionLayer(pass, normed, layer);
    rows.push(attended.recent);
    hidden = add(hidden, attended.output);
    const inner = rmsNorm(hidden, p(`${at}.post_attention_layernorm.weight`), config.rms_norm_eps);
    hidden = add(hidden, feedForward(p, `${at}.mlp`, inner));
  }
  return { hidden, rows };
}

function attentionLayer(pass: Pass, x: Tensor, layer: number): { output: Tensor; recent: CacheLayer } {
  const { p, config } = pass;
  const at = `model.layers.${layer}.self_attn`;
  const { num_attention_heads: heads, num_key_value_heads: keyValueHeads } = config;
  const headSize = headSizeOf(config);
  const [batch, time] = x.shape as readonly [Dim, Dim, Dim];
  const split = (tensor: Tensor, headCount: number): Tensor =>
    transpose(reshape(tensor, [batch, time, headCount, headSize]), [0, 2, 1, 3]); // [batch, heads, time, headSize]
  const queries = split(rotated(pass, linear(x, p(`${at}.q_proj.weight`)), heads, `${at}.q_norm.weight`), heads);
  const keys = rotated(pass, linear(x, p(`${at}.k_proj.weight`)), keyValueHeads, `${at}.k_norm.weight`);
  const values = linear(x, p(`${at}.v_proj.weight`));
  const recent = { keys: split(keys, keyValueHeads), values: split(values, keyValueHeads) };
  const grouped = reshape(queries, [batch, keyValueHeads, heads / keyValueHeads, time, headSize]);
  const attended = reshape(pass.attend(grouped, recent, layer), [batch, heads, time, headSize]);
  const joined = reshape(transpose(attended, [0, 2, 1, 3]), [batch, time, heads * headSize]);
  return { output: linear(joined, p(`${at}.o_proj.weight`)), recent };
}

/** Normalises each head where the variant asks for it, then turns it by its position. @param x `[batch, time, heads · headSize]` */
function rotated(pass: Pass, x: Tensor, headCount: number, normName: string): Tensor {
  const { p, config, variant, positions, cosines, sines } = pass;
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
function logitsOf({ p, config }: Pass, hidden: Tensor): Tensor {
  const normed = rmsNorm(hidden, p('model.norm.weight'), config.rms_norm_eps);
  const head = p(config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight');
  if (sizeAt(head.shape, 0) !== config.vocab_size) throw new RangeError('the head does not fit vocab_size');
  return linear(normed, head);
}
