/** The parameters of T5: Hugging Face's names, shapes, and initial values. */
import type { Initializer, ParameterSpec } from './model.js';
import type { T5Config } from './t5.js';

/**
 * Initial values as in the paper's code, which make up for scores that are not divided by √headSize; but what writes to
 * the residual stream starts at zero, as does a head of its own, so that a fresh model is the identity.
 */
export function t5Parameters(config: T5Config): ParameterSpec[] {
  const { d_model: width, vocab_size: vocabulary, tie_word_embeddings: tied } = config;
  return [
    { name: 'shared.weight', shape: [vocabulary, width], initializer: normal(1), role: 'embedding' },
    ...stack(config, 'encoder', config.num_layers),
    ...stack(config, 'decoder', config.num_decoder_layers),
    ...(tied
      ? []
      : [{ name: 'lm_head.weight', shape: [vocabulary, width], initializer: ZEROS, role: 'head' } as const]),
  ];
}

const ZEROS: Initializer = { kind: 'zeros' };
const normal = (standardDeviation: number): Initializer => ({ kind: 'normal', standardDeviation });

const matrix = (name: string, out: number, into: number, initializer: Initializer): ParameterSpec => ({
  name: `${name}.weight`,
  shape: [out, into],
  initializer,
  role: 'matrix',
});

function stack(config: T5Config, side: 'encoder' | 'decoder', layers: number): ParameterSpec[] {
  const gain = (name: string): ParameterSpec => ({
    name: `${name}.weight`,
    shape: [config.d_model],
    initializer: { kind: 'ones' },
    role: 'vector',
  });
  const bias: ParameterSpec = {
    name: `${side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`,
    shape: [config.relative_attention_num_buckets, config.num_heads],
    initializer: normal(config.d_model ** -0.5),
    role: 'vector',
  };
  const block = (index: number): ParameterSpec[] => {
    const at = `${side}.block.${index}.layer`;
    const last = side === 'decoder' ? 2 : 1;
    return [
      ...attention(config, `${at}.0.SelfAttention`),
      ...(index === 0 ? [bias] : []),
      gain(`${at}.0.layer_norm`),
      ...(side === 'decoder' ? [...attention(config, `${at}.1.EncDecAttention`), gain(`${at}.1.layer_norm`)] : []),
      ...feedForward(config, `${at}.${last}.DenseReluDense`),
      gain(`${at}.${last}.layer_norm`),
    ];
  };
  return [...Array.from({ length: layers }, (_, index) => block(index)).flat(), gain(`${side}.final_layer_norm`)];
}

function attention({ d_model: width, d_kv: headSize, num_heads: heads }: T5Config, at: string): ParameterSpec[] {
  const inner = heads * headSize;
  return [
    matrix(`${at}.q`, inner, width, normal((width * headSize) ** -0.5)),
    matrix(`${at}.k`, inner, width, normal(width ** -0.5)),
    matrix(`${at}.v`, inner, width, normal(width ** -0.5)),
    matrix(`${at}.o`, width, inner, ZEROS),
  ];
}

function feedForward({ d_model: width, d_ff: inner, feed_forward_proj }: T5Config, at: string): ParameterSpec[] {
  const into = feed_forward_proj.startsWith('gated-') ? ['wi_0', 'wi_1'] : ['wi'];
  return [
    ...into.map((name) => matrix(`${at}.${name}`, inner, width, normal(width ** -0.5))),
    matrix(`${at}.wo`, width, inner, ZEROS),
  ];
}
