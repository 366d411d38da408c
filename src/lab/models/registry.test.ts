/** A walk over every architecture, so that a new one is tested before anybody writes a test for it. */
import { describe, expect, test } from 'vitest';
import type { ModelSizes } from './model.js';
import { architectures, readTokenModel, readModelConfig } from './registry.js';

const TINY: ModelSizes = {
  vocabularySize: 40,
  layers: 2,
  hiddenSize: 16,
  intermediateSize: 24,
  heads: 2,
  keyValueHeads: 1,
  headSize: 8,
  contextLength: 16,
  tieWordEmbeddings: false,
  ropeTheta: 10_000,
  dropout: 0.1,
};

test('names are unique, sources are addresses', () => {
  expect(new Set(architectures.map(({ modelType }) => modelType)).size).toBe(architectures.length);
  for (const { source, modelType } of architectures) expect(source, modelType).toMatch(/^https:\/\/\S+$/);
});

describe.each(architectures)('$modelType', (architecture) => {
  const { modelType, kind, example } = architecture;

  test('its example reads, as what it says it is; parameters have names and shapes of their own', () => {
    const { model } = readModelConfig({ model_type: modelType, ...example.config }, 'example');
    expect(model.kind).toBe(kind);
    expect(new Set(model.parameters.map(({ name }) => name)).size).toBe(model.parameters.length);
    for (const { name, shape, role } of model.parameters) {
      expect(
        shape.every((size) => Number.isInteger(size) && size > 0),
        name,
      ).toBe(true);
      if (role === 'matrix') expect(shape, name).toHaveLength(2);
    }
  });

  test('a configuration that is none is refused in one line', () => {
    for (const wrong of [
      { vocab_size: 'many', hidden_sizes: 'none', image_size: -1, noise_size: 'x' },
      { ...example.config, ...broken(example.config) },
    ]) {
      expect(() => readModelConfig({ model_type: modelType, ...wrong }, 'config.json')).toThrow(
        /^config\.json: .+: [^\n]+$/,
      );
    }
  });

  test.runIf(architecture.sized !== undefined)('a size of the project becomes a model of that context', () => {
    const sized = architecture.sized?.(TINY) ?? {};
    const { model } = readTokenModel({ model_type: modelType, ...sized }, 'sized');
    expect(model.config).toMatchObject({ vocab_size: 40, max_position_embeddings: 16 });
  });
});

/** The first number of a configuration made negative. */
function broken(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const [name] = Object.entries(config).find(([, value]) => typeof value === 'number') ?? [];
  return name === undefined ? {} : { [name]: -1 };
}
