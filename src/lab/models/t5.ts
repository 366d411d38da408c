/**
 * T5 (Raffel et al. 2020, arXiv:1910.10683), its 1.1 form and mT5 (Xue et al. 2021, arXiv:2010.11934): an encoder and a
 * decoder with cross attention. Pre-normalised with RMSNorm, no biases, scores not divided by √headSize (the initial
 * weights are smaller instead), positions as a learned bias of each head by bucketed distance, held by the first block
 * of each side and used by all. Where the head is the embedding, hidden states are scaled by width^-0.5 before it.
 */
import { z } from 'zod';
import type { Dim } from '../graph/dims.js';
import { geluTanh } from '../graph/ops/gelu.js';
import { add, mul, relu, scale, silu } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { linear } from '../graph/ops/matmul.js';
import { rmsNorm } from '../graph/ops/normalize.js';
import { reshape } from '../graph/ops/reshape.js';
import { type Tensor, shapeError } from '../graph/tensor.js';
import { causalBias, fullAttention, joinHeads, paddingBias, splitHeads, stepAttention } from './full-attention.js';
import {
  type Architecture,
  type ArchitectureDefinition,
  type CacheLayer,
  type DecoderStepInputs,
  type DecoderStepOutputs,
  type EncoderDecoderModel,
  type EncoderInputs,
  INFERENCE,
  type Parameters,
  type Pass,
  defineArchitecture,
} from './model.js';
import type { ModelSizes } from './model.js';
import { type BucketRule, runtimeBias, staticBias } from './relative-positions.js';
import { t5Parameters } from './t5-parameters.js';

const count = z.int().positive();

/** Keys of `config.json`, with what the rest of the lab wants under its own names. */
const t5ConfigShape = {
  vocab_size: count,
  d_model: count,
  d_kv: count,
  d_ff: count,
  num_layers: count,
  num_decoder_layers: count.nullish(),
  num_heads: count,
  relative_attention_num_buckets: z.int().min(4).default(32),
  relative_attention_max_distance: count.default(128),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  dropout_rate: z.number().min(0).lt(1).default(0.1),
  /** Whether hidden states are scaled before the head; absent in older files, where it follows from the tie. */
  scale_decoder_outputs: z.boolean().optional(),
  tie_word_embeddings: z.boolean().default(true),
  decoder_start_token_id: z.int().min(0).default(0),
  eos_token_id: z.int().min(0).nullish(),
  pad_token_id: z.int().nullish(),
  /** Distances have no end; this bounds the texts a program is built for. */
  n_positions: count.default(512),
} as const;

const FEED_FORWARDS = ['relu', 'gelu_new', 'gated-gelu', 'gated-gelu_new', 'gated-silu', 'gated-relu'] as const;

const schemaOf = <Type extends string>(modelType: Type, feedForward: (typeof FEED_FORWARDS)[number]) =>
  z
    .looseObject({
      model_type: z.literal(modelType),
      ...t5ConfigShape,
      feed_forward_proj: z.enum(FEED_FORWARDS).default(feedForward),
    })
    .transform((config) => ({
      ...config,
      num_decoder_layers: config.num_decoder_layers ?? config.num_layers,
      scale_decoder_outputs: config.scale_decoder_outputs ?? config.tie_word_embeddings,
      max_position_embeddings: config.n_positions,
    }));

export type T5Config = z.infer<ReturnType<typeof schemaOf<string>>>;

/** The head's width times the heads need not be the model's width here. */
const t5Sizes = (sizes: ModelSizes): Readonly<Record<string, unknown>> => ({
  vocab_size: sizes.vocabularySize,
  d_model: sizes.hiddenSize,
  d_kv: sizes.headSize,
  d_ff: sizes.intermediateSize,
  num_layers: sizes.layers,
  num_heads: sizes.heads,
  dropout_rate: sizes.dropout,
  n_positions: sizes.contextLength,
  tie_word_embeddings: sizes.tieWordEmbeddings,
});

function architecture(
  about: Pick<Architecture, 'modelType' | 'className' | 'title' | 'source' | 'example'>,
  configSchema: ArchitectureDefinition<T5Config, 'encoder-decoder'>['configSchema'],
): Architecture {
  return defineArchitecture({ ...about, kind: 'encoder-decoder', sized: t5Sizes, configSchema, build: t5Model });
}

export const t5 = architecture(
  {
    modelType: 't5',
    className: 'T5ForConditionalGeneration',
    title: 'T5',
    source: 'https://arxiv.org/abs/1910.10683',
    example: {
      name: 'T5 small',
      config: { vocab_size: 32128, d_model: 512, d_kv: 64, d_ff: 2048, num_layers: 6, num_heads: 8 },
    },
  },
  schemaOf('t5', 'relu'),
);

