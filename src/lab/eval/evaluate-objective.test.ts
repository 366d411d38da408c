import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { checkpointDirectory } from '../checkpoint/run-checkpoints.js';
import { MASK_TOKENS, type TokenKnowledge } from '../train/objectives/objectives.js';
import { parseRunConfig } from '../train/run-config.js';
import { trainRun } from '../train/session.js';
import { evaluateObjective } from './evaluate-objective.js';

const tokens: TokenKnowledge = {
  special: new Map(MASK_TOKENS.map((name, index) => [name, 26 + index])),
  endOfText: 31,
  pad: 30,
  vocabSize: 32,
  tokenBytes: (id) => Buffer.from(` w${id}`),
};
/** Each token says which its neighbours are. */
const stream = Uint16Array.from({ length: 4000 }, (_, index) => index % 25);

const rate = 0.01;
const config = parseRunConfig(
  {
    schemaVersion: 1,
    model: {
      model_type: 'bert',
      vocab_size: 32,
      hidden_size: 16,
      intermediate_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      max_position_embeddings: 16,
      initializer_range: 0.1,
      hidden_dropout_prob: 0.1,
    },
    loop: {
      batchSize: 16,
      sequenceLength: 16,
      gradientAccumulation: 1,
      maxSteps: 60,
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
    tokenizerHash: 'abc',
  },
  'test',
);

test('an encoder does what it learned better than before, by an interval; without a batch of text that is said', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'objective-'));
  try {
    const job = { config, resume: undefined, trainTokens: stream, validation: undefined, files: {}, tokens };
    await trainRun({ ...job, runDirectory: folder, tokenizerHash: 'abc', threads: 1, clock: systemClock });
    const checkpoint = checkpointDirectory(folder, 60);
    const result = await evaluateObjective(checkpoint, config, stream.subarray(0, 2000), tokens, { threads: 1 });
    expect(result.objective).toEqual({ masked: 1 });
    expect(result.low).toBeLessThanOrEqual(result.loss);
    expect(result.high).toBeGreaterThanOrEqual(result.loss);
    expect(result.high).toBeLessThan(result.untrained);
    // before training it knows nothing: about log 32
    expect(result.untrained).toBeGreaterThan(3);
    // always the same batches, no dropout
    expect(await evaluateObjective(checkpoint, config, stream.subarray(0, 2000), tokens, { threads: 1 })).toEqual(
      result,
    );
    await expect(evaluateObjective(checkpoint, config, stream.subarray(0, 20), tokens)).rejects.toThrow(/corpus|batch/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
