/** Trains the small runs of a plan, one after the other, in runs/plan-…; what was begun goes on, what is done stays. */
import { rename } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { systemCode } from '../../base/errors.js';
import { formatSeconds } from '../../base/units.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';
import type { Candidate } from '../../lab/planning/best-model.js';
import { modelSize } from '../../lab/planning/training-work.js';
import { readTokenSplit } from '../../lab/tokenizer/shard-reader.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { readEvents } from '../../lab/train/run-directory.js';
import type { Project } from '../config/project.js';
import { resolveModel } from '../config/resolve.js';
import type { Reporter } from '../terminal/reporter.js';
import {
  type Grid,
  type GridCell,
  PROBE,
  TIME_SHARE,
  longestShortRun,
  planGrid,
  readGrid,
  writeGrid,
} from './plan-grid.js';
import { filesOf } from './project-files.js';
import { runConfigOf } from './run-settings.js';
import { runTrainStage } from './train-stage.js';

export interface PlanStageOptions {
  readonly project: Project;
  readonly seconds: number;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** What a plan must know of the project's data and models. */
export interface PlanningFacts {
  readonly tokenizerHash: string;
  readonly uniqueTokens: number;
  readonly tokensPerStep: number;
  /** The model that one depth makes, other sizes following from it. */
  sizeOf(depth: number): Candidate;
}

const DEEPEST = 64;

export async function planningFactsOf(project: Project): Promise<PlanningFacts> {
  const files = filesOf(project);
  const tokenizer = await loadTokenizer(files.tokenizer);
  const { tokens } = await readTokenSplit(files.shards, 'train', tokenizer);
  const { batchSize, sequenceLength, gradientAccumulation } = project.config.train;
  const facts = { ...tokenizer, vocabularySize: tokenizer.vocabSize };
  return {
    tokenizerHash: tokenizer.hash,
    uniqueTokens: tokens.length,
    tokensPerStep: batchSize * sequenceLength * gradientAccumulation,
    sizeOf: (depth) => {
      const { model } = runConfigOf(atDepth(project, depth).config, facts);
      return { depth, ...modelSize(model, sequenceLength, 'moat.config.ts') };
    },
  };
}

export const candidatesOf = ({ sizeOf }: PlanningFacts): Candidate[] =>
  Array.from({ length: DEEPEST }, (_, index) => sizeOf(index + 1));

/** The project with another depth; sizes given by hand follow it no more. */
function atDepth(project: Project, depth: number): Project {
  const { architecture, contextLength, tieWordEmbeddings, dropout, ropeTheta } = project.config.model;
  const model = resolveModel({ architecture, contextLength, tieWordEmbeddings, dropout, ropeTheta, depth });
  return { ...project, config: { ...project.config, model } };
}

/** @returns false when time or Ctrl-C ended it before its last run */
export async function runPlanStage(options: PlanStageOptions): Promise<boolean> {
  const { project, seconds, clock, signal, reporter } = options;
  const facts = await planningFactsOf(project);
  const started = clock.monotonic();
  const left = (): number => seconds - (clock.monotonic() - started) / 1000;
  const work = ({ depth, steps }: GridCell): number => facts.sizeOf(depth).flopsPerToken * facts.tokensPerStep * steps;
  const kind = `${project.config.model.architecture} ${facts.tokenizerHash} ${facts.tokensPerStep}`;
  const file = path.join(filesOf(project).state, 'plan', 'grid.json');
  const known = await readGrid(file, kind);
  // known before anything is trained
  if (known === undefined) longestShortRun(facts.uniqueTokens, facts.tokensPerStep);
  let speed = (await trainCell(options, PROBE, work(PROBE))) ?? 0;
  if (signal.aborted) return false;
  const grid =
    known ??
    planGrid({
      kind,
      seconds: left(),
      flopsPerSecond: speed,
      flopsPerStep: (depth) => work({ depth, steps: 1 }),
      uniqueTokens: facts.uniqueTokens,
      tokensPerStep: facts.tokensPerStep,
    });
  if (known === undefined) await writeGrid(file, grid);
  await announce(options, grid, (cell) => work(cell) / speed);
  for (const [index, cell] of grid.cells.entries()) {
    const needed = work(cell) / speed;
    if (index > 0 && needed > left() && !(await isDone(project, cell))) {
      reporter.warn(
        `${grid.cells.length - index} runs are left, the next of about ${formatSeconds(needed)}: the same command goes on`,
      );
      return false;
    }
    speed = (await trainCell(options, cell, work(cell))) ?? speed;
    if (signal.aborted) return false;
  }
  return true;
}

async function announce(
  { project, reporter }: PlanStageOptions,
  { cells }: Grid,
  secondsOf: (cell: GridCell) => number,
): Promise<void> {
  const done = await Promise.all(cells.map((cell) => isDone(project, cell)));
  const left = cells.filter((_, index) => done[index] === false);
  if (left.length === 0) return;
  const seconds = left.reduce((sum, cell) => sum + secondsOf(cell), 0) / TIME_SHARE;
  const depths = `depth ${cells[0]?.depth} to ${Math.max(...cells.map(({ depth }) => depth))}`;
  reporter
    .stage('plan')
    .done(`${left.length} of ${cells.length} small runs to go, ${depths}, about ${formatSeconds(seconds)}`);
}

/** By tokens, so that a run with other batches is another run. */
function nameOf({ config: { train } }: Project, { depth, steps }: GridCell): string {
  return `plan-d${depth}-t${steps * train.batchSize * train.sequenceLength * train.gradientAccumulation}`;
}

async function isDone(project: Project, cell: GridCell): Promise<boolean> {
  const end = (await readEvents(path.join(filesOf(project).runs, nameOf(project, cell)))).at(-1);
  return end?.type === 'done' && end.reason === 'finished';
}

/** A run that was killed before its first checkpoint stays in the accounts, under another name. */
async function putAside(directory: string, now: number): Promise<void> {
  await rename(directory, `${directory}-cut-${now}`).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
}

/** Operations a second of the run, this time or the last; undefined when it says none. */
async function trainCell(options: PlanStageOptions, cell: GridCell, work: number): Promise<number | undefined> {
  const { project, clock, reporter, signal } = options;
  const directory = path.join(filesOf(project).runs, nameOf(project, cell));
  if (!(await isDone(project, cell))) {
    const { config, ...rest } = atDepth(project, cell.depth);
    const train = {
      ...config.train,
      steps: cell.steps,
      minutes: undefined,
      patience: undefined,
      objective: undefined,
      keepBest: 0,
      keepCheckpoints: 1,
      evalEvery: cell.steps,
      checkpointEvery: Math.max(50, Math.ceil(cell.steps / 4)),
    };
    const begun = await latestCheckpoint(directory);
    if (begun === undefined) await putAside(directory, clock.now());
    await runTrainStage({
      project: { ...rest, config: { ...config, train } },
      runName: nameOf(project, cell),
      resume: begun === undefined ? undefined : { fromStep: undefined },
      reporter,
      clock,
      signal,
    });
  }
  const last = (await readEvents(directory)).findLast((event) => event.type === 'step');
  if (last === undefined || last.elapsedSeconds <= 0) return undefined;
  return (work * (last.step / cell.steps)) / last.elapsedSeconds;
}
