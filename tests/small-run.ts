/** A training run that takes a moment: two layers of sixteen, over numbers that mostly count upwards. */
import path from 'node:path';
import { systemClock } from '../src/base/clock.js';
import { Rng } from '../src/base/rng.js';
import type { ModelSizes } from '../src/lab/models/model.js';
import { qwen3 } from '../src/lab/models/qwen3.js';
import {
  FIM_TOKENS,
  MASK_TOKENS,
  ORDER_TOKENS,
  SENTINELS,
  type TokenKnowledge,
} from '../src/lab/train/objectives/objectives.js';
import { type RunConfig, parseRunConfig } from '../src/lab/train/run-config.js';
import type { TrainingJob } from '../src/lab/train/training-job.js';

const rng = Rng.fromSeed(5);
/** A stream with something to learn: each token is often followed by the next number. */
export const trainTokens = Uint16Array.from({ length: 2000 }, (_, i) => (rng.uniform() < 0.8 ? i % 30 : rng.below(30)));
const validation = {
  stream: { tokens: trainTokens.slice(0, 100), documentStarts: Uint32Array.of(0, 50), endOfText: 31 },
  byteCount: 200,
};

export const SMALL_SIZES: ModelSizes = {
  vocabularySize: 32,
  layers: 2,
  hiddenSize: 16,
  intermediateSize: 32,
  heads: 2,
  keyValueHeads: 1,
  headSize: 8,
  contextLength: 16,
  tieWordEmbeddings: false,
  ropeTheta: 10_000,
  dropout: 0,
};

interface ConfigChanges {
  readonly model?: Record<string, unknown>;
  readonly loop?: Record<string, unknown>;
}

export function smallConfig(
  kind: RunConfig['optimizer']['kind'],
  steps: number,
  changes: ConfigChanges = {},
): RunConfig {
  const rates =
    kind === 'muon'
      ? { learningRate: 0.02, embeddingLearningRate: 0.05 }
      : { learningRate: 0.01, embeddingLearningRate: 0.01 };
  const json = {
    schemaVersion: 1,
    model: {
      model_type: 'qwen3',
      ...qwen3.sized?.(SMALL_SIZES),
      ...changes.model,
    },
    loop: {
      batchSize: 2,
      sequenceLength: 16,
      gradientAccumulation: 2,
      maxSteps: steps,
      schedule: { kind: 'wsd', warmupSteps: 2, decayFraction: 0.5, finalScale: 0.02 },
      clipNorm: 1,
      evalEvery: 5,
      checkpointEvery: 4,
      ...changes.loop,
    },
    optimizer: { kind, ...rates, headLearningRate: 0.01, vectorLearningRate: 0.01, weightDecay: 0.1 },
    keepCheckpoints: 3,
    seed: 3,
    tokenizerHash: 'abc',
  };
  return parseRunConfig(json, 'test');
}

/** As of a tokenizer of 32 tokens, of which every fifth ends a sentence. */
export const smallTokens: TokenKnowledge = {
  special: new Map([
    ...[...MASK_TOKENS, ...FIM_TOKENS, ...ORDER_TOKENS].map((name, index) => [name, 22 + index] as const),
    ...SENTINELS.map((name) => [name, 30] as const),
  ]),
  endOfText: 31,
  pad: 31,
  vocabSize: 32,
  tokenBytes: (id) => Buffer.from(id % 5 === 0 ? '.' : 'a'),
};

export const smallJob = (folder: string, name: string, more: Partial<TrainingJob> = {}): TrainingJob => ({
  documentStarts: Array.from({ length: 200 }, (_, i) => i * 10),
  runDirectory: path.join(folder, name),
  config: smallConfig('muon', 10),
  resume: undefined,
  trainTokens,
  validation,
  files: { 'tokenizer.json': '{}' },
  tokenizerHash: 'abc',
  tokens: smallTokens,
  threads: 1,
  clock: systemClock,
  ...more,
});
