/**
 * BERT (Devlin et al. 2018, arXiv:1810.04805): an encoder whose tokens see both ways, normalised after each residual
 * sum (the original Transformer's order), with learned positions and biases everywhere. Two heads of pre-training: the
 * masked token, through a transform and the embedding matrix again, and whether the second text follows the first.
 * Which heads there are, and whether names begin with `bert.`, follows from Hugging Face's class in `architectures`.
 */
import { z } from 'zod';
import type { Dim } from '../graph/dims.js';
import { add, relu, tanh } from '../graph/ops/arithmetic.js';
import { gelu, geluTanh } from '../graph/ops/gelu.js';
import { gather } from '../graph/ops/indexing.js';
import { slice } from '../graph/ops/layout.js';
import { linear } from '../graph/ops/matmul.js';
import { layerNorm } from '../graph/ops/normalize.js';
import { reshape } from '../graph/ops/reshape.js';
import { type Tensor, shapeError } from '../graph/tensor.js';
import { fullAttention, joinHeads, paddingBias, splitHeads } from './full-attention.js';
import {
  type EncoderInputs,
  type EncoderModel,
  type Initializer,
  type ParameterSpec,
  type Parameters,
  type Pass,
  defineArchitecture,
} from './model.js';

/** What each of Hugging Face's classes holds. Heads of other tasks are not part of the encoder and are left out. */
const CLASSES = {
  BertModel: { prefix: '', pooler: true, masked: false, nextSentence: false },
  BertForPreTraining: { prefix: 'bert.', pooler: true, masked: true, nextSentence: true },
  BertForMaskedLM: { prefix: 'bert.', pooler: false, masked: true, nextSentence: false },
  BertForNextSentencePrediction: { prefix: 'bert.', pooler: true, masked: false, nextSentence: true },
  BertForSequenceClassification: { prefix: 'bert.', pooler: true, masked: false, nextSentence: false },
  BertForTokenClassification: { prefix: 'bert.', pooler: false, masked: false, nextSentence: false },
} as const;
const DEFAULT_CLASS = 'BertForPreTraining';
type ClassName = keyof typeof CLASSES;

const ACTIVATIONS = { gelu, gelu_new: geluTanh, gelu_pytorch_tanh: geluTanh, relu } as const;
const namesOf = <Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] => Object.keys(table) as Name[];

const count = z.int().positive();
const probability = z.number().min(0).lt(1);

export const bertConfigSchema = z
  .looseObject({
    model_type: z.literal('bert'),
    architectures: z.tuple([z.enum(namesOf(CLASSES))]).default([DEFAULT_CLASS]),
    vocab_size: count,
    hidden_size: count,
    intermediate_size: count,
    num_hidden_layers: count,
    num_attention_heads: count,
    max_position_embeddings: count,
    type_vocab_size: count.default(2),
    hidden_act: z.enum(namesOf(ACTIVATIONS)).default('gelu'),
    hidden_dropout_prob: probability.default(0.1),
    attention_probs_dropout_prob: probability.default(0.1),
    layer_norm_eps: z.number().positive().default(1e-12),
    initializer_range: z.number().positive().default(0.02),
    position_embedding_type: z.literal('absolute').default('absolute'),
    is_decoder: z.literal(false).default(false),
    add_cross_attention: z.literal(false).default(false),
    tie_word_embeddings: z.literal(true).default(true),
    pad_token_id: z.int().nullish(),
  })
  .refine(({ hidden_size: width, num_attention_heads: heads }) => width % heads === 0, {
    path: ['num_attention_heads'],
    message: 'must divide hidden_size',
  });
export type BertConfig = z.infer<typeof bertConfigSchema>;

const classOf = ({ architectures: [name] }: BertConfig): (typeof CLASSES)[ClassName] => CLASSES[name];

