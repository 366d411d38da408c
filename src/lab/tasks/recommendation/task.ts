import { z } from 'zod';
import { EVENT_FIELD_NAMES, type NextEvent, eventSchema, leaveOneOut, sequencesOf } from '../../data/events.js';
import { type Baseline, type Metric, type Task, defineTask } from '../task.js';
import { type SasRecModel, fitSasRec, loadSasRec } from './sasrec-model.js';

export interface Recommendation {
  /** The best ten that the user has not had. */
  readonly items: readonly string[];
  /** At which place, from 0, the item stands that came; Infinity where it was never seen in training. */
  readonly rank: number;
}

const settingsSchema = z.strictObject({
  width: z.coerce.number().int().min(8).max(1024).default(64),
  blocks: z.coerce.number().int().min(1).max(8).default(2),
  heads: z.coerce.number().int().min(1).max(16).default(2),
  /** Latest items of a user that are looked at. */
  maxLength: z.coerce.number().int().min(2).max(1000).default(50),
  dropout: z.coerce.number().min(0).lt(1).default(0.2),
  epochs: z.coerce.number().int().min(1).default(30),
  learningRate: z.coerce.number().positive().default(0.003),
});
type Settings = z.infer<typeof settingsSchema>;

const SHOWN = 10;

/** Ranks all items but those the user has had; among equal scores the item that came stands last. */
function recommendationOf(
  items: readonly string[],
  numberOf: ReadonlyMap<string, number>,
  scores: ArrayLike<number>,
  event: NextEvent,
): Recommendation {
  const had = new Set(event.history.filter((item) => item !== event.item));
  const own = numberOf.get(event.item);
  const ownScore = own === undefined ? Number.NaN : (scores[own] as number);
  let ahead = 0;
  const best: number[] = [];
  const isBetter = (one: number, other: number): boolean => (scores[one] as number) > (scores[other] as number);
  for (let item = 0; item < items.length; item++) {
    if (had.has(items[item] as string)) continue;
    if (item !== own && (scores[item] as number) >= ownScore) ahead++;
    const last = best[SHOWN - 1];
    if (last !== undefined && !isBetter(item, last)) continue;
    let place = best.length;
    while (place > 0 && isBetter(item, best[place - 1] as number)) place--;
    best.splice(place, 0, item);
    if (best.length > SHOWN) best.pop();
  }
  return { items: best.map((item) => items[item] as string), rank: own === undefined ? Infinity : ahead };
}

type RankMetric = Metric<NextEvent, Recommendation>;

function rankMetric(name: string, value: (rank: number) => number): RankMetric {
  return {
    name,
    better: 'higher',
    signature: 'among all items the user has not had',
    prepare(_, outputs) {
      const values = Float64Array.from(outputs, ({ rank }) => value(rank));
      return (rows) => {
        let total = 0;
        for (let i = 0; i < rows.length; i++) total += values[rows[i] as number] as number;
        return total / rows.length;
      };
    },
  };
}

/** One relevant item: the ideal gain is 1. */
const gainAt10 = (rank: number): number => (rank < 10 ? 1 / Math.log2(rank + 2) : 0);

