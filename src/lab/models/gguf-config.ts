/** The keys of GGUF metadata that say what model it is, as Hugging Face's `config.json`, and back. */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { quoted } from '../checkpoint/gguf-cursor.js';
import { type GgufFields, shortestDecimal } from '../checkpoint/gguf-fields.js';
import type { GgufValue } from '../checkpoint/gguf-values.js';
import { decoderKeys, headSizeOf, windowKeys } from './decoder-config.js';
import { gpt2FromGguf, gpt2Keys } from './gguf-gpt2.js';
import { GGUF_ARCHITECTURES, type GgufArchitecture } from './gguf-names.js';
import { type RopeParameters, rotationOf } from './rotary-frequencies.js';

/** What of the tensors the configuration depends on. */
export interface GgufTensorFacts {
  /** Shapes by llama.cpp's names. */
  shapeOf(name: string): readonly number[] | undefined;
  readonly tensorCount: number;
  /** The elements of `rope_freqs.weight`, where there is one. */
  readonly ropeFactors: Float32Array | undefined;
}

/** @throws MoatError `unknown-architecture` naming the known ones; `bad-gguf` when the key is missing */
export function ggufArchitectureOf(file: string, fields: GgufFields): GgufArchitecture {
  const name = fields.text('general.architecture');
  const found = GGUF_ARCHITECTURES.find((known) => known.name === name);
  if (found !== undefined) return found;
  throw new MoatError('unknown-architecture', `${file}: general.architecture: ${quoted(name)} is not imported`, {
    fix: `Imported are: ${GGUF_ARCHITECTURES.map((known) => known.name).join(', ')}.`,
  });
}

/**
 * The members of `config.json` that describe the network; the tokens' ids are not among them.
 * @throws MoatError `bad-gguf` naming the key that is missing or not supported
 */
export function configFromGguf(
  { name, modelType }: GgufArchitecture,
  fields: GgufFields,
  tensors: GgufTensorFacts,
): Record<string, unknown> {
  const key = (rest: string): string => `${name}.${rest}`;
  if (fields.whole(key('expert_count'), 0) > 0)
    fields.fail(key('expert_count'), 'mixtures of experts are not supported');
  const vocabularySize = tensors.shapeOf('token_embd.weight')?.[0];
  if (vocabularySize === undefined) return fields.fail(key('vocab_size'), 'there is no tensor "token_embd.weight"');
  const tied = tensors.shapeOf('output.weight') === undefined;
  checkExtent(fields, key, tensors);
  if (modelType === 'gpt2') return gpt2FromGguf(fields, { vocabularySize, tied });
  const heads = positive(fields, key('attention.head_count'));
  const width = positive(fields, key('embedding_length'));
  const headSize = fields.whole(key('attention.key_length'), width / heads);
  for (const other of ['attention.value_length', 'rope.dimension_count'])
    if (fields.whole(key(other), headSize) !== headSize) fields.fail(key(other), `not ${headSize}, the size of a head`);
  checkHeads(fields, key('attention.head_count'), heads * headSize, tensors);
  const theta = fields.number(key('rope.freq_base'), 10000);
  const contextLength = positive(fields, key('context_length'));
  const rope = ropeFromGguf(name, fields, { headSize, theta, contextLength, factors: tensors.ropeFactors });
  return {
    model_type: modelType,
    vocab_size: vocabularySize,
    hidden_size: width,
    intermediate_size: positive(fields, key('feed_forward_length')),
    num_hidden_layers: positive(fields, key('block_count')),
    num_attention_heads: heads,
    num_key_value_heads: fields.whole(key('attention.head_count_kv'), heads),
    head_dim: headSize,
    max_position_embeddings: contextLength,
    rms_norm_eps: shortestDecimal(fields.number(key('attention.layer_norm_rms_epsilon'))),
    rope_theta: shortestDecimal(theta),
    ...(rope === undefined ? {} : { rope_scaling: rope }),
    tie_word_embeddings: tied,
    hidden_act: 'silu',
    ...(modelType === 'qwen2' ? {} : { attention_bias: tensors.shapeOf('blk.0.attn_q.bias') !== undefined }),
    ...(modelType === 'llama' ? { mlp_bias: tensors.shapeOf('blk.0.ffn_up.bias') !== undefined } : {}),
  };
}

/** Many times the longest there is. */
const MAX_CONTEXT = 2 ** 26;

/** Numbers that memory is taken by are held against the tensors before anything is made of them. */
function checkExtent(fields: GgufFields, key: (rest: string) => string, { tensorCount }: GgufTensorFacts): void {
  const layers = fields.whole(key('block_count'));
  if (layers > tensorCount) fields.fail(key('block_count'), `${layers} layers, with ${tensorCount} tensors`);
  const contextLength = fields.whole(key('context_length'));
  if (contextLength > MAX_CONTEXT)
    fields.fail(key('context_length'), `${contextLength}, over the limit of ${MAX_CONTEXT}`);
}

