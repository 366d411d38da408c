import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { MoatError, messageOf, systemCode } from '../../base/errors.js';
import { formatMicros } from '../../base/money.js';
import { formatCount, formatSeconds } from '../../base/units.js';
import {
  type CascadeReport,
  type MultiTaskPlan,
  type MultiTaskReport,
  planSchema,
  runMultiTask,
} from '../../lab/tasks/multi/multi-task.js';
import { saveMultiTask } from '../../lab/tasks/multi/multi-task-folder.js';
import type { Score } from '../../lab/tasks/score.js';
import { type TaskReport, formatScore } from '../../lab/tasks/task-report.js';
import type { Project } from '../config/project.js';
import { renderTaskPage } from '../task-report/page.js';
import type { Reporter } from '../terminal/reporter.js';
import { table } from '../terminal/table.js';
import { filesOf } from './project-files.js';
import { costOf, verdictLine, versions } from './task-stage.js';

export interface MultiTaskStageOptions {
  readonly project: Project;
  readonly planFile: string;
  /** Of the model: its folder under `models/`. */
  readonly name: string;
  readonly seed: number;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface MultiTaskStageResult {
  readonly report: MultiTaskReport & {
    readonly plan: MultiTaskPlan;
    readonly seed: number;
    readonly versions: Readonly<Record<string, string>>;
    readonly cost: ReturnType<typeof costOf>;
  };
  readonly folder: string;
}

/** Fits the tasks of a plan together and each alone, and keeps the model of all under `models/NAME`. */
export async function runMultiTaskStage(options: MultiTaskStageOptions): Promise<MultiTaskStageResult> {
  const { project, planFile, name, seed, clock, reporter, signal } = options;
  const plan = await readPlan(planFile);
  const here = path.dirname(planFile);
  const stage = reporter.stage('multitask');
  const { report, model } = await runMultiTask(
    { ...plan, ...(plan.base === undefined ? {} : { base: path.resolve(here, plan.base) }) },
    {
      seed,
      threads: project.config.serve.threads,
      clock,
      signal,
      fileOf: (data) => path.resolve(here, data),
      onProgress: (fraction, text) => stage.progress({ fraction, text }),
    },
  );
  const cost = costOf(project, { fitSeconds: report.fitSeconds, predictSeconds: 0 });
  const whole = { ...report, plan, seed, versions: versions(), cost };
  const folder = path.join(filesOf(project).models, name);
  const files = { 'report.json': `${JSON.stringify(whole, undefined, 2)}\n`, ...pagesOf(whole) };
  await saveMultiTask(folder, model, files);
  stage.done(
    `${plan.tasks.length} tasks on one encoder of ${formatCount(Number(report.facts['parameters']))} parameters, and each alone, in ${formatSeconds(report.fitSeconds)}`,
  );
  return { report: whole, folder };
}

async function readPlan(file: string): Promise<MultiTaskPlan> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const what = systemCode(error) === 'ENOENT' ? 'no such file' : messageOf(error);
    throw new MoatError('bad-plan', `${file}: ${what}`, { fix: 'Give a plan: moat multitask --help shows one.' });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new MoatError('bad-plan', `${file}: not JSON: ${messageOf(error)}`, { fix: 'Mend it.', cause: error });
  }
  const parsed = planSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MoatError('bad-plan', `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a plan'}`, {
    fix: 'moat multitask --help shows a plan.',
  });
}

/** A page for each task in both languages: all together, beside that task alone. */
function pagesOf(report: MultiTaskStageResult['report']): Record<string, string> {
  const { width, layers, maxTokens, epochs, learningRate, weights, base } = report.plan;
  const settings = { width, layers, maxTokens, epochs, learningRate, weights };
  const pages = report.tasks.flatMap(({ name, figures }) => {
    const whole: TaskReport = {
      ...figures,
      name,
      model: { base: base?.split(/[\\/]/u).at(-1), settings, seed: report.seed, facts: report.facts },
      versions: report.versions,
      time: { fitSeconds: report.fitSeconds, predictSeconds: 0 },
      trainedTokens: undefined,
      cost: report.cost,
    };
    return [
      [`${name}.html`, renderTaskPage(whole, 'en')],
      [`${name}.zh.html`, renderTaskPage(whole, 'zh-CN')],
    ];
  });
  return Object.fromEntries(pages) as Record<string, string>;
}

const SHOWN_FIGURES = 2;

/** Each task alone beside all together, for a terminal. */
export function multiTaskLines(
  { tasks, cascade, weights, cost }: MultiTaskStageResult['report'],
  columns: number,
): string[] {
  const rows = tasks.flatMap(({ name, figures: { scores, peers } }) =>
    scores
      .slice(0, SHOWN_FIGURES)
      .map((score, at) => [at === 0 ? name : '', score.metric, shown(peers[0]?.scores[at]), formatScore(score)]),
  );
  const counted = tasks.map(({ name, weight }) => `${name} ${weight.toFixed(2)}`).join(', ');
  const figures = ['alone', 'together'].map((title) => ({ title, align: 'right' as const }));
  return [
    table([{ title: 'on the test, 95 %' }, { title: '' }, ...figures], rows, { columns }),
    '',
    ...tasks.flatMap(({ name, figures: { peers } }) =>
      peers.map(({ comparison }) => `${name}, together: ${verdictLine(comparison)}`),
    ),
    ...(tasks.length > 1 ? [`weights at the end (${weights}): ${counted}`] : []),
    ...(cascade === undefined ? [] : ['', ...cascadeLines(cascade, columns)]),
    '',
    `cost ${formatMicros(BigInt(cost.micros), 6)} ${cost.currency} at ${formatMicros(BigInt(cost.hourlyMicros))} an hour`,
  ];
}

const shown = (score: Score | undefined): string => (score === undefined ? '–' : formatScore(score));

function cascadeLines({ first, second, figures }: CascadeReport, columns: number): string[] {
  const row = (what: string, scores: readonly Score[]): string[] => [
    what,
    ...scores.slice(0, SHOWN_FIGURES).map(formatScore),
  ];
  const titles = figures.scores
    .slice(0, SHOWN_FIGURES)
    .map(({ metric }) => ({ title: metric, align: 'right' as const }));
  const rows = [
    row(`told what ${first} says of it`, figures.scores),
    ...figures.peers.map(({ name, scores }) => row(name, scores)),
  ];
  return [
    table([{ title: `${second} after ${first}` }, ...titles], rows, { columns }),
    ...figures.peers.map(({ comparison }) => `the cascade: ${verdictLine(comparison)}`),
  ];
}
