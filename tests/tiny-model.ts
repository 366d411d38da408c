import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Rng } from '../src/base/rng.js';
import { saveCheckpoint } from '../src/lab/checkpoint/save-checkpoint.js';
import { readCausalModel } from '../src/lab/models/registry.js';
import { trainTokenizer } from '../src/lab/tokenizer/train-tokenizer.js';

export interface TinyModel {
  /** A checkpoint in Hugging Face layout. */
  readonly directory: string;
  readonly contextLength: number;
  /** The token that a text ends with. */
  readonly endOfText: number;
  remove(): Promise<void>;
}

const TEXT = 'the quick brown fox jumps over the lazy dog; 敏捷的棕色狐狸跳过懒狗。 '.repeat(20);

/** A model of random weights, large enough that greedy answers differ from prompt to prompt, with its tokenizer. */
export async function makeTinyModel(contextLength = 256): Promise<TinyModel> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-tiny-'));
  const tokenizer = await trainTokenizer(path.join(folder, 'tokenizer'), [TEXT], { vocabularySize: 300 });
  const json = {
    model_type: 'qwen3',
    vocab_size: tokenizer.vocabSize,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    max_position_embeddings: contextLength,
    eos_token_id: tokenizer.endOfText,
  };
  const { model } = readCausalModel(json, 'tiny');
  const rng = Rng.fromSeed(17);
  const tensors = model.parameters.map(({ name, shape }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const gain = shape.length === 1;
    return { name, shape, data: Float32Array.from({ length }, () => (gain ? 1 : rng.normal() * 0.3)) };
  });
  const copy = (name: string) => ({ copyOf: path.join(folder, 'tokenizer', name) });
  const files = {
    'config.json': JSON.stringify(json),
    'tokenizer.json': copy('tokenizer.json'),
    'tokenizer_config.json': copy('tokenizer_config.json'),
  };
  const saved = await saveCheckpoint(folder, 1, { files, tensors, optimizer: [], state: {} });
  return {
    directory: saved.directory,
    contextLength,
    endOfText: tokenizer.endOfText,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
