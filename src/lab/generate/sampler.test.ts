import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { sampleToken } from './sampler.js';
import { samplerSettings } from './sampler-settings.js';

const plain = samplerSettings({});
const draws = (logits: readonly number[], settings: typeof plain, count: number, seed = 1): number[] => {
  const rng = Rng.fromSeed(seed);
  const row = Float32Array.from(logits);
  const counts = logits.map(() => 0);
  for (let i = 0; i < count; i++) {
    const id = sampleToken(row, settings, rng);
    counts[id] = (counts[id] as number) + 1;
  }
  return counts;
};

test('frequencies are the probabilities (chi-square, 5 degrees of freedom, 99.9 %)', () => {
  const logits = [1, 0, -1, 2, 0.5, -3];
  const temperature = 1.3;
  const weights = logits.map((logit) => Math.exp(logit / temperature));
  const total = weights.reduce((a, b) => a + b);
  const count = 20_000;
  const counts = draws(logits, { ...plain, temperature }, count);
  const chiSquare = counts.reduce((sum, observed, i) => {
    const expected = ((weights[i] as number) / total) * count;
    return sum + (observed - expected) ** 2 / expected;
  }, 0);
  expect(chiSquare).toBeLessThan(20.5);
});

test('temperature 0 takes the likeliest, and of equals the lowest id', () => {
  expect(draws([0, 3, 3, 1], samplerSettings({ temperature: 0 }), 5)).toEqual([0, 5, 0, 0]);
});

test('top-k keeps exactly k, ties to the lowest ids', () => {
  const counts = draws([1, 2, 2, 2, 0], samplerSettings({ topK: 2 }), 500);
  expect(counts.map((count) => count > 0)).toEqual([false, true, true, false, false]);
});

describe('top-p', () => {
  const row = fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: 1, maxLength: 40 });
  test('never leaves the smallest set that holds p', () => {
    fc.assert(
      fc.property(row, fc.double({ min: 0.01, max: 0.99, noNaN: true }), fc.integer(), (logits, topP, seed) => {
        const token = sampleToken(Float32Array.from(logits), samplerSettings({ topP }), Rng.fromSeed(seed));
        const weights = Array.from(Float32Array.from(logits), Math.exp);
        const total = weights.reduce((a, b) => a + b);
        const above = weights.filter((weight) => weight > (weights[token] as number)).reduce((a, b) => a + b, 0);
        expect(above / total).toBeLessThan(topP + 1e-6);
      }),
    );
  });
});

test('equal seeds draw equal tokens', () => {
  expect(draws([1, 2, 3], plain, 50, 7)).toEqual(draws([1, 2, 3], plain, 50, 7));
});

test.each([{ temperature: -1 }, { temperature: Number.NaN }, { topK: 1.5 }, { topP: 0 }, { topP: 1.1 }])(
  '%o is refused',
  (options) => {
    expect(() => samplerSettings(options)).toThrow(/out of range/);
  },
);
