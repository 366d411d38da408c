/** Training adapters over a frozen base: what moves, what it costs, and that a base of 4 bits is differentiated through. */
import { expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { elementCount } from '../../graph/dims.js';
import { readCausalModel } from '../../models/registry.js';
import { createKernels } from '../../runtime/kernels.js';
import { type Value, floats, integers } from '../../runtime/program.js';
import { languageObjective } from '../language-objective.js';
import { createLearner } from '../learner.js';
import { compileObjective, gradientName } from '../objective.js';
import { createParameterStore, trainingBytes } from '../parameter-store.js';
import { overTrained } from '../supervised/trainable-weights.js';
import type { AdapterConfig } from '../../checkpoint/adapter-config.js';
import { adaptModel } from './adapt-model.js';
import { adapterWeights } from './adapter-weights.js';
import { type BasePrecision, freezeBase } from './frozen-base.js';

const LLAMA = {
  model_type: 'llama',
  vocab_size: 24,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 16,
};
const GPT2 = {
  model_type: 'gpt2',
  vocab_size: 24,
  n_positions: 16,
  n_embd: 32,
  n_layer: 2,
  n_head: 4,
  resid_pdrop: 0,
  embd_pdrop: 0,
  attn_pdrop: 0,
};
const SHAPE = { batchSize: 1, sequenceLength: 8 };
const BATCH = {
  tokens: integers([3, 1, 4, 1, 5, 9, 2, 6], [1, 8]),
  targets: integers([1, 4, 1, 5, 9, 2, 6, 5], [8]),
  weights: floats(new Float32Array(8).fill(1 / 8), [8]),
};

function baseOf(config: object) {
  const { model } = readCausalModel(config, 'test');
  const rng = Rng.fromSeed(11);
  const values = new Map<string, Value>();
  for (const { name, shape } of model.parameters) {
    const centre = /norm|ln_/.test(name) && name.endsWith('weight') ? 1 : 0;
    const data = Float32Array.from({ length: elementCount(shape) }, () => centre + rng.normal() * 0.2);
    values.set(name, floats(data, shape));
  }
  return { model, values };
}

/** Loss and gradients of an adapter that is no longer fresh. */
async function gradientsOf(
  config: object,
  adapter: AdapterConfig,
  base: ReadonlyMap<string, Value>,
  precision: BasePrecision,
) {
  const adapted = adaptModel(readCausalModel(config, 'test').model, adapter);
  const weights = adapterWeights(adapted, { base, precision, seed: 1, baseModel: 'base' });
  const rng = Rng.fromSeed(2);
  const feeds = weights.trained.map(({ spec, initial }): [string, Value] => [
    spec.name,
    floats(
      initial.map((value) => value + rng.normal() * 0.1),
      spec.shape,
    ),
  ]);
  const specs = weights.trained.map(({ spec }) => spec);
  const objective = overTrained(weights, languageObjective(adapted.model, SHAPE));
  const { program } = await compileObjective(specs, specs, objective);
  const results = await program.run({ ...Object.fromEntries(weights.frozen), ...Object.fromEntries(feeds), ...BATCH });
  await program.close();
  return { results, names: specs.map(({ name }) => gradientName(name)), weights };
}

test.each([
  ['Llama, LoRA', LLAMA, { rank: 4, alpha: 8 }],
  ['Llama, DoRA', LLAMA, { rank: 4, alpha: 8, useDora: true }],
  ['GPT-2, whose weights are [in, out]', GPT2, { rank: 4, alpha: 8 }],
] satisfies [string, object, AdapterConfig][])(
  '%s: over a base of 4 bits, loss and gradients are those over what the 4 bits stand for',
  async (_name, config, adapter) => {
    const { model, values } = baseOf(config);
    const frozen = freezeBase(model, values, 'int4');
    const rounded = new Map(model.parameters.map(({ name, shape }) => [name, floats(frozen.valueOf(name), shape)]));
    const got = await gradientsOf(config, adapter, values, 'int4');
    const want = await gradientsOf(config, adapter, rounded, 'float32');
    expect(got.names).toEqual(want.names);
    for (const name of ['loss', ...got.names]) {
      const [a, b] = [got.results[name]?.data as Float32Array, want.results[name]?.data as Float32Array];
      const worst = a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - (b[index] as number))), 0);
      expect(worst, name).toBeLessThan(1e-5);
    }
    // 5 bits an element where there were 32; the rest stays
    expect(got.weights.frozenBytes).toBeLessThan(want.weights.frozenBytes / 2);
  },
);

