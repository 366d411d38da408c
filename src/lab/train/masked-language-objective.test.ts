import { expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { initialize } from '../models/initialize.js';
import type { EncoderModel } from '../models/model.js';
import { readModelConfig } from '../models/registry.js';
import { createKernels } from '../runtime/kernels.js';
import { createLearner } from './learner.js';
import { maskTokens, maskedLanguageObjective } from './masked-language-objective.js';
import { createParameterStore, trainingBytes } from './parameter-store.js';

const RULES = { maskToken: 3, padToken: 0, vocabularySize: 20, kept: new Set([1, 2]), share: 0.15 };

test('hides the share asked for, never padding or kept tokens, in the three ways', () => {
  const shape = { batchSize: 60, sequenceLength: 40, maskedCount: 400 };
  const rows = Array.from({ length: 50 }, () => [1, ...Array.from({ length: 30 }, (_, i) => 4 + (i % 16)), 2]);
  const feeds = maskTokens(rows, shape, RULES, Rng.fromSeed(2));
  const read = (name: string): number[] => Array.from(feeds[name]?.data ?? [], Number);
  const [tokens, places, targets, weights] = ['tokens', 'places', 'targets', 'weights'].map(read) as number[][] as [
    number[],
    number[],
    number[],
    number[],
  ];
  const count = weights.filter((weight) => weight > 0).length;
  expect(count).toBe(0.15 * 50 * 30);
  expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  expect(new Set(places.slice(0, count)).size).toBe(count);
  const original = (place: number): number | undefined => rows[Math.floor(place / 40)]?.[place % 40];
  for (const [index, place] of places.slice(0, count).entries()) expect(targets[index]).toBe(original(place));
  expect(targets.slice(0, count).every((target) => target >= 4)).toBe(true);
  const shown = places.slice(0, count).map((place) => tokens[place]);
  const share = (test: (i: number) => boolean): number => shown.filter((_, i) => test(i)).length / count;
  expect(share((i) => shown[i] === 3)).toBeCloseTo(0.8, 1);
  expect(share((i) => shown[i] === targets[i])).toBeGreaterThan(0.04);
  expect(read('mask').reduce((a, b) => a + b)).toBe(50 * 32);
});

test('a small BERT learns which token is missing', async () => {
  const sizes = {
    vocab_size: 20,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 2,
  };
  const config = { model_type: 'bert', architectures: ['BertForMaskedLM'], ...sizes, max_position_embeddings: 12 };
  const model = readModelConfig(config, 'test').model as EncoderModel;
  const shape = { batchSize: 16, sequenceLength: 12, maskedCount: 32 };
  const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
  const rng = Rng.fromSeed(1);
  for (const { spec, value } of store.parameters) initialize(spec, value.view(), rng);
  const rate = 0.01;
  const rates = { learningRate: rate, embeddingLearningRate: rate, headLearningRate: rate, vectorLearningRate: rate };
  const learner = await createLearner({
    store,
    objective: maskedLanguageObjective(model, shape),
    optimizer: { kind: 'adamw', ...rates, weightDecay: 0 },
    seed: 1,
    threads: 1,
  });
  // counting upwards: a hidden token follows from either neighbour
  const draw = (): number[][] =>
    Array.from({ length: 16 }, () => {
      const first = rng.below(7);
      return [1, ...Array.from({ length: 10 }, (_, i) => 4 + first + i), 2];
    });
  const losses: number[] = [];
  for (let step = 0; step < 200; step++) losses.push((await learner.step(maskTokens(draw(), shape, RULES, rng))).loss);
  await learner.close();
  const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
  expect(mean(losses.slice(0, 5))).toBeGreaterThan(2.5);
  expect(mean(losses.slice(-20))).toBeLessThan(1.5);
});
