/** Every causal architecture there is takes adapters: fresh ones change nothing, trained ones equal the merged weights. */
import { expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import type { AdapterConfig } from '../../checkpoint/adapter-config.js';
import { elementCount } from '../../graph/dims.js';
import { input } from '../../graph/tensor.js';
import { type CausalModel, INFERENCE } from '../../models/model.js';
import { architectures } from '../../models/registry.js';
import { type Value, compile, floats, integers } from '../../runtime/program.js';
import { parameterInputs } from '../objective.js';
import { adaptModel } from './adapt-model.js';
import { initialAdapter } from './adapter-weights.js';
import { floatsOf } from './model-values.js';
import { mergedParameter } from './stored-adapter.js';

const SIZES = {
  vocabularySize: 24,
  layers: 2,
  hiddenSize: 16,
  intermediateSize: 24,
  heads: 4,
  keyValueHeads: 2,
  headSize: 4,
  contextLength: 16,
  tieWordEmbeddings: false,
  ropeTheta: 10000,
  dropout: 0,
};
const causal = architectures.flatMap((architecture) => {
  const read = architecture.read({ ...architecture.sized?.(SIZES), model_type: architecture.modelType });
  return 'model' in read && read.model.kind === 'causal' ? [[architecture.modelType, read.model] as const] : [];
});
/** Architectures whose layers are recurrent: only their head is a linear layer. */
const HEAD_ONLY: ReadonlySet<string> = new Set(['text_generator', 'gru', 'rnn']);

function valuesOf(model: CausalModel): Map<string, Value> {
  const rng = Rng.fromSeed(31);
  return new Map(
    model.parameters.map(({ name, shape }) => {
      const data = Float32Array.from({ length: elementCount(shape) }, () => rng.normal() * 0.4);
      return [name, floats(data, shape)];
    }),
  );
}

async function logitsOf(model: CausalModel, values: ReadonlyMap<string, Value>): Promise<Float32Array> {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const tokens = input('tokens', [1, 6], 'int64');
  const states = model.cacheShape.states.map((shape, index) => input(`state${index}`, [1, ...shape]));
  const { logits } = model.forward(lookUp, { tokens, states }, INFERENCE);
  const program = await compile({ logits }, [tokens, ...states, ...tensors]);
  const empty = model.cacheShape.states.map((shape, index): [string, Value] => [
    `state${index}`,
    floats(new Float32Array(elementCount(shape)), [1, ...shape]),
  ]);
  const ids = integers([3, 1, 4, 1, 5, 9], [1, 6]);
  const results = await program.run({ ...Object.fromEntries([...values, ...empty]), tokens: ids });
  await program.close();
  return results['logits']?.data as Float32Array;
}

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (b[index] as number))), 0);

test('the walk meets every family', () => {
  expect(causal.map(([name]) => name)).toEqual(expect.arrayContaining(['llama', 'gemma3_text', 'gpt2', 'gru']));
});

test.each(causal)(
  '%s: fresh adapters change nothing, trained ones are what merging makes of them',
  async (name, base) => {
    const settings: AdapterConfig = { rank: 3, alpha: 6, useDora: true };
    if (HEAD_ONLY.has(name)) expect(() => adaptModel(base, settings)).toThrow(/no linear layer but its head/);
    const adapted = adaptModel(base, HEAD_ONLY.has(name) ? { ...settings, targetModules: ['fc'] } : settings);
    const values = valuesOf(base);
    const adapter = initialAdapter(adapted, (each) => floatsOf(values, each), 7);
    const beside = (): ReadonlyMap<string, Value> =>
      new Map([
        ...values,
        ...adapted.adapterSpecs.map(({ name: each, shape }): [string, Value] => [
          each,
          floats(adapter.get(each) as Float32Array, shape),
        ]),
      ]);
    const plain = await logitsOf(base, values);
    expect(largestDifference(await logitsOf(adapted.model, beside()), plain)).toBeLessThan(1e-4);
    const rng = Rng.fromSeed(8);
    for (const value of adapter.values()) value.forEach((each, index) => (value[index] = each + 0.2 * rng.normal()));
    const tensors = new Map([...adapter].map(([each, data]) => [each, { shape: [data.length], data }]));
    const merge = mergedParameter(adapted, { tensors });
    const merged = new Map(
      base.parameters.map(({ name: each, shape }) => [each, floats(merge(each, floatsOf(values, each)), shape)]),
    );
    const trained = await logitsOf(adapted.model, beside());
    expect(largestDifference(trained, plain)).toBeGreaterThan(1e-2);
    expect(largestDifference(trained, await logitsOf(base, merged))).toBeLessThan(1e-4);
  },
);
