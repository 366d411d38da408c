/** A step of 32 sequences is the step of four times 8: every token weighs the same, however long its own sequence is. */
import { expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { type CausalModel, parameterCount } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { createKernels } from '../runtime/kernels.js';
import { type Value, floats, integers } from '../runtime/program.js';
import { languageObjective } from './language-objective.js';
import { createLearner } from './learner.js';
import { createParameterStore, trainingBytes } from './parameter-store.js';

const TIME = 24;
const SEQUENCES = 32;
const VOCABULARY = 48;

const { model } = readCausalModel(
  {
    model_type: 'llama',
    vocab_size: VOCABULARY,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: TIME,
  },
  'tiny',
);

const rng = Rng.fromSeed(4);
const tokens = Array.from({ length: SEQUENCES * TIME }, () => rng.below(VOCABULARY));
/** From one token to all: what follows is padding. */
const lengths = Array.from({ length: SEQUENCES }, (_, index) => 1 + ((index * 7) % TIME));
const counted = lengths.reduce((a, b) => a + b);

/** Sequences `from` to `from + count − 1`, each token weighing 1 ÷ (tokens of the whole step). */
function feeds(from: number, count: number): Record<string, Value> {
  const part = tokens.slice(from * TIME, (from + count) * TIME);
  const weights = part.map((_, i) => (i % TIME < (lengths[from + Math.floor(i / TIME)] as number) ? 1 / counted : 0));
  return {
    tokens: integers(part, [count, TIME]),
    targets: integers(
      part.map((token) => (token * 5 + 3) % VOCABULARY),
      [count * TIME],
    ),
    weights: floats(Float32Array.from(weights), [count * TIME]),
  };
}

async function gradientsOf(causal: CausalModel, batchSize: number) {
  const store = createParameterStore(createKernels(trainingBytes(causal.parameters)), causal.parameters);
  const draw = Rng.fromSeed(9);
  // not as a run begins, with zeros where a gradient could not pass
  for (const { value } of store.parameters) value.view().forEach((_, i, all) => (all[i] = draw.normal() * 0.2));
  const rate = 0.001;
  const learner = await createLearner({
    store,
    objective: languageObjective(causal, { batchSize, sequenceLength: TIME }),
    optimizer: {
      kind: 'adamw',
      learningRate: rate,
      embeddingLearningRate: rate,
      headLearningRate: rate,
      vectorLearningRate: rate,
      weightDecay: 0,
    },
    seed: 1,
    threads: 1,
  });
  let loss = 0;
  for (let micro = 0; micro < SEQUENCES / batchSize; micro++) {
    loss += (await learner.accumulate(feeds(micro * batchSize, batchSize), { step: 1, micro })).loss;
  }
  const gradients = new Map(store.parameters.map(({ spec, gradient }) => [spec.name, gradient.view().slice()]));
  await learner.close();
  return { loss, gradients };
}

test('32 = 4 × 8 within 1e-6, with sequences of uneven length', async () => {
  const whole = await gradientsOf(model, SEQUENCES);
  const parts = await gradientsOf(model, 8);
  expect(Math.abs(parts.loss - whole.loss)).toBeLessThan(1e-6 * whole.loss);
  let compared = 0;
  for (const [name, expected] of whole.gradients) {
    const actual = parts.gradients.get(name) as Float32Array;
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest, name).toBeGreaterThan(0);
    for (const [i, value] of expected.entries())
      expect(Math.abs((actual[i] as number) - value), `${name}[${i}]`).toBeLessThan(1e-6 * Math.max(largest, 1));
    compared += expected.length;
  }
  expect(compared).toBe(parameterCount(model.parameters));
});
