import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { makeEvents } from '../../../../examples/events.js';
import { manualClock } from '../../../base/clock.js';
import { eventSchema, leaveOneOut } from '../../data/events.js';
import { sasRecParameters } from '../../models/sasrec.js';
import { floats, integers } from '../../runtime/program.js';
import { compileObjective, gradientName } from '../../train/objective.js';
import { runTask } from '../run-task.js';
import { sasRecObjective } from './sasrec-model.js';
import { recommendation } from './task.js';

const numbers = z.array(z.number());
/** By PyTorch 2.15: tests/golden/recommendation/sasrec.py. */
const golden = z
  .object({
    config: z.object({
      itemCount: z.number(),
      maxLength: z.number(),
      width: z.number(),
      blocks: z.number(),
      heads: z.number(),
      dropout: z.number(),
    }),
    batch: z.number(),
    parameters: z.record(z.string(), numbers),
    items: numbers,
    targets: numbers,
    loss: z.number(),
    gradients: z.record(z.string(), numbers),
  })
  .parse(
    JSON.parse(await readFile(new URL('../../../../tests/golden/recommendation/sasrec.json', import.meta.url), 'utf8')),
  );

describe('SASRec', () => {
  it('has the loss and the gradients of PyTorch', async () => {
    const { config, batch } = golden;
    const specs = sasRecParameters(config);
    const { program } = await compileObjective(specs, specs, sasRecObjective(config, batch), { threads: 1 });
    const mask = Float32Array.from(golden.items, (item) => Number(item > 0));
    const counted = mask.reduce((a, b) => a + b, 0);
    const dims = [batch, config.maxLength];
    const values = Object.fromEntries(
      specs.map(({ name, shape }) => [name, floats(Float32Array.from(golden.parameters[name] ?? []), shape)]),
    );
    const results = await program.run({
      ...values,
      items: integers(golden.items, dims),
      mask: floats(mask, dims),
      targets: integers(golden.targets, [mask.length]),
      weights: floats(
        mask.map((each) => each / counted),
        [mask.length],
      ),
    });
    await program.close();
    expect(Number(results['loss']?.data[0])).toBeCloseTo(golden.loss, 5);
    for (const { name } of specs) {
      const ours = results[gradientName(name)]?.data as Float32Array;
      for (const [at, value] of (golden.gradients[name] ?? []).entries()) expect(ours[at]).toBeCloseTo(value, 4);
    }
  });
});

test('from events to what comes next, better than popularity, and back from its folder', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-events-'));
  try {
    const file = path.join(root, 'events.jsonl');
    const events = makeEvents(300, 2).map(({ user, item, time }) => ({
      user_id: user,
      item_id: item,
      timestamp: time,
    }));
    await writeFile(
      file,
      [...events, { user_id: 'x', item_id: '', timestamp: 1 }].map((event) => `${JSON.stringify(event)}\n`).join(''),
    );
    const settings = { width: '32', blocks: '1', heads: '1', maxLength: '12', epochs: '8', learningRate: '0.01' };
    const options = { seed: 1, threads: 1, clock: manualClock(), resamples: 60, data: { file }, settings };
    const { report, model, sides, outputs } = await runTask(recommendation, options);
    expect(report.data.leftOut).toMatchObject({ count: 1, shown: [expect.stringMatching(/item: the item is empty/)] });
    const [ndcg] = report.scores;
    expect(ndcg).toMatchObject({ metric: 'nDCG@10' });
    expect(report.peers[0]?.comparison.verdict).toBe('better');
    // nobody is offered what he has had
    for (const [row, { history }] of sides.test.entries()) {
      const had = new Set(history);
      for (const item of outputs[row]?.items ?? []) expect(had.has(item) && item !== sides.test[row]?.item).toBe(false);
    }
    const folder = await mkdtemp(path.join(root, 'model-'));
    await model.save(folder);
    const loaded = await recommendation.load(folder, { ...options, settings: recommendation.settings.parse(settings) });
    expect(await loaded.predict(sides.test)).toEqual(outputs);
    const [asked] = await loaded.predict([recommendation.question.parse({ history: '3-0; 3-1' })]);
    expect(asked?.items).toHaveLength(10);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('the last event of a user is the test, the one before it validation', () => {
  const events = [
    ...[3, 1, 2, 2].map((time, at) => ({ user: 'a', item: 'abcd'[at] as string, time })),
    { user: 'b', item: 'a', time: 1 },
    { user: 'a', item: 'a', time: 4 },
  ];
  const { train, validation, test: tested, shortUsers, repeats } = leaveOneOut(events);
  expect(train.map(({ user, item }) => user + item)).toEqual(['ab', 'ac', 'ba']);
  expect(validation).toMatchObject([{ item: 'd', history: ['b', 'c'] }]);
  expect(tested).toMatchObject([{ item: 'a', history: ['b', 'c', 'd'] }]);
  expect([shortUsers, repeats]).toEqual([1, 1]);
});

test('times are numbers or dates; anything else is said', () => {
  expect(eventSchema.parse({ user: 7, item: 'x', time: '1970-01-01T00:00:01Z' })).toEqual({
    user: '7',
    item: 'x',
    time: 1000,
  });
  expect(eventSchema.safeParse({ user: 'a', item: 'x', time: 'soon' }).error?.issues[0]?.message).toMatch(
    /neither a number nor a date/,
  );
  expect(eventSchema.safeParse({ user: 'a', time: 1 }).error?.issues[0]?.message).toBe('no item');
});
