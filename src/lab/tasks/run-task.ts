/**
 * From a data file to a fitted model and what it is worth: read, split, fit, score beside the baselines, report. The same for
 * every task; nothing is written here.
 */
import { itemScores } from './item-scores.js';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import { scriptOf } from '../eval/script.js';
import { hashFile } from '../data/passport.js';
import { type ReadExamples, readExamples } from './read-examples.js';
import { type Score, compareOutputs, drawRows, scoreOutputs } from './score.js';
import { clustersOf, splitExamples, withoutTestCopies } from './split-examples.js';
import type { DataFacts, ScoredPeer, SliceScore, TaskReport } from './task-report.js';
import type { FittedModel, Predictor, Sides, Task, TaskContext, TaskSettings } from './task.js';

export interface TaskData {
  /** Split in three when there are no other files. */
  readonly file: string;
  readonly testFile?: string | undefined;
  readonly validationFile?: string | undefined;
  readonly fields?: Readonly<Record<string, string>>;
  readonly strict?: boolean;
  /** Shares of examples. Defaults 0.1 and 0.2. */
  readonly validation?: number;
  readonly test?: number;
  /** Only examples of this language are learned from, or measured with; all when absent. */
  readonly trainLanguage?: TextLanguage | undefined;
  readonly testLanguage?: TextLanguage | undefined;
}

/** Told by the letters of a text: what is mixed is of neither. */
export const TEXT_LANGUAGES = ['en', 'zh'] as const;
export type TextLanguage = (typeof TEXT_LANGUAGES)[number];

/** Another model that is asked the same: behind an API, or fitted before. */
export interface Peer<Example, Output> {
  readonly name: string;
  open(sides: Sides<Example>): Promise<Predictor<Example, Output>>;
}

export interface RunTaskOptions<Example, Output> {
  readonly data: TaskData;
  readonly seed: number;
  readonly threads: number | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly base?: string | undefined;
  readonly onProgress?: (fraction: number, text: string) => void;
  /** Settings other than the defaults, as strings or values. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly peers?: readonly Peer<Example, Output>[];
  /** Draws of the bootstrap. */
  readonly resamples?: number;
}

export interface TaskRun<Example, Output> {
  readonly model: FittedModel<Example, Output>;
  readonly sides: PreparedData<Example>;
  readonly outputs: readonly Output[];
  readonly report: Omit<TaskReport, 'name' | 'versions' | 'cost'>;
}

export interface PreparedData<Example> extends Sides<Example> {
  /** Where each test example stands in its file; empty where the task splits by itself. */
  readonly testPlaces: readonly string[];
  readonly facts: DataFacts;
}

const SHARES = { validation: 0.1, test: 0.2 };

/**
 * @throws MoatError `bad-setting`, `bad-examples` (one class, labels unseen in training …), `empty-split`, and those of
 *   `readExamples`
 */
export async function runTask<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  options: RunTaskOptions<Example, Output>,
): Promise<TaskRun<Example, Output>> {
  const settings = readSettings(task, options.settings ?? {});
  const sides = await prepareData(task, options.data, options.seed);
  const context: TaskContext<Settings> = {
    settings,
    seed: options.seed,
    threads: options.threads,
    clock: options.clock,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.base === undefined ? {} : { base: options.base }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  };
  const started = options.clock.monotonic();
  const model = await task.fit(sides, context);
  const fitted = options.clock.monotonic();
  const outputs = await model.predict(sides.test);
  const predicted = options.clock.monotonic();
  const others = await peersOf(task, sides, context, options.peers ?? []);
  const report = reportOf(task, sides, outputs, others, options);
  return {
    model,
    sides,
    outputs,
    report: {
      ...report,
      model: { base: options.base, settings, seed: options.seed, facts: model.facts },
      time: { fitSeconds: (fitted - started) / 1000, predictSeconds: (predicted - fitted) / 1000 },
      trainedTokens: model.trainedTokens,
    },
  };
}

/** @throws MoatError `bad-setting` naming it */
export function readSettings<Settings extends TaskSettings>(
  task: { readonly name: string; readonly settings: Task<never, never, Settings>['settings'] },
  given: Readonly<Record<string, unknown>>,
): Settings {
  const parsed = task.settings.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = issue?.path.join('.') ?? '';
  throw new MoatError(
    'bad-setting',
    `${task.name}: ${name === '' ? '' : `${name}: `}${issue?.message ?? 'not a setting'}`,
    {
      fix: `Give settings as --setting name=value; moat task ${task.name} lists them.`,
    },
  );
}

