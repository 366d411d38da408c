/** GPT-2's keys in GGUF metadata: learned positions, LayerNorm, no rotation. */
import { z } from 'zod';
import { type GgufFields, shortestDecimal } from '../checkpoint/gguf-fields.js';
import type { GgufValue } from '../checkpoint/gguf-values.js';

/** @param vocabularySize rows of the embedding @param tied whether the file lacks a matrix that scores tokens */
export function gpt2FromGguf(
  fields: GgufFields,
  { vocabularySize, tied }: { readonly vocabularySize: number; readonly tied: boolean },
): Record<string, unknown> {
  return {
    model_type: 'gpt2',
    vocab_size: vocabularySize,
    n_positions: fields.whole('gpt2.context_length'),
    n_embd: fields.whole('gpt2.embedding_length'),
    n_layer: fields.whole('gpt2.block_count'),
    n_head: fields.whole('gpt2.attention.head_count'),
    n_inner: fields.whole('gpt2.feed_forward_length'),
    activation_function: 'gelu_new',
    layer_norm_epsilon: shortestDecimal(fields.number('gpt2.attention.layer_norm_epsilon')),
    tie_word_embeddings: tied,
  };
}

const schema = z.looseObject({
  n_positions: z.int(),
  n_embd: z.int(),
  n_layer: z.int(),
  n_head: z.int(),
  n_inner: z.int().nullish(),
  activation_function: z.string(),
  layer_norm_epsilon: z.number(),
});

/** @returns a problem instead, for what llama.cpp has no key for */
export function gpt2Keys(config: object): ReadonlyMap<string, GgufValue> | { readonly problem: string } {
  const {
    n_positions,
    n_embd,
    n_layer,
    n_head,
    n_inner,
    activation_function: activation,
    layer_norm_epsilon,
  } = schema.parse(config);
  if (activation !== 'gelu_new' && activation !== 'gelu_pytorch_tanh')
    return { problem: `activation_function "${activation}"; llama.cpp has gelu_new here` };
  const whole = (value: number): GgufValue => ({ type: 'uint32', value });
  return new Map([
    ['gpt2.block_count', whole(n_layer)],
    ['gpt2.context_length', whole(n_positions)],
    ['gpt2.embedding_length', whole(n_embd)],
    ['gpt2.feed_forward_length', whole(n_inner ?? 4 * n_embd)],
    ['gpt2.attention.head_count', whole(n_head)],
    ['gpt2.attention.layer_norm_epsilon', { type: 'float32', value: layer_norm_epsilon }],
  ]);
}
