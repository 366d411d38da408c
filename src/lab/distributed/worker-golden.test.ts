/** The workers draw the same windows, positions and rates: `tests/golden/distributed/make.py` wrote down what they do. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { createBatchLoader } from '../train/batches.js';
import { packingFeeds } from '../train/packing.js';
import { type ScheduleSettings, learningRateScale } from '../train/schedule.js';

interface Golden {
  readonly numbers: readonly number[];
  readonly below: readonly number[];
  readonly orders: readonly {
    readonly tokens: number;
    readonly length: number;
    readonly seed: number;
    readonly rows: number;
    readonly batches: readonly {
      readonly starts: readonly number[];
      readonly position: { readonly epoch: number; readonly cursor: number };
    }[];
  }[];
  readonly schedules: readonly { readonly settings: ScheduleSettings; readonly scales: readonly number[] }[];
  readonly documents: readonly number[];
  readonly packing: readonly {
    readonly starts: readonly number[];
    readonly length: number;
    readonly positions: readonly number[];
  }[];
}

const golden = JSON.parse(readFileSync('tests/golden/distributed/order.json', 'utf8')) as Golden;

test('random numbers', () => {
  const rng = Rng.fromSeed(12345);
  expect(golden.numbers.map(() => rng.uint32())).toEqual(golden.numbers);
  const limits = [...Array.from({ length: 39 }, (_, index) => index + 1), 4294967296, 3000000000];
  expect(limits.map((limit) => rng.below(limit))).toEqual(golden.below);
});

test.each(golden.orders)(
  '$rows windows of $length at a time, seed $seed',
  ({ tokens, length, seed, rows, batches }) => {
    const stream = new Uint16Array(tokens);
    const loader = createBatchLoader(stream, { batchSize: rows, sequenceLength: length, seed });
    for (const batch of batches) {
      expect(loader.next().starts).toEqual(batch.starts);
      expect(loader.position).toEqual(batch.position);
    }
    const middle = batches[batches.length >> 1];
    const resumed = createBatchLoader(stream, {
      batchSize: rows,
      sequenceLength: length,
      seed,
      ...(middle === undefined ? {} : { position: middle.position }),
    });
    expect(resumed.next().starts).toEqual(batches[(batches.length >> 1) + 1]?.starts);
  },
);

test.each(golden.schedules)('$settings.kind, warmed up over $settings.warmupSteps steps', ({ settings, scales }) => {
  for (const [index, scale] of scales.entries()) {
    expect(learningRateScale(settings, index + 1, index / 40)).toBeCloseTo(scale, 12);
  }
});

test.each(golden.packing)('positions in documents, windows of $length', ({ starts, length, positions }) => {
  const feeds = packingFeeds(starts, golden.documents, { batchSize: starts.length, sequenceLength: length });
  expect(Array.from(feeds.positions.data, Number)).toEqual(positions);
});
