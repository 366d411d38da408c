/**
 * An LSTM whose outputs look back at each other: embedding, LSTM (Hochreiter & Schmidhuber 1997), one layer of multi-head
 * attention (Vaswani et al. 2017) as torch.nn.MultiheadAttention, linear layer over the vocabulary. No positions are added
 * and nothing is normalised; the order of tokens is the LSTM's affair.
 */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { type Dim, productOf } from '../graph/dims.js';
import { add } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { slice } from '../graph/ops/layout.js';
import { linear } from '../graph/ops/matmul.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import { type Tensor, scalar } from '../graph/tensor.js';
import { decodeMasks, prefillMasks, sequenceMasks } from './attention-masks.js';
import { type Scoring, decodeAttention, prefillAttention, sequenceAttention } from './attention.js';
import {
  type CacheLayer,
  type CausalModel,
  type ParameterSpec,
  type Parameters,
  type Pass,
  type SequenceInputs,
  type SequenceOutputs,
  type StepInputs,
  type StepOutputs,
  defineArchitecture,
} from './model.js';
import { type RecurrencePlan, recurrenceParameters, runRecurrence, stateShapes } from './recurrence.js';
import {
  type RecurrentConfig,
  embedTimeFirst,
  embeddingParameter,
  headLogits,
  headParameters,
  readSequence,
  recurrenceOf,
  recurrentKeys,
  recurrentSizes,
  rowsByBatch,
} from './recurrent-language-model.js';

const configSchema = z
  .looseObject({
    model_type: z.literal('big_model'),
    ...recurrentKeys,
    num_attention_heads: z.int().positive().default(8),
    /** Without it each token sees all others: for encoding, not for generating. */
    is_causal: z.boolean().default(true),
  })
  .refine(({ hidden_size, num_attention_heads }) => hidden_size % num_attention_heads === 0, {
    path: ['num_attention_heads'],
    error: 'it does not divide hidden_size',
  });
type BigModelConfig = RecurrentConfig & z.infer<typeof configSchema>;

export const bigModel = defineArchitecture<BigModelConfig, 'causal'>({
  modelType: 'big_model',
  className: 'BigModel',
  title: 'LSTM with multi-head attention',
  source: 'https://arxiv.org/abs/1706.03762',
  kind: 'causal',
  configSchema,
  sized: (sizes) => ({ ...recurrentSizes(sizes), num_attention_heads: sizes.heads }),
  build: bigModelOf,
  example: {
    name: '10,000 tokens, 512 wide',
    config: { vocab_size: 10000, embedding_size: 256, hidden_size: 512, num_attention_heads: 8 },
  },
});

function bigModelOf(config: BigModelConfig): CausalModel {
  const plan = recurrenceOf(config, 'lstm', 'lstm');
  const { hidden_size: width, num_attention_heads: heads } = config;
  return {
    kind: 'causal',
    config,
    parameters: [
      embeddingParameter(config.vocab_size, config.embedding_size),
      ...recurrenceParameters(plan),
      ...attentionParameters(width),
      ...headParameters(width, config.vocab_size),
    ],
    cacheShape: { layerCount: 1, keyValueHeads: heads, headSize: width / heads, states: stateShapes(plan) },
    forward: (p, inputs, pass) => forward(p, inputs, { config, plan, pass }),
    step: (p, inputs) => step(p, inputs, { config, plan }),
  };
}

/** As torch.nn.MultiheadAttention starts: Glorot's bound for the three projections together, Linear's for the last. */
function attentionParameters(width: number): ParameterSpec[] {
  const zeros = { kind: 'zeros' } as const;
  const glorot = { kind: 'uniform', bound: Math.sqrt(6 / (4 * width)) } as const;
  const uniform = { kind: 'uniform', bound: 1 / Math.sqrt(width) } as const;
  return [
    { name: 'attention.in_proj_weight', shape: [3 * width, width], initializer: glorot, role: 'matrix' },
    { name: 'attention.in_proj_bias', shape: [3 * width], initializer: zeros, role: 'vector' },
    { name: 'attention.out_proj.weight', shape: [width, width], initializer: uniform, role: 'matrix' },
    { name: 'attention.out_proj.bias', shape: [width], initializer: zeros, role: 'vector' },
  ];
}

interface Built {
  readonly config: BigModelConfig;
  readonly plan: RecurrencePlan;
}

const scoringOf = ({ hidden_size, num_attention_heads }: BigModelConfig): Scoring => ({
  factor: (hidden_size / num_attention_heads) ** -0.5,
});

function forward(
  p: Parameters,
  inputs: SequenceInputs,
  { config, plan, pass }: Built & { pass: Pass },
): SequenceOutputs {
  const [, time] = inputs.tokens.shape as readonly [number, number];
  const { hidden, states } = readSequence(p, inputs, plan, { dropout: config.dropout, pass });
  pass.boundary(hidden);
  const mask = config.is_causal ? sequenceMasks(time)(undefined) : scalar(0);
  const { rows } = attentionLayer(p, hidden, config, (queries, recent) =>
    sequenceAttention(queries, recent, mask, scoringOf(config), (weights) => weights),
  );
  return { logits: headLogits(p, rows), states };
}

function step(p: Parameters, inputs: StepInputs, { config, plan }: Built): StepOutputs {
  if (!config.is_causal) {
    throw new MoatError('not-generative', 'big_model: tokens that see what comes after them cannot be generated', {
      fix: 'Set is_causal to true in config.json, and train with it.',
    });
  }
  const { tokens, states: given, prefill } = inputs;
  const [past] = inputs.cache as readonly [CacheLayer];
  const { hidden, states } = runRecurrence(p, plan, embedTimeFirst(p, tokens), { states: given });
  const scoring = scoringOf(config);
  const { rows, recent } = attentionLayer(p, hidden, config, (queries, own) =>
    prefill === undefined
      ? decodeAttention(queries, past, own, decodeMasks(inputs)(undefined), scoring)
      : prefillAttention(queries, past, own, prefillMasks(inputs, prefill.causalMask)(undefined), scoring),
  );
  const last = prefill === undefined ? rows : gather(rows, prefill.lastRow);
  return { logits: headLogits(p, last), cache: [recent], states };
}

/** @param hidden `[time, batch, width]` @returns rows `[batch · time, width]`, and the new keys and values */
function attentionLayer(
  p: Parameters,
  hidden: Tensor,
  { num_attention_heads: heads, hidden_size: width }: BigModelConfig,
  attend: (queries: Tensor, recent: CacheLayer) => Tensor,
): { rows: Tensor; recent: CacheLayer } {
  const [time, batch] = hidden.shape as readonly [Dim, Dim, number];
  const size = width / heads;
  const projected = add(linear(rowsByBatch(hidden), p('attention.in_proj_weight')), p('attention.in_proj_bias'));
  const joined = transpose(reshape(projected, [batch, time, 3 * heads, size]), [0, 2, 1, 3]);
  const part = (index: number): Tensor => slice(joined, 1, index * heads, (index + 1) * heads); // [batch, heads, time, size]
  const recent = { keys: part(1), values: part(2) };
  const attended = attend(reshape(part(0), [batch, heads, 1, time, size]), recent);
  const seen = transpose(reshape(attended, [batch, heads, time, size]), [0, 2, 1, 3]);
  const rows = reshape(seen, [productOf([batch, time]), width]);
  return { rows: add(linear(rows, p('attention.out_proj.weight')), p('attention.out_proj.bias')), recent };
}