export async function prepareData<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  data: TaskData,
  seed: number,
): Promise<PreparedData<Example>> {
  const read = await readExamples(data.file, task, data);
  const main = task.leavesOutCopies === true ? withoutCopies(read) : read;
  const sides = onlyLanguages(
    task,
    data.testFile === undefined ? splitFile(task, main, data, seed) : await givenSides(task, main, data, seed),
    data,
  );
  for (const name of ['train', 'test'] as const) {
    if (sides[name].length > 0) continue;
    throw new MoatError(
      'empty-split',
      `${data.file}: no example is left to ${name === 'train' ? 'train on' : 'test with'}`,
      {
        fix: 'Give more examples, or other shares.',
      },
    );
  }
  const problem = task.problem?.(sides);
  if (problem !== undefined) {
    throw new MoatError('bad-examples', `${data.file}: ${problem}`, { fix: 'Mend the data, or name other fields.' });
  }
  const { leftOut } = main;
  const { train, validation, test, testPlaces, removed } = sides;
  const counts = { train: train.length, validation: validation.length, test: test.length };
  const files = [data.file, data.validationFile, data.testFile].filter((file) => file !== undefined);
  const hashed = await Promise.all(
    files.map(async (file) => ({ file: path.basename(file), ...(await hashFile(file)) })),
  );
  const facts = {
    files: hashed,
    records: read.examples.length + leftOut.count,
    leftOut,
    sameTwice: read.examples.length - main.examples.length,
    removedCopies: removed,
    ...counts,
  };
  return { train, validation, test, testPlaces, facts };
}

/** Each example once: of those that are the same the first. */
function withoutCopies<Example>({ examples, places, leftOut }: ReadExamples<Example>): ReadExamples<Example> {
  const seen = new Set<string>();
  const rows = [...examples.keys()].filter((row) => {
    const key = JSON.stringify(examples[row]);
    return !seen.has(key) && seen.add(key);
  });
  return {
    examples: rows.map((row) => examples[row] as Example),
    places: rows.map((row) => places[row] as string),
    leftOut,
  };
}

type PlacedSides<Example> = Sides<Example> & { readonly testPlaces: readonly string[]; readonly removed: number };

function splitFile<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  { examples, places }: ReadExamples<Example>,
  { validation = SHARES.validation, test = SHARES.test }: TaskData,
  seed: number,
): PlacedSides<Example> {
  if (task.split !== undefined) return { ...task.split(examples, seed), testPlaces: [], removed: 0 };
  const { testRows, ...sides } = splitExamples(examples, clustersOf(examples, task), { validation, test, seed });
  return { ...sides, testPlaces: testRows.map((row) => places[row] as string), removed: 0 };
}

/** What is learned in one language and asked in another; validation is of the language that is learned. */
function onlyLanguages<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  sides: PlacedSides<Example>,
  { trainLanguage, testLanguage }: TaskData,
): PlacedSides<Example> {
  const isOf = (language: TextLanguage | undefined) => (example: Example) =>
    language === undefined || scriptOf(task.textOf(example)) === language;
  const kept = [...sides.test.keys()].filter((row) => isOf(testLanguage)(sides.test[row] as Example));
  return {
    ...sides,
    train: sides.train.filter(isOf(trainLanguage)),
    validation: sides.validation.filter(isOf(trainLanguage)),
    test: kept.map((row) => sides.test[row] as Example),
    testPlaces: sides.testPlaces.length === 0 ? [] : kept.map((row) => sides.testPlaces[row] as string),
  };
}

async function givenSides<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  main: ReadExamples<Example>,
  data: TaskData,
  seed: number,
): Promise<PlacedSides<Example>> {
  const test = await readExamples(data.testFile as string, task, data);
  const { train, removed } = withoutTestCopies(main.examples, test.examples, task);
  const rest = { test: test.examples, testPlaces: test.places, removed };
  if (data.validationFile !== undefined) {
    const validation = await readExamples(data.validationFile, task, data);
    return { ...rest, train, validation: validation.examples };
  }
  const shares = { validation: 0, test: data.validation ?? SHARES.validation, seed };
  const parts = splitExamples(train, clustersOf(train, task), shares);
  return { ...rest, train: [...parts.train, ...parts.validation], validation: parts.test };
}

export interface Answers<Output> {
  readonly name: string;
  readonly kind: ScoredPeer['kind'];
  readonly outputs: readonly Output[];
  readonly seconds: number;
}

