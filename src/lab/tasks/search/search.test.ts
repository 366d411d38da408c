import { describe, expect, it } from 'vitest';
import { manualClock } from '../../../base/clock.js';
import { Rng } from '../../../base/rng.js';
import type { PreparedData } from '../run-task.js';
import type { Task } from '../task.js';
import { type Trial, nextTrial, searchSettings } from './search.js';
import { type ScoredSettings, propose } from './tpe.js';
import { z } from 'zod';

const SPACE = {
  rate: { kind: 'range', low: 0.0001, high: 1, isLog: true },
  kind: { kind: 'choice', values: ['a', 'b', 'c'] },
} as const;
const settings = z.object({ rate: z.number().default(0.5), kind: z.string().default('c') });

/** Best at a rate of 0.01 and kind b; less data only lowers it. */
const worth = (rate: number, kind: string): number => -((Math.log10(rate) + 2) ** 2) - (kind === 'b' ? 0 : 1);

const clock = manualClock();
const task: Task<number, number, z.infer<typeof settings>> = {
  name: 'bowl',
  title: 'A bowl',
  description: '',
  fieldNames: {},
  example: z.number(),
  question: z.number(),
  settings,
  searchSpace: SPACE,
  textOf: String,
  async fit({ train }, context) {
    clock.advance(10 * train.length);
    const { rate, kind } = context.settings;
    return { predict: async (examples) => examples.map(() => worth(rate, kind)), facts: {}, save: async () => {} };
  },
  load: () => Promise.reject(new Error('never loaded')),
  baselines: [],
  metrics: [{ name: 'worth', better: 'higher', prepare: (_, outputs) => () => outputs[0] as number }],
  show: () => ({ input: '', expected: '', given: '', badness: 0 }),
};
const data: PreparedData<number> = {
  train: Array.from({ length: 90 }, (_, n) => n),
  validation: [1],
  test: [2],
  testPlaces: [],
  facts: {
    files: [],
    records: 92,
    leftOut: { count: 0, shown: [] },
    sameTwice: 0,
    removedCopies: 0,
    train: 90,
    validation: 1,
    test: 1,
  },
};
const context = { settings: settings.parse({}), seed: 4, threads: 1, clock };

async function search(trials: number, earlier: readonly Trial[] = [], seconds = Infinity) {
  const made: Trial[] = [...earlier];
  const budget = { seconds, trials };
  const best = await searchSettings(task, data, context, {
    budget,
    earlier,
    onTrial: (trial) => void made.push(trial),
  });
  return { best, made };
}

describe('a search', () => {
  it('comes nearer to what is best than as many draws by chance', async () => {
    const { best, made } = await search(65);
    expect(best?.share).toBe(1);
    expect(best?.settings['kind']).toBe('b');
    expect(Math.abs(Math.log10(Number(best?.settings['rate'])) + 2)).toBeLessThan(0.3);
    const rng = Rng.fromSeed(1);
    const chance = Array.from({ length: 400 }, () => propose(SPACE, [], rng)).map((each) =>
      worth(Number(each['rate']), String(each['kind'])),
    );
    const late = made.slice(39).filter(({ share }) => share < 0.2);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(late.map(({ value }) => value ?? 0))).toBeGreaterThan(mean(chance) + 0.5);
  });

  it('that is stopped and goes on tries what it would have tried', async () => {
    const { made } = await search(30);
    const { made: halves } = await search(30, (await search(17)).made);
    expect(halves).toEqual(made);
  });

  it('gives three times the data to a third of its settings, and ends with its budget', async () => {
    const { made } = await search(13);
    expect(made.map(({ share }) => share)).toEqual([...Array(9).fill(1 / 9), ...Array(3).fill(1 / 3), 1]);
    const promoted = made.slice(9, 12).map((trial) => trial.settings);
    const best = made
      .slice(0, 9)
      .toSorted((a, b) => (b.value ?? 0) - (a.value ?? 0))
      .slice(0, 3);
    expect(promoted).toEqual(best.map((trial) => trial.settings));
    // nine trials of a tenth of a second, and one of three tenths
    const { made: short } = await search(1000, [], 1);
    expect(short.length).toBe(10);
  });

  it('without anything to search is refused', async () => {
    const budget = { seconds: 1, trials: 1 };
    const options = { budget, earlier: [], onTrial: () => {} };
    await expect(searchSettings({ ...task, searchSpace: {} }, data, context, options)).rejects.toMatchObject({
      code: 'nothing-to-search',
    });
    await expect(searchSettings(task, { ...data, validation: [] }, context, options)).rejects.toThrow(
      /no validation examples/,
    );
  });
});

it('proposals stay within the space, and a lower metric is a better one where it says so', () => {
  const rng = Rng.fromSeed(9);
  const history: ScoredSettings[] = [];
  for (let i = 0; i < 60; i++) {
    const proposed = propose(SPACE, history, rng);
    expect(proposed['rate']).toBeGreaterThanOrEqual(0.0001);
    expect(proposed['rate']).toBeLessThanOrEqual(1);
    history.push({ settings: proposed, score: worth(Number(proposed['rate']), String(proposed['kind'])) });
  }
  const trials = [3, 1, 2, 5, 4, 9, 8, 7, 6].map((value): Trial => ({
    settings: { rate: value / 10, kind: 'a' },
    share: 1 / 9,
    value,
    seconds: 1,
  }));
  const lower = {
    searchSpace: SPACE,
    metrics: [{ ...task.metrics[0], name: 'loss', better: 'lower' as const, prepare: () => () => 0 }],
  };
  expect(nextTrial(lower, trials, 1)).toEqual({ settings: { rate: 0.1, kind: 'a' }, share: 1 / 3 });
});
