/** Adapters merged into their base: on disk and in memory they compute what they compute beside it. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { Rng } from '../../base/rng.js';
import { readAdapterFolder, writeAdapterFolder } from '../checkpoint/adapter-folder.js';
import type { AdapterConfig } from '../checkpoint/adapter-config.js';
import { input } from '../graph/tensor.js';
import { type CausalModel, INFERENCE } from '../models/model.js';
import { type Value, compile, floats, integers } from '../runtime/program.js';
import { adaptModel } from '../train/adapters/adapt-model.js';
import { adapterContents, initialAdapter } from '../train/adapters/adapter-weights.js';
import { baseSha256, floatsOf } from '../train/adapters/model-values.js';
import { parameterInputs } from '../train/objective.js';
import { baseFolderOf, loadAdaptedModel, loadModelOrAdapter } from './load-adapted-model.js';
import { loadModel } from './load-model.js';
import { mergeAdapter } from './merge-adapter.js';

const LORA: AdapterConfig = { rank: 3, alpha: 6, targetModules: ['q_proj', 'down_proj'] };

let root: string;
let base: string;
const at = (name: string): string => path.join(root, name);
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-merge-'));
  base = at('base');
  await writeModelFolder(base, { model_type: 'llama', tie_word_embeddings: false });
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** An adapter that has learned something, in a folder. @returns the logits it gives beside the base */
async function trained(folder: string, config: AdapterConfig): Promise<Float32Array> {
  const { model, weights } = await loadModel(base);
  const adapted = adaptModel(model, config);
  const values = initialAdapter(adapted, (name) => floatsOf(weights, name), 3);
  const rng = Rng.fromSeed(4);
  for (const value of values.values()) for (let i = 0; i < value.length; i++) value[i]! += rng.normal() * 0.1;
  const about = { baseModel: base, baseSha256: baseSha256(model, weights) };
  await writeAdapterFolder(
    folder,
    adapterContents(adapted, (name) => values.get(name) as Float32Array, about),
  );
  const all = new Map(weights);
  for (const { name, shape } of adapted.adapterSpecs) all.set(name, floats(values.get(name) as Float32Array, shape));
  return logitsOf(adapted.model, all);
}

async function logitsOf(model: CausalModel, weights: ReadonlyMap<string, Value>): Promise<Float32Array> {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const tokens = input('tokens', [1, 6], 'int64');
  const { logits } = model.forward(lookUp, { tokens }, INFERENCE);
  const program = await compile({ logits }, [tokens, ...tensors]);
  const results = await program.run({ ...Object.fromEntries(weights), tokens: integers([5, 9, 2, 6, 5, 3], [1, 6]) });
  await program.close();
  return results['logits']?.data as Float32Array;
}

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (b[index] as number))), 0);

test.each([
  ['LoRA', LORA],
  ['rank-stabilised, every layer', { rank: 2, alpha: 2, useRslora: true }],
  ['DoRA', { ...LORA, useDora: true }],
  ['a head saved whole', { ...LORA, modulesToSave: ['lm_head'] }],
] satisfies [string, AdapterConfig][])(
  '%s: merged on disk and in memory the logits are the same',
  async (name, config) => {
    const [adapter, folder] = [at(`${name}-adapter`), at(`${name}-merged`)];
    const beside = await trained(adapter, config);
    const before = await loadModel(base);
    expect(largestDifference(beside, await logitsOf(before.model, before.weights))).toBeGreaterThan(1e-2);
    const result = await mergeAdapter(adapter, base, folder);
    expect(result.baseIsProven).toBe(true);
    const onDisk = await loadModel(folder);
    expect(largestDifference(beside, await logitsOf(onDisk.model, onDisk.weights))).toBeLessThan(1e-4);
    const inMemory = await loadAdaptedModel(base, adapter);
    expect(largestDifference(beside, await logitsOf(inMemory.model, inMemory.weights))).toBeLessThan(1e-4);
    const byName = await loadModelOrAdapter(adapter);
    expect(byName.weights).toEqual(inMemory.weights);
    expect((await readdir(folder)).sort()).toContain('tokenizer.json');
  },
);

