/**
 * GPT-2 (Radford et al. 2019): learned positions, LayerNorm before each half of a block, GELU, dropout, biases
 * everywhere, the embedding as the head. Its files hold linear weights `[in, out]` and queries, keys and values in one
 * matrix, and so do ours: loading stays a read.
 */
import { z } from 'zod';
import { type Dim, productOf } from '../graph/dims.js';
import { add } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { slice } from '../graph/ops/layout.js';
import { linear, matmul } from '../graph/ops/matmul.js';
import { layerNorm } from '../graph/ops/normalize.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import { activationName, activationOf } from './activations.js';
import { decodeMasks, positionsFromZero, prefillMasks, sequenceMasks } from './attention-masks.js';
import { type Scoring, decodeAttention, prefillAttention, sequenceAttention } from './attention.js';
import { tokenKeys } from './decoder-config.js';
import {
  type CacheLayer,
  type CausalModel,
  INFERENCE,
  type Initializer,
  type ParameterSpec,
  type Parameters,
  type Pass,
  type SequenceInputs,
  type SequenceOutputs,
  type StepInputs,
  type StepOutputs,
  type TokenModelConfig,
  defineArchitecture,
} from './model.js';

const count = z.int().positive();
const probability = z.number().min(0).lt(1).default(0.1);
const unsupported = { error: 'this variant of attention is not supported' };

/** Hugging Face's keys; `max_position_embeddings` is its other name for `n_positions`. */
const configSchema = z
  .looseObject({
    model_type: z.literal('gpt2'),
    vocab_size: count.default(50257),
    n_positions: count.default(1024),
    n_embd: count.default(768),
    n_layer: count.default(12),
    n_head: count.default(12),
    n_inner: count.nullish(),
    activation_function: activationName.default('gelu_new'),
    resid_pdrop: probability,
    embd_pdrop: probability,
    attn_pdrop: probability,
    layer_norm_epsilon: z.number().positive().default(1e-5),
    initializer_range: z.number().positive().default(0.02),
    scale_attn_weights: z.literal(true, unsupported).default(true),
    scale_attn_by_inverse_layer_idx: z.literal(false, unsupported).default(false),
    add_cross_attention: z.literal(false, unsupported).default(false),
    tie_word_embeddings: z.boolean().default(true),
    ...tokenKeys,
  })
  .refine(({ n_embd, n_head }) => n_embd % n_head === 0, { path: ['n_head'], error: 'it does not divide n_embd' })
  .transform((config) => ({ ...config, max_position_embeddings: config.n_positions }));
type Gpt2Config = z.infer<typeof configSchema> & TokenModelConfig;

export const gpt2 = defineArchitecture<Gpt2Config, 'causal'>({
  modelType: 'gpt2',
  className: 'GPT2LMHeadModel',
  title: 'GPT-2',
  source: 'https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf',
  kind: 'causal',
  configSchema,
  build: gpt2Model,
  sized: (sizes) => ({
    vocab_size: sizes.vocabularySize,
    n_positions: sizes.contextLength,
    n_embd: sizes.hiddenSize,
    n_layer: sizes.layers,
    n_head: sizes.heads,
    n_inner: sizes.intermediateSize,
    resid_pdrop: sizes.dropout,
    embd_pdrop: sizes.dropout,
    attn_pdrop: sizes.dropout,
    tie_word_embeddings: sizes.tieWordEmbeddings,
  }),
  example: {
    name: 'GPT-2 124M',
    config: { vocab_size: 50257, n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12 },
  },
});

function gpt2Model(config: Gpt2Config): CausalModel {
  return {
    kind: 'causal',
    config,
    parameters: gpt2Parameters(config),
    cacheShape: {
      layerCount: config.n_layer,
      keyValueHeads: config.n_head,
      headSize: config.n_embd / config.n_head,
      states: [],
    },
    forward: (parameters, inputs, pass) => forward(parameters, inputs, config, pass),
    step: (parameters, inputs) => step(parameters, inputs, config),
  };
}

