/** What anyone would try before a network: how often a thing was clicked, and a logistic regression on the columns. */
import { type LogisticModel, fitLogistic, predictLogistic } from '../../eval/baselines/logistic-regression.js';
import type { SparseRows } from '../../eval/baselines/sparse-rows.js';
import type { Baseline } from '../task.js';
import { type ClickColumns, type ClickRow, encodeRows, findColumns } from './click-features.js';
import { type ClickExample, type ClickOutput, natsOf } from './click-metrics.js';

type ClickBaseline = Baseline<ClickExample, ClickOutput>;

/** Shows that every thing is given in advance, clicked as often as all are: a thing shown once is no 0 % and no 100 %. */
const PRIOR_SHOWS = 10;

/** The rate of clicks of each thing, drawn towards that of all. */
export const popularity: ClickBaseline = {
  name: 'click rate of the item',
  async fit({ train }) {
    const counts = new Map<string, { shows: number; clicks: number }>();
    for (const { row, clicked } of train) {
      const item = row['item'] ?? '';
      const count = counts.get(item) ?? { shows: 0, clicks: 0 };
      counts.set(item, { shows: count.shows + 1, clicks: count.clicks + clicked });
    }
    const rate = train.reduce((total, { clicked }) => total + clicked, 0) / train.length;
    return {
      predict: async (examples) =>
        examples.map(({ row }) => {
          const { shows, clicks } = counts.get(row['item'] ?? '') ?? { shows: 0, clicks: 0 };
          return { probability: (clicks + PRIOR_SHOWS * rate) / (shows + PRIOR_SHOWS) };
        }),
    };
  },
};

/** Columns that words are hashed to (Weinberger et al. 2009). */
const BUCKETS = 1 << 14;
const PENALTIES = [0.01, 0.1, 1];

/** Every word a column of its own, figures behind them. */
function sparseRows(columns: ClickColumns, rows: readonly ClickRow[]): SparseRows {
  const { words, figures } = encodeRows(columns, rows);
  const [wordCount, figureCount] = [columns.words.length, columns.figures.length];
  const width = wordCount + figureCount;
  const at = new Uint32Array(rows.length * width);
  const values = new Float64Array(at.length).fill(1);
  for (let row = 0; row < rows.length; row++) {
    for (let c = 0; c < wordCount; c++) at[row * width + c] = (words[row * wordCount + c] as number) % BUCKETS;
    for (let c = 0; c < figureCount; c++) {
      at[row * width + wordCount + c] = BUCKETS + c;
      values[row * width + wordCount + c] = figures[row * figureCount + c] as number;
    }
  }
  const starts = Uint32Array.from({ length: rows.length + 1 }, (_, row) => row * width);
  return { rowCount: rows.length, columnCount: BUCKETS + figureCount, starts, columns: at, values };
}

const clicksOf = (examples: readonly ClickExample[]): Uint8Array => Uint8Array.from(examples, ({ clicked }) => clicked);

/** Of several penalties the one whose log loss on the validation rows is least; the strongest where there are none. */
export const linear: ClickBaseline = {
  name: 'logistic regression',
  async fit({ train, validation }) {
    const columns = findColumns(train.map(({ row }) => row));
    const encode = (examples: readonly ClickExample[]) =>
      sparseRows(
        columns,
        examples.map(({ row }) => row),
      );
    const [trained, measured] = [encode(train), encode(validation)];
    const answer = (model: LogisticModel, rows: SparseRows): number[] =>
      predictLogistic(model, rows).map((of) => of[1] as number);
    const tried = PENALTIES.map((c) => {
      const model = fitLogistic(trained, clicksOf(train), 2, { c, maxIterations: 200 });
      const nats = answer(model, measured).map((p, row) => natsOf(p, validation[row]?.clicked ?? 0));
      return { model, nats: nats.reduce((a, b) => a + b, 0) };
    });
    const { model } = tried.reduce((best, each) => (each.nats < best.nats ? each : best));
    return { predict: async (examples) => answer(model, encode(examples)).map((probability) => ({ probability })) };
  },
};