export const mt5 = architecture(
  {
    modelType: 'mt5',
    className: 'MT5ForConditionalGeneration',
    title: 'mT5',
    source: 'https://arxiv.org/abs/2010.11934',
    example: {
      name: 'mT5 small',
      config: {
        vocab_size: 250112,
        d_model: 512,
        d_kv: 64,
        d_ff: 1024,
        num_layers: 8,
        num_heads: 6,
        tie_word_embeddings: false,
      },
    },
  },
  schemaOf('mt5', 'gated-gelu'),
);

function t5Model(config: T5Config): EncoderDecoderModel {
  return {
    kind: 'encoder-decoder',
    config,
    parameters: t5Parameters(config),
    cacheShape: {
      layerCount: config.num_decoder_layers,
      keyValueHeads: config.num_heads,
      headSize: config.d_kv,
      states: [],
    },
    startToken: config.decoder_start_token_id,
    encode: (p, source, pass) => encode({ p, config, pass }, source),
    decode: (p, target, encoded, pass) => decode({ p, config, pass }, target, encoded),
    crossRows: (p, hidden) =>
      Array.from({ length: config.num_decoder_layers }, (_, index) =>
        keysAndValues({ p, config }, `decoder.block.${index}.layer.1.EncDecAttention`, hidden),
      ),
    step: (p, inputs) => step({ p, config, pass: INFERENCE }, inputs),
  };
}

interface Walk {
  readonly p: Parameters;
  readonly config: T5Config;
  readonly pass: Pass;
}

const ruleOf = (config: T5Config, side: 'encoder' | 'decoder'): BucketRule => ({
  buckets: config.relative_attention_num_buckets,
  maxDistance: config.relative_attention_max_distance,
  bothWays: side === 'encoder',
});

const biasTable = (p: Parameters, side: 'encoder' | 'decoder'): Tensor =>
  p(`${side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`);

const norm = ({ p, config }: Walk, name: string, x: Tensor): Tensor =>
  rmsNorm(x, p(`${name}.weight`), config.layer_norm_epsilon);

const drop = ({ pass, config }: Walk, x: Tensor): Tensor => pass.dropout(x, config.dropout_rate);

function encode(walk: Walk, { tokens, mask, positions }: EncoderInputs): Tensor {
  const { p, config, pass } = walk;
  const rule = ruleOf(config, 'encoder');
  const table = biasTable(p, 'encoder');
  const time = tokens.shape[1] as Dim;
  if (positions === undefined && typeof time !== 'number')
    throw shapeError('encode', 'positions where the time is a named size', tokens);
  const bias =
    positions === undefined
      ? staticBias(table, Number(time), Number(time), rule)
      : runtimeBias(table, positions, positions, rule, config.max_position_embeddings);
  const biases = [add(bias, paddingBias(mask))]; // [batch, heads, time, time], one for all blocks
  let hidden = drop(walk, gather(p('shared.weight'), tokens)); // [batch, time, width]
  for (let index = 0; index < config.num_layers; index++) {
    const at = `encoder.block.${index}.layer`;
    pass.boundary(hidden);
    const normed = norm(walk, `${at}.0.layer_norm`, hidden);
    const rows = keysAndValues(walk, `${at}.0.SelfAttention`, normed);
    hidden = add(hidden, attention(walk, `${at}.0.SelfAttention`, normed, rows, biases));
    hidden = add(hidden, feedForward(walk, `${at}.1`, hidden));
  }
  return drop(walk, norm(walk, 'encoder.final_layer_norm', hidden));
}

function decode(walk: Walk, target: Tensor, encoded: { hidden: Tensor; mask: Tensor }): Tensor {
  const { p, config, pass } = walk;
  const [batch, time] = target.shape as readonly [number, number];
  const seen = [add(staticBias(biasTable(p, 'decoder'), time, time, ruleOf(config, 'decoder')), causalBias(time))];
  const padding = [paddingBias(encoded.mask)];
  let hidden = drop(walk, gather(p('shared.weight'), target)); // [batch, time, width]
  for (let index = 0; index < config.num_decoder_layers; index++) {
    const at = `decoder.block.${index}.layer`;
    pass.boundary(hidden);
    const normed = norm(walk, `${at}.0.layer_norm`, hidden);
    const own = keysAndValues(walk, `${at}.0.SelfAttention`, normed);
    hidden = add(hidden, attention(walk, `${at}.0.SelfAttention`, normed, own, seen));
    const asking = norm(walk, `${at}.1.layer_norm`, hidden);
    const cross = keysAndValues(walk, `${at}.1.EncDecAttention`, encoded.hidden);
    hidden = add(hidden, attention(walk, `${at}.1.EncDecAttention`, asking, cross, padding));
    hidden = add(hidden, feedForward(walk, `${at}.2`, hidden));
  }
  return logitsOf(walk, reshape(hidden, [batch * time, config.d_model]));
}

