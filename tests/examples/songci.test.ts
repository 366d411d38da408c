/** The example's own functions at toy size: two-line verses of a made-up kind, learned by heart. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rng } from '../../src/base/rng.js';
import {
  DEFAULTS,
  type SongciSettings,
  countCharacters,
  createPoet,
  firstLine,
  readPoems,
  takeCharacters,
  train,
} from '../../examples/songci.js';

const SEASONS = ['春', '夏', '秋', '冬'];
/** In no order, so that the season must be read. */
const rng = Rng.fromSeed(3);
const POEMS = Array.from({ length: 80 }, () => {
  const season = SEASONS[rng.below(SEASONS.length)] as string;
  return `${season}日风来，\n${season}月出${season}云。`;
});
const GREEDY = { temperature: 0, topK: 0, topP: 1, minP: 0 };
/** Chunks that end in the middle of verses: a chunk of whole ones could be told by its place in the stream. */
const TOY = { batchSize: 4, sequenceLength: 25, embeddingSize: 16, hiddenSize: 48, layers: 1, vocabularySize: 40 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'songci-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, content: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

test.each(['text_generator', 'big_model'] as const)('%s: learns its verses and goes on with them', async (model) => {
  const settings: SongciSettings = { ...DEFAULTS[model], ...TOY, epochs: 30, learningRate: 0.01 };
  const printed: string[] = [];
  const trained = await train(POEMS, settings, (line) => void printed.push(line));
  const reports = printed.filter((line) => line.startsWith('Epoch'));
  expect(reports).toEqual(trained.losses.map((loss, i) => `Epoch ${i + 1}/30  Loss ${loss.toFixed(3)}`));
  expect(reports[0]).toMatch(/^Epoch 1\/30 {2}Loss \d\.\d{3}$/);
  expect(trained.losses).toHaveLength(30);
  expect(trained.losses.at(-1)).toBeLessThan((trained.losses[0] as number) / 2);
  const poet = await createPoet(trained, 1);
  const continued = await poet.write('秋日风来，', GREEDY, 12);
  const unknown = await poet.write('程序员', { temperature: 1, topK: 0, topP: 1, minP: 0 }, 5);
  await poet.close();
  expect(continued).toBe('\n秋月出秋云。');
  expect(Array.from(unknown).length).toBeLessThanOrEqual(5);
});

test('reads JSON lines and plain text, and says which line is none', async () => {
  const lines = POEMS.map((text) => JSON.stringify({ text })).join('\n');
  expect(await readPoems(await write('poems.jsonl', lines))).toEqual(POEMS);
  expect(await readPoems(await write('poems.txt', POEMS.join('\n\n')))).toEqual(POEMS);
  await expect(readPoems(await write('bad.jsonl', '{"text": "a"}\n{"title": "b"}'))).rejects.toThrow(/bad\.jsonl:2/);
  await expect(readPoems(await write('none.jsonl', 'no json'))).rejects.toThrow(/none\.jsonl:1: not JSON/);
  await expect(readPoems(await write('empty.txt', '\n\n'))).rejects.toThrow(/no text/);
});

test('the most frequent characters are kept, others become one', () => {
  const characters = countCharacters(['aab', 'abc'], 4);
  expect(characters.size).toBe(4);
  expect(characters.encode('abc')).toEqual([2, 3, 1]);
  expect(characters.decode([2, 3, 1, characters.end])).toBe('ab□');
});

test('first lines and a first part of the poems', () => {
  expect(firstLine('春日风来，\n春月出。')).toBe('春日风来，');
  expect(takeCharacters(['ab', 'cd', 'ef'], 3)).toEqual(['ab', 'cd']);
});
