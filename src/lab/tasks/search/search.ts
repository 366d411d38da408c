/**
 * Looks for settings under a budget: the tree-structured Parzen estimator proposes, successive halving (Jamieson &
 * Talwalkar 2016) gives most of the time to what does well on little data. Scored on the validation examples alone; the
 * test is never looked at. What was tried is written down at once, so that a search that was stopped goes on.
 */
import { Rng } from '../../../base/rng.js';
import { MoatError } from '../../../base/errors.js';
import type { PreparedData } from '../run-task.js';
import type { Task, TaskContext, TaskSettings } from '../task.js';
import { type ScoredSettings, propose } from './tpe.js';

export interface Trial {
  readonly settings: TaskSettings;
  /** Of the training examples, in (0, 1]. */
  readonly share: number;
  /** The task's first metric on the validation examples; null where it is undefined. */
  readonly value: number | null;
  readonly seconds: number;
}

export interface SearchBudget {
  readonly seconds: number;
  /** Trials at most, those on a part of the data counted too. */
  readonly trials: number;
}

export interface SearchOptions {
  readonly budget: SearchBudget;
  /** Trials of an earlier search over the same data, in their order. */
  readonly earlier: readonly Trial[];
  readonly onTrial: (trial: Trial) => Promise<void> | void;
}

/** Each round keeps a third of its settings and gives them three times the data. */
const KEEP = 3;
const ROUND = 9;

/**
 * @returns the best settings of those that were tried on all the data, or on the most of it; undefined when none was
 * @throws MoatError `nothing-to-search`; whatever fitting throws
 */
export async function searchSettings<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  data: PreparedData<Example>,
  context: TaskContext<Settings>,
  { budget, earlier, onTrial }: SearchOptions,
): Promise<Trial | undefined> {
  if (Object.keys(task.searchSpace).length === 0 || data.validation.length === 0) {
    const what = data.validation.length === 0 ? 'no validation examples to score with' : 'no settings to search';
    throw new MoatError('nothing-to-search', `${task.name}: there are ${what}`, { fix: 'Give more examples.' });
  }
  const trials: Trial[] = [...earlier];
  let used = earlier.reduce((sum, { seconds }) => sum + seconds, 0);
  const isOver = (): boolean =>
    used >= budget.seconds || trials.length >= budget.trials || context.signal?.aborted === true;
  while (!isOver()) {
    const next = nextTrial(task, trials, context.seed);
    const trial = await tryOut(task, data, context, next);
    used += trial.seconds;
    trials.push(trial);
    await onTrial(trial);
  }
  const most = Math.max(0, ...trials.map(({ share }) => share));
  const better = task.metrics[0]?.better ?? 'higher';
  return best(
    trials.filter(({ share }) => share === most),
    better,
  )[0];
}

type Planned = Pick<Trial, 'settings' | 'share'>;

/** What comes next follows from the seed and from what was tried, so that a stopped search goes on as it would have. */
export function nextTrial<Example, Output, Settings extends TaskSettings>(
  { searchSpace, metrics }: Pick<Task<Example, Output, Settings>, 'searchSpace' | 'metrics'>,
  trials: readonly Trial[],
  seed: number,
): Planned {
  const better = metrics[0]?.better ?? 'higher';
  const rung = ROUND + ROUND / KEEP + 1;
  const round = trials.slice(Math.floor(trials.length / rung) * rung);
  const first = round.slice(0, ROUND);
  if (round.length < ROUND) {
    const rng = Rng.fromSeed(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(trials.length + 1, 0x85ebca6b));
    return { settings: propose(searchSpace, historyOf(trials, better), rng), share: 1 / (KEEP * KEEP) };
  }
  const second = round.slice(ROUND, ROUND + ROUND / KEEP);
  const promoted = best(first, better)[second.length];
  if (second.length < ROUND / KEEP && promoted !== undefined) return { settings: promoted.settings, share: 1 / KEEP };
  return { settings: (best(second, better)[0] as Trial).settings, share: 1 };
}

function best(trials: readonly Trial[], better: 'higher' | 'lower'): Trial[] {
  const rank = ({ value }: Trial): number =>
    value === null ? Number.NEGATIVE_INFINITY : better === 'higher' ? value : -value;
  return trials.toSorted((a, b) => rank(b) - rank(a));
}

/** Settings by how they did on the most data they were tried on, in ranks of their share: scores on less data are lower. */
function historyOf(trials: readonly Trial[], better: 'higher' | 'lower'): ScoredSettings[] {
  const shares = [...new Set(trials.map(({ share }) => share))].sort((a, b) => a - b);
  return shares.flatMap((share, level) => {
    const ranked = best(
      trials.filter((trial) => trial.share === share),
      better,
    );
    return ranked.map(({ settings }, rank) => ({ settings, score: level + 1 - rank / ranked.length }));
  });
}

async function tryOut<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  { train, validation }: PreparedData<Example>,
  context: TaskContext<Settings>,
  { settings, share }: Planned,
): Promise<Trial> {
  const started = context.clock.monotonic();
  const count = Math.max(1, Math.round(share * train.length));
  // the same part for every trial of a share; by chance, since files are sorted in all ways
  const part =
    share === 1
      ? train
      : Rng.fromSeed(context.seed)
          .shuffle([...train])
          .slice(0, count);
  const [metric] = task.metrics;
  if (metric === undefined) throw new Error(`the task ${task.name} has no metric`);
  const model = await task.fit(
    { train: part, validation },
    { ...context, settings: task.settings.parse({ ...context.settings, ...settings }) },
  );
  try {
    const outputs = await model.predict(validation);
    const value = metric.prepare(validation, outputs)([...validation.keys()]);
    const seconds = (context.clock.monotonic() - started) / 1000;
    return { settings, share, value: Number.isNaN(value) ? null : value, seconds };
  } finally {
    await model.close?.();
  }
}
