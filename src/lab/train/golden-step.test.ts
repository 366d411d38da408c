/**
 * One step of the whole training path (forward, backward, AdamW) from the weights of every golden file of
 * tests/golden/models, against the same step of torch's AdamW (made by make.py there).
 */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { elementCount } from '../graph/dims.js';
import { readCausalModel } from '../models/registry.js';
import { createKernels } from '../runtime/kernels.js';
import { floats, integers } from '../runtime/program.js';
import { carriedStateName, languageObjective } from './language-objective.js';
import { createLearner } from './learner.js';
import { createParameterStore, trainingBytes } from './parameter-store.js';

interface Packed {
  shape: number[];
  base64: string;
}
interface Golden {
  config: unknown;
  tokens: number[][];
  parameters: Record<string, Packed>;
  gradients: Record<string, Packed>;
  stepped: {
    learningRate: number;
    weightDecay: number;
    /** Of the elements whose gradient is more than rounding. */
    absoluteSums: Record<string, number>;
    parameters: Record<string, Packed>;
  };
}

const folder = new URL('../../../tests/golden/models/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
/** Below it a gradient is rounding, and Adam's first step the sign of that; as in make.py. */
const REAL_GRADIENT = Math.fround(1e-6);
const unpack = ({ base64 }: Packed): Float32Array =>
  new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);

test.each(names)('%s: one AdamW step is that of torch', async (name) => {
  const golden = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden;
  const { learningRate, weightDecay, absoluteSums, parameters: expected } = golden.stepped;
  // dropout off, as in the reference
  const off = { resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 };
  const { model } = readCausalModel({ ...(golden.config as object), ...off }, name);
  const store = createParameterStore(createKernels(trainingBytes(model.parameters)), model.parameters);
  for (const { spec, value } of store.parameters) value.view().set(unpack(golden.parameters[spec.name] as Packed));
  const [batchSize, sequenceLength] = [golden.tokens.length, (golden.tokens[0] as number[]).length - 1];
  const count = batchSize * sequenceLength;
  const learner = await createLearner({
    store,
    objective: languageObjective(model, { batchSize, sequenceLength }),
    optimizer: {
      kind: 'adamw',
      learningRate,
      embeddingLearningRate: learningRate,
      headLearningRate: learningRate,
      vectorLearningRate: learningRate,
      weightDecay,
      betas: [0.9, 0.95],
    },
    seed: 1,
  });
  const states = model.cacheShape.states.map((shape, i) => {
    const dims = [batchSize, ...shape];
    return [carriedStateName(i), floats(new Float32Array(elementCount(dims)), dims)] as const;
  });
  await learner.step({
    ...Object.fromEntries(states),
    tokens: integers(
      golden.tokens.flatMap((row) => row.slice(0, -1)),
      [batchSize, sequenceLength],
    ),
    targets: integers(
      golden.tokens.flatMap((row) => row.slice(1)),
      [count],
    ),
    weights: floats(new Float32Array(count).fill(1 / count), [count]),
  });
  const stepped = learner.parameters();
  const isReal = (parameter: string): ((_: unknown, index: number) => boolean) => {
    const gradient = unpack(golden.gradients[parameter] as Packed);
    return (_, index) => gradient[index] === 0 || Math.abs(gradient[index] as number) > REAL_GRADIENT;
  };
  for (const [parameter, packed] of Object.entries(expected)) {
    const actual = stepped.get(parameter)?.data as Float32Array;
    const differences = unpack(packed).map((value, i) => Math.abs(value - (actual[i] as number)));
    expect(Math.max(...differences.filter(isReal(parameter))), parameter).toBeLessThan(1e-5);
  }
  for (const [parameter, sum] of Object.entries(absoluteSums)) {
    const actual = Array.from(stepped.get(parameter)?.data as Float32Array).filter(isReal(parameter));
    const difference = Math.abs(actual.reduce((total, value) => total + Math.abs(value), 0) - sum);
    expect(difference / Math.max(1, actual.length), parameter).toBeLessThan(1e-5);
  }
  await learner.close();
});
