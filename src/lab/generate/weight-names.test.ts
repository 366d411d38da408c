/** Files of the body alone, without the prefix that a head brings: GPT-2's own are such. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { openSafetensors, writeSafetensors } from '../checkpoint/safetensors.js';
import { loadModel } from './load-model.js';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'moat-names-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const CONFIGS = {
  gpt2: { model_type: 'gpt2', n_embd: 64, n_layer: 2, n_head: 4, n_positions: 128 },
  llama: { model_type: 'llama', tie_word_embeddings: true },
};

/** The folder with its tensors renamed, and one that belongs to no parameter. */
async function renamed(source: string, folder: string, rename: (name: string) => string): Promise<void> {
  await mkdir(folder);
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    await writeFile(path.join(folder, name), await readFile(path.join(source, name)));
  const reader = await openSafetensors(path.join(source, 'model.safetensors'));
  const tensors: { name: string; shape: number[]; data: Float32Array }[] = [
    { name: 'h.0.attn.bias', shape: [1], data: new Float32Array(1) },
  ];
  for (const [name, { shape }] of reader.tensors)
    tensors.push({ name: rename(name), shape: [...shape], data: await reader.readFloat32(name) });
  await reader.close();
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
}

test.each(Object.entries(CONFIGS))('%s: a body alone loads as the whole', async (name, keys) => {
  const [source, body, other] = ['', '-body', '-other'].map((suffix) => path.join(scratch, `${name}${suffix}`)) as [
    string,
    string,
    string,
  ];
  await writeModelFolder(source, keys);
  await renamed(source, body, (tensor) => tensor.replace(/^(transformer|model)\./, ''));
  const [whole, bare] = [await loadModel(source), await loadModel(body)];
  expect([...bare.weights]).toEqual([...whole.weights]);
  await renamed(source, other, (tensor) => tensor.replace(/^(transformer|model)\./, 'decoder.'));
  await expect(loadModel(other)).rejects.toMatchObject({ code: 'other-weights' });
});
