import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { RunEvent } from '../../base/run-events.js';
import { parseRunConfig } from '../train/run-config.js';
import { type Candidate, MOST_PASSES, bestModel } from './best-model.js';
import { checkLargest } from './check-law.js';
import { fitLaw, predictLoss } from './fit-law.js';
import { type PlanningRun, planningRunOf } from './planning-runs.js';
import { modelSize } from './training-work.js';

/** Real runs; the file says which commands made them. */
const { runs } = JSON.parse(
  readFileSync(new URL('../../../tests/golden/planning/songci.json', import.meta.url), 'utf8'),
) as { readonly runs: readonly PlanningRun[] };

test('real small runs foretell the largest of them, and the largest two', () => {
  expect(checkLargest(runs)).toMatchObject({ holds: true });
  const byWork = runs.toSorted((a, b) => a.parameters * a.tokens - b.parameters * b.tokens);
  const fit = fitLaw(byWork.slice(0, -2));
  for (const { parameters, tokens, loss } of byWork.slice(-2)) {
    const { low, high } = predictLoss(fit, parameters, tokens);
    expect(loss).toBeGreaterThan(low);
    expect(loss).toBeLessThan(high);
    // an interval that says something: within a tenth of the loss to either side
    expect(high / low).toBeLessThan(1.2);
  }
});

test('each real run is held by a law from the others', () => {
  const held = runs.filter((run) => {
    const { low, high } = predictLoss(
      fitLaw(
        runs.filter((other) => other !== run),
        { draws: 100 },
      ),
      run.parameters,
      run.tokens,
    );
    return low <= run.loss && run.loss <= high;
  });
  expect(held.length).toBeGreaterThanOrEqual(runs.length - 1);
});

const QWEN = {
  model_type: 'qwen3',
  vocab_size: 100,
  hidden_size: 64,
  intermediate_size: 192,
  num_hidden_layers: 2,
  num_attention_heads: 1,
  num_key_value_heads: 1,
  head_dim: 64,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  tie_word_embeddings: false,
  eos_token_id: 0,
};
const CONFIG = parseRunConfig(
  {
    schemaVersion: 1,
    model: QWEN,
    loop: {
      batchSize: 2,
      sequenceLength: 32,
      gradientAccumulation: 1,
      maxSteps: 10,
      schedule: { kind: 'wsd', warmupSteps: 1, decayFraction: 0.5, finalScale: 0.02 },
      clipNorm: 1,
      evalEvery: 10,
      checkpointEvery: 10,
    },
    optimizer: {
      kind: 'muon',
      learningRate: 0.02,
      embeddingLearningRate: 0.2,
      headLearningRate: 0.004,
      vectorLearningRate: 0.01,
      weightDecay: 0,
    },
    keepCheckpoints: 1,
    seed: 1,
    tokenizerHash: 'abc',
  },
  'test',
);
const KIND = { tokenizerHash: 'abc', architecture: 'qwen3' };
const time = (second: number): string => new Date(second * 1000).toISOString();
const EVENTS: readonly RunEvent[] = [
  {
    type: 'start',
    time: time(0),
    runName: 'a',
    architecture: 'qwen3',
    parameterCount: 1,
    totalSteps: 10,
    tokensPerStep: 64,
    trainTokens: 1000,
    device: 'cpu',
    resumedFromStep: 0,
  },
  {
    type: 'step',
    time: time(4),
    step: 10,
    loss: 4,
    learningRateScale: 1,
    gradientNorm: 1,
    tokens: 64,
    tokensPerSecond: 160,
    elapsedSeconds: 4,
    remainingSeconds: 0,
  },
  { type: 'eval', time: time(5), step: 10, loss: 3.5, bitsPerByte: 2 },
  { type: 'done', time: time(6), step: 10, reason: 'finished', loss: 4, elapsedSeconds: 6, tokensSeen: 640 },
];