test('what was written is read back: settings, modules, tensors', async () => {
  const folder = at('read-back');
  await trained(folder, { ...LORA, dropout: 0.05, useDora: true });
  const { config, baseModel, tensors } = await readAdapterFolder(folder);
  expect(config).toMatchObject({
    rank: 3,
    alpha: 6,
    dropout: 0.05,
    useDora: true,
    useRslora: false,
    modulesToSave: [],
  });
  expect(config.targetModules).toContain('model.layers.0.self_attn.q_proj');
  expect(baseModel).toBe(base);
  expect(tensors.get('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight')?.shape[0]).toBe(3);
  const stored = JSON.parse(await readFile(path.join(folder, 'adapter_config.json'), 'utf8')) as object;
  expect(stored).toMatchObject({ peft_type: 'LORA', target_modules: ['q_proj', 'down_proj'], task_type: 'CAUSAL_LM' });
});

test('an adapter for another base is refused, and nothing is left behind', async () => {
  const adapter = at('refused-adapter');
  await trained(adapter, LORA);
  await writeModelFolder(at('wider'), { model_type: 'llama', tie_word_embeddings: false, intermediate_size: 80 });
  await writeModelFolder(at('other-kind'), { model_type: 'gpt2', n_embd: 64, n_layer: 1, n_head: 4 });
  await expect(mergeAdapter(adapter, at('wider'), at('never'))).rejects.toMatchObject({
    code: 'other-base',
    message: expect.stringMatching(/lora_A.weight" is \[3, \d+\], not \[3, 80\]$/) as string,
  });
  await expect(mergeAdapter(adapter, at('other-kind'), at('never'))).rejects.toMatchObject({ code: 'other-base' });
  // the same shapes, other numbers: only the hash tells
  const twin = at('twin');
  await mergeAdapter(adapter, base, twin);
  await expect(mergeAdapter(adapter, twin, at('never'))).rejects.toMatchObject({
    code: 'other-base',
    message: expect.stringContaining('SHA-256') as string,
  });
  await expect(loadAdaptedModel(twin, adapter)).rejects.toMatchObject({ code: 'other-base' });
  expect((await readdir(root)).filter((name) => name.startsWith('never'))).toEqual([]);
});

test('a folder whose base is gone, or not named, says so', async () => {
  const folder = at('homeless');
  await trained(folder, LORA);
  const file = path.join(folder, 'adapter_config.json');
  const good = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...good, base_model_name_or_path: '../base' }));
  expect(await baseFolderOf(folder)).toBe(base);
  await writeFile(file, JSON.stringify({ ...good, base_model_name_or_path: 'HuggingFaceTB/SmolLM2-135M' }));
  await expect(loadModelOrAdapter(folder)).rejects.toMatchObject({ code: 'base-missing' });
  await writeFile(file, JSON.stringify({ ...good, base_model_name_or_path: null }));
  await expect(loadModelOrAdapter(folder)).rejects.toMatchObject({ code: 'bad-adapter' });
  expect(await baseFolderOf(base)).toBe(base);
});

test('files that are no adapter are refused by what is wrong with them', async () => {
  const folder = at('damaged');
  await trained(folder, LORA);
  const file = path.join(folder, 'adapter_config.json');
  const good = JSON.parse(await readFile(file, 'utf8')) as object;
  const refused = async (text: string, what: RegExp): Promise<void> => {
    await writeFile(file, text);
    await expect(readAdapterFolder(folder)).rejects.toMatchObject({
      code: 'bad-adapter',
      message: expect.stringMatching(what) as string,
    });
  };
  await refused('{', /not JSON/);
  await refused(JSON.stringify({ ...good, peft_type: 'IA3' }), /peft_type/);
  await refused(JSON.stringify({ ...good, r: 0 }), /: r: /);
  await refused(JSON.stringify({ ...good, rank_pattern: { q_proj: 8 } }), /"rank_pattern", which is not supported/);
  await rm(file);
  await refused('null', /the file/);
  await expect(readAdapterFolder(at('nowhere'))).rejects.toMatchObject({ code: 'bad-adapter' });
});
