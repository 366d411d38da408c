/** A small BERT that learned a few sentences, from nothing, as `moat train` does. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { Rng } from '../../base/rng.js';
import { checkpointDirectory } from '../checkpoint/run-checkpoints.js';
import { TOKENIZER_FILE } from '../tokenizer/tokenizer-file.js';
import { trainTokenizer } from '../tokenizer/train-tokenizer.js';
import { parseRunConfig } from '../train/run-config.js';
import { trainRun } from '../train/session.js';
import { type Insertion, insertWords } from './masked-insertion.js';

/** Who is what, with the one word that goes with it, and without. */
const SENTENCES = ['我', '你', '他', '她'].flatMap((who) =>
  ['程序员', '老师', '医生', '司机'].flatMap((what) => [`${who}是一名${what}。`, `${who}是一名优秀的${what}。`]),
);
const STEPS = 800;

let folder: string;
let model: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'insertion-'));
  const rng = Rng.fromSeed(3);
  const texts = Array.from({ length: 3000 }, () => SENTENCES[rng.below(SENTENCES.length)] as string);
  const tokenizerFolder = path.join(folder, 'tokenizer');
  const tokenizer = await trainTokenizer(tokenizerFolder, texts, { vocabularySize: 213, model: 'wordpiece' });
  const rate = 0.005;
  const config = parseRunConfig(
    {
      schemaVersion: 1,
      model: {
        model_type: 'bert',
        vocab_size: tokenizer.vocabSize,
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        max_position_embeddings: 24,
        initializer_range: 0.15,
        hidden_dropout_prob: 0,
        attention_probs_dropout_prob: 0,
      },
      loop: {
        batchSize: 16,
        sequenceLength: 24,
        gradientAccumulation: 1,
        maxSteps: STEPS,
        schedule: { kind: 'wsd', warmupSteps: 5, decayFraction: 0.5, finalScale: 0.02 },
        clipNorm: 1,
        evalEvery: 1000,
        checkpointEvery: 1000,
      },
      optimizer: {
        kind: 'adamw',
        learningRate: rate,
        embeddingLearningRate: rate,
        headLearningRate: rate,
        vectorLearningRate: rate,
        weightDecay: 0,
      },
      keepCheckpoints: 1,
      seed: 1,
      tokenizerHash: tokenizer.hash,
    },
    'test',
  );
  const stream = texts.flatMap((text) => [...tokenizer.encode(text), tokenizer.endOfText]);
  await trainRun({
    runDirectory: path.join(folder, 'run'),
    config,
    resume: undefined,
    trainTokens: Uint16Array.from(stream),
    validation: undefined,
    files: { [TOKENIZER_FILE]: await readFile(path.join(tokenizerFolder, TOKENIZER_FILE), 'utf8') },
    tokenizerHash: tokenizer.hash,
    tokens: tokenizer,
    threads: 1,
    clock: systemClock,
  });
  model = checkpointDirectory(path.join(folder, 'run'), STEPS);
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function inserted(text: string, length: number): Promise<Insertion[]> {
  const steps: Insertion[] = [];
  for await (const step of insertWords(model, text, { length, threads: 1 })) steps.push(step);
  return steps;
}

test('words are inserted until the text is as long as asked, the surest first', async () => {
  const steps = await inserted('我是一名程序员。', 11);
  expect(steps.at(-1)?.text).toBe('我是一名优秀的程序员。');
  expect(steps.map(({ word }) => word).sort()).toEqual(['优', '的', '秀'].sort());
  expect(steps.every(({ probability }) => probability > 0.5 && probability <= 1)).toBe(true);
  // the same again: nothing is drawn
  expect(await inserted('我是一名程序员。', 11)).toEqual(steps);
});

test('no word twice, and it ends where none is left', async () => {
  const steps = await inserted('他是一名司机。', 20);
  const words = [...'他是一名司机。', ...steps.map(({ word }) => word)];
  expect(new Set(words).size).toBe(words.length);
});

test('what cannot be done is refused in one line', async () => {
  await expect(inserted('我是一名程序员。', 8)).rejects.toThrow('the text has 8 tokens already, 8 are asked for');
  await expect(inserted('我是一名程序员。', 40)).rejects.toThrow('40 tokens are more than the 22 that the model reads');
});