function peersOf<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  sides: PreparedData<Example>,
  context: TaskContext<Settings>,
  peers: readonly Peer<Example, Output>[],
): Promise<Answers<Output>[]> {
  const { onProgress, clock } = context;
  const all = [
    ...task.baselines.map(({ name, fit }) => ({ name, kind: 'baseline' as const, open: () => fit(sides, context) })),
    ...peers.map(({ name, open }) => ({ name, kind: 'peer' as const, open: () => open(sides) })),
  ];
  return answersOf(all, sides.test, clock, (name) => onProgress?.(1, name));
}

/** Opens one after the other, asks it, and closes it again. */
export async function answersOf<Example, Output>(
  peers: readonly {
    readonly name: string;
    readonly kind: ScoredPeer['kind'];
    readonly open: () => Promise<Predictor<Example, Output>>;
  }[],
  test: readonly Example[],
  clock: Clock,
  onPeer?: (name: string) => void,
): Promise<Answers<Output>[]> {
  const answers: Answers<Output>[] = [];
  for (const { name, kind, open } of peers) {
    onPeer?.(name);
    const started = clock.monotonic();
    const predictor = await open();
    try {
      const outputs = await predictor.predict(test);
      answers.push({ name, kind, outputs, seconds: (clock.monotonic() - started) / 1000 });
    } finally {
      await predictor.close?.();
    }
  }
  return answers;
}

const WORST = 10;

/** Everything but how the model was made. */
export function reportOf<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  { test, testPlaces, facts }: Pick<PreparedData<Example>, 'test' | 'testPlaces' | 'facts'>,
  outputs: readonly Output[],
  others: readonly Answers<Output>[],
  { seed, resamples }: { readonly seed: number; readonly resamples?: number },
) {
  const clusters = clusterNames(task, test);
  const draws = drawRows(test.length, { seed, clusters, ...(resamples === undefined ? {} : { resamples }) });
  const [primary] = task.metrics;
  if (primary === undefined) throw new Error(`the task ${task.name} has no metric`);
  const peers = others.map(({ name, kind, outputs: theirs, seconds }): ScoredPeer => ({
    name,
    kind,
    seconds,
    scores: scoreOutputs(task.metrics, test, theirs, draws),
    comparison: compareOutputs(primary, test, outputs, { name, outputs: theirs }, draws),
  }));
  const items = itemScores(task, test, outputs);
  const shown = test.map((example, row) => ({ ...task.show(example, outputs[row] as Output), place: testPlaces[row] }));
  return {
    schemaVersion: 1 as const,
    task: { name: task.name, title: task.title, ...(task.notice === undefined ? {} : { notice: task.notice }) },
    data: facts,
    scores: scoreOutputs(task.metrics, test, outputs, draws),
    peers,
    slices: slicesOf(task, test, outputs, seed),
    worst: shown.toSorted((a, b) => b.badness - a.badness).slice(0, WORST),
    tables: task.details?.(test, outputs) ?? [],
    ...(items === undefined ? {} : { items }),
  };
}

function clusterNames<Example>(
  { drawnWith }: { drawnWith?(example: Example): string },
  examples: readonly Example[],
): string[] | undefined {
  return drawnWith === undefined ? undefined : examples.map((example) => drawnWith(example));
}

/** Groups smaller than this say nothing. */
const LEAST_SLICE = 10;
const MAX_SLICES = 40;

function slicesOf<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  test: readonly Example[],
  outputs: readonly Output[],
  seed: number,
): SliceScore[] {
  const { slices, metrics, sliceMetric = metrics[0] } = task;
  if (slices === undefined || sliceMetric === undefined) return [];
  const rows = new Map<string, number[]>();
  for (const [row, example] of test.entries()) {
    for (const [kind, value] of Object.entries(slices(example))) {
      const name = `${kind}: ${value}`;
      rows.set(name, [...(rows.get(name) ?? []), row]);
    }
  }
  const large = [...rows].filter(([, members]) => members.length >= LEAST_SLICE).slice(0, MAX_SLICES);
  return large.map(([name, members]) => {
    const [examples, theirs] = [
      members.map((row) => test[row] as Example),
      members.map((row) => outputs[row] as Output),
    ];
    const draws = drawRows(members.length, { seed, resamples: 300, clusters: clusterNames(task, examples) });
    const [score] = scoreOutputs([sliceMetric], examples, theirs, draws);
    return { name, count: members.length, score: score as Score };
  });
}
