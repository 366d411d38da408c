/** `moat search pretraining --on ray://…`: settings of `moat train`, each tried as a job, those that fall behind stopped. */
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { withLock } from '../../base/process-lock.js';
import { Rng } from '../../base/rng.js';
import { createHalving } from '../../lab/tasks/search/asynchronous-halving.js';
import { type SearchSpace, propose } from '../../lab/tasks/search/tpe.js';
import type { TaskSettings } from '../../lab/tasks/task.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import type { RunConfig } from '../../lab/train/run-config.js';
import { checkedRunName } from './find-run.js';
import { tokenizerFacts } from './model-files.js';
import { filesOf } from './project-files.js';
import {
  type JournalLine,
  type RayTrial,
  type SearchHeader,
  type SearchJournal,
  journalFile,
  newestSearch,
  openJournal,
} from './ray-search-journal.js';
import type { RayStageOptions } from './ray-stage.js';
import { RATES, tryOut } from './ray-trial.js';
import { runConfigOf } from './run-settings.js';

export interface RaySearchOptions extends Omit<
  RayStageOptions,
  'runName' | 'resume' | 'config' | 'onEvent' | 'detach'
> {
  /** Of the search, and of its runs `NAME-1`, `NAME-2` …; undefined: `search-1`, or the next that is free. */
  readonly name: string | undefined;
  /** Go on with the search of this name, or with the newest. */
  readonly resume: boolean;
  readonly seed: number;
  /** At most; undefined: as many as the search was begun for. */
  readonly trials: number | undefined;
  /** After which no trial is begun, counted from now. */
  readonly seconds: number;
  /** Trials at the same time. */
  readonly parallel: number;
}

export interface RaySearchResult {
  readonly name: string;
  /** Of those that were trained to the end; undefined when none was. */
  readonly best: RayTrial | undefined;
  /** Those that have ended. */
  readonly trials: readonly RayTrial[];
}

/** All rates of the optimizer move together, as in `--find-lr`. */
const SPACE: SearchSpace = {
  rates: { kind: 'range', low: 0.1, high: 10, isLog: true },
  weightDecay: { kind: 'range', low: 0, high: 0.2 },
};
const LOCK_PATIENCE_MS = 200;
const TRIALS = 9;

/**
 * A search that was begun under this name goes on: trials that have ended are kept, those whose jobs go on are followed
 * again, the others are submitted. What is searched is then what was searched.
 * @throws MoatError `usage` without a number of steps, `search-busy`, `no-such-search`, `bad-search`; whatever a trial
 * fails by, but for a loss that is no number
 */
export async function runRaySearchStage(options: RaySearchOptions): Promise<RaySearchResult> {
  const { runs, state } = filesOf(options.project);
  const name =
    options.name ??
    (options.resume
      ? await newestSearch(state)
      : await freeSearchName([runs, path.dirname(journalFile(state, 'any'))]));
  const file = journalFile(state, checkedRunName(name));
  if (options.resume && !existsSync(file)) {
    throw new MoatError('no-such-search', `${file}: there is no search of this name`, {
      fix: 'Leave --resume out to begin one.',
    });
  }
  await mkdir(path.dirname(file), { recursive: true });
  const busy = (): MoatError =>
    new MoatError('search-busy', `${name}: another process goes on with this search`, { fix: 'Give another --name.' });
  return withLock(`${file}.lock`, { patienceMs: LOCK_PATIENCE_MS, busy }, async () => {
    const journal = await openJournal(file, () => headerOf(options));
    try {
      return await search({ ...options, storage: journal.header.storage ?? undefined }, name, journal);
    } finally {
      journal.close();
    }
  });
}

async function headerOf({ project, storage, seed, trials = TRIALS }: RaySearchOptions): Promise<SearchHeader> {
  const tokenizer = await loadTokenizer(filesOf(project).tokenizer);
  const base = runConfigOf(project.config, tokenizerFacts(tokenizer));
  const { maxSteps } = base.loop;
  if (maxSteps === undefined) {
    throw new MoatError('usage', 'trials are compared at the same steps', { fix: 'Say how many with --steps.' });
  }
  const loop = { ...base.loop, evalEvery: createHalving(maxSteps).rungs[0] ?? maxSteps };
  const there = storage === undefined || storage.includes('://') ? storage : path.resolve(storage);
  return { kind: 'pretraining', version: 1, seed, trials, config: { ...base, loop }, storage: there ?? null };
}

