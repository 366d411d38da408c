import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, test } from 'vitest';
import { z } from 'zod';
import { makeClicks } from '../../../../examples/clicks.js';
import { manualClock } from '../../../base/clock.js';
import { deepFmLogits, deepFmParameters } from '../../models/deep-fm.js';
import { INFERENCE } from '../../models/model.js';
import { input } from '../../graph/tensor.js';
import { compile, floats, integers } from '../../runtime/program.js';
import { compileObjective, gradientName, parameterInputs } from '../../train/objective.js';
import { runTask } from '../run-task.js';
import { findColumns } from './click-features.js';
import { type ClickExample, clickMetrics, hitChance } from './click-metrics.js';
import { deepFmObjective } from './deep-fm-model.js';
import { clickRanking } from './task.js';

const numbers = z.array(z.number());
/** By PyTorch 2.15: tests/golden/recommendation/deep_fm.py. */
const golden = z
  .object({
    config: z.object({
      bucketCount: z.number(),
      wordColumns: z.number(),
      figureColumns: z.number(),
      vectorSize: z.number(),
      hiddenSizes: numbers,
      dropout: z.number(),
    }),
    batch: z.number(),
    parameters: z.record(z.string(), numbers),
    words: numbers,
    figures: numbers,
    targets: numbers,
    logits: numbers,
    loss: z.number(),
    gradients: z.record(z.string(), numbers),
  })
  .parse(
    JSON.parse(
      await readFile(new URL('../../../../tests/golden/recommendation/deep-fm.json', import.meta.url), 'utf8'),
    ),
  );

test('DeepFM has the logits, the loss and the gradients of PyTorch', async () => {
  const { config, batch } = golden;
  const specs = deepFmParameters(config);
  const values = Object.fromEntries(
    specs.map(({ name, shape }) => [name, floats(Float32Array.from(golden.parameters[name] ?? []), shape)]),
  );
  const fed = {
    words: integers(golden.words, [batch, config.wordColumns]),
    figures: floats(Float32Array.from(golden.figures), [batch, config.figureColumns]),
  };
  const { lookUp, tensors } = parameterInputs(specs);
  const inputs = {
    words: input('words', [batch, config.wordColumns], 'int64'),
    figures: input('figures', [batch, config.figureColumns]),
  };
  const forward = await compile(
    { logits: deepFmLogits(lookUp, inputs, config, INFERENCE) },
    [...Object.values(inputs), ...tensors],
    { threads: 1 },
  );
  const { logits } = await forward.run({ ...values, ...fed });
  await forward.close();
  for (const [at, value] of golden.logits.entries()) expect(logits?.data[at]).toBeCloseTo(value, 5);
  const { program } = await compileObjective(specs, specs, deepFmObjective(config, batch), { threads: 1 });
  const results = await program.run({
    ...values,
    ...fed,
    targets: floats(Float32Array.from(golden.targets), [batch]),
    weights: floats(new Float32Array(batch).fill(1 / batch), [batch]),
  });
  await program.close();
  expect(Number(results['loss']?.data[0])).toBeCloseTo(golden.loss, 5);
  for (const { name } of specs) {
    const ours = results[gradientName(name)]?.data as Float32Array;
    for (const [at, value] of (golden.gradients[name] ?? []).entries()) expect(ours[at]).toBeCloseTo(value, 4);
  }
});

test('from a log of clicks to an order better than popularity, and back from its folder', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-clicks-'));
  try {
    const file = path.join(root, 'clicks.jsonl');
    const records = [...makeClicks(4000, 1), { item: 'x', clicked: 'perhaps' }, { clicked: 1 }];
    await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const settings = { epochs: '6', bucketCount: '4096' };
    const options = { seed: 1, threads: 1, clock: manualClock(), resamples: 60, data: { file }, settings };
    const { report, model, sides, outputs } = await runTask(clickRanking, options);
    expect(report.data.leftOut.shown).toEqual([
      expect.stringMatching(/clicked is neither 1 nor 0/),
      expect.stringMatching(/the row has no item/),
    ]);
    const popular = report.peers.find(({ name }) => name === 'click rate of the item');
    expect(popular?.comparison).toMatchObject({ metric: 'nDCG@10', verdict: 'better' });
    expect(report.model.facts['columns']).toBe('item, topic, trade, user, place, price');
    // the latest impressions, whole
    expect(Math.min(...sides.test.map(({ time = 0 }) => time))).toBe(3200);
    expect(sides.test).toHaveLength(800 * 20);
    const folder = await mkdtemp(path.join(root, 'model-'));
    await model.save(folder);
    const loaded = await clickRanking.load(folder, { ...options, settings: clickRanking.settings.parse(settings) });
    expect(await loaded.predict(sides.test)).toEqual(outputs);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('nothing clicked, and everything clicked, is said before anything is fitted', () => {
  const example = (clicked: number, impression: string): ClickExample => ({ impression, clicked, row: { item: 'a' } });
  const sides = { validation: [], train: [example(1, 'a'), example(0, 'a')], test: [example(0, 'b')] };
  expect(clickRanking.problem?.(sides)).toBe('test: nothing was clicked');
  expect(clickRanking.problem?.({ ...sides, train: [example(1, 'a')] })).toBe('train: everything was clicked');
});

test('impressions are scored each by itself; those without a choice are left out', () => {
  const impressions = [
    { clicks: [1, 0, 0], probabilities: [0.2, 0.5, 0.1] },
    { clicks: [0, 0], probabilities: [0.9, 0.8] },
    { clicks: [0, 1], probabilities: [0.3, 0.6] },
  ];
  const examples = impressions.flatMap(({ clicks }, at) =>
    clicks.map((clicked): ClickExample => ({ impression: `${at}`, clicked, row: {} })),
  );
  const outputs = impressions.flatMap(({ probabilities }) => probabilities.map((probability) => ({ probability })));
  const [gain, hits] = clickMetrics.map((metric) => metric.prepare(examples, outputs));
  const all = [...examples.keys()];
  expect(gain?.(all)).toBeCloseTo((1 / Math.log2(3) + 1) / 2, 12);
  expect(hits?.(all)).toBe(1);
  expect(gain?.([0, 1, 2, 0, 1, 2, 5, 6])).toBeCloseTo((2 / Math.log2(3) + 1) / 3, 12);
  expect(gain?.([3, 4])).toBeNaN();
});

it('shares the places of equal scores', () => {
  expect(hitChance([1, 0, 0, 0], [1, 1, 1, 1], 1)).toBeCloseTo(1 / 4, 12);
  expect(hitChance([1, 1, 0, 0], [1, 1, 1, 1], 2)).toBeCloseTo(1 - 1 / 6, 12);
  expect(hitChance([1, 0, 0], [1, 2, 2], 2)).toBe(0);
  expect(hitChance([1, 0, 0], [3, 2, 2], 1)).toBe(1);
  expect(hitChance([0, 0], [1, 2], 1)).toBe(0);
});

it('knows names from figures', () => {
  const rows = [
    { item_id: '1', price: '2', one: 'x', topic: 'a' },
    { item_id: '2', price: '', one: 'x', topic: 'b' },
    { item_id: '3', price: '4', one: 'x', topic: 'b' },
  ];
  expect(findColumns(rows)).toEqual({
    words: ['item_id', 'topic'],
    figures: [{ column: 'price', mean: 3, deviation: 1 }],
  });
});
