/** A larger vocabulary in a model: old texts compute what they did, new tokens begin as the mean of what they replace. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { openModelFolder } from '../checkpoint/model-folder.js';
import { extendTokenizer } from '../tokenizer/extend-tokenizer.js';
import { loadTokenizer } from '../tokenizer/tokenizer.js';
import { extendModel } from './extend-model.js';
import { loadModel } from './load-model.js';

const CHINESE = Array.from({ length: 40 }, (_, i) => `订单会在两天内发出，不合适的商品可以退回，运费由我们承担。${i}`);

let root: string;
let source: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-extend-'));
  source = path.join(root, 'llama');
  await writeModelFolder(source, { model_type: 'llama', intermediate_size: 80, tie_word_embeddings: false });
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('the tokenizer spells Chinese in fewer tokens, and old texts as before', async () => {
  const target = path.join(root, 'larger');
  const before = await loadTokenizer(source);
  const result = await extendModel(source, target, CHINESE, { newTokens: 60 });
  const after = await loadTokenizer(target);
  const { added } = await extendTokenizer(source, path.join(root, 'again'), CHINESE, { newTokens: 60 });
  expect(result).toMatchObject({ modelType: 'llama', oldTokens: before.vocabSize, newTokens: 60 });
  expect(after.vocabSize).toBe(before.vocabSize + 60);
  const [text] = CHINESE as [string];
  expect(after.encode(text).length).toBeLessThan(before.encode(text).length / 2);
  expect(after.decode(after.encode(text))).toBe(text);
  const english = 'Nothing of this is new.';
  expect(after.encode(english)).toEqual(before.encode(english));

  // rows: old ones as they were, each new one the mean of the rows of its parts
  const [old, grown] = await Promise.all([openModelFolder(source), openModelFolder(target)]);
  for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) {
    const [was, is] = await Promise.all([old.weights.readFloat32(name), grown.weights.readFloat32(name)]);
    const width = old.weights.tensors.get(name)?.shape[1] as number;
    // the rows behind the last old token were padding
    const rows = before.vocabSize * width;
    expect(is.subarray(0, rows)).toEqual(was.subarray(0, rows));
    for (const { id, parts } of added) {
      expect(Buffer.concat(parts.map((part) => before.tokenBytes(part)))).toEqual(Buffer.from(after.tokenBytes(id)));
      for (let i = 0; i < width; i++) {
        const mean = parts.reduce((sum, part) => sum + (was[part * width + i] as number), 0) / parts.length;
        expect(is[id * width + i]).toBeCloseTo(mean, 6);
      }
    }
  }
  const names = [...old.weights.tensors.keys()].filter((name) => !/embed_tokens|lm_head/.test(name));
  for (const name of names) {
    expect(Buffer.compare(await old.weights.readBytes(name), await grown.weights.readBytes(name))).toBe(0);
  }
  await Promise.all([old.close(), grown.close()]);
  expect((await loadModel(target)).model.config.vocab_size).toBe(result.rows);
});

test('what cannot be done leaves nothing behind', async () => {
  const target = path.join(root, 'none');
  await expect(extendModel(source, target, ['little'], { newTokens: 5000 })).rejects.toMatchObject({
    code: 'corpus-too-small',
  });
  await expect(extendModel(source, source, CHINESE, { newTokens: 5 })).rejects.toMatchObject({ code: 'folder-taken' });
  expect((await readdir(root)).filter((name) => name.startsWith('none'))).toEqual([]);
  expect(JSON.parse(await readFile(path.join(source, 'config.json'), 'utf8'))).toMatchObject({ model_type: 'llama' });
});
