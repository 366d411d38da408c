import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallConfig } from '../../../tests/small-run.js';
import { type RunConfig, parseRunConfig } from '../../lab/train/run-config.js';
import type { Override } from '../config/overrides.js';
import { type Fork, forkedConfig, readForkSettings } from './fork-settings.js';

let runs: string;
const samples = { prompts: ['Once'], tokens: 8 };
const source: RunConfig = { ...smallConfig('muon', 10), samples };

beforeAll(async () => {
  runs = await mkdtemp(path.join(tmpdir(), 'moat-fork-'));
  await mkdir(path.join(runs, 'first'));
  await writeFile(path.join(runs, 'first', 'config.json'), JSON.stringify(source));
});
afterAll(() => rm(runs, { recursive: true }));

const tokenizer = { vocabularySize: 32, endOfText: 31, pad: 31, endOfTurn: 31, hash: 'abc' };
const set = (field: string, value: Override['value']): Override => ({ path: field, value, label: `--set ${field}` });
const fork = (...overrides: readonly Override[]): Promise<RunConfig> =>
  forkedConfig(runs, { run: 'first', withWeights: false, fromStep: undefined, overrides } satisfies Fork, tokenizer);

test('a fork in which nothing is changed is asked to do the same', async () => {
  expect(await fork()).toEqual(source);
});

test('what is given is changed and nothing else, whatever the project says', async () => {
  const forked = await fork(set('train.learningRate', 0.001), set('train.batchSize', 4), set('train.seed', 9));
  expect(forked).toEqual({
    ...source,
    seed: 9,
    loop: { ...source.loop, batchSize: 4 },
    optimizer: { ...source.optimizer, learningRate: 0.001 },
  });
});

test('a budget in minutes replaces one in steps; both, when both are given', async () => {
  const { maxSteps: _, ...loop } = source.loop;
  expect((await fork(set('train.minutes', 2))).loop).toEqual({ ...loop, maxSeconds: 120 });
  const both = await fork(set('train.minutes', 2), set('train.steps', 50));
  expect(both.loop).toMatchObject({ maxSteps: 50, maxSeconds: 120 });
});

test('another optimizer brings its own rates, but for those that are given', async () => {
  const { optimizer } = await fork(set('train.optimizer', 'adamw'), set('train.headLearningRate', 0.005));
  expect(optimizer).toMatchObject({
    kind: 'adamw',
    learningRate: 0.002,
    embeddingLearningRate: 0.002,
    headLearningRate: 0.005,
  });
});

test('samples can be changed, and left out', async () => {
  const samples = { prompts: ['Twice', 'a line\nand another'], tokens: 8 };
  expect((await fork(set('train.samplePrompt', 'Twice\n\na line\\nand another'))).samples).toEqual(samples);
  expect((await fork(set('train.sampleTokens', 0))).samples).toBeUndefined();
  // as runs wrote it when they had one text
  expect(parseRunConfig({ ...source, samples: { prompt: 'Once', tokens: 8 } }, 'config.json').samples).toEqual(
    source.samples,
  );
});

test('what cannot be is refused by its own name', async () => {
  await expect(fork(set('model.depth', 3))).rejects.toMatchObject({ code: 'fork-keeps-model' });
  await expect(fork(set('train.sequenceLength', 32))).rejects.toThrow(
    '--set train.sequenceLength: expected at most model.contextLength (16), found 32',
  );
  const other = { ...tokenizer, hash: 'other' };
  const plain = { run: 'first', withWeights: false, fromStep: undefined, overrides: [] };
  await expect(forkedConfig(runs, plain, other)).rejects.toMatchObject({ code: 'other-tokenizer' });
  await expect(forkedConfig(runs, { ...plain, run: 'none' }, tokenizer)).rejects.toMatchObject({ code: 'no-such-run' });
  await expect(readForkSettings(runs, '../first')).rejects.toMatchObject({ code: 'bad-run-name' });
});
