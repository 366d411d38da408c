import os from 'node:os';
import path from 'node:path';
import type { ChatApiOptions } from '../../base/chat-api.js';
import type { Clock } from '../../base/clock.js';
import { formatMicros } from '../../base/money.js';
import { formatCount, formatSeconds } from '../../base/units.js';
import { type ApiUsage, apiPeer } from '../../lab/tasks/api-peer.js';
import { type TaskData, runTask } from '../../lab/tasks/run-task.js';
import { saveTaskModel } from '../../lab/tasks/task-folder.js';
import { type TaskReport, formatScore } from '../../lab/tasks/task-report.js';
import type { AnyTask } from '../../lab/tasks/task.js';
import type { Project } from '../config/project.js';
import { readPackageFacts } from '../package-facts.js';
import { renderTaskPage } from '../task-report/page.js';
import type { Reporter } from '../terminal/reporter.js';
import { type Column, table } from '../terminal/table.js';
import { hourlyMicrosOf } from './business-facts.js';
import { filesOf } from './project-files.js';

export interface TaskStageOptions {
  readonly project: Project;
  readonly task: AnyTask;
  /** Of the model: its folder under `models/`. */
  readonly name: string;
  readonly data: TaskData;
  readonly settings: Readonly<Record<string, string>>;
  readonly base: string | undefined;
  readonly seed: number;
  readonly against: ChatApiOptions | undefined;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface TaskStageResult {
  readonly report: TaskReport;
  readonly folder: string;
  /** Of the model it was compared with, where there was one. */
  readonly usage: ApiUsage;
}

/** Fits a model to a task, measures it beside its baselines, and keeps model and report under `models/NAME`. */
export async function runTaskStage(options: TaskStageOptions): Promise<TaskStageResult> {
  const { project, task, name, reporter, clock, signal } = options;
  const folder = path.join(filesOf(project).models, name);
  const stage = reporter.stage(task.name);
  const usage: ApiUsage = { questions: 0, unreadable: 0, inputTokens: 0, outputTokens: 0 };
  const report = await task.use(async (typed) => {
    const run = await runTask(typed, {
      data: options.data,
      seed: options.seed,
      threads: project.config.serve.threads,
      clock,
      signal,
      base: options.base,
      settings: options.settings,
      peers: options.against === undefined ? [] : [apiPeer(typed, { ...options.against, signal }, usage)],
      onProgress: (fraction, text) => stage.progress({ fraction, text }),
    });
    try {
      const whole: TaskReport = { ...run.report, name, versions: versions(), cost: costOf(project, run.report.time) };
      const { settings, seed } = whole.model;
      const card = { schemaVersion: 1 as const, task: task.name, settings, seed, fields: { ...options.data.fields } };
      const pages = { 'report.html': renderTaskPage(whole, 'en'), 'report.zh.html': renderTaskPage(whole, 'zh-CN') };
      const trainedOn = run.sides.train.map((example) => typed.textOf(example));
      await saveTaskModel(folder, card, run.model, whole, { pages, trainedOn });
      return whole;
    } finally {
      await run.model.close?.();
    }
  });
  const [primary] = report.scores;
  stage.done(
    `${name}: ${primary === undefined ? '' : `${primary.metric} ${formatScore(primary)}`} on ${formatCount(report.data.test)} unseen examples, ` +
      `fitted in ${formatSeconds(report.time.fitSeconds)}`,
  );
  return { report, folder, usage };
}

export function costOf(project: Project, { fitSeconds, predictSeconds }: TaskReport['time']): TaskReport['cost'] {
  const hourlyMicros = hourlyMicrosOf(project);
  // a rate times a measured time, rounded up to a whole micro-unit once
  const micros = BigInt(Math.ceil(((fitSeconds + predictSeconds) / 3600) * Number(hourlyMicros)));
  return {
    micros: micros.toString(),
    hourlyMicros: hourlyMicros.toString(),
    currency: project.config.currency,
  };
}

export function versions(): Record<string, string> {
  return { moat: readPackageFacts().version, node: process.versions.node, platform: `${os.platform()} ${os.arch()}` };
}

/** What the other model was asked, for a terminal. */
export function usageLine({ questions, inputTokens, outputTokens, unreadable }: ApiUsage): string {
  return (
    `${formatCount(questions)} questions asked, ${formatCount(inputTokens)} tokens in, ${formatCount(outputTokens)} out; ` +
    `${formatCount(unreadable)} answers could not be read and count as wrong`
  );
}

/** What was found out, for a terminal. */
export function taskLines(report: TaskReport, columns: number): string[] {
  const { data, peers, scores, slices, worst } = report;
  const [primary] = scores;
  if (primary === undefined) return [];
  const dropped = [
    [data.leftOut.count, 'left out'],
    [data.sameTwice, 'the same as others'],
    [data.removedCopies, 'of training also in the test'],
  ] as const;
  const notes = dropped.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
  // their names are long, and stand below with what they are worth
  const figures: Column[] = ['this model', ...peers.map((_, at) => `[${at + 1}]`)].map((title) => ({
    title,
    align: 'right',
  }));
  const rows = scores.map(({ metric, ...score }, index) => [
    metric,
    formatScore(score),
    ...peers.map((peer) => {
      const theirs = peer.scores[index];
      return theirs === undefined || Number.isNaN(theirs.value) ? '–' : theirs.value.toFixed(3);
    }),
  ]);
  return [
    `${formatCount(data.train)} train, ${formatCount(data.validation)} validate, ${formatCount(data.test)} test${notes.length === 0 ? '' : `; ${notes.join(', ')}`}`,
    ...data.leftOut.shown.map((line) => `  ${line}`),
    '',
    table(
      [{ title: 'on the test, 95 %' }, ...figures],
      rows.filter((row) => row[1] !== 'undefined here'),
      { columns },
    ),
    '',
    ...peers.map(({ comparison }, at) => `[${at + 1}] ${verdictLine(comparison)}`),
    ...(slices.length === 0 ? [] : ['', sliceTable(report, columns)]),
    ...(worst.length === 0 ? [] : ['', 'worst answers', ...worst.slice(0, 3).map(worstLine)]),
    '',
    `cost ${formatMicros(BigInt(report.cost.micros), 6)} ${report.cost.currency} at ${formatMicros(BigInt(report.cost.hourlyMicros))} an hour`,
    ...(report.task.notice === undefined ? [] : [report.task.notice]),
  ];
}

export function verdictLine({
  against,
  metric,
  difference,
  low,
  high,
  pValue,
  verdict,
}: TaskReport['peers'][number]['comparison']): string {
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
  return `${verdict}: ${metric} ${signed(difference)} (${signed(low)} to ${signed(high)}, p ${pValue.toFixed(3)}) against ${against}`;
}

function sliceTable({ slices }: TaskReport, columns: number): string {
  const rows = slices.map(({ name, count, score }) => [name, formatCount(count), formatScore(score)]);
  const title = slices[0]?.score.metric ?? '';
  return table([{ title: 'slice' }, { title: 'examples', align: 'right' }, { title, align: 'right' }], rows, {
    columns,
  });
}

function worstLine({ place, input, expected, given }: TaskReport['worst'][number]): string {
  const short = (text: string): string => {
    const characters = Array.from(text.replaceAll(/\s+/g, ' '));
    return characters.length > SHOWN ? `${characters.slice(0, SHOWN).join('')}…` : characters.join('');
  };
  return `  ${place ?? ''} is ${short(expected)}, was called ${short(given)}: ${short(input)}`;
}

/** Characters of a text in a line. */
const SHOWN = 60;
