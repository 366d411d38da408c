import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Rng } from '../src/base/rng.js';
import { writeSafetensors } from '../src/lab/checkpoint/safetensors.js';
import { readCausalModel } from '../src/lab/models/registry.js';
import { trainTokenizer } from '../src/lab/tokenizer/train-tokenizer.js';

const TEXT = "the quick brown fox jumps over the lazy dog, 12 times; it's 敏捷的棕色狐狸跳过懒狗。 naïve café! ".repeat(
  20,
);

/** A folder as Hugging Face has them, with random weights. @param keys of `config.json` beside small sizes */
export async function writeModelFolder(folder: string, keys: Readonly<Record<string, unknown>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tokenizer = await trainTokenizer(folder, [TEXT], { vocabularySize: 320 });
  const config = {
    vocab_size: tokenizer.vocabSize + 3,
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-5,
    bos_token_id: tokenizer.endOfText,
    eos_token_id: [tokenizer.endOfText, tokenizer.endOfTurn],
    pad_token_id: tokenizer.pad,
    ...keys,
  };
  const { model } = readCausalModel(config, folder);
  const rng = Rng.fromSeed(23);
  const tensors = model.parameters.map(({ name, shape }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const centre = name.endsWith('norm.weight') ? 1 : 0;
    return { name, shape, data: Float32Array.from({ length }, () => centre + rng.normal() * 0.1) };
  });
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
}

/** The same folder with another `tokenizer.json`. */
export async function withTokenizer(
  source: string,
  folder: string,
  change: (tokenizer: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  await cp(source, folder, { recursive: true });
  const file = path.join(folder, 'tokenizer.json');
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>)));
}
