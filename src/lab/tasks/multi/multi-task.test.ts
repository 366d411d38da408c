import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.js';
import { Rng } from '../../../base/rng.js';
import { predictMultiTask, saveMultiTask } from './multi-task-folder.js';
import { planSchema, runMultiTask } from './multi-task.js';
import { createTextReader } from './text-rows.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'multi-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const NAMES = 'Ada Ben Cleo Dan Eva Finn Gus Hana'.split(' ');
const GOOD = 'lovely great splendid fine'.split(' ');
const BAD = 'awful poor dreadful bad'.split(' ');
const THINGS = { hotel: ['room', 'bed', 'lobby'], shop: ['parcel', 'price', 'refund'] } as const;

/** What was praised or not, by whom, and where: one text for all tasks. */
function texts(count: number) {
  const rng = Rng.fromSeed(4);
  const any = <T>(of: readonly T[]): T => of[rng.below(of.length)] as T;
  return Array.from({ length: count }, (_, index) => {
    const [place, isGood, name] = [any(['hotel', 'shop'] as const), rng.uniform() < 0.5, any(NAMES)];
    const start = `${index} days ago the ${any(THINGS[place])} was ${any(isGood ? GOOD : BAD)}, said `;
    const entity = { start: start.length, end: start.length + name.length, label: 'PERSON' };
    return { text: `${start}${name}.`, opinion: isGood ? 'pos' : 'neg', place, entities: [entity] };
  });
}

async function write(name: string, records: readonly unknown[]): Promise<void> {
  await writeFile(path.join(folder, name), records.map((record) => JSON.stringify(record)).join('\n'));
}

const SMALL = {
  width: 32,
  layers: 1,
  heads: 2,
  vocabularySize: 300,
  maxTokens: 24,
  dropout: 0,
  batchSize: 16,
  learningRate: 5e-3,
};
const context = () => ({
  seed: 1,
  threads: 1,
  clock: systemClock,
  fileOf: (data: string) => path.join(folder, data),
  resamples: 60,
});

test('a class and tags on one encoder, beside each alone; the model answers the same from its folder', async () => {
  const made = texts(500);
  await write(
    'opinion.jsonl',
    made.map(({ text, opinion }) => ({ text, label: opinion })),
  );
  await write(
    'names.jsonl',
    made.map(({ text, entities }) => ({ text, entities })),
  );
  const plan = planSchema.parse({
    ...SMALL,
    epochs: 14,
    weights: 'gradnorm',
    tasks: [
      { name: 'opinion', kind: 'classification', data: 'opinion.jsonl' },
      { name: 'names', kind: 'tagging', data: 'names.jsonl', weight: 2 },
    ],
  });
  const { report, model } = await runMultiTask(plan, context());
  expect(report.tasks.map(({ name, figures }) => [name, figures.scores[0]?.metric])).toEqual([
    ['opinion', 'macro-F1'],
    ['names', 'entity F1'],
  ]);
  for (const { figures } of report.tasks) {
    expect(figures.scores[0]?.value).toBeGreaterThan(0.9);
    expect(figures.peers[0]).toMatchObject({ name: 'alone' });
    expect(figures.peers[0]?.scores[0]?.value).toBeGreaterThan(0.9);
  }
  expect(report.tasks.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(2, 6);
  // what one task is measured on, none learns from
  const { train, validation, test: tested } = report.tasks[0]?.figures.data ?? { train: 0, validation: 0, test: 0 };
  expect(train).toBeGreaterThan(100);
  expect(train).toBeLessThanOrEqual(500 - tested - validation);

  const saved = path.join(folder, 'model');
  await saveMultiTask(saved, model, { 'report.json': '{}' });
  const [answer] = await predictMultiTask(saved, ['3 days ago the bed was awful, said Cleo.'], 1);
  expect(answer).toMatchObject({ opinion: { label: 'neg' }, names: { entities: [{ text: 'Cleo', label: 'PERSON' }] } });
}, 60_000);

test('in a cascade the second task is told what the first says, and what is so', async () => {
  const made = texts(400);
  // the second is the first and something else: being told is worth much
  await write(
    'place.jsonl',
    made.map(({ text, place }) => ({ text, label: place })),
  );
  await write(
    'both.jsonl',
    made.map(({ text, place, opinion }) => ({ text, label: `${place} ${opinion}` })),
  );
  const plan = planSchema.parse({
    ...SMALL,
    epochs: 16,
    cascade: ['place', 'both'],
    tasks: [
      { name: 'place', kind: 'classification', data: 'place.jsonl' },
      { name: 'both', kind: 'classification', data: 'both.jsonl' },
    ],
  });
  const { report } = await runMultiTask(plan, context());
  const { cascade } = report;
  expect(cascade).toMatchObject({ first: 'place', second: 'both' });
  expect(cascade?.figures.scores[0]?.value).toBeGreaterThan(0.5);
  expect(cascade?.figures.peers.map(({ name }) => name)).toEqual(['its text alone', 'told the truth']);
  for (const { scores } of cascade?.figures.peers ?? []) expect(scores[0]?.value).toBeGreaterThan(0.5);
}, 60_000);

test('plans that cannot be are refused in one line', async () => {
  const task = { name: 'a', kind: 'classification', data: 'a.jsonl' };
  const refused = (plan: unknown) => runMultiTask(planSchema.parse(plan), context());
  await expect(refused({ tasks: [task, task] })).rejects.toThrow('two are called "a"');
  await expect(refused({ tasks: [task], cascade: ['a', 'b'] })).rejects.toThrow('there is no task "b"');
  await expect(refused({ tasks: [task], cascade: ['a', 'a'] })).rejects.toThrow('cannot follow itself');
  const tagged = {
    tasks: [
      { ...task, kind: 'tagging' },
      { ...task, name: 'b' },
    ],
    cascade: ['a', 'b'],
  };
  await expect(refused(tagged)).rejects.toThrow('the first must say one thing of a text');
  expect(planSchema.safeParse({ tasks: [] }).success).toBe(false);
  expect(planSchema.safeParse({ tasks: [task], weights: 'guess' }).success).toBe(false);
});

test('words know their first tokens; those behind the end have none', () => {
  const tokenizer = {
    special: new Map([
      ['[CLS]', 1],
      ['[SEP]', 2],
    ]),
    endOfText: 2,
    encode: (word: string) => Array.from(word, (letter) => letter.codePointAt(0) as number),
  };
  const read = createTextReader(tokenizer as never, 8);
  const { ids, firstTokens } = read('ab c defg hi');
  expect(firstTokens).toEqual([1, 3, -1, -1]);
  expect(ids).toEqual([1, 97, 98, 99, 2]);
});
