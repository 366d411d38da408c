/**
 * The decoder of the Llama family (Touvron et al. 2023, arXiv:2302.13971): pre-normalised blocks with RMSNorm, rotary
 * positions, grouped-query attention and a gated feed-forward layer. What its members vary is a `DecoderPlan`.
 */
import type { z } from 'zod';
import { type Dim, productOf } from '../graph/dims.js';
import { add, mul, scale, tanh } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { linear } from '../graph/ops/matmul.js';
import { rmsNorm } from '../graph/ops/normalize.js';
import { reshape, transpose } from '../graph/ops/reshape.js';
import { rotary, rotaryTables } from '../graph/ops/rotary.js';
import { type Tensor, constant, scalar } from '../graph/tensor.js';
import { activationOf } from './activations.js';
import { decodeMasks, positionsFromZero, prefillMasks, sequenceMasks } from './attention-masks.js';
import { decodeAttention, prefillAttention, sequenceAttention } from './attention.js';
import { type DecoderPlan, type LayerPlan, blockNorms, decoderParameters } from './decoder-plan.js';
import {
  type Architecture,
  type ArchitectureDefinition,
  type CacheLayer,
  type CausalModel,
  INFERENCE,
  type Parameters,
  type Pass,
  type SequenceInputs,
  type SequenceOutputs,
  type StepInputs,
  type StepOutputs,
  type TokenModelConfig,
  defineArchitecture,
} from './model.js';
import type { Rotation } from './rotary-frequencies.js';

export interface DecoderDefinition<Config extends TokenModelConfig> extends Omit<
  ArchitectureDefinition<Config, 'causal'>,
  'kind' | 'build'
> {
  readonly configSchema: z.ZodType<Config>;
  /** What the configuration means. */
  plan(config: Config): DecoderPlan;
}

/** An architecture of the family. */
export function decoderArchitecture<Config extends TokenModelConfig>(
  definition: DecoderDefinition<Config>,
): Architecture {
  const { plan, ...about } = definition;
  return defineArchitecture<Config, 'causal'>({
    ...about,
    kind: 'causal',
    build: (config) => decoderModel(config, plan(config)),
  });
}

function decoderModel(config: TokenModelConfig, plan: DecoderPlan): CausalModel {
  return {
    kind: 'causal',
    config,
    parameters: decoderParameters(plan),
    cacheShape: {
      layerCount: plan.layers.length,
      keyValueHeads: plan.keyValueHeads,
      headSize: plan.headSize,
      states: [],
    },
    forward: (parameters, inputs, pass) => forward(parameters, inputs, plan, pass),
    step: (parameters, inputs) => step(parameters, inputs, plan),
  };
}

/** @param window as the layer's plan has it */
type Attend = (queries: Tensor, recent: CacheLayer, layer: number, window: number | undefined) => Tensor;

interface Walk {
  readonly p: Parameters;
  readonly plan: DecoderPlan;
  readonly attend: Attend;
  /** Turns `[batch, time, heads · headSize]` by the tokens' positions. */
  readonly rotate: (x: Tensor, headCount: number, rotation: Rotation) => Tensor;
  readonly boundary: Pass['boundary'];
}

function forward(p: Parameters, { tokens, packing }: SequenceInputs, plan: DecoderPlan, pass: Pass): SequenceOutputs {
  const [batch, time] = tokens.shape as readonly [number, number];
  const masks = sequenceMasks(time, packing?.segments);
  const drop = (weights: Tensor): Tensor => pass.dropout(weights, plan.attentionDropout);
  const walk: Walk = {
    p,
    plan,
    attend: (queries, recent, _layer, window) => sequenceAttention(queries, recent, masks(window), plan.scoring, drop),
    rotate: rotator(packing?.positions ?? positionsFromZero(batch, time), time),
    boundary: pass.boundary,
  };
  const { hidden } = blocks(walk, tokens);
  return { logits: logitsOf(walk, reshape(hidden, [batch * time, plan.width])), states: [] };
}

function step(p: Parameters, inputs: StepInputs, plan: DecoderPlan): StepOutputs {
  const { tokens, positions, prefill } = inputs;
  const { boundary } = INFERENCE;
  const walk: Walk = {
    p,
    plan,
    attend: overCache(inputs, plan),
    rotate: rotator(positions, plan.contextLength),
    boundary,
  };
  const { hidden, rows } = blocks(walk, tokens);
  const flat = reshape(hidden, [productOf(tokens.shape), plan.width]);
  const last = prefill === undefined ? flat : gather(flat, prefill.lastRow);
  return { logits: logitsOf(walk, last), cache: rows, states: [] };
}

function overCache(inputs: StepInputs, { scoring }: DecoderPlan): Attend {
  const past = (layer: number): CacheLayer => inputs.cache[layer] as CacheLayer;
  if (inputs.prefill === undefined) {
    const masks = decodeMasks(inputs);
    return (queries, recent, layer, window) => decodeAttention(queries, past(layer), recent, masks(window), scoring);
  }
  const masks = prefillMasks(inputs, inputs.prefill.causalMask);
  return (queries, recent, layer, window) => prefillAttention(queries, past(layer), recent, masks(window), scoring);
}

