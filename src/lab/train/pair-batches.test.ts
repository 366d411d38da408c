import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { initialize } from '../models/initialize.js';
import type { EncoderDecoderModel } from '../models/model.js';
import { readModelConfig } from '../models/registry.js';
import { type Value, floats } from '../runtime/program.js';
import { compileObjective } from './objective.js';
import { type TokenPair, choosePairShapes, pairBatches, pairFeeds } from './pair-batches.js';
import { compileTranslationLoss, translationObjective } from './translation-objective.js';

const rng = Rng.fromSeed(4);
const draw = (length: number): number[] => Array.from({ length }, () => 2 + rng.below(20));
const pairs: TokenPair[] = Array.from({ length: 100 }, (_, i) => ({
  source: draw(1 + (i % 30)),
  target: draw(1 + ((i * 7) % 40)),
}));
const SPECIAL = { startToken: 0, padToken: 1 };

describe('shapes and batches', () => {
  const shapes = choosePairShapes(pairs, { tokensPerBatch: 128, maxLength: 39 });

  test('shapes grow, hold what is not too long, and keep to the tokens of a batch', () => {
    const lengths = shapes.map(({ length }) => length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    expect(shapes.at(-1)?.length).toBe(40);
    for (const { batchSize, length } of shapes) expect(batchSize * length).toBeLessThanOrEqual(128);
    expect(() => choosePairShapes(pairs.slice(-1), { tokensPerBatch: 128, maxLength: 3 })).toThrow(/none of 1 pairs/);
  });

  test('an epoch has every pair that fits once, in the shortest shape that holds it', () => {
    const batches = pairBatches(pairs, shapes, 9);
    const seen = batches.flatMap((batch) => batch.pairs);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBe(pairs.length);
    for (const { shape, pairs: members } of batches) {
      expect(members.length).toBeLessThanOrEqual(shape.batchSize);
      const shorter = shapes.filter(({ length }) => length < shape.length).at(-1)?.length ?? 0;
      for (const { source, target } of members) {
        expect(Math.max(source.length, target.length)).toBeGreaterThan(shorter);
        expect(Math.max(source.length, target.length)).toBeLessThanOrEqual(shape.length);
      }
    }
    expect(pairBatches(pairs, shapes, 9)).toEqual(batches);
    expect(pairBatches(pairs, shapes, 10)).not.toEqual(batches);
  });

  test('feeds shift targets right and weigh padding with nothing', () => {
    const batch = { shape: { batchSize: 2, length: 4 }, pairs: [{ source: [5, 6], target: [7, 8, 9] }] };
    const feeds = pairFeeds(batch, SPECIAL);
    expect(Array.from(feeds['shifted']?.data ?? [], Number)).toEqual([0, 7, 8, 1, 1, 1, 1, 1]);
    expect(Array.from(feeds['targets']?.data ?? [], Number)).toEqual([7, 8, 9, 1, 1, 1, 1, 1]);
    expect(Array.from(feeds['sourceMask']?.data ?? [], Number)).toEqual([1, 1, 0, 0, 0, 0, 0, 0]);
    expect(Array.from(feeds['weights']?.data ?? [], Number)).toEqual(
      [1, 1, 1, 0, 0, 0, 0, 0].map((w) => Math.fround(w / 3)),
    );
  });
});

test('loss and gradients are the same however much padding there is', async () => {
  const sizes = { vocab_size: 24, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2, dropout_rate: 0 };
  const model = readModelConfig({ model_type: 't5', ...sizes }, 'test').model as EncoderDecoderModel;
  const weights = model.parameters.map((spec) => {
    const data = new Float32Array(spec.shape.reduce((product, size) => product * size, 1));
    initialize({ ...spec, initializer: { kind: 'normal', standardDeviation: 0.5 } }, data, rng);
    return [spec.name, floats(data, spec.shape)];
  });
  const some = [
    { source: draw(5), target: draw(7) },
    { source: draw(8), target: draw(2) },
  ];
  const runs: Record<string, Value>[] = [];
  for (const shape of [
    { batchSize: 2, length: 8 },
    { batchSize: 5, length: 13 },
  ]) {
    const { program } = await compileObjective(model.parameters, model.parameters, translationObjective(model, shape));
    const measure = await compileTranslationLoss(model, shape);
    const feeds = { ...Object.fromEntries(weights), ...pairFeeds({ shape, pairs: some }, SPECIAL) };
    runs.push(await program.run(feeds));
    expect((await measure.run(feeds))['loss']?.data[0]).toBeCloseTo(Number(runs.at(-1)?.['loss']?.data[0]), 4);
    await program.close();
    await measure.close();
  }
  const [tight, wide] = runs as [Record<string, Value>, Record<string, Value>];
  expect(Number(tight['loss']?.data[0])).toBeGreaterThan(1);
  for (const [name, { data }] of Object.entries(tight))
    for (const [index, value] of data.entries())
      expect(Number(wide[name]?.data[index]), name).toBeCloseTo(Number(value), 4);
});