test('a run becomes a point with its work, its speed and its whole time', () => {
  const { flopsPerToken, parameters } = modelSize(QWEN, 32, 'test');
  // two blocks of 4 × 64² + 3 × 64 × 192, and the head of 100 × 64; attention 12 · 2 · 64 · 32
  expect(flopsPerToken).toBe(6 * (2 * (4 * 64 * 64 + 3 * 64 * 192) + 100 * 64) + 12 * 2 * 64 * 32);
  expect(planningRunOf('a', CONFIG, EVENTS, KIND)).toEqual({
    name: 'a',
    parameters,
    tokens: 640,
    uniqueTokens: 1000,
    loss: 3.5,
    bitsPerByte: 2,
    flopsPerToken,
    flopsPerSecond: (flopsPerToken * 640) / 4,
    wallSeconds: 6,
    device: 'cpu',
  });
  // where the embedding is the head as well, it is counted once and takes part in products
  const tied = modelSize({ ...QWEN, tie_word_embeddings: true }, 32, 'test');
  expect(tied).toEqual({ parameters: parameters - 6400, flopsPerToken });
});

test('says why a run does not count', () => {
  const why = (events: readonly RunEvent[], kind = KIND): unknown => {
    const read = planningRunOf('a', CONFIG, events, kind);
    return 'why' in read ? read.why : 'counts';
  };
  expect(why(EVENTS)).toBe('counts');
  expect(why(EVENTS.slice(0, 3))).toBe('did not end');
  expect(why([])).toBe('did not end');
  const stopped = EVENTS.map((event) => (event.type === 'done' ? { ...event, reason: 'stopped' as const } : event));
  expect(why(stopped)).toBe('stopped before its end');
  expect(why(EVENTS.filter(({ type }) => type !== 'eval'))).toBe('was not measured at its end');
  expect(why(EVENTS, { ...KIND, tokenizerHash: 'other' })).toBe('has another tokenizer');
  expect(why(EVENTS, { ...KIND, architecture: 'llama' })).toBe('is a qwen3, not a llama');
});

const fit = fitLaw(runs, { draws: 200 });
const OWN = { uniqueTokens: 1_596_734, measuredParameters: Math.max(...runs.map(({ parameters }) => parameters)) };
const SIZES: readonly Candidate[] = [1, 2, 4, 8, 16, 32].map((depth) => ({
  depth,
  parameters: 5e5 * depth ** 2,
  flopsPerToken: 3e6 * depth ** 2,
}));
const bought = (seconds: number, flopsPerSecond = 1e11, data = OWN) =>
  bestModel(fit, SIZES, data, { seconds, flopsPerSecond, fewestTokens: 2048 });

test('more budget never buys a worse model, never costs more than it is, and ends where the texts do', () => {
  let lowest = Infinity;
  for (const seconds of [10, 100, 1000, 10_000, 1e6, 1e9]) {
    const best = bought(seconds);
    expect(best).toBeDefined();
    if (best === undefined) return;
    expect(best.seconds).toBeLessThanOrEqual(seconds * 1.000001);
    expect(best.passes).toBeLessThanOrEqual(MOST_PASSES);
    // of two that are near the cheaper one is offered
    expect(best.loss.value).toBeLessThanOrEqual(lowest * 1.005);
    lowest = Math.min(lowest, best.loss.value);
    expect(best.loss.low).toBeLessThan(best.loss.value);
    expect(best.loss.high).toBeGreaterThan(best.loss.value);
  }
  expect(bought(1e9)?.limit).toBe('texts');
  expect(bought(10)?.limit).toBe('budget');
  expect(bought(1e9)?.seconds).toBeLessThan(1e9);
});

test('ten times the texts help where the texts were the limit', () => {
  const [few, many] = [bought(1e9), bought(1e9, 1e11, { ...OWN, uniqueTokens: OWN.uniqueTokens * 10 })];
  expect(many?.loss.value ?? Infinity).toBeLessThan(few?.loss.value ?? 0);
});

test('a budget below one step buys nothing', () => {
  expect(bought(1e-6)).toBeUndefined();
  expect(bestModel(fit, [], OWN, { seconds: 100, flopsPerSecond: 1e11, fewestTokens: 1 })).toBeUndefined();
});