function step(walk: Walk, inputs: DecoderStepInputs): DecoderStepOutputs {
  const { p, config } = walk;
  const rule = ruleOf(config, 'decoder');
  const table = biasTable(p, 'decoder');
  const limit = config.max_position_embeddings;
  const pastBias = add(runtimeBias(table, inputs.position, inputs.pastPositions, rule, limit), inputs.pastMask);
  const ownBias = staticBias(table, 1, 1, rule);
  const padding = [paddingBias(inputs.sourceMask)];
  const rows: CacheLayer[] = [];
  let hidden = gather(p('shared.weight'), inputs.tokens); // [batch, 1, width]
  for (let index = 0; index < config.num_decoder_layers; index++) {
    const at = `decoder.block.${index}.layer`;
    const self = `${at}.0.SelfAttention`;
    const normed = norm(walk, `${at}.0.layer_norm`, hidden);
    const own = keysAndValues(walk, self, normed);
    rows.push(own);
    const queries = splitHeads(linear(normed, p(`${self}.q.weight`)), config.num_heads);
    const past = inputs.cache[index] as CacheLayer;
    const attended = stepAttention({ queries, past, own, pastBias, ownBias, scoreFactor: 1 });
    hidden = add(hidden, linear(joinHeads(attended), p(`${self}.o.weight`)));
    const asking = norm(walk, `${at}.1.layer_norm`, hidden);
    const cross = inputs.cross[index] as CacheLayer;
    hidden = add(hidden, attention(walk, `${at}.1.EncDecAttention`, asking, cross, padding));
    hidden = add(hidden, feedForward(walk, `${at}.2`, hidden));
  }
  const last = reshape(hidden, [inputs.tokens.shape[0] as Dim, config.d_model]);
  return { logits: logitsOf(walk, last), cache: rows };
}

function keysAndValues({ p, config }: Pick<Walk, 'p' | 'config'>, at: string, x: Tensor): CacheLayer {
  const rows = (name: string): Tensor => splitHeads(linear(x, p(`${at}.${name}.weight`)), config.num_heads);
  return { keys: rows('k'), values: rows('v') };
}

function attention(walk: Walk, at: string, x: Tensor, rows: CacheLayer, biases: readonly Tensor[]): Tensor {
  const { p, config } = walk;
  const queries = splitHeads(linear(x, p(`${at}.q.weight`)), config.num_heads);
  const attended = fullAttention({ queries, ...rows, biases, scoreFactor: 1, drop: (weights) => drop(walk, weights) });
  return drop(walk, linear(joinHeads(attended), p(`${at}.o.weight`)));
}

/** T5's one layer, or the gated form of 1.1 (Shazeer 2020): wo(act(wi_0(x)) · wi_1(x)). */
function feedForward(walk: Walk, layer: string, hidden: Tensor): Tensor {
  const { p, config } = walk;
  const at = `${layer}.DenseReluDense`;
  const normed = norm(walk, `${layer}.layer_norm`, hidden);
  const [name, gated] = config.feed_forward_proj.startsWith('gated-')
    ? [config.feed_forward_proj.slice('gated-'.length), true]
    : [config.feed_forward_proj, false];
  // what Hugging Face calls gated-gelu is the tanh form
  const activate = name === 'relu' ? relu : name === 'silu' ? silu : geluTanh;
  const inner = gated
    ? mul(activate(linear(normed, p(`${at}.wi_0.weight`))), linear(normed, p(`${at}.wi_1.weight`)))
    : activate(linear(normed, p(`${at}.wi.weight`)));
  return drop(walk, linear(drop(walk, inner), p(`${at}.wo.weight`)));
}

/** @param hidden `[rows, width]` @returns `[rows, vocabulary]` */
function logitsOf(walk: Walk, hidden: Tensor): Tensor {
  const { p, config } = walk;
  const normed = drop(walk, norm(walk, 'decoder.final_layer_norm', hidden));
  const scaled = config.scale_decoder_outputs ? scale(normed, config.d_model ** -0.5) : normed;
  return linear(scaled, p(config.tie_word_embeddings ? 'shared.weight' : 'lm_head.weight'));
}