function countsOf(sequences: readonly (readonly string[])[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of sequences.flat()) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

const itemSequences = (events: readonly NextEvent[]): string[][] =>
  [...sequencesOf(events).values()].map((own) => own.map(({ item }) => item));

/** @param scoreOf an item after a history, given how often each item occurs */
function countingBaseline(
  name: string,
  scores: (sequences: readonly (readonly string[])[]) => (history: readonly string[], item: string) => number,
): Baseline<NextEvent, Recommendation> {
  return {
    name,
    async fit({ train }) {
      const sequences = itemSequences(train);
      const items = [...countsOf(sequences).keys()].sort();
      const numberOf = new Map(items.map((item, index) => [item, index]));
      const scoreOf = scores(sequences);
      return {
        predict: async (events) =>
          events.map((event) =>
            recommendationOf(
              items,
              numberOf,
              Float64Array.from(items, (item) => scoreOf(event.history, item)),
              event,
            ),
          ),
      };
    },
  };
}

const popularity = countingBaseline('the most popular items', (sequences) => {
  const counts = countsOf(sequences);
  return (_, item) => counts.get(item) ?? 0;
});

const lastItem = countingBaseline('what most often followed the last item', (sequences) => {
  const counts = countsOf(sequences);
  const total = sequences.flat().length;
  const following = new Map<string, Map<string, number>>();
  for (const sequence of sequences) {
    for (const [at, item] of sequence.entries()) {
      const next = sequence[at + 1];
      if (next === undefined) continue;
      const known = following.get(item) ?? new Map<string, number>();
      known.set(next, (known.get(next) ?? 0) + 1);
      following.set(item, known);
    }
  }
  // popularity decides among those that never followed
  return (history, item) =>
    (following.get(history.at(-1) ?? '')?.get(item) ?? 0) + (counts.get(item) ?? 0) / (total + 1);
});

const historySchema = z.union([
  z.array(z.string()),
  z.string().transform((text) => text.split(/[;|,]\s*/).filter((item) => item !== '')),
]);

export const recommendation: Task<NextEvent, Recommendation, Settings> = {
  name: 'recommendation',
  title: 'What a user will want next',
  description:
    'From the items a user had, in order, those that come next: SASRec (Kang & McAuley 2018). Each user’s last event is the test, the one before it validation.',
  fieldNames: { user: EVENT_FIELD_NAMES.user, item: EVENT_FIELD_NAMES.item, time: EVENT_FIELD_NAMES.time },
  example: eventSchema.transform((event): NextEvent => ({ ...event, history: [] })),
  question: z
    .object({ history: historySchema })
    .transform(({ history }): NextEvent => ({ user: '', item: '', time: 0, history })),
  settings: settingsSchema,
  searchSpace: {
    width: { kind: 'choice', values: [32, 64, 128] },
    blocks: { kind: 'choice', values: [1, 2, 3] },
    dropout: { kind: 'choice', values: [0.1, 0.2, 0.4] },
    learningRate: { kind: 'range', low: 0.0005, high: 0.01, isLog: true },
  },
  textOf: ({ user, item, time }) => `${user}\n${item}\n${time}`,
  split: leaveOneOut,
  problem: ({ train, test }) => {
    if (test.length === 0) return 'no user has three events';
    return new Set(train.map(({ item }) => item)).size < 2 ? 'there are fewer than two items' : undefined;
  },
  async fit({ train, validation }, { settings, seed, threads, signal, onProgress }) {
    const score = async (model: SasRecModel): Promise<number> => {
      const outputs = await answer(model, validation);
      return outputs.reduce((total, { rank }) => total + gainAt10(rank), 0) / Math.max(1, outputs.length);
    };
    const model = await fitSasRec(
      itemSequences(train),
      settings,
      {
        seed,
        threads,
        ...(signal === undefined ? {} : { signal }),
        onEpoch: ({ epoch, score: reached }) =>
          onProgress?.(epoch / settings.epochs, `epoch ${epoch}, nDCG@10 ${reached.toFixed(3)}`),
      },
      score,
    );
    return {
      predict: (events) => answer(model, events),
      facts: { architecture: 'SASRec', items: model.items.length, parameters: model.parameterCount },
      save: (folder) => model.save(folder),
    };
  },
  async load(folder, { threads }) {
    const model = await loadSasRec(folder, threads);
    return { predict: (events) => answer(model, events) };
  },
  baselines: [popularity, lastItem],
  metrics: [
    rankMetric('nDCG@10', gainAt10),
    rankMetric('HR@10', (rank) => Number(rank < 10)),
    rankMetric('MRR', (rank) => 1 / (rank + 1)),
  ],
  slices: ({ history }) => ({
    history: history.length < 5 ? 'under 5' : history.length < 20 ? '5 to 19' : '20 and more',
  }),
  show: ({ history, item }, { items, rank }) => ({
    input: history.slice(-5).join(' → '),
    expected: item,
    given: items.slice(0, 3).join(', '),
    badness: rank,
  }),
};

async function answer(model: SasRecModel, events: readonly NextEvent[]): Promise<Recommendation[]> {
  const numberOf = new Map(model.items.map((item, index) => [item, index]));
  const scores = await model.score(events.map(({ history }) => history));
  return events.map((event, row) => recommendationOf(model.items, numberOf, scores[row] as Float32Array, event));
}

export const recommendationTask = defineTask(recommendation);
