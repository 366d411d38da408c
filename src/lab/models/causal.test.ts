/** What all decoders share: packing, dropout, boundaries, published sizes, and configurations that are refused. */
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { elementCount } from '../graph/dims.js';
import { type Tensor, input } from '../graph/tensor.js';
import { type Value, compile, floats, integers } from '../runtime/program.js';
import { INFERENCE, type Pass, type SequenceInputs, parameterCount } from './model.js';
import { architectures, readCausalModel, readModelConfig } from './registry.js';

const SIZES = {
  vocab_size: 24,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 4,
  max_position_embeddings: 16,
};
const configs = {
  llama: { model_type: 'llama', ...SIZES },
  mistral: { model_type: 'mistral', ...SIZES, sliding_window: 2 },
  qwen2: { model_type: 'qwen2', ...SIZES },
  qwen3: { model_type: 'qwen3', ...SIZES, use_sliding_window: true, sliding_window: 3, max_window_layers: 1 },
  gemma3_text: { model_type: 'gemma3_text', ...SIZES, sliding_window: 2, sliding_window_pattern: 2 },
  gpt2: { model_type: 'gpt2', vocab_size: 24, n_positions: 16, n_embd: 8, n_layer: 2, n_head: 2 },
};
const cases = Object.entries(configs);

function prepare(config: object) {
  const { model } = readCausalModel(config, 'test');
  const rng = Rng.fromSeed(5);
  const inputs = new Map(model.parameters.map(({ name, shape }) => [name, input(name, shape)]));
  const feeds: Record<string, Value> = {};
  for (const { name, shape } of model.parameters) {
    feeds[name] = floats(
      Float32Array.from({ length: elementCount(shape) }, () => rng.normal() * 0.5),
      shape,
    );
  }
  return { model, inputs, feeds, lookUp: (name: string): Tensor => inputs.get(name) as Tensor };
}

describe.each(cases)('%s', (_name, config) => {
  test('two documents packed into one row give the logits of two rows', async () => {
    const { model, inputs, feeds, lookUp } = prepare(config);
    const documents = [
      [3, 1, 4, 1, 5],
      [9, 2, 6],
    ];
    const flat = documents.flat();
    const int = (name: string, length: number): Tensor => input(name, [1, length], 'int64');
    const run = async (tokens: readonly number[], packing?: { segments: number[]; positions: number[] }) => {
      const size = tokens.length;
      const extra = packing && { segments: int('segments', size), positions: int('positions', size) };
      const given: SequenceInputs = { tokens: int('tokens', size), ...(extra && { packing: extra }) };
      const { logits } = model.forward(lookUp, given, INFERENCE);
      const program = await compile({ logits }, [given.tokens, ...Object.values(extra ?? {}), ...inputs.values()]);
      const results = await program.run({
        ...feeds,
        tokens: integers(tokens, [1, size]),
        ...(packing && {
          segments: integers(packing.segments, [1, size]),
          positions: integers(packing.positions, [1, size]),
        }),
      });
      await program.close();
      return Array.from(results['logits']?.data as Float32Array);
    };
    const packed = await run(flat, {
      segments: documents.flatMap((document, index) => document.map(() => index)),
      positions: documents.flatMap((document) => document.map((_, position) => position)),
    });
    const alone = (await Promise.all(documents.map((document) => run(document)))).flat();
    const difference = Math.max(...packed.map((value, i) => Math.abs(value - (alone[i] as number))));
    expect(difference).toBeLessThan(1e-5);
    // and it does matter: without segments the second document sees the first
    const joined = await run(flat);
    expect(Math.max(...joined.map((value, i) => Math.abs(value - (alone[i] as number))))).toBeGreaterThan(1e-2);
  });

  test('the forward pass marks the hidden state before every block and drops where the configuration says', () => {
    const dropping =
      config.model_type === 'gpt2'
        ? { embd_pdrop: 0.1, attn_pdrop: 0.2, resid_pdrop: 0.3 }
        : { attention_dropout: 0.2 };
    const { model, lookUp } = prepare({ ...config, ...dropping });
    const boundaries: Tensor[] = [];
    const dropped: number[] = [];
    const pass: Pass = {
      ...INFERENCE,
      training: true,
      boundary: (hidden) => void boundaries.push(hidden),
      dropout(x, probability) {
        dropped.push(probability);
        return x;
      },
    };
    model.forward(lookUp, { tokens: input('tokens', [2, 4], 'int64') }, pass);
    expect(boundaries.length).toBe(2);
    expect(dropped).toEqual(config.model_type === 'gpt2' ? [0.1, 0.2, 0.3, 0.3, 0.2, 0.3, 0.3] : [0.2, 0.2]);
  });
});