/** As `checkExtent`. @param size of all heads together */
function checkHeads(fields: GgufFields, key: string, size: number, tensors: GgufTensorFacts): void {
  const rows = tensors.shapeOf('blk.0.attn_q.weight')?.[0];
  if (rows === size) return;
  const what = rows === undefined ? 'is missing' : `has ${rows} rows`;
  fields.fail(key, `heads of ${size} elements in all, but "blk.0.attn_q.weight" ${what}`);
}

function positive(fields: GgufFields, key: string): number {
  const value = fields.whole(key);
  return value > 0 ? value : fields.fail(key, 'zero');
}

interface RopeFacts {
  readonly headSize: number;
  readonly theta: number;
  readonly contextLength: number;
  readonly factors: Float32Array | undefined;
}

function ropeFromGguf(name: string, fields: GgufFields, facts: RopeFacts): Record<string, unknown> | undefined {
  const key = (rest: string): string => `${name}.rope.scaling.${rest}`;
  const original = fields.optionalWhole(key('original_context_length'));
  if (facts.factors !== undefined) {
    const found = llama3Scaling(facts.factors, facts, original);
    return (
      found ?? fields.fail(`${name}.rope.freq_base`, 'the factors in "rope_freqs.weight" are not those of Llama 3')
    );
  }
  const type = fields.text(key('type'), fields.has(`${name}.rope.scale_linear`) ? 'linear' : 'none');
  switch (type) {
    case 'none':
      return undefined;
    case 'linear':
      return { rope_type: 'linear', factor: shortestDecimal(linearFactor(name, fields)) };
    case 'yarn': {
      const factor = fields.number(key('factor'));
      const attention = fields.number(key('attn_factor'), 1);
      if (fields.has(key('yarn_log_multiplier'))) fields.fail(key('yarn_log_multiplier'), 'not supported');
      return {
        rope_type: 'yarn',
        factor: shortestDecimal(factor),
        ...(original === undefined ? {} : { original_max_position_embeddings: original }),
        ...(attention === 1 ? {} : { attention_factor: attention * (0.1 * Math.log(factor) + 1) }),
        ...(fields.has(key('yarn_beta_fast')) ? { beta_fast: fields.number(key('yarn_beta_fast')) } : {}),
        ...(fields.has(key('yarn_beta_slow')) ? { beta_slow: fields.number(key('yarn_beta_slow')) } : {}),
      };
    }
    default:
      return fields.fail(key('type'), `${quoted(type)}; none, linear and yarn are supported`);
  }
}

function linearFactor(name: string, fields: GgufFields): number {
  const key = `${name}.rope.scaling.factor`;
  return fields.has(key) ? fields.number(key) : fields.number(`${name}.rope.scale_linear`);
}

/** What Llama 3.1 to 3.3 were pre-trained with; no file says otherwise. */
const LLAMA3_ORIGINAL_CONTEXT = 8192;
/** Of float32, with what two ways of computing the same make of it. */
const FACTOR_TOLERANCE = 1e-4;

/** A file holds the result of Llama 3's rule alone: the rule's numbers are found by trying, and checked pair by pair. */
function llama3Scaling(
  factors: Float32Array,
  facts: RopeFacts,
  original = LLAMA3_ORIGINAL_CONTEXT,
): RopeParameters | undefined {
  const rope: RopeParameters = {
    rope_type: 'llama3',
    factor: shortestDecimal(Math.max(...factors)),
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: original,
  };
  if (!(rope.factor > 0 && Number.isFinite(rope.factor))) return undefined;
  const expected = ropeFactorsOf(rope, facts);
  const fits = (factor: number, pair: number): boolean =>
    Math.abs(factor / (expected[pair] as number) - 1) < FACTOR_TOLERANCE;
  return factors.length === expected.length && factors.every(fits) ? rope : undefined;
}

/** By how much each pair turns slower than without, `[headSize/2]`. */
function ropeFactorsOf(rope: RopeParameters, facts: Omit<RopeFacts, 'factors'>): Float32Array {
  const stretched = rotationOf(rope, facts).frequencies;
  return rotationOf(undefined, facts).frequencies.map((frequency, i) => frequency / (stretched[i] as number));
}

/** What a model's configuration becomes in a GGUF file. */
export interface GgufModelKeys {
  readonly architecture: GgufArchitecture;
  readonly keys: ReadonlyMap<string, GgufValue>;
  /** 0 where nothing turns. */
  readonly headSize: number;
  readonly ropeFactors: Float32Array | undefined;
  /** Where the file promises less than the folder: one sentence. */
  readonly note: string | undefined;
}

const exportSchema = z.looseObject({
  model_type: z.string(),
  ...decoderKeys,
  ...windowKeys,
  use_sliding_window: z.boolean().optional(),
  attention_bias: z.boolean().default(false),
});

