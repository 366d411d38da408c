/** The runs of a project as points for a scaling law: those that ended on their own, learned the same, and were measured. */
import path from 'node:path';
import type { RunEvent } from '../../base/run-events.js';
import { MoatError } from '../../base/errors.js';
import { type RunConfig, parseRunConfig } from '../train/run-config.js';
import { timesOf } from '../train/run-cost.js';
import { readEvents, readRunConfig } from '../train/run-directory.js';
import type { LawPoint } from './fit-law.js';
import { modelSize } from './training-work.js';

export interface PlanningRun extends LawPoint {
  /** Undefined for models that give texts no probability. */
  readonly bitsPerByte: number | undefined;
  readonly flopsPerToken: number;
  /** Floating-point operations a second while it trained: evaluating, saving and compiling not counted. */
  readonly flopsPerSecond: number;
  /** Wall time, all of it. */
  readonly wallSeconds: number;
  readonly device: string;
}

export interface RunsRead {
  readonly runs: readonly PlanningRun[];
  /** Why the others do not count. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
}

/** What runs must have in common for one law to hold them. */
export interface Kind {
  readonly tokenizerHash: string;
  readonly architecture: string;
}

/** @throws MoatError `no-such-run` for a name that is not there */
export async function readPlanningRuns(runsDirectory: string, names: readonly string[], kind: Kind): Promise<RunsRead> {
  const read = await Promise.all(names.map((name) => readRun(path.join(runsDirectory, name), name, kind)));
  return {
    runs: read.flatMap((each) => ('why' in each ? [] : [each])),
    leftOut: read.flatMap((each) => ('why' in each ? [each] : [])),
  };
}

async function readRun(
  directory: string,
  name: string,
  kind: Kind,
): Promise<PlanningRun | { name: string; why: string }> {
  const events = await readEvents(directory);
  let config: RunConfig;
  try {
    config = parseRunConfig(await readRunConfig(directory), directory);
  } catch (error) {
    if (error instanceof MoatError && error.code === 'bad-run-config')
      return { name, why: 'not a run that was trained' };
    throw error;
  }
  return planningRunOf(name, config, events, kind);
}

/** One run's events and configuration as a point, or why they are none. */
export function planningRunOf(
  name: string,
  config: RunConfig,
  events: readonly RunEvent[],
  kind: Kind,
): PlanningRun | { name: string; why: string } {
  const start = events.find((event) => event.type === 'start');
  const steps = events.filter((event) => event.type === 'step');
  const evaluation = events.findLast((event) => event.type === 'eval');
  const end = events.at(-1);
  const why = (text: string) => ({ name, why: text });
  if (start === undefined || end?.type !== 'done') return why('did not end');
  if (end.reason !== 'finished') return why(`${end.reason} before its end`);
  if (evaluation?.step !== end.step) return why('was not measured at its end');
  if (config.tokenizerHash !== kind.tokenizerHash) return why('has another tokenizer');
  if (start.architecture !== kind.architecture) return why(`is a ${start.architecture}, not a ${kind.architecture}`);
  if (config.loop.objective !== undefined) return why('learned by an objective of its own');
  const trainingSeconds = steps.at(-1)?.elapsedSeconds ?? 0;
  if (trainingSeconds <= 0 || end.tokensSeen <= 0) return why('trained on nothing');
  const { flopsPerToken, parameters } = modelSize(config.model, config.loop.sequenceLength, name);
  return {
    name,
    parameters,
    tokens: end.tokensSeen,
    uniqueTokens: start.trainTokens,
    loss: evaluation.loss,
    bitsPerByte: evaluation.bitsPerByte,
    flopsPerToken,
    flopsPerSecond: (flopsPerToken * end.tokensSeen) / trainingSeconds,
    wallSeconds: timesOf(events).elapsedSeconds,
    device: start.device,
  };
}
