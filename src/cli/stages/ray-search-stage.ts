/** `moat search pretraining --on ray://…`: settings of `moat train`, each tried as a job, those that fall behind stopped. */
import { readdir } from 'node:fs/promises';
import { Rng } from '../../base/rng.js';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { createHalving } from '../../lab/tasks/search/asynchronous-halving.js';
import { type SearchSpace, propose } from '../../lab/tasks/search/tpe.js';
import type { TaskSettings } from '../../lab/tasks/task.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import type { RunConfig } from '../../lab/train/run-config.js';
import type { Reporter, Stage } from '../terminal/reporter.js';
import { tokenizerFacts } from './model-files.js';
import { filesOf } from './project-files.js';
import { type RayStageOptions, runRayStage } from './ray-stage.js';
import { runConfigOf } from './run-settings.js';

export interface RaySearchOptions extends Omit<
  RayStageOptions,
  'runName' | 'resume' | 'config' | 'onEvent' | 'detach'
> {
  readonly seed: number;
  readonly trials: number;
  /** After which no trial is begun. */
  readonly seconds: number;
  /** Trials at the same time. */
  readonly parallel: number;
}

export interface RayTrial {
  readonly runName: string;
  /** The settings as options of `moat train`. */
  readonly flags: readonly string[];
  /** The last step it came to. */
  readonly step: number;
  /** Validation loss there, nats a token; null where the loss was no number, or none was measured. */
  readonly loss: number | null;
  readonly isWhole: boolean;
}

export interface RaySearchResult {
  /** Of those that were trained to the end; undefined when none was. */
  readonly best: RayTrial | undefined;
  readonly trials: readonly RayTrial[];
}

/** All rates of the optimizer move together, as in `--find-lr`. */
const SPACE: SearchSpace = {
  rates: { kind: 'range', low: 0.1, high: 10, isLog: true },
  weightDecay: { kind: 'range', low: 0, high: 0.2 },
};

/** @throws MoatError `usage` without a number of steps; whatever a trial fails by, but for a loss that is no number */
export async function runRaySearchStage(options: RaySearchOptions): Promise<RaySearchResult> {
  const { project, reporter, clock, trials, seconds, parallel, seed } = options;
  const tokenizer = await loadTokenizer(filesOf(project).tokenizer);
  const base = runConfigOf(project.config, tokenizerFacts(tokenizer));
  const { maxSteps } = base.loop;
  if (maxSteps === undefined) {
    throw new MoatError('usage', 'trials are compared at the same steps', { fix: 'Say how many with --steps.' });
  }
  const halving = createHalving(maxSteps);
  const loop = { ...base.loop, evalEvery: halving.rungs[0] ?? maxSteps };
  const prefix = await freePrefix(filesOf(project).runs);
  const stage = reporter.stage('search');
  const began = clock.monotonic();
  const ended: RayTrial[] = [];
  const tried: { settings: TaskSettings; score: number }[] = [];
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < trials && !signal.aborted && (clock.monotonic() - began) / 1000 < seconds) {
      const number = ++begun;
      const settings = propose(SPACE, tried, Rng.fromSeed(Math.imul(seed + 1, 0x9e3779b1) ^ number));
      const config = changed({ ...base, loop }, settings);
      const runName = `${prefix}-${number}`;
      const trial = await tryOut({ ...options, signal, runName, config, isLoser: halving.isLoser });
      // further is better than less far; among equals the lower loss
      tried.push({ settings, score: trial.step / maxSteps - (trial.loss ?? Number.MAX_VALUE) });
      ended.push(trial);
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
  const losers = ended.filter(({ isWhole }) => !isWhole).length;
  stage.done(
    `${ended.length} trials, ${losers} of them stopped early${best === undefined ? '' : `; best ${lineOf(best)}`}`,
  );
  return { best, trials: ended };
}

const lineOf = ({ runName, loss, flags }: RayTrial): string =>
  `${runName}: validation loss ${loss?.toFixed(3) ?? '–'} with ${flags.join(' ')}`;

interface TrialOptions extends Omit<RayStageOptions, 'resume' | 'onEvent' | 'detach'> {
  readonly config: RunConfig;
  readonly isLoser: (step: number, loss: number) => boolean;
}

async function tryOut(options: TrialOptions): Promise<RayTrial> {
  const { runName, config, isLoser, reporter } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let loss: number | null = null;
  const onEvent = (event: RunEvent): void => {
    if (event.type !== 'eval') return;
    loss = event.loss;
    if (isLoser(event.step, event.loss)) stop.abort();
  };
  const trial = { runName, flags: flagsOf(config) };
  try {
    const quiet = { ...options, signal, onEvent, reporter: silenced(reporter), resume: undefined, detach: false };
    const { step, reason } = await runRayStage(quiet);
    return { ...trial, step, loss, isWhole: reason === 'finished' || reason === 'converged' };
  } catch (error) {
    if (!(error instanceof MoatError && error.code === 'non-finite-loss')) throw error;
    return { ...trial, step: 0, loss: null, isWhole: false };
  }
}

const RATES = ['learningRate', 'embeddingLearningRate', 'headLearningRate', 'vectorLearningRate'] as const;
const DIGITS = 2;

function changed(config: RunConfig, { rates, weightDecay }: TaskSettings): RunConfig {
  const rounded = (value: number): number => Number(value.toPrecision(DIGITS));
  const scaled = RATES.map((name) => [name, rounded(config.optimizer[name] * Number(rates))]);
  return {
    ...config,
    optimizer: { ...config.optimizer, ...Object.fromEntries(scaled), weightDecay: rounded(Number(weightDecay)) },
  };
}

function flagsOf({ optimizer }: RunConfig): string[] {
  return [...RATES, 'weightDecay' as const].map(
    (name) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${optimizer[name]}`,
  );
}

/** Several trials at a time have one line together, the search's own. */
function silenced(reporter: Reporter): Reporter {
  const stage: Stage = { progress: () => {}, done: () => {}, skipped: () => {}, failed: () => {} };
  return { ...reporter, stage: () => stage, warn: () => {} };
}

async function freePrefix(runs: string): Promise<string> {
  const names = await readdir(runs).catch(() => []);
  const numbers = names.map((name) => Number(/^search-(\d+)-/.exec(name)?.[1] ?? 0));
  return `search-${Math.max(0, ...numbers) + 1}`;
}
