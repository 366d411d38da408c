/** Every kind of `tokenizer.json` gives the ids and the texts of Hugging Face's tokenizers (tests/golden/tokenizers). */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

const GOLDEN = fileURLToPath(new URL('../../../tests/golden/tokenizers/', import.meta.url));
const KINDS = [
  'gpt2',
  'llama3',
  'qwen2',
  'smollm',
  'llama2',
  't5',
  'xlmr',
  'albert',
  'unsplit',
  'bert-uncased',
  'bert-cased',
];
/** Decoding gives back the text itself. */
const LOSSLESS = ['gpt2', 'llama3', 'smollm'];

interface Golden {
  readonly file: object;
  readonly ids: readonly (readonly number[])[];
  readonly decoded: readonly string[];
}

let root: string;
let texts: readonly string[];
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-tokenizer-goldens-'));
  texts = (JSON.parse(await readFile(`${GOLDEN}texts.json`, 'utf8')) as { texts: string[] }).texts;
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function load(kind: string): Promise<{ tokenizer: Tokenizer; golden: Golden }> {
  const golden = JSON.parse(await readFile(`${GOLDEN}${kind}.json`, 'utf8')) as Golden;
  const folder = await mkdtemp(path.join(root, kind));
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(golden.file));
  return { tokenizer: await loadTokenizer(folder), golden };
}

describe.each(KINDS)('%s', (kind) => {
  test('gives the same ids', async () => {
    const { tokenizer, golden } = await load(kind);
    const ids = texts.map((text) => tokenizer.encode(text));
    for (const [index, text] of texts.entries()) expect([text, ids[index]]).toEqual([text, golden.ids[index]]);
  });

  test('gives the same texts back', async () => {
    const { tokenizer, golden } = await load(kind);
    for (const [index, ids] of golden.ids.entries()) {
      expect(tokenizer.decode(ids)).toBe(golden.decoded[index]);
    }
    if (LOSSLESS.includes(kind)) expect(golden.decoded).toEqual(texts);
  });
});
