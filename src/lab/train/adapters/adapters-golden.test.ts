/** Adapters of the PEFT library, read, against the logits, loss and gradients PyTorch computed with them. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { readAdapterFolder } from '../../checkpoint/adapter-folder.js';
import { openModelFolder } from '../../checkpoint/model-folder.js';
import { openSafetensors } from '../../checkpoint/safetensors.js';
import { readCausalModel } from '../../models/registry.js';
import { type Value, floats, integers } from '../../runtime/program.js';
import { languageObjective } from '../language-objective.js';
import { compileObjective, gradientName } from '../objective.js';
import { overTrained } from '../supervised/trainable-weights.js';
import { adaptModel } from './adapt-model.js';
import { adapterWeights } from './adapter-weights.js';

const GOLDEN = path.resolve('tests/golden/adapters');
const TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3];
const SHAPE = { batchSize: 2, sequenceLength: 8 };
/** Next tokens; the last of each row has none and weighs nothing. */
const TARGETS = TOKENS.map((_, index) => (index % 8 === 7 ? 0 : (TOKENS[index + 1] as number)));
const WEIGHTS = TOKENS.map((_, index) => (index % 8 === 7 ? 0 : 1 / 14));

async function loadBase(name: string) {
  const folder = await openModelFolder(path.join(GOLDEN, name));
  const { model } = readCausalModel(JSON.parse(await folder.readText('config.json')), name);
  const values = new Map<string, Value>();
  for (const spec of model.parameters)
    values.set(spec.name, floats(await folder.weights.readFloat32(spec.name), spec.shape));
  await folder.close();
  return { model, values };
}

const largestDifference = (got: ArrayLike<number>, want: ArrayLike<number>): number =>
  Array.from(want).reduce((worst, value, index) => Math.max(worst, Math.abs(value - (got[index] as number))), 0);

const CASES = ['lora', 'rslora-all-linear', 'dora', 'head-saved', 'gpt2-lora', 'gpt2-dora'];

test.each(CASES.flatMap((name) => [[name, false] as const, [name, true] as const]))(
  '%s: logits, loss and every gradient are those of PyTorch (blocks computed again: %s)',
  async (name, recompute) => {
    const base = await loadBase(name.startsWith('gpt2') ? 'gpt2' : 'llama');
    const adapter = await readAdapterFolder(path.join(GOLDEN, name));
    const adapted = adaptModel(base.model, adapter.config);
    expect(new Set(adapted.adapterSpecs.map((spec) => spec.name))).toEqual(new Set(adapter.tensors.keys()));
    const weights = adapterWeights(adapted, {
      base: base.values,
      initial: new Map([...adapter.tensors].map(([key, { data }]) => [key, data])),
      seed: 0,
      baseModel: 'base',
    });
    const specs = weights.trained.map(({ spec }) => spec);
    const objective = overTrained(weights, (parameters, pass) => {
      const built = languageObjective(adapted.model, SHAPE)(parameters, pass);
      const tokens = built.inputs[0];
      if (tokens === undefined) throw new Error('an objective without tokens');
      return { ...built, outputs: { logits: adapted.model.forward(parameters, { tokens }, pass).logits } };
    });
    const { program } = await compileObjective(specs, specs, objective, { recompute });
    const results = await program.run({
      ...Object.fromEntries(weights.frozen),
      ...Object.fromEntries(weights.trained.map(({ spec, initial }) => [spec.name, floats(initial, spec.shape)])),
      tokens: integers(TOKENS, [2, 8]),
      targets: integers(TARGETS, [16]),
      weights: floats(Float32Array.from(WEIGHTS), [16]),
    });
    await program.close();
    const expected = await openSafetensors(path.join(GOLDEN, name, 'expected.safetensors'));
    const difference = async (got: string, want: string): Promise<number> =>
      largestDifference(results[got]?.data as Float32Array, await expected.readFloat32(want));
    expect(await difference('logits', 'logits')).toBeLessThan(1e-5);
    expect(await difference('loss', 'loss')).toBeLessThan(1e-5);
    for (const spec of specs)
      expect(await difference(gradientName(spec.name), gradientName(spec.name)), spec.name).toBeLessThan(1e-5);
    await expected.close();
  },
);
