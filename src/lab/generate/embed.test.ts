/** A folder as sentence-transformers lays it out, written here; vectors of tests/golden/encoders/sentences.json. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSentenceGolden, writeSentenceModel } from '../../../tests/golden/encoders/sentence-model.js';
import { cosineSimilarity, embedSentences, loadSentenceEncoder } from './embed.js';

const golden = await readSentenceGolden();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sentences-'));
});
afterEach(() => rm(folder, { recursive: true }));

const writeJson = (name: string, content: unknown): Promise<void> =>
  writeFile(path.join(folder, name), JSON.stringify(content));

const writeModel = (rename?: (name: string) => string): Promise<void> => writeSentenceModel(folder, golden, rename);

async function writeModules(pooling: Record<string, boolean>, steps: readonly string[]): Promise<void> {
  const modules = ['Transformer', 'Pooling', ...steps].map((name, index) => ({
    path: index === 0 ? '' : `${index}_${name}`,
    type: `sentence_transformers.models.${name}`,
  }));
  await writeJson('modules.json', modules);
  await mkdir(path.join(folder, '1_Pooling'));
  await writeJson('1_Pooling/config.json', pooling);
}

function expectClose(vectors: readonly Float32Array[], expected: readonly number[][]): void {
  expect(vectors).toHaveLength(expected.length);
  for (const [index, vector] of vectors.entries())
    for (const [place, value] of vector.entries()) expect(value).toBeCloseTo(expected[index]?.[place] as number, 5);
}

describe('embedSentences', () => {
  test('gives the vectors of the reference, whatever the batch, in the order of the texts', async () => {
    await writeModel();
    expectClose(await embedSentences(folder, golden.texts), golden.mean);
    const encoder = await loadSentenceEncoder(folder);
    const many = Array.from({ length: 150 }, (_, i) => i % golden.texts.length);
    const vectors = await encoder.embed(many.map((i) => golden.texts[i] as string));
    expectClose(
      vectors,
      many.map((i) => golden.mean[i] as number[]),
    );
    expect(encoder).toMatchObject({ width: 12, maxTokens: 9 });
    expect(await encoder.embed([])).toEqual([]);
    await encoder.close();
  });

  test('reads files with a prefix, and with the older names of gains and biases', async () => {
    await writeModel((name) => `bert.${name.replace('Norm.weight', 'Norm.gamma').replace('Norm.bias', 'Norm.beta')}`);
    expectClose(await embedSentences(folder, golden.texts), golden.mean);
  });

  test('pools as the folder says', async () => {
    await writeModel();
    await writeModules({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, []);
    expectClose(await embedSentences(folder, golden.texts), golden.first);
  });

  test('refuses what it would compute wrongly', async () => {
    await writeModel();
    await writeModules({ pooling_mode_max_tokens: true, pooling_mode_mean_tokens: false }, ['Normalize']);
    await expect(embedSentences(folder, ['a'])).rejects.toMatchObject({ code: 'sentence-settings-unsupported' });
    await writeJson('1_Pooling/config.json', { pooling_mode_mean_tokens: true });
    await writeJson('modules.json', [{ path: '', type: 'sentence_transformers.models.Dense' }]);
    await expect(embedSentences(folder, ['a'])).rejects.toMatchObject({ code: 'sentence-settings-unsupported' });
    await writeJson('modules.json', []);
    await writeJson('config.json', { ...golden.config, hidden_size: 24 });
    await expect(embedSentences(folder, ['a'])).rejects.toMatchObject({ code: 'bad-safetensors' });
    await writeJson('config.json', { ...golden.config, num_hidden_layers: 2 });
    await expect(embedSentences(folder, ['a'])).rejects.toThrow('it has no tensor "encoder.layer.1.');
    await writeJson('config.json', golden.config);
    await rm(path.join(folder, 'model.safetensors'));
    await expect(embedSentences(folder, ['a'])).rejects.toMatchObject({ code: 'model-missing' });
    await writeJson('config.json', { ...golden.config, vocab_size: 20 });
    await expect(embedSentences(folder, ['a'])).rejects.toMatchObject({ code: 'other-vocabulary' });
    await writeJson('config.json', {
      model_type: 't5',
      vocab_size: 9,
      d_model: 4,
      d_kv: 2,
      d_ff: 4,
      num_layers: 1,
      num_heads: 2,
    });
    await expect(embedSentences(folder, ['a'])).rejects.toMatchObject({ code: 'not-an-encoder' });
  });
});

test('cosineSimilarity', () => {
  expect(cosineSimilarity(Float32Array.of(1, 0), Float32Array.of(2, 0))).toBe(1);
  expect(cosineSimilarity(Float32Array.of(1, 0), Float32Array.of(0, 3))).toBe(0);
  expect(cosineSimilarity(Float32Array.of(1, 1), Float32Array.of(-1, -1))).toBeCloseTo(-1);
  expect(() => cosineSimilarity(Float32Array.of(1), Float32Array.of(1, 2))).toThrow(RangeError);
});