/** Initial values as in the paper: normal, and narrower by √(2 · layers) where a product writes to the residual stream. */
function gpt2Parameters(config: Gpt2Config): ParameterSpec[] {
  const { n_embd: width, vocab_size: vocabulary, n_layer: layers, initializer_range: deviation } = config;
  const inner = innerWidth(config);
  const normal: Initializer = { kind: 'normal', standardDeviation: deviation };
  const residual: Initializer = { kind: 'normal', standardDeviation: deviation / Math.sqrt(2 * layers) };
  const vector = (name: string, size: number, kind: 'zeros' | 'ones'): ParameterSpec => ({
    name,
    shape: [size],
    initializer: { kind },
    role: 'vector',
  });
  const norm = (at: string): ParameterSpec[] => [
    vector(`${at}.weight`, width, 'ones'),
    vector(`${at}.bias`, width, 'zeros'),
  ];
  const layer = (at: string, into: number, out: number, initializer: Initializer): ParameterSpec[] => [
    { name: `${at}.weight`, shape: [into, out], initializer, role: 'matrix' },
    vector(`${at}.bias`, out, 'zeros'),
  ];
  const block = (at: string): ParameterSpec[] => [
    ...norm(`${at}.ln_1`),
    ...layer(`${at}.attn.c_attn`, width, 3 * width, normal),
    ...layer(`${at}.attn.c_proj`, width, width, residual),
    ...norm(`${at}.ln_2`),
    ...layer(`${at}.mlp.c_fc`, width, inner, normal),
    ...layer(`${at}.mlp.c_proj`, inner, width, residual),
  ];
  const table = (name: string, rows: number, role: 'embedding' | 'head'): ParameterSpec => ({
    name,
    shape: [rows, width],
    initializer: normal,
    role,
  });
  return [
    table('transformer.wte.weight', vocabulary, 'embedding'),
    table('transformer.wpe.weight', config.n_positions, 'embedding'),
    ...Array.from({ length: layers }, (_, index) => block(`transformer.h.${index}`)).flat(),
    ...norm('transformer.ln_f'),
    ...(config.tie_word_embeddings ? [] : [table('lm_head.weight', vocabulary, 'head')]),
  ];
}

const innerWidth = ({ n_inner, n_embd }: Gpt2Config): number => n_inner ?? 4 * n_embd;

type Attend = (queries: Tensor, recent: CacheLayer, layer: number) => Tensor;

interface Walk {
  readonly p: Parameters;
  readonly config: Gpt2Config;
  readonly pass: Pass;
  /** `[batch, time]` int64. */
  readonly positions: Tensor;
  readonly attend: Attend;
}

const scoringOf = ({ n_embd, n_head }: Gpt2Config): Scoring => ({ factor: (n_embd / n_head) ** -0.5 });

function forward(p: Parameters, { tokens, packing }: SequenceInputs, config: Gpt2Config, pass: Pass): SequenceOutputs {
  const [batch, time] = tokens.shape as readonly [number, number];
  const mask = sequenceMasks(time, packing?.segments)(undefined);
  const drop = (weights: Tensor): Tensor => pass.dropout(weights, config.attn_pdrop);
  const positions = packing?.positions ?? positionsFromZero(batch, time);
  const attend: Attend = (queries, recent) => sequenceAttention(queries, recent, mask, scoringOf(config), drop);
  const { hidden } = blocks({ p, config, pass, positions, attend }, tokens);
  return { logits: logitsOf(p, hidden, config), states: [] };
}

function step(p: Parameters, inputs: StepInputs, config: Gpt2Config): StepOutputs {
  const { tokens, positions, prefill } = inputs;
  const attend = overCache(inputs, scoringOf(config));
  const { hidden, rows } = blocks({ p, config, pass: INFERENCE, positions, attend }, tokens);
  const last = prefill === undefined ? hidden : gather(hidden, prefill.lastRow);
  return { logits: logitsOf(p, last, config), cache: rows, states: [] };
}