test.each([
  ['llama', 'Llama 3.2 1B', 1_235_814_400],
  ['mistral', 'Mistral 7B v0.1', 7_241_732_096],
  ['qwen2', 'Qwen2.5 0.5B', 494_032_768],
  ['qwen3', 'Qwen3 0.6B', 596_049_920],
  ['gemma3_text', 'Gemma 3 270M', 268_098_176],
  ['gpt2', 'GPT-2 124M', 124_439_808],
])('%s: %s has as many parameters as published', (modelType, title, expected) => {
  const { example } = architectures.find((known) => known.modelType === modelType) ?? {};
  const { model } = readModelConfig({ model_type: modelType, ...example?.config }, 'example');
  expect([example?.name, parameterCount(model.parameters)]).toEqual([title, expected]);
});

test.each([
  [{ ...configs.llama, num_key_value_heads: 3 }, 'num_key_value_heads: 3 does not divide num_attention_heads (2)'],
  [{ ...configs.llama, head_dim: 5 }, 'head_dim: heads of size 5; it must be even'],
  [{ ...configs.llama, partial_rotary_factor: 0.5 }, 'partial_rotary_factor: heads that turn only in part'],
  [{ ...configs.llama, rope_parameters: { rope_type: 'longrope' } }, 'known are default, linear, dynamic, llama3'],
  [{ ...configs.llama, rope_scaling: { type: 'linear' } }, 'rope_scaling.factor'],
  [{ ...configs.llama, hidden_act: 'swish' }, 'hidden_act'],
  [{ ...configs.qwen3, layer_types: ['full_attention'] }, 'layer_types: 1 entries for num_hidden_layers 2'],
  [{ ...configs.gemma3_text, use_bidirectional_attention: true }, 'use_bidirectional_attention: tokens that see'],
  [{ ...configs.gpt2, scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx: this variant'],
  [{ ...configs.gpt2, n_head: 3 }, 'n_head: it does not divide n_embd'],
])('a configuration that cannot be honoured is refused by field (%#)', (config, message) => {
  expect(() => readModelConfig(config, 'config.json')).toThrow(message);
});

test('the oldest spelling of a rotation is the newest one', () => {
  const rope = { factor: 2, rope_theta: 500 };
  const old = readCausalModel(
    { ...configs.llama, rope_theta: 500, rope_scaling: { type: 'linear', factor: 2 } },
    'old',
  ).model;
  const recent = readCausalModel({ ...configs.llama, rope_parameters: { rope_type: 'linear', ...rope } }, 'new').model;
  const tables = [old, recent].map((model) => {
    const names = new Map(model.parameters.map(({ name, shape }) => [name, input(name, shape)]));
    const { logits } = model.forward(
      (name) => names.get(name) as Tensor,
      { tokens: input('tokens', [1, 3], 'int64') },
      INFERENCE,
    );
    return JSON.stringify(constantsUnder(logits));
  });
  expect(tables[0]).toBe(tables[1]);
});

/** The data of every constant a tensor depends on. */
function constantsUnder(tensor: Tensor, seen = new Set<Tensor>()): number[][] {
  if (seen.has(tensor)) return [];
  seen.add(tensor);
  const { data } = tensor.attributes;
  const own = data instanceof Float32Array ? [Array.from(data)] : [];
  return [...own, ...tensor.inputs.flatMap((source) => constantsUnder(source, seen))];
}
