/** Ids of tests/golden/encoders/wordpiece (made by make_wordpiece.py there with Hugging Face's `tokenizers`). */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WordPieceTokenizer, loadWordPiece } from './wordpiece.js';

interface Encoded {
  readonly ids: number[];
  readonly types: number[];
}
interface Described {
  readonly file: { normalizer: { type: string } };
  readonly ids: number[][];
  readonly pairs: Encoded[];
  readonly cut: (Encoded & { readonly length: number })[];
}
interface Golden extends Record<'uncased' | 'cased' | 'accented', Described> {
  readonly texts: string[];
  readonly pairs: [string, string][];
}

const source = new URL('../../../tests/golden/encoders/wordpiece/wordpiece.json', import.meta.url);
const golden = JSON.parse(await readFile(source, 'utf8')) as Golden;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wordpiece-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(file: unknown): Promise<WordPieceTokenizer> {
  await writeFile(path.join(folder, 'tokenizer.json'), typeof file === 'string' ? file : JSON.stringify(file));
  return loadWordPiece(folder);
}

describe.each(['uncased', 'cased', 'accented'] as const)('%s', (kind) => {
  const expected = golden[kind];

  test('texts give the ids of the reference', async () => {
    const { encode } = await load(expected.file);
    for (const [index, text] of golden.texts.entries())
      expect(encode(text).ids, JSON.stringify(text)).toEqual(expected.ids[index]);
  });

  test('pairs, whole and cut, give its ids and types', async () => {
    const { encode } = await load(expected.file);
    for (const [index, [first, second]] of golden.pairs.entries()) {
      const { ids, types } = expected.pairs[index] as Encoded;
      expect(encode(first, { second })).toEqual({ ids, tokenTypes: types });
    }
    for (const [index, { length, ids, types }] of expected.cut.entries()) {
      const [first, second] = golden.pairs[index % golden.pairs.length] as [string, string];
      expect(encode(first, { second, maxTokens: length }), `${first} ${length}`).toEqual({ ids, tokenTypes: types });
    }
  });
});

test('ids and spellings are each other’s inverse', async () => {
  const { idOf, tokenOf, vocabSize } = await load(golden.uncased.file);
  expect(idOf('##able')).toBeDefined();
  for (let id = 0; id < vocabSize; id++) expect(idOf(tokenOf(id))).toBe(id);
  expect(() => tokenOf(vocabSize)).toThrow(RangeError);
});

test('what cannot be read is refused by name', async () => {
  await expect(load('{"model":')).rejects.toMatchObject({ code: 'tokenizer-damaged' });
  const other = { ...golden.uncased.file, normalizer: { type: 'NFC' } };
  await expect(load(other)).rejects.toMatchObject({
    code: 'tokenizer-unsupported',
    message: expect.stringContaining('normalizer.type'),
  });
  await expect(loadWordPiece(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'tokenizer-missing' });
});
