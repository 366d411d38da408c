/** One trial of a search on a cluster: a run with its own settings, begun, or found again where another process left it. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';
import { httpSend } from '../../lab/distributed/http-send.js';
import { openStorage } from '../../lab/distributed/open-storage.js';
import { heldBy } from '../../lab/distributed/run-storage.js';
import { isStoreUri } from '../../lab/distributed/store-access.js';
import { isRun, readEvents, readRunConfig } from '../../lab/train/run-directory.js';
import { type RunConfig, parseRunConfig } from '../../lab/train/run-config.js';
import type { Reporter, Stage } from '../terminal/reporter.js';
import { runDirectoryOf } from './model-files.js';
import type { RayTrial } from './ray-search-journal.js';
import { type RayStageOptions, runRayStage } from './ray-stage.js';

export interface TrialOptions extends Omit<RayStageOptions, 'resume' | 'onEvent' | 'detach'> {
  readonly config: RunConfig;
  /** Asked with every measurement on the validation documents: whether to end the trial. Measurements may come again. */
  readonly isLoser: (step: number, loss: number) => boolean;
  /** Whether another process has begun it. */
  readonly wasBegun: boolean;
  /** Of a trial that was found to be a loser before. */
  readonly isLost: boolean;
}

/**
 * @returns undefined for a trial that was stopped with its search, and goes on with it
 * @throws MoatError those of `runRayStage`, but for `non-finite-loss`
 */
export async function tryOut(options: TrialOptions): Promise<RayTrial | undefined> {
  const { runName, config, reporter } = options;
  const lost = new AbortController();
  if (options.isLost) lost.abort();
  const found = options.wasBegun ? await findTrial(options) : NOT_BEGUN;
  const trial = { runName, flags: flagsOf(config) };
  let { loss } = found;
  if (found.isOver) return { ...trial, step: found.step, loss, isWhole: found.isWhole };
  const onEvent = (event: RunEvent): void => {
    if (event.type !== 'eval') return;
    loss = event.loss;
    if (options.isLoser(event.step, event.loss)) lost.abort();
  };
  const signal = AbortSignal.any([options.signal, lost.signal]);
  const quiet = { ...options, signal, onEvent, reporter: silenced(reporter), resume: found.resume, detach: false };
  try {
    const { step, reason } = await runRayStage(quiet);
    const isWhole = reason === 'finished' || reason === 'converged';
    return isWhole || lost.signal.aborted ? { ...trial, step, loss, isWhole } : undefined;
  } catch (error) {
    if (!(error instanceof MoatError && error.code === 'non-finite-loss')) throw error;
    return { ...trial, step: 0, loss: null, isWhole: false };
  }
}

interface FoundTrial {
  /** It has ended, and its end was brought back. */
  readonly isOver: boolean;
  readonly isWhole: boolean;
  readonly step: number;
  /** Of the last measurement. */
  readonly loss: number | null;
  /** As `runRayStage` takes it. */
  readonly resume: { readonly fromStep: undefined } | undefined;
}

const NOT_BEGUN: FoundTrial = { isOver: false, isWhole: false, step: 0, loss: null, resume: undefined };

/** What is left of a trial, by whatever its run's directories hold. */
async function findTrial({ project, runName, storage, config, isLost, env, clock }: TrialOptions): Promise<FoundTrial> {
  const runDirectory = runDirectoryOf(project, runName);
  const there = openStorage(storage, runDirectory, { env, send: httpSend, clock, wait });
  const home = there.directory ?? runDirectory;
  const events = await readEvents(runDirectory);
  const last = events.at(-1);
  const claim = await heldBy(there);
  const isBegun = (await isRunOf(runDirectory, config)) || (await isRunOf(home, config));
  const isWhole = last?.type === 'done' && (last.reason === 'finished' || last.reason === 'converged');
  const facts = {
    isOver: claim === undefined && last?.type === 'done' && (isWhole || (isLost && last.reason === 'stopped')),
    isWhole,
    step: last !== undefined && 'step' in last ? last.step : 0,
    loss: events.findLast((event) => event.type === 'eval')?.loss ?? null,
  };
  if (claim !== undefined) {
    // one that was killed before it had sent the job left a claim and nothing else
    const isSent = isBegun || existsSync(path.join(home, 'job', 'job.json'));
    return { ...facts, resume: isSent ? { fromStep: undefined } : undefined };
  }
  const isLeft = (await latestCheckpoint(home)) !== undefined || (await latestCheckpoint(runDirectory)) !== undefined;
  // its job ended before a checkpoint: there is nothing to go on from
  const isSeen = storage === undefined || !storage.includes('://') || isStoreUri(storage);
  if (isBegun && !isLeft && !facts.isOver && isSeen) {
    await there.forget();
    for (const place of [runDirectory, home]) await rm(place, { recursive: true, force: true });
  }
  return { ...facts, resume: isBegun && isLeft ? { fromStep: undefined } : undefined };
}

/** Not another run of that name. */
async function isRunOf(runDirectory: string, config: RunConfig): Promise<boolean> {
  if (!(await isRun(runDirectory))) return false;
  const read = (value: unknown): RunConfig => parseRunConfig(value, runDirectory);
  return isDeepStrictEqual(read(await readRunConfig(runDirectory)), read(JSON.parse(JSON.stringify(config))));
}

export const RATES = ['learningRate', 'embeddingLearningRate', 'headLearningRate', 'vectorLearningRate'] as const;

/** The settings as options of `moat train`. */
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
