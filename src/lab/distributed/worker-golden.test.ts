/** The workers draw the same windows, positions and rates: `tests/golden/distributed/make.py` wrote down what they do. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { createBatchLoader } from '../train/batches.js';
import { packingFeeds } from '../train/packing.js';
import { createRowOrder, epochRows, rowFeeds } from '../train/supervised/conversation-source.js';
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
  /** Every token that is a multiple of 3 is learned. */
  readonly texts: readonly (readonly number[])[];
  readonly rows: readonly {
    readonly packed: boolean;
    readonly length: number;
    readonly seed: number;
    readonly count: number;
    readonly batches: readonly {
      readonly rows: readonly (readonly number[])[];
      readonly position: { readonly epoch: number; readonly cursor: number };
    }[];
    readonly first: Readonly<Record<'tokens' | 'targets' | 'learned' | 'positions', readonly number[]>>;
  }[];
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

test.each(golden.rows)(
  'texts in $count rows of $length, packed: $packed',
  ({ packed, length: sequenceLength, seed, count, batches, first }) => {
    const examples = golden.texts.map((tokens) => ({
      tokens: Int32Array.from(tokens),
      mask: Uint8Array.from(tokens, (token) => Number(token % 3 === 0)),
    }));
    const order = createRowOrder((epoch) => epochRows(examples, { packed, sequenceLength }, seed, epoch));
    for (const { rows, position } of batches) {
      expect(rows.map(() => order.next())).toEqual(rows);
      expect(order.position).toEqual(position);
    }
    expect(order.position.epoch).toBeGreaterThan(0);
    const shape = { batchSize: count, sequenceLength, fillToken: 5 };
    // positions are fed to packed rows alone, and are the same in others
    const { feeds, counted } = rowFeeds(batches[0]?.rows ?? [], examples, { ...shape, packed: true });
    const found = Object.entries(feeds).map(([name, { data }]) => [name, Array.from(data, Number)]);
    expect({ ...Object.fromEntries(found), learned: [...counted] }).toMatchObject(first);
  },
);