test.each(['float32', 'int4'] as const)(
  'a frozen base in %s stays as it is while the loss falls',
  async (precision) => {
    const { model, values } = baseOf(LLAMA);
    const adapted = adaptModel(model, { rank: 4, alpha: 16, dropout: 0.1, modulesToSave: ['lm_head'] });
    const weights = adapterWeights(adapted, { base: values, precision, seed: 5, baseModel: 'base' });
    const specs = weights.trained.map(({ spec }) => spec);
    expect(specs.every(({ name }) => name.startsWith('base_model.model.'))).toBe(true);
    expect(weights.frozen.has('lm_head.weight')).toBe(false);
    const store = createParameterStore(createKernels(trainingBytes(specs)), specs);
    for (const [index, { value }] of store.parameters.entries())
      value.view().set(weights.trained[index]?.initial as Float32Array);
    const copies = new Map([...weights.frozen].map(([name, { data }]) => [name, data.slice()]));
    const learner = await createLearner({
      store,
      objective: overTrained(weights, languageObjective(adapted.model, SHAPE)),
      optimizer: {
        kind: 'adamw',
        learningRate: 0.02,
        embeddingLearningRate: 0.02,
        headLearningRate: 0.02,
        vectorLearningRate: 0.02,
        weightDecay: 0,
        betas: [0.9, 0.999],
      },
      recompute: true,
      seed: 1,
    });
    const losses: number[] = [];
    for (let step = 0; step < 40; step++)
      losses.push((await learner.step({ ...Object.fromEntries(weights.frozen), ...BATCH })).loss);
    await learner.close();
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 3);
    for (const [name, data] of copies) expect(weights.frozen.get(name)?.data, name).toEqual(data);
  },
);

test('modules are named as PEFT names them, and what is not there is said with what is', () => {
  const { model } = baseOf(LLAMA);
  const modules = (targetModules: AdapterConfig['targetModules']): string[] =>
    adaptModel(model, { rank: 2, alpha: 2, targetModules }).modules.map(({ name }) => name);
  expect(modules('all-linear')).toHaveLength(14);
  expect(modules(undefined)).toEqual(modules('all-linear'));
  expect(modules(['v_proj'])).toEqual(['model.layers.0.self_attn.v_proj', 'model.layers.1.self_attn.v_proj']);
  expect(modules(['layers.1.self_attn.q_proj'])).toEqual(['model.layers.1.self_attn.q_proj']);
  const refused = (config: AdapterConfig, code: string, what: RegExp): void => {
    let error: unknown;
    try {
      adaptModel(model, config);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code, line: expect.stringMatching(what) as string });
  };
  refused({ rank: 2, alpha: 2, targetModules: ['proj'] }, 'no-such-module', /"proj".*Choose of q_proj, k_proj/);
  refused({ rank: 2, alpha: 2, targetModules: [] }, 'no-such-module', /no modules/);
  refused({ rank: 2, alpha: 2, modulesToSave: ['score'] }, 'no-such-module', /"score"/);
  refused({ rank: 2, alpha: 2, modulesToSave: ['q_proj'] }, 'bad-adapter', /adapted and saved whole/);
  refused({ rank: 0, alpha: 2 }, 'bad-adapter', /rank of 0/);
  refused({ rank: 2, alpha: -1 }, 'bad-adapter', /alpha is -1/);
  refused({ rank: 2, alpha: 2, dropout: 1 }, 'bad-adapter', /dropout of 1/);
});
