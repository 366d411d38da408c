/** Whole small models: the quantized step programs against float32 programs over the dequantized weights. */
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { dequantizeMatrix, quantizeMatrix } from '../graph/block-quantization.js';
import { constant } from '../graph/tensor.js';
import type { CausalModel, ParameterSpec } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { type Value, floats, integers } from '../runtime/program.js';
import { type StepPrograms, compileStepPrograms } from './step-programs.js';
import { quantizationPolicy } from './weight-quantization.js';

const VOCABULARY = 160;
const SIZES = {
  vocab_size: VOCABULARY,
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 32,
};
const CONFIGS = {
  llama: { model_type: 'llama', ...SIZES },
  'qwen2, tied, biases': { model_type: 'qwen2', ...SIZES, tie_word_embeddings: true },
  gpt2: { model_type: 'gpt2', vocab_size: VOCABULARY, n_embd: 64, n_layer: 2, n_head: 4, n_positions: 32 },
};

function randomWeights({ parameters }: CausalModel): Map<string, Value> {
  const rng = Rng.fromSeed(11);
  const draw = ({ shape, role }: ParameterSpec): Float32Array => {
    const length = shape.reduce((product, size) => product * size, 1);
    return Float32Array.from({ length }, () => (role === 'vector' ? 1 + rng.normal() * 0.1 : rng.normal() / 8));
  };
  return new Map(parameters.map((spec) => [spec.name, floats(draw(spec), spec.shape)]));
}

/** What the quantized matrices stand for: blocks run along what a product sums over, which GPT-2 stores by rows. */
function roundedWeights(model: CausalModel, weights: Map<string, Value>, quantization: 'int4' | 'int8') {
  const transposed = model.config['model_type'] === 'gpt2';
  const tensors = new Map([...weights].map(([name, { data, dims }]) => [name, constant(data, dims)]));
  const policy = quantizationPolicy(quantization, model.parameters, tensors);
  const rounded = new Map(weights);
  for (const { name, shape, role } of model.parameters) {
    const tensor = tensors.get(name);
    const bits = shape.length === 2 && tensor !== undefined ? policy.product(tensor) : undefined;
    if (bits === undefined || name.includes('wpe')) continue;
    const [height, width] = shape as readonly [number, number];
    const data = weights.get(name)?.data as Float32Array;
    const flip = transposed && role === 'matrix';
    const restored = flip
      ? flipped(dequantizeMatrix(quantizeMatrix(flipped(data, width), width, height, bits)), height)
      : dequantizeMatrix(quantizeMatrix(data, height, width, bits));
    rounded.set(name, floats(restored, shape));
  }
  return rounded;
}

/** The transpose of a matrix of `columns` columns. */
function flipped(data: Float32Array, columns: number): Float32Array {
  const rows = data.length / columns;
  return Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] as number);
}

/** Logits after a prompt of five tokens. */
async function logitsOf(model: CausalModel, programs: StepPrograms): Promise<Float32Array> {
  const { layerCount, keyValueHeads, headSize } = model.cacheShape;
  const empty = floats(new Float32Array(keyValueHeads * headSize), [1, keyValueHeads, 1, headSize]);
  const time = 5;
  const mask = Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0));
  const { logits } = await programs.prefill.run({
    tokens: integers([3, 141, 5, 92, 65], [1, time]),
    positions: integers([0, 1, 2, 3, 4], [1, time]),
    pastMask: floats(Float32Array.of(-1e9), [1, 1, 1, 1]),
    causalMask: floats(mask, [time, time]),
    lastRow: integers([time - 1], [1]),
    ...Object.fromEntries(
      Array.from({ length: layerCount }, (_, layer) => [
        [`keys${layer}`, empty],
        [`values${layer}`, empty],
      ]).flat(),
    ),
  });
  await programs.close();
  return logits?.data as Float32Array;
}

describe.each(Object.entries(CONFIGS))('%s', (_name, config) => {
  const { model } = readCausalModel(config, 'test');
  const weights = randomWeights(model);

  test.each(['int8', 'int4'] as const)('%s logits are those of the rounded weights', async (quantization) => {
    const quantized = await logitsOf(model, await compileStepPrograms(model, weights, { quantization }));
    const rounded = roundedWeights(model, weights, quantization);
    const expected = await logitsOf(model, await compileStepPrograms(model, rounded));
    const exact = await logitsOf(model, await compileStepPrograms(model, weights));
    // What is left is the rounding of activations to 8 bits; that of the weights is far larger with 4 bits.
    expect(distance(quantized, expected)).toBeLessThan(0.03);
    expect(distance(quantized, exact)).toBeLessThan(quantization === 'int8' ? 0.04 : 0.4);
    if (quantization === 'int4') expect(distance(exact, expected)).toBeGreaterThan(2 * distance(quantized, expected));
  });
});

/** Root mean square of the difference, relative to that of the expected values. */
function distance(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const square = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(square(actual.map((value, i) => value - (expected[i] as number))) / square(expected));
}