/** Tables of angles are made once for each rotation that layers share. */
function rotator(positions: Tensor, positionCount: number): Walk['rotate'] {
  const tables = new Map<Rotation, { cosines: Tensor; sines: Tensor }>();
  return (x, headCount, rotation) => {
    const { cosines, sines } = tables.get(rotation) ?? tablesOf(rotation, positionCount);
    tables.set(rotation, { cosines, sines });
    return rotary(x, positions, cosines, sines, headCount);
  };
}

function tablesOf({ frequencies, magnitude }: Rotation, positionCount: number): { cosines: Tensor; sines: Tensor } {
  const { cosines, sines } = rotaryTables(positionCount, frequencies, magnitude);
  const shape = [positionCount, frequencies.length];
  return { cosines: constant(cosines, shape), sines: constant(sines, shape) };
}

function blocks(walk: Walk, tokens: Tensor): { hidden: Tensor; rows: CacheLayer[] } {
  const { p, plan } = walk;
  const norms = blockNorms(plan);
  let hidden = scale(gather(p('model.embed_tokens.weight'), tokens), plan.embeddingScale); // [batch, time, width]
  const rows: CacheLayer[] = [];
  for (const [index, layer] of plan.layers.entries()) {
    const at = `model.layers.${index}`;
    const normed = (x: Tensor, name: string | undefined): Tensor =>
      name === undefined ? x : norm(walk, `${at}.${name}`, x);
    walk.boundary(hidden);
    const attended = attentionLayer(walk, normed(hidden, norms.beforeAttention), index, layer);
    rows.push(attended.recent);
    hidden = add(hidden, normed(attended.output, norms.afterAttention));
    const fed = feedForward(walk, `${at}.mlp`, normed(hidden, norms.beforeFeedForward));
    hidden = add(hidden, normed(fed, norms.afterFeedForward));
  }
  return { hidden, rows };
}

function attentionLayer(
  walk: Walk,
  x: Tensor,
  index: number,
  { rotation, window }: LayerPlan,
): { output: Tensor; recent: CacheLayer } {
  const { heads, keyValueHeads, headSize, biases } = walk.plan;
  const at = `model.layers.${index}.self_attn`;
  const [batch, time] = x.shape as readonly [Dim, Dim, Dim];
  const project = (name: string): Tensor => dense(walk, `${at}.${name}`, x, biases.queryKeyValue);
  const split = (tensor: Tensor, headCount: number): Tensor =>
    transpose(reshape(tensor, [batch, time, headCount, headSize]), [0, 2, 1, 3]); // [batch, heads, time, headSize]
  const turned = (name: 'q' | 'k', headCount: number): Tensor =>
    walk.rotate(normalizedHeads(walk, `${at}.${name}_norm`, project(`${name}_proj`), headCount), headCount, rotation);
  const queries = split(turned('q', heads), heads);
  const recent = {
    keys: split(turned('k', keyValueHeads), keyValueHeads),
    values: split(project('v_proj'), keyValueHeads),
  };
  const grouped = reshape(queries, [batch, keyValueHeads, heads / keyValueHeads, time, headSize]);
  const attended = reshape(walk.attend(grouped, recent, index, window), [batch, heads, time, headSize]);
  const joined = reshape(transpose(attended, [0, 2, 1, 3]), [batch, time, heads * headSize]);
  return { output: dense(walk, `${at}.o_proj`, joined, biases.output), recent };
}

/** @param x `[batch, time, heads · headSize]` */
function normalizedHeads(walk: Walk, name: string, x: Tensor, headCount: number): Tensor {
  if (!walk.plan.normalizeQueriesAndKeys) return x;
  const [batch, time] = x.shape as readonly [Dim, Dim, Dim];
  return reshape(norm(walk, name, reshape(x, [batch, time, headCount, walk.plan.headSize])), x.shape);
}

/** A gated linear unit (Shazeer 2020): down(activation(gate(x)) · up(x)). */
function feedForward(walk: Walk, at: string, x: Tensor): Tensor {
  const { activation, biases } = walk.plan;
  const layer = (name: string, into: Tensor): Tensor => dense(walk, `${at}.${name}`, into, biases.feedForward);
  return layer('down_proj', mul(activationOf(activation)(layer('gate_proj', x)), layer('up_proj', x)));
}

function dense({ p }: Walk, name: string, x: Tensor, biased: boolean): Tensor {
  const product = linear(x, p(`${name}.weight`));
  return biased ? add(product, p(`${name}.bias`)) : product;
}

function norm({ p, plan }: Walk, name: string, x: Tensor): Tensor {
  const weight = p(`${name}.weight`);
  return rmsNorm(x, plan.gainsFromOne ? add(weight, scalar(1)) : weight, plan.epsilon);
}

/** @param hidden `[rows, width]` @returns `[rows, vocabulary]` */
function logitsOf(walk: Walk, hidden: Tensor): Tensor {
  const { p, plan } = walk;
  const head = p(plan.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
  const logits = linear(norm(walk, 'model.norm', hidden), head);
  if (plan.logitCap === undefined) return logits;
  return scale(tanh(scale(logits, 1 / plan.logitCap)), plan.logitCap);
}
