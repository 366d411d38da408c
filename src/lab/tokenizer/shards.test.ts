import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeShard } from './shard-format.js';
import { readShards, readTokenSplit } from './shard-reader.js';
import { type ShardInput, writeTokenShards } from './shard-writer.js';
import type { Tokenizer } from './tokenizer.js';
import { trainTokenizer } from './train-tokenizer.js';

let root: string;
let tokenizer: Tokenizer;
const train: ShardInput[] = Array.from({ length: 50 }, (_, i) => ({
  id: `a.txt#${i + 1}`,
  text: `text ${i} 数据\n`.repeat(i),
}));
const heldout: ShardInput[] = [{ id: 'b.txt#1', text: 'held out <|endoftext|>' }];

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-shards-'));
  tokenizer = await trainTokenizer(path.join(root, 'tokenizer'), ['abab text data held out'], { vocabularySize: 262 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const newFolder = async (): Promise<string> => path.join(await mkdtemp(path.join(root, 'shards-')), 'tokens');

describe('token shards', () => {
  it.each([1 << 20, 100, 1])('come back document by document, %i tokens a shard', async (shardTokens) => {
    const folder = await newFolder();
    const manifest = await writeTokenShards(folder, { train, heldout }, tokenizer, { shardTokens });
    const split = await readTokenSplit(folder, 'train', tokenizer);
    expect(split.documentIds).toEqual(train.map(({ id }) => id));
    expect(split.tokens.length).toBe(manifest.splits['train']?.tokens);
    for (const [i, { text }] of train.entries()) {
      const start = split.documentStarts[i] as number;
      const end = split.documentStarts[i + 1] ?? split.tokens.length;
      expect(tokenizer.decode([...split.tokens.subarray(start, end - 1)])).toBe(text);
      expect(split.tokens[end - 1]).toBe(tokenizer.endOfText);
      expect(split.documentAt(start)).toBe(i);
      expect(split.documentAt(end - 1)).toBe(i);
      expect(split.documentBytes[i]).toBe(Buffer.byteLength(text));
    }
    expect(split.textBytes).toBe(train.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0));
    const held = await readTokenSplit(folder, 'heldout', tokenizer);
    expect([...held.tokens].filter((id) => id === tokenizer.endOfText)).toHaveLength(1);
  });

  it('use four bytes a token for large vocabularies', async () => {
    const folder = await newFolder();
    const large = { ...tokenizer, vocabSize: 70_000, encode: () => [69_999, 3] };
    await writeTokenShards(folder, { train: [{ id: 'x', text: 'x' }] }, large);
    const { tokens } = await readTokenSplit(folder, 'train', large);
    expect([...tokens]).toEqual([69_999, 3, large.endOfText]);
    expect(tokens.BYTES_PER_ELEMENT).toBe(4);
  });

  it('refuse another tokenizer, an unknown split, a missing folder or shard', async () => {
    const folder = await newFolder();
    await writeTokenShards(folder, { train }, tokenizer);
    const other = { hash: 'ab'.repeat(32) };
    await expect(readTokenSplit(folder, 'train', other)).rejects.toMatchObject({ code: 'shard-other-tokenizer' });
    await expect(readTokenSplit(folder, 'test', tokenizer)).rejects.toMatchObject({ code: 'split-missing' });
    await rm(path.join(folder, 'train-00000.bin'));
    await expect(readTokenSplit(folder, 'train', tokenizer)).rejects.toMatchObject({ code: 'shard-damaged' });
    await expect(readTokenSplit(`${folder}-none`, 'train', tokenizer)).rejects.toMatchObject({
      code: 'shards-missing',
    });
  });

  it('refuse a file cut off anywhere or with any byte changed, by name', async () => {
    const shard = {
      tokens: Uint16Array.of(5, 6, 0, 7, 0),
      documentStarts: Uint32Array.of(0, 3),
      documentBytes: Uint32Array.of(2, 1),
      documentIds: ['a#1', 'b#1'],
    };
    const hash = 'cd'.repeat(32);
    const file = path.join(root, 'x.bin');
    const whole = new Uint8Array(Buffer.concat(encodeShard(shard, hash)));
    await writeFile(file, whole);
    const { tokens, documentIds, documentStarts, documentBytes } = await readShards([file, file], hash);
    expect([tokens, documentIds]).toEqual([Uint16Array.of(5, 6, 0, 7, 0, 5, 6, 0, 7, 0), ['a#1', 'b#1', 'a#1', 'b#1']]);
    expect([...documentStarts, ...documentBytes]).toEqual([0, 3, 5, 8, 2, 1, 2, 1]);
    // Bytes 104 to 127 of the header are unused.
    const used = fc.integer({ min: 0, max: whole.length - 1 }).filter((at) => at < 104 || at >= 128);
    await fc.assert(
      fc.asyncProperty(used, fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = whole.slice();
        changed[at] = (changed[at] as number) ^ change;
        for (const bytes of [changed, whole.subarray(0, at)]) {
          await writeFile(file, bytes);
          await expect(readShards([file], hash)).rejects.toThrow(/x\.bin: /);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('leave what was there untouched when the documents fail half-way', async () => {
    const folder = await newFolder();
    await writeTokenShards(folder, { train }, tokenizer);
    const before = await readFile(path.join(folder, 'train-00000.bin'));
    const failing = (function* (): Generator<ShardInput> {
      yield* heldout;
      throw new Error('source lost');
    })();
    await expect(writeTokenShards(folder, { train: failing }, tokenizer)).rejects.toThrow('source lost');
    expect(await readFile(path.join(folder, 'train-00000.bin'))).toEqual(before);
    expect(await readdir(path.dirname(folder))).toEqual(['tokens']);
  });

  it('refuse a list of shards that is not theirs', async () => {
    const folder = await newFolder();
    await writeTokenShards(folder, { train }, tokenizer);
    await writeFile(path.join(folder, 'manifest.json'), '{"format":"moat-token-shards"}');
    await expect(readTokenSplit(folder, 'train', tokenizer)).rejects.toMatchObject({ code: 'shard-damaged' });
  });
});