export const bert = defineArchitecture({
  modelType: 'bert',
  className: DEFAULT_CLASS,
  title: 'BERT',
  source: 'https://arxiv.org/abs/1810.04805',
  kind: 'encoder',
  sized: (sizes) => ({
    hidden_size: sizes.hiddenSize,
    intermediate_size: sizes.intermediateSize,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    max_position_embeddings: sizes.contextLength,
    vocab_size: sizes.vocabularySize,
    hidden_dropout_prob: sizes.dropout,
    attention_probs_dropout_prob: sizes.dropout,
  }),
  configSchema: bertConfigSchema,
  example: {
    name: 'BERT base',
    config: {
      vocab_size: 30522,
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      max_position_embeddings: 512,
    },
  },
  build: bertModel,
});

function bertModel(config: BertConfig): EncoderModel {
  const { prefix, pooler, masked, nextSentence } = classOf(config);
  return {
    kind: 'encoder',
    config,
    parameters: bertParameters(config),
    encode: (p, inputs, pass) => encode((name) => p(prefix + name), inputs, config, pass),
    ...(pooler ? { pool: (p, hidden) => pool((name) => p(prefix + name), hidden) } : {}),
    ...(masked ? { maskedLogits: (p, hidden) => maskedLogits(p, hidden, config) } : {}),
    ...(nextSentence ? { nextSentenceLogits: (p, pooled) => dense(p, 'cls.seq_relationship', pooled) } : {}),
  };
}

/** Names, shapes and initial values, the latter as in the paper's code: normal, standard deviation 0.02. */
function bertParameters(config: BertConfig): ParameterSpec[] {
  const { hidden_size: width, intermediate_size: inner, vocab_size: vocabulary } = config;
  const { prefix, pooler, masked, nextSentence } = classOf(config);
  const normal: Initializer = { kind: 'normal', standardDeviation: config.initializer_range };
  const vector = (name: string, size: number, kind: 'zeros' | 'ones'): ParameterSpec => ({
    name,
    shape: [size],
    initializer: { kind },
    role: 'vector',
  });
  const norm = (name: string): ParameterSpec[] => [
    vector(`${name}.weight`, width, 'ones'),
    vector(`${name}.bias`, width, 'zeros'),
  ];
  const layer = (name: string, out: number, into: number, role: 'matrix' | 'head' = 'matrix'): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [out, into], initializer: normal, role },
    vector(`${name}.bias`, out, 'zeros'),
  ];
  const table = (name: string, rows: number): ParameterSpec => ({
    name: `${prefix}embeddings.${name}.weight`,
    shape: [rows, width],
    initializer: normal,
    role: 'embedding',
  });
  const block = (index: number): ParameterSpec[] => {
    const at = `${prefix}encoder.layer.${index}`;
    return [
      ...['query', 'key', 'value'].flatMap((part) => layer(`${at}.attention.self.${part}`, width, width)),
      ...layer(`${at}.attention.output.dense`, width, width),
      ...norm(`${at}.attention.output.LayerNorm`),
      ...layer(`${at}.intermediate.dense`, inner, width),
      ...layer(`${at}.output.dense`, width, inner),
      ...norm(`${at}.output.LayerNorm`),
    ];
  };
  return [
    table('word_embeddings', vocabulary),
    table('position_embeddings', config.max_position_embeddings),
    table('token_type_embeddings', config.type_vocab_size),
    ...norm(`${prefix}embeddings.LayerNorm`),
    ...Array.from({ length: config.num_hidden_layers }, (_, index) => block(index)).flat(),
    ...(pooler ? layer(`${prefix}pooler.dense`, width, width) : []),
    ...(masked
      ? [
          vector('cls.predictions.bias', vocabulary, 'zeros'),
          ...layer('cls.predictions.transform.dense', width, width),
          ...norm('cls.predictions.transform.LayerNorm'),
        ]
      : []),
    ...(nextSentence ? layer('cls.seq_relationship', 2, width, 'head') : []),
  ];
}

const dense = (p: Parameters, name: string, x: Tensor): Tensor =>
  add(linear(x, p(`${name}.weight`)), p(`${name}.bias`));

const norm = (p: Parameters, name: string, x: Tensor, config: BertConfig): Tensor =>
  layerNorm(x, p(`${name}.weight`), p(`${name}.bias`), config.layer_norm_eps);

