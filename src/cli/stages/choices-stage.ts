import path from 'node:path';
import type { ChatApiOptions } from '../../base/chat-api.js';
import type { Clock } from '../../base/clock.js';
import { formatCount } from '../../base/units.js';
import { type ApiUsage, apiPeer } from '../../lab/tasks/api-peer.js';
import { measureModel } from '../../lab/tasks/measure-model.js';
import { choiceBaselines, multipleChoice } from '../../lab/tasks/multiple-choice/task.js';
import { readSettings } from '../../lab/tasks/run-task.js';
import { type TaskReport, formatScore } from '../../lab/tasks/task-report.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { type TaskStageResult, costOf, versions } from './task-stage.js';

export interface ChoicesStageOptions {
  readonly project: Project;
  /** The folder of a model, or of an adapter. */
  readonly folder: string;
  /** Questions with choices. */
  readonly file: string;
  readonly beside: readonly string[];
  readonly against: ChatApiOptions | undefined;
  /** What a model reads; the task's own when undefined. */
  readonly template: string | undefined;
  readonly seed: number;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Measures which choices a model finds likeliest, beside chance, the longest choice, other folders and a model behind an API. */
export async function runChoicesStage(options: ChoicesStageOptions): Promise<Omit<TaskStageResult, 'folder'>> {
  const { project, folder, template, against, reporter, clock, signal, seed } = options;
  const stage = reporter.stage('measure');
  const settings = readSettings(multipleChoice, template === undefined ? {} : { template });
  const usage: ApiUsage = { questions: 0, unreadable: 0, inputTokens: 0, outputTokens: 0 };
  const onProgress = (fraction: number, text: string): void => stage.progress({ fraction, text });
  const context = { settings, seed, threads: project.config.serve.threads, clock, signal, onProgress };
  const peers = [
    ...choiceBaselines.map(({ name, predictor }) => ({ name, open: async () => predictor })),
    ...options.beside.map((each) => ({ name: path.basename(each), open: () => multipleChoice.load(each, context) })),
    ...(against === undefined ? [] : [apiPeer(multipleChoice, { ...against, signal }, usage)]),
  ];
  const measured = await measureModel(multipleChoice, {
    file: options.file,
    model: () => multipleChoice.load(folder, context),
    peers,
    seed,
    clock,
    onProgress,
  });
  const name = path.basename(folder);
  const report: TaskReport = {
    ...measured,
    model: { base: undefined, settings, seed, facts: {} },
    trainedTokens: 0,
    name,
    versions: versions(),
    cost: costOf(project, measured.time),
  };
  const [primary] = report.scores;
  stage.done(
    `${name}: ${primary === undefined ? '' : `${primary.metric} ${formatScore(primary)}`} on ${formatCount(report.data.test)} questions`,
  );
  return { report, usage };
}
