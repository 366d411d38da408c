/** Logits changed before a draw: against transformers' processors (tests/golden/sampling/make.py), and by hand. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Constraint } from './constraint/constraint.js';
import { candidates } from './sampler.js';
import { type SamplerSettings, samplerSettings } from './sampler-settings.js';
import { createTokenSampler } from './token-sampler.js';

type GoldenCase = Pick<SamplerSettings, 'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty'> & {
  readonly history: readonly number[];
  readonly logits: readonly number[];
  readonly probabilities: readonly number[];
};
const golden = new URL('../../../tests/golden/sampling/distributions.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(golden, 'utf8')) as { cases: GoldenCase[] };

const greedy = samplerSettings({ temperature: 0 });
const sampler = (settings: SamplerSettings, promptTokens: readonly number[] = [], constraint?: Constraint) =>
  createTokenSampler({ settings, promptTokens, seed: 1, constraint });

test.each(cases)(
  'temperature $temperature, top-k $topK, top-p $topP, min-p $minP, repetition $repetitionPenalty',
  (given) => {
    const logits = Float32Array.from(given.logits);
    // what the sampler makes of the logits is seen in the array it was given
    sampler({ ...greedy, repetitionPenalty: given.repetitionPenalty }, given.history).next(logits);
    const { ids, weights } = candidates(logits, given);
    const total = weights.reduce((a, b) => a + b);
    const actual = given.probabilities.map(() => 0);
    for (const [index, id] of ids.entries()) actual[id] = (weights[index] as number) / total;
    for (const [id, expected] of given.probabilities.entries()) {
      expect(actual[id]).toBeCloseTo(expected, 6);
      expect((actual[id] as number) > 0, `token ${id} is kept`).toBe(expected > 0);
    }
  },
);

describe('penalties', () => {
  const said = (settings: SamplerSettings, steps: number): Float32Array => {
    const one = sampler(settings, [3]);
    let logits = new Float32Array(4);
    for (let step = 0; step < steps; step++) {
      logits = Float32Array.of(1, step === 0 ? 9 : 1, 1, 5);
      one.next(logits);
    }
    return logits;
  };
  test('presence counts once, frequency every time, and neither counts the prompt', () => {
    // says 1 first, then 3 twice
    expect([...said({ ...greedy, presencePenalty: 0.5 }, 4)]).toEqual([1, 0.5, 1, 4.5]);
    expect([...said({ ...greedy, frequencyPenalty: 0.25 }, 4)]).toEqual([1, 0.75, 1, 4.5]);
  });
  test('repetition divides what is above 0 and multiplies what is below, prompt included', () => {
    const logits = Float32Array.of(2, -2, 2, 8);
    const one = sampler({ ...greedy, repetitionPenalty: 2 }, [1, 3, 3]);
    expect(one.next(logits).token).toBe(3);
    expect([...logits]).toEqual([2, -4, 2, 4]);
  });
});

test('bias makes a token certain or impossible', () => {
  const logits = (): Float32Array => Float32Array.of(5, 1, 0);
  const biased = (logitBias: Record<number, number>) => samplerSettings({ temperature: 1, logitBias });
  for (let i = 0; i < 20; i++) {
    expect(sampler(biased({ 2: 100 })).next(logits()).token).toBe(2);
    expect(sampler(biased({ 0: -100, 1: -100 })).next(logits()).token).toBe(2);
  }
});

test('log-probabilities are the model’s own, whatever was changed, and the likeliest come first', () => {
  const settings = samplerSettings({ temperature: 0, logitBias: { 2: 100 }, logprobs: 2 });
  const { token, score } = sampler(settings).next(Float32Array.of(Math.log(6), Math.log(1), Math.log(3)));
  expect(token).toBe(2);
  expect(score?.logprob).toBeCloseTo(Math.log(0.3), 6);
  expect(score?.top.map((one) => one.token)).toEqual([0, 2]);
  expect(score?.top[0]?.logprob).toBeCloseTo(Math.log(0.6), 6);
});

test('a constraint decides what may be drawn, and is told what was', () => {
  const accepted: number[] = [];
  const constraint: Constraint = {
    isComplete: false,
    // ids 1 and 33
    allowed: () => Uint32Array.of(0b10, 0b10),
    accept: (token) => void accepted.push(token),
  };
  const one = sampler(samplerSettings({ temperature: 5 }), [], constraint);
  const counts = new Map<number, number>();
  for (let i = 0; i < 200; i++) {
    const { token } = one.next(Float32Array.from({ length: 40 }, (_, id) => (id === 0 ? 50 : 0)));
    counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual([1, 33]);
  expect(accepted).toHaveLength(200);
});