const activate = (config: BertConfig, x: Tensor): Tensor => ACTIVATIONS[config.hidden_act](x);

function encode(p: Parameters, inputs: EncoderInputs, config: BertConfig, pass: Pass): Tensor {
  let hidden = embed(p, inputs, config, pass); // [batch, time, width]
  const bias = paddingBias(inputs.mask);
  for (let index = 0; index < config.num_hidden_layers; index++) {
    const at = `encoder.layer.${index}`;
    pass.boundary(hidden);
    const attended = attention(p, `${at}.attention`, hidden, bias, config, pass);
    hidden = norm(p, `${at}.attention.output.LayerNorm`, add(attended, hidden), config);
    const inner = activate(config, dense(p, `${at}.intermediate.dense`, hidden)); // [batch, time, inner]
    const output = pass.dropout(dense(p, `${at}.output.dense`, inner), config.hidden_dropout_prob);
    hidden = norm(p, `${at}.output.LayerNorm`, add(output, hidden), config);
  }
  return hidden;
}

function embed(
  p: Parameters,
  { tokens, tokenTypes, positions }: EncoderInputs,
  config: BertConfig,
  pass: Pass,
): Tensor {
  const words = gather(p('embeddings.word_embeddings.weight'), tokens); // [batch, time, width]
  const types = p('embeddings.token_type_embeddings.weight');
  const typed = tokenTypes === undefined ? slice(types, 0, 0, 1) : gather(types, tokenTypes);
  const table = p('embeddings.position_embeddings.weight');
  const placed = positions === undefined ? firstRows(table, tokens) : gather(table, positions); // [time, width]
  const sum = norm(p, 'embeddings.LayerNorm', add(add(words, typed), placed), config);
  return pass.dropout(sum, config.hidden_dropout_prob);
}

function firstRows(table: Tensor, tokens: Tensor): Tensor {
  const time = tokens.shape[1];
  if (typeof time !== 'number') throw shapeError('encode', 'positions where the time is a named size', tokens);
  return slice(table, 0, 0, time);
}

function attention(p: Parameters, at: string, x: Tensor, bias: Tensor, config: BertConfig, pass: Pass): Tensor {
  const heads = config.num_attention_heads;
  const part = (name: string): Tensor => splitHeads(dense(p, `${at}.self.${name}`, x), heads);
  const attended = fullAttention({
    queries: part('query'),
    keys: part('key'),
    values: part('value'),
    biases: [bias],
    scoreFactor: (config.hidden_size / heads) ** -0.5,
    drop: (weights) => pass.dropout(weights, config.attention_probs_dropout_prob),
  });
  return pass.dropout(dense(p, `${at}.output.dense`, joinHeads(attended)), config.hidden_dropout_prob);
}

/** tanh(dense(first token)). */
function pool(p: Parameters, hidden: Tensor): Tensor {
  const [batch, , width] = hidden.shape as readonly [Dim, Dim, Dim];
  return tanh(dense(p, 'pooler.dense', reshape(slice(hidden, 1, 0, 1), [batch, width])));
}

function maskedLogits(p: Parameters, hidden: Tensor, config: BertConfig): Tensor {
  const at = 'cls.predictions';
  const transformed = activate(config, dense(p, `${at}.transform.dense`, hidden)); // [rows, width]
  const normed = norm(p, `${at}.transform.LayerNorm`, transformed, config);
  return add(linear(normed, p('bert.embeddings.word_embeddings.weight')), p(`${at}.bias`)); // [rows, vocabulary]
}

/**
 * The names under which published files hold a parameter: with or without the prefix of the class that saved them, and
 * gains and biases of normalisations as TensorFlow called them.
 */
export function bertSpellings(name: string): string[] {
  const bare = name.startsWith('bert.') ? name.slice('bert.'.length) : name;
  const prefixed = [name, bare, `bert.${bare}`];
  const old = prefixed.map((spelling) =>
    spelling.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
  );
  return [...new Set([...prefixed, ...old])];
}