/**
 * @param config as its architecture read it: defaults are filled in
 * @throws MoatError `not-exportable` for an architecture, an activation or a rotation that llama.cpp has no keys for
 */
export function ggufKeysOf(config: object): GgufModelKeys {
  const modelType = 'model_type' in config ? config.model_type : undefined;
  const architecture = GGUF_ARCHITECTURES.find((known) =>
    [known.modelType, ...known.alsoFrom].some((type) => type === modelType),
  );
  if (architecture === undefined) {
    const known = GGUF_ARCHITECTURES.flatMap((each) => [each.modelType, ...each.alsoFrom]);
    throw notExportable(`its architecture is ${JSON.stringify(modelType)}; exported are ${known.join(', ')}`);
  }
  if (modelType === 'gpt2') {
    const keys = gpt2Keys(config);
    if ('problem' in keys) throw notExportable(keys.problem);
    return { architecture, keys, headSize: 0, ropeFactors: undefined, note: undefined };
  }
  const parsed = exportSchema.parse(config);
  if (parsed.hidden_act !== 'silu') throw notExportable(`hidden_act "${parsed.hidden_act}"; llama.cpp has silu here`);
  if (modelType === 'qwen3' && parsed.attention_bias) throw notExportable('Qwen3 with biases in its attention');
  const contextLength = wholeContext(parsed);
  const { name } = architecture;
  const headSize = headSizeOf(parsed);
  const keys = new Map<string, GgufValue>();
  const whole = (rest: string, value: number): unknown => keys.set(`${name}.${rest}`, { type: 'uint32', value });
  const float = (rest: string, value: number): unknown => keys.set(`${name}.${rest}`, { type: 'float32', value });
  whole('block_count', parsed.num_hidden_layers);
  whole('context_length', contextLength);
  whole('embedding_length', parsed.hidden_size);
  whole('feed_forward_length', parsed.intermediate_size);
  whole('attention.head_count', parsed.num_attention_heads);
  whole('attention.head_count_kv', parsed.num_key_value_heads);
  whole('attention.key_length', headSize);
  whole('attention.value_length', headSize);
  float('attention.layer_norm_rms_epsilon', parsed.rms_norm_eps);
  whole('vocab_size', parsed.vocab_size);
  whole('rope.dimension_count', headSize);
  const rope = parsed.rope_parameters ?? parsed.rope_scaling ?? undefined;
  const theta = rope?.rope_theta ?? parsed.rope_theta ?? 10000;
  float('rope.freq_base', theta);
  if (rope !== undefined) scalingKeys(rope, (rest, value) => keys.set(`${name}.rope.scaling.${rest}`, value));
  const facts = { headSize, theta, contextLength: parsed.max_position_embeddings };
  return {
    architecture,
    keys,
    headSize,
    ropeFactors: rope?.rope_type === 'llama3' ? ropeFactorsOf(rope, facts) : undefined,
    note:
      contextLength === parsed.max_position_embeddings
        ? undefined
        : `The context is ${contextLength} tokens: llama.cpp has no sliding windows here, and up to there none is needed.`,
  };
}

/** How far the model sees without any of its sliding windows at work. */
function wholeContext(config: z.infer<typeof exportSchema>): number {
  const {
    max_position_embeddings: context,
    sliding_window: window,
    use_sliding_window: used,
    layer_types: kinds,
  } = config;
  const slides = config.model_type === 'mistral' || (used === true && kinds?.includes('sliding_attention') !== false);
  return slides && window != null ? Math.min(context, window) : context;
}

/** @param set takes what follows `rope.scaling.` */
function scalingKeys(rope: RopeParameters, set: (rest: string, value: GgufValue) => void): void {
  const float = (rest: string, value: number | null | undefined): void => {
    if (value != null) set(rest, { type: 'float32', value });
  };
  if (rope.rope_type === 'linear' || rope.rope_type === 'yarn') {
    set('type', { type: 'string', value: rope.rope_type });
    float('factor', rope.factor);
  }
  if (rope.rope_type !== 'yarn' && rope.rope_type !== 'llama3') return;
  const { original_max_position_embeddings: original } = rope;
  if (original !== undefined) set('original_context_length', { type: 'uint32', value: original });
  if (rope.rope_type !== 'yarn') return;
  if (rope.mscale_all_dim || !rope.truncate) throw notExportable('YaRN with mscale_all_dim or without truncate');
  const { attention_factor: attention } = rope;
  float('attn_factor', attention == null ? undefined : attention / (0.1 * Math.log(rope.factor) + 1));
  float('yarn_beta_fast', rope.beta_fast);
  float('yarn_beta_slow', rope.beta_slow);
}

/** The error of an export that would give another model. */
export function notExportable(what: string): MoatError {
  return new MoatError('not-exportable', `this model cannot be written as GGUF: ${what}`, {
    fix: 'Use its folder as it is.',
  });
}