function overCache(inputs: StepInputs, scoring: Scoring): Attend {
  const past = (layer: number): CacheLayer => inputs.cache[layer] as CacheLayer;
  if (inputs.prefill === undefined) {
    const mask = decodeMasks(inputs)(undefined);
    return (queries, recent, layer) => decodeAttention(queries, past(layer), recent, mask, scoring);
  }
  const masks = prefillMasks(inputs, inputs.prefill.causalMask)(undefined);
  return (queries, recent, layer) => prefillAttention(queries, past(layer), recent, masks, scoring);
}

/** @returns hidden `[batch · time, width]` and the new cache rows */
function blocks(walk: Walk, tokens: Tensor): { hidden: Tensor; rows: CacheLayer[] } {
  const { p, config, pass } = walk;
  const embedded = add(
    gather(p('transformer.wte.weight'), tokens),
    gather(p('transformer.wpe.weight'), walk.positions),
  );
  let hidden = pass.dropout(reshape(embedded, [productOf(tokens.shape), config.n_embd]), config.embd_pdrop);
  const rows: CacheLayer[] = [];
  for (let layer = 0; layer < config.n_layer; layer++) {
    const at = `transformer.h.${layer}`;
    pass.boundary(hidden);
    const attended = attentionLayer(walk, norm(walk, `${at}.ln_1`, hidden), tokens, layer);
    rows.push(attended.recent);
    hidden = add(hidden, attended.output);
    hidden = add(hidden, feedForward(walk, `${at}.mlp`, norm(walk, `${at}.ln_2`, hidden)));
  }
  return { hidden, rows };
}

function attentionLayer(walk: Walk, x: Tensor, tokens: Tensor, layer: number): { output: Tensor; recent: CacheLayer } {
  const { n_embd: width, n_head: heads, resid_pdrop: dropped } = walk.config;
  const at = `transformer.h.${layer}.attn`;
  const [batch, time] = tokens.shape as readonly [Dim, Dim];
  const size = width / heads;
  const projected = reshape(dense(walk, `${at}.c_attn`, x), [batch, time, 3 * heads, size]);
  const joined = transpose(projected, [0, 2, 1, 3]); // [batch, 3 · heads, time, size]
  const part = (index: number): Tensor => slice(joined, 1, index * heads, (index + 1) * heads);
  const recent = { keys: part(1), values: part(2) };
  const queries = reshape(part(0), [batch, heads, 1, time, size]);
  const attended = reshape(walk.attend(queries, recent, layer), [batch, heads, time, size]);
  const rows = reshape(transpose(attended, [0, 2, 1, 3]), [productOf([batch, time]), width]);
  return { output: walk.pass.dropout(dense(walk, `${at}.c_proj`, rows), dropped), recent };
}

function feedForward(walk: Walk, at: string, x: Tensor): Tensor {
  const { activation_function: activation, resid_pdrop: dropped } = walk.config;
  const inner = activationOf(activation)(dense(walk, `${at}.c_fc`, x));
  return walk.pass.dropout(dense(walk, `${at}.c_proj`, inner), dropped);
}

/** @param x `[rows, in]` @returns `[rows, out]` */
function dense({ p }: Walk, at: string, x: Tensor): Tensor {
  return add(matmul(x, p(`${at}.weight`)), p(`${at}.bias`));
}

function norm({ p, config }: { p: Parameters; config: Gpt2Config }, at: string, x: Tensor): Tensor {
  return layerNorm(x, p(`${at}.weight`), p(`${at}.bias`), config.layer_norm_epsilon);
}

/** @param hidden `[rows, width]` @returns `[rows, vocabulary]` */
function logitsOf(p: Parameters, hidden: Tensor, config: Gpt2Config): Tensor {
  const head = p(config.tie_word_embeddings ? 'transformer.wte.weight' : 'lm_head.weight');
  return linear(norm({ p, config }, 'transformer.ln_f', hidden), head);
}
