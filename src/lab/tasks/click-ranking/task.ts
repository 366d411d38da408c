import { z } from 'zod';
import { EVENT_FIELD_NAMES } from '../../data/events.js';
import { clustersOf, splitExamples } from '../split-examples.js';
import { type Sides, type Task, defineTask } from '../task.js';
import { linear, popularity } from './click-baselines.js';
import { type ClickExample, type ClickOutput, clickMetrics, clickTables, natsOf } from './click-metrics.js';
import { type ClickModel, type ClickRows, fitDeepFm, loadDeepFm } from './deep-fm-model.js';

const settingsSchema = z.strictObject({
  /** Rows of the table that words are hashed to. */
  bucketCount: z.coerce.number().int().min(16).max(4_000_000).default(16_384),
  vectorSize: z.coerce.number().int().min(1).max(256).default(8),
  /** Width of the first of two layers; the second has half of it. */
  hidden: z.coerce.number().int().min(2).max(4096).default(64),
  dropout: z.coerce.number().min(0).lt(1).default(0.2),
  epochs: z.coerce.number().int().min(1).max(1000).default(15),
  learningRate: z.coerce.number().positive().default(0.01),
  weightDecay: z.coerce.number().min(0).default(1),
});
type Settings = z.infer<typeof settingsSchema>;

const MAX_CELL_CHARACTERS = 10_000;
const MAX_COLUMNS = 1000;
const cell = z
  .union([z.string().max(MAX_CELL_CHARACTERS), z.number(), z.boolean(), z.null()], 'neither a text nor a number')
  .transform((value) => (value === null ? '' : String(value)));
const rowSchema = z
  .record(z.string(), cell)
  .refine((row) => Object.keys(row).length <= MAX_COLUMNS, `over ${MAX_COLUMNS} columns`);

const CLICKED: Readonly<Record<string, number>> = { '1': 1, true: 1, yes: 1, '0': 0, false: 0, no: 0 };
const clickedOf = (text: string | undefined): number | undefined => CLICKED[(text ?? '').trim().toLowerCase()];

/** Rows without an impression are ordered among those of their user at that time, and where neither is known alone. */
function toExample({ clicked, impression, time, ...row }: Record<string, string>): ClickExample {
  const at = time === undefined || time.trim() === '' ? Number.NaN : timeOf(time);
  return {
    impression: impression ?? JSON.stringify(row['user'] === undefined ? row : [row['user'], time ?? '']),
    row,
    clicked: clickedOf(clicked) ?? 0,
    ...(Number.isFinite(at) ? { time: at } : {}),
  };
}

const timeOf = (text: string): number => (Number.isNaN(Number(text)) ? Date.parse(text) : Number(text));

const SHARES = { validation: 0.1, test: 0.2 };

/** The latest impressions are the test, those before them validation; by lot where not every row has its time. */
function splitByTime(examples: readonly ClickExample[], seed: number): Sides<ClickExample> {
  const likeness = { textOf: ({ row }: ClickExample) => JSON.stringify(row), groupOf };
  const started = new Map<string, number>();
  for (const { impression, time = Number.NaN } of examples) {
    const known = started.get(impression);
    started.set(impression, known === undefined ? time : Math.min(known, time));
  }
  if (started.size < 3 || [...started.values()].some(Number.isNaN))
    return splitExamples(examples, clustersOf(examples, likeness), { ...SHARES, seed });
  const order = [...started].sort(([, a], [, b]) => a - b).map(([impression]) => impression);
  const ends = [1 - SHARES.validation - SHARES.test, 1 - SHARES.test].map((share) => Math.floor(share * order.length));
  const side = new Map(order.map((impression, at) => [impression, ends.filter((end) => at >= end).length]));
  const of = (wanted: number) => examples.filter(({ impression }) => side.get(impression) === wanted);
  return { train: of(0), validation: of(1), test: of(2) };
}

