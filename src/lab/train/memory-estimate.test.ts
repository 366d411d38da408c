import { describe, expect, test } from 'vitest';
import { add, mul, relu } from '../graph/ops/arithmetic.js';
import { memoryNeed } from '../graph/liveness.js';
import { matmul } from '../graph/ops/matmul.js';
import { reshape } from '../graph/ops/reshape.js';
import { input } from '../graph/tensor.js';
import { readCausalModel } from '../models/registry.js';
import { estimateTrainingMemory, fitMemory } from './memory-estimate.js';
import { parseRunConfig } from './run-config.js';

describe('what a graph needs', () => {
  const x = input('x', [100, 10]);
  const KILO = 4000;

  test('a chain of products holds two results at a time, an element-by-element op writes over its operand', () => {
    const w = input('w', [10, 10]);
    const hidden = relu(matmul(reshape(relu(matmul(x, w)), [100, 10]), w));
    expect(memoryNeed([hidden])).toEqual({
      computedBytes: 2 * KILO,
      inputBytes: KILO + 400,
      constantBytes: 0,
      outputBytes: KILO,
    });
  });

  test('what is read later stays', () => {
    const a = relu(x);
    const b = mul(a, x);
    const c = mul(b, b);
    expect(memoryNeed([add(c, a)]).computedBytes).toBe(2 * KILO);
    expect(memoryNeed([a, b, c]).computedBytes).toBe(3 * KILO);
  });
});

describe('what a run needs', () => {
  const config = (loop: Record<string, unknown> = {}) =>
    parseRunConfig(
      {
        schemaVersion: 1,
        model: {
          model_type: 'llama',
          vocab_size: 512,
          hidden_size: 64,
          intermediate_size: 192,
          num_hidden_layers: 6,
          num_attention_heads: 2,
          num_key_value_heads: 2,
          max_position_embeddings: 128,
        },
        loop: {
          batchSize: 8,
          sequenceLength: 128,
          gradientAccumulation: 2,
          maxSteps: 1,
          schedule: { kind: 'wsd', warmupSteps: 2, decayFraction: 0.5, finalScale: 0.02 },
          clipNorm: 1,
          evalEvery: 5,
          checkpointEvery: 4,
          ...loop,
        },
        optimizer: {
          kind: 'muon',
          learningRate: 0.02,
          embeddingLearningRate: 0.02,
          headLearningRate: 0.02,
          vectorLearningRate: 0.02,
          weightDecay: 0,
        },
        keepCheckpoints: 1,
        seed: 1,
        tokenizerHash: '',
      },
      'test',
    );
  const { model } = readCausalModel(config().model, 'test');
  const estimate = (loop: Record<string, unknown> = {}) => estimateTrainingMemory(model, config(loop).loop);

  test('grows with the batch, shrinks when blocks are computed again', () => {
    const base = estimate();
    expect(estimate({ batchSize: 16 }).activationBytes / base.activationBytes).toBeCloseTo(2, 1);
    expect(estimate({ batchSize: 16 }).parameterBytes).toBe(base.parameterBytes);
    expect(estimate({ recompute: true }).activationBytes).toBeLessThan(base.activationBytes * 0.5);
    expect(estimate({ averageDecay: 0.9 }).parameterBytes).toBeGreaterThan(base.parameterBytes);
  });

  test('a batch is split until it fits, and the tokens of a step stay the same', () => {
    const whole = estimate().totalBytes;
    expect(fitMemory(config(), whole, 'test').config.loop).toMatchObject({ batchSize: 8, gradientAccumulation: 2 });
    const split = fitMemory(config(), whole - 1, 'test');
    expect(split.config.loop).toMatchObject({ batchSize: 4, gradientAccumulation: 4 });
    expect(split.estimate.totalBytes).toBeLessThan(whole);
  });

  test('what cannot fit is refused, and the error says what would', () => {
    const one = estimate({ batchSize: 1, gradientAccumulation: 16 }).totalBytes;
    expect(() => fitMemory(config(), one - 1e5, 'test')).toThrow(/takes .* even with one sequence at a time/);
    expect(() => fitMemory(config(), one - 1e5, 'test')).toThrow(
      expect.objectContaining({ fix: expect.stringContaining('--recompute') }),
    );
    expect(() => fitMemory(config(), 1e6, 'test')).toThrow(
      expect.objectContaining({ fix: expect.stringContaining('model.depth') }),
    );
  });
});
