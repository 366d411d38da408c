/** Unigram and WordPiece are trained to the size asked, alike every time, and lose nothing they should keep. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { loadWordPiece } from './wordpiece.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';
import { trainTokenizer } from './train-tokenizer.js';
import { createLattice } from './unigram-lattice.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-train-unigram-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Sentences of a small made-up language, with Chinese between. */
function texts(count: number): string[] {
  const rng = Rng.fromSeed(7);
  const pick = (list: readonly string[]): string => list[Math.floor(rng.uniform() * list.length)] as string;
  const stems = [
    'train',
    'token',
    'model',
    'price',
    'ledger',
    'customer',
    'learn',
    'answer',
    '模型',
    '客户',
    '学习',
    '价格',
  ];
  const ends = ['', 's', 'ing', 'ed', 'er', 'able', '的', '了'];
  return Array.from({ length: count }, () =>
    Array.from({ length: 12 }, () => pick(stems) + pick(ends)).join(rng.uniform() < 0.5 ? ' ' : ', '),
  );
}

describe('Unigram', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await trainTokenizer(path.join(root, 'unigram'), texts(400), { vocabularySize: 480, model: 'unigram' });
  });

  test('has the size asked, special tokens last', () => {
    expect(tokenizer.vocabSize).toBe(480);
    expect(tokenizer.endOfText).toBe(476);
    expect(tokenizer.pad).toBe(477);
  });

  test('learns what texts are made of', () => {
    const pieces = tokenizer
      .encode('model models customer')
      .map((id) => Buffer.from(tokenizer.tokenBytes(id)).toString());
    expect(pieces.join('')).toBe('model models customer');
    expect(pieces.length).toBeLessThanOrEqual(8);
    expect(tokenizer.encode(' 模型').length).toBe(1);
  });

  test('gives any text back, and makes no special token of one', () => {
    const samples = [
      '',
      ' ',
      '  two  spaces ',
      'new\nline\r\n',
      '<|endoftext|>',
      '<0x41>',
      '😀 龘 é \u0301',
      '▁',
      'tab\tNUL\0',
    ];
    for (const text of samples) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(ids.every((id) => id < 476)).toBe(true);
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  test('spells a long run of characters that it has not learned', () => {
    const text = '龘'.repeat(100_000);
    const ids = tokenizer.encode(text);
    expect(ids.length).toBe(300_000);
    expect(tokenizer.decode(ids)).toBe(text);
  });

  test('is the same file for the same texts', async () => {
    const again = path.join(root, 'again');
    await trainTokenizer(again, texts(400), { vocabularySize: 480, model: 'unigram' });
    const fileOf = (folder: string): Promise<string> => readFile(path.join(folder, 'tokenizer.json'), 'utf8');
    expect(await fileOf(again)).toBe(await fileOf(path.join(root, 'unigram')));
    expect((await loadTokenizer(again)).hash).toBe(tokenizer.hash);
  });

  test('says what the texts allow', async () => {
    const train = (vocabularySize: number): Promise<unknown> =>
      trainTokenizer(path.join(root, 'none'), ['one text'], { vocabularySize, model: 'unigram' });
    await expect(train(5000)).rejects.toMatchObject({ code: 'corpus-too-small' });
    await expect(train(300)).rejects.toMatchObject({ code: 'vocabulary-too-small' });
  });
});

describe('the lattice', () => {
  // every way to cut "aab" into a, b, aa, ab: a·a·b, aa·b, a·ab
  const pieces = [
    ['a', Math.log(0.4)],
    ['b', Math.log(0.3)],
    ['aa', Math.log(0.2)],
    ['ab', Math.log(0.1)],
  ] as const;

  test('expects each piece as often as all ways together use it', () => {
    const expected = new Float64Array(4);
    createLattice(pieces).addExpected('aab', 2, expected);
    // probabilities: 0.4·0.4·0.3 = 0.048, 0.2·0.3 = 0.06, 0.4·0.1 = 0.04, in all 0.148; two copies
    const counts = [2 * 0.048 + 0.04, 0.048 + 0.06, 0.06, 0.04].map((share) => (2 * share) / 0.148);
    for (const [id, count] of counts.entries()) expect(expected[id]).toBeCloseTo(count, 10);
  });

  test('finds the most probable way, also without a piece', () => {
    const lattice = createLattice(pieces);
    expect(lattice.bestPath('aab')).toEqual([2, 1]);
    expect(lattice.bestPath('aab', 2)).toEqual([0, 0, 1]);
    expect(lattice.bestPath('axb')).toEqual([0, -1, 1]);
  });
});

describe('WordPiece', () => {
  test('is read by encoders and by everything else', async () => {
    const folder = path.join(root, 'wordpiece');
    const tokenizer = await trainTokenizer(folder, texts(400), { vocabularySize: 276, model: 'wordpiece' });
    expect(tokenizer.vocabSize).toBe(276);
    const encoder = await loadWordPiece(folder);
    const plain = tokenizer.encode('models learning');
    expect(encoder.encode('models learning').ids).toEqual([...tokenizer.promptStart, ...plain, tokenizer.endOfText]);
    expect(tokenizer.decode(plain)).toBe('models learning');
    expect(plain.map((id) => encoder.tokenOf(id))).toEqual(['models', 'learn', '##ing']);
  });

  test('spells characters as they stand in words, also rare ones', async () => {
    const folder = path.join(root, 'characters');
    const lines = [...texts(400), 'naïve 龘'];
    const tokenizer = await trainTokenizer(folder, lines, { vocabularySize: 290, model: 'wordpiece' });
    const { model } = JSON.parse(await readFile(path.join(folder, 'tokenizer.json'), 'utf8')) as {
      model: { vocab: Record<string, number> };
    };
    // a Chinese character is always a word of its own
    const spelled = ['##ï', 'ï', '龘', '##龘', '##模'].map((token) => token in model.vocab);
    expect(spelled).toEqual([true, true, true, false, false]);
    expect(tokenizer.decode(tokenizer.encode('naïve 龘'))).toBe('naïve 龘');
  });
});

describe.each(['bpe', 'unigram', 'wordpiece'] as const)('%s of few texts', (model) => {
  test('names the largest vocabulary they allow, which it is', async () => {
    const folder = path.join(root, `few-${model}`);
    const lines = [...texts(60), '春花秋月何时了 往事知多少', 'one word twice twice'];
    const train = (vocabularySize: number): Promise<Tokenizer> =>
      trainTokenizer(folder, lines, { vocabularySize, model });
    const error = await train(20_000).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'corpus-too-small' });
    const possible = Number(/at most (\d+) tokens/.exec(String(error))?.[1]);
    expect((await train(possible)).vocabSize).toBe(possible);
    await expect(train(possible + 1)).rejects.toMatchObject({ code: 'corpus-too-small' });
  });
});

test("BPE learns on Llama 3's split, digits in threes", async () => {
  const folder = path.join(root, 'llama3');
  const tokenizer = await trainTokenizer(folder, ['1234567 1234567 1234567 words words'], {
    vocabularySize: 268,
    split: 'llama3',
  });
  const pieces = tokenizer.encode('1234567').map((id) => Buffer.from(tokenizer.tokenBytes(id)).toString());
  expect(pieces).toEqual(['123', '456', '7']);
});