const groupOf = ({ impression }: ClickExample): string => impression;

const rowsOf = (examples: readonly ClickExample[]): ClickRows => ({
  rows: examples.map(({ row }) => row),
  clicks: Uint8Array.from(examples, ({ clicked }) => clicked),
});

const SHOWN_CELLS = 12;

export const clickRanking: Task<ClickExample, ClickOutput, Settings> = {
  name: 'click-ranking',
  title: 'What of a list is clicked',
  description:
    'From who looks at what, the probability of a click, by which a list is ordered: DeepFM (Guo et al. 2017). The latest impressions are the test where rows have a time.',
  fieldNames: {
    clicked: ['click', 'clicks', 'is_click', 'label'],
    item: EVENT_FIELD_NAMES.item,
    user: EVENT_FIELD_NAMES.user,
    impression: ['impression_id', 'impressionId', 'request_id', 'query_id', 'search_id'],
    time: EVENT_FIELD_NAMES.time,
  },
  example: rowSchema
    .refine(({ clicked }) => clickedOf(clicked) !== undefined, 'clicked is neither 1 nor 0')
    .refine(({ item = '' }) => item.trim() !== '', 'the row has no item')
    .transform(toExample),
  question: rowSchema.transform(toExample),
  settings: settingsSchema,
  searchSpace: {
    vectorSize: { kind: 'choice', values: [4, 8, 16] },
    hidden: { kind: 'choice', values: [16, 64, 128] },
    dropout: { kind: 'choice', values: [0, 0.2, 0.5] },
    learningRate: { kind: 'range', low: 0.0005, high: 0.02, isLog: true },
    weightDecay: { kind: 'range', low: 0.01, high: 2, isLog: true },
  },
  textOf: ({ row }) => JSON.stringify(row),
  groupOf,
  drawnWith: groupOf,
  split: splitByTime,
  problem: ({ train, test }) => {
    for (const [name, examples] of Object.entries({ train, test })) {
      const clicks = examples.filter(({ clicked }) => clicked > 0).length;
      if (clicks === 0 || clicks === examples.length)
        return `${name}: ${clicks === 0 ? 'nothing' : 'everything'} was clicked`;
    }
    return undefined;
  },
  async fit({ train, validation }, { settings, seed, threads, signal, onProgress }) {
    const model = await fitDeepFm(rowsOf(train), rowsOf(validation), settings, {
      seed,
      ...(threads === undefined ? {} : { threads }),
      ...(signal === undefined ? {} : { signal }),
      onEpoch: ({ epoch, score }) =>
        onProgress?.(epoch / settings.epochs, `epoch ${epoch}, log loss ${(-score).toFixed(4)}`),
    });
    const { words, figures } = model.columns;
    const columns = [...words, ...figures.map(({ column }) => column)].join(', ');
    return {
      ...answering(model),
      facts: { architecture: 'DeepFM', columns, parameters: model.parameterCount },
      save: (folder) => model.save(folder),
    };
  },
  async load(folder, { threads }) {
    return answering(await loadDeepFm(folder, threads === undefined ? {} : { threads }));
  },
  baselines: [popularity, linear],
  metrics: clickMetrics,
  show: ({ row, clicked }, { probability }) => ({
    input: Object.entries(row)
      .slice(0, SHOWN_CELLS)
      .map(([column, value]) => `${column} ${value}`)
      .join(', '),
    expected: clicked > 0 ? 'clicked' : 'left',
    given: `${(100 * probability).toFixed(1)} %`,
    badness: natsOf(probability, clicked),
  }),
  details: clickTables,
};

function answering(model: ClickModel) {
  return {
    async predict(examples: readonly ClickExample[]): Promise<ClickOutput[]> {
      const probabilities = await model.probabilities(examples.map(({ row }) => row));
      return Array.from(probabilities, (probability) => ({ probability }));
    },
  };
}

export const clickRankingTask = defineTask(clickRanking);