async function search(options: RaySearchOptions, name: string, journal: SearchJournal): Promise<RaySearchResult> {
  const { reporter, clock, seconds, parallel } = options;
  const { config, seed, trials: asked } = journal.header;
  const trials = options.trials ?? asked;
  const progress = createProgress(journal.lines, config.loop.maxSteps ?? 0);
  const { waiting, ended, tried } = progress;
  const stage = reporter.stage('search');
  const began = clock.monotonic();
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  let begun = progress.begun;
  const next = (): BegunTrial | undefined => {
    if (signal.aborted) return undefined;
    const left = waiting.shift();
    if (left !== undefined || begun >= trials || (clock.monotonic() - began) / 1000 >= seconds) return left;
    const number = ++begun;
    const settings = propose(SPACE, tried, Rng.fromSeed(Math.imul(seed + 1, 0x9e3779b1) ^ number));
    journal.add({ trial: number, settings });
    return { number, settings };
  };
  const lane = async (): Promise<void> => {
    for (let given = next(); given !== undefined; given = next()) {
      const { number, settings } = given;
      const runName = `${name}-${number}`;
      const isLoser = (step: number, loss: number): boolean => {
        if (progress.isNew(number, step))
          journal.add({ trial: number, step, loss: Number.isFinite(loss) ? loss : null });
        return progress.judge(number, step, loss);
      };
      const trial = await tryOut({
        ...options,
        signal,
        runName,
        config: changed(config, settings),
        isLoser,
        wasBegun: number <= progress.begun,
        isLost: progress.isLost(number),
      });
      if (trial === undefined) continue;
      journal.add({ trial: number, ended: trial });
      progress.end(settings, trial);
      stage.progress({ fraction: ended.length / trials, text: lineOf(trial) });
    }
  };
  const lanes = Array.from({ length: Math.min(parallel, trials) }, lane);
  // where one fails, the others are stopped, and waited for: they are jobs of a cluster that others pay for
  for (const each of lanes) each.catch((error: unknown) => failure.abort(error));
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
  const best = ended
    .filter(({ isWhole, loss }) => isWhole && loss !== null)
    .sort((a, b) => (a.loss ?? 0) - (b.loss ?? 0))[0];
  const early = ended.filter(({ isWhole }) => !isWhole).length;
  stage.done(
    `${name}: ${ended.length} trials, ${early} of them stopped early${best === undefined ? '' : `; best ${lineOf(best)}`}`,
  );
  return { name, best, trials: ended };
}

const lineOf = ({ runName, loss, flags }: RayTrial): string =>
  `${runName}: validation loss ${loss?.toFixed(3) ?? '–'} with ${flags.join(' ')}`;

interface BegunTrial {
  readonly number: number;
  readonly settings: TaskSettings;
}

/** How far a search is, by its journal. */
function createProgress(lines: readonly JournalLine[], maxSteps: number) {
  const halving = createHalving(maxSteps);
  const ended: RayTrial[] = [];
  const tried: { settings: TaskSettings; score: number }[] = [];
  const open = new Map<number, TaskSettings>();
  const verdicts = new Map<string, boolean>();
  const lost = new Set<number>();
  let begun = 0;
  const keyOf = (number: number, step: number): string => `${number} ${step}`;
  /** Every measurement counts once among those of its rung, however often it is read. */
  const judge = (number: number, step: number, loss: number): boolean => {
    const known = verdicts.get(keyOf(number, step));
    const verdict = known ?? halving.isLoser(step, loss);
    verdicts.set(keyOf(number, step), verdict);
    if (verdict) lost.add(number);
    return verdict;
  };
  const end = (settings: TaskSettings, trial: RayTrial): void => {
    // further is better than less far; among equals the lower loss
    tried.push({ settings, score: trial.step / maxSteps - (trial.loss ?? Number.MAX_VALUE) });
    ended.push(trial);
  };
  for (const line of lines) {
    begun = Math.max(begun, line.trial);
    if ('settings' in line) open.set(line.trial, line.settings);
    else if ('loss' in line) judge(line.trial, line.step, line.loss ?? Number.NaN);
    else {
      end(open.get(line.trial) ?? {}, line.ended);
      open.delete(line.trial);
    }
  }
  return {
    /** Trials that were begun, and have not ended. */
    waiting: [...open].map(([number, settings]): BegunTrial => ({ number, settings })),
    begun,
    ended,
    tried,
    end,
    judge,
    isNew: (number: number, step: number) => !verdicts.has(keyOf(number, step)),
    isLost: (number: number) => lost.has(number),
  };
}

const DIGITS = 2;

function changed(config: RunConfig, { rates, weightDecay }: TaskSettings): RunConfig {
  const rounded = (value: number): number => Number(value.toPrecision(DIGITS));
  const scaled = RATES.map((name) => [name, rounded(config.optimizer[name] * Number(rates))]);
  return {
    ...config,
    optimizer: { ...config.optimizer, ...Object.fromEntries(scaled), weightDecay: rounded(Number(weightDecay)) },
  };
}

/** @param folders of runs, and of journals */
async function freeSearchName(folders: readonly string[]): Promise<string> {
  const names = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  const numbers = names.flat().map((name) => Number(/^search-(\d+)[-.]/.exec(name)?.[1] ?? 0));
  return `search-${Math.max(0, ...numbers) + 1}`;
}
