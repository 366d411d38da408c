import path from 'node:path';
import type { ChatApiOptions } from '../../base/chat-api.js';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import { formatCount } from '../../base/units.js';
import { type ApiUsage, apiPeer } from '../../lab/tasks/api-peer.js';
import { instructions } from '../../lab/tasks/instructions/task.js';
import { measureModel } from '../../lab/tasks/measure-model.js';
import { findTask } from '../../lab/tasks/registry.js';
import { type Peer, readSettings } from '../../lab/tasks/run-task.js';
import { MODEL_FOLDER, type TaskCard, readSeen, readTaskCard } from '../../lab/tasks/task-folder.js';
import { type TaskReport, formatScore } from '../../lab/tasks/task-report.js';
import type { Predictor, Task, TaskSettings } from '../../lab/tasks/task.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { filesOf } from './project-files.js';
import { type TaskStageResult, costOf, versions } from './task-stage.js';

export interface MeasureStageOptions {
  readonly project: Project;
  /** Its name under `models/`. */
  readonly model: string;
  readonly file: string;
  readonly shotsFile: string | undefined;
  /** Further models of the same task. */
  readonly beside: readonly string[];
  readonly against: ChatApiOptions | undefined;
  readonly seed: number;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Measures a model of `models/` on a file of records, beside other models and one behind an API. */
export async function runMeasureStage(options: MeasureStageOptions): Promise<Omit<TaskStageResult, 'folder'>> {
  const { project, model: name, reporter, clock, signal, seed } = options;
  const folderOf = (each: string): string => path.join(filesOf(project).models, each);
  const card = await readTaskCard(folderOf(name));
  const isSeen = await readSeen(folderOf(name));
  const stage = reporter.stage('measure');
  const usage: ApiUsage = { questions: 0, unreadable: 0, inputTokens: 0, outputTokens: 0 };
  const report = await findTask(card.task).use(async (task): Promise<TaskReport> => {
    const opened = <Example, Output, Settings extends TaskSettings>(
      typed: Task<Example, Output, Settings>,
      of: TaskCard,
      folder: string,
    ): Promise<Predictor<Example, Output>> =>
      typed.load(path.join(folder, MODEL_FOLDER), {
        settings: readSettings(typed, of.settings),
        seed: of.seed,
        threads: project.config.serve.threads,
        clock,
        signal,
      });
    const others = await Promise.all(options.beside.map((each) => cardOfSameTask(folderOf(each), card)));
    const beside = others.map((other, at) => ({
      name: options.beside[at] as string,
      open: () => opened(task, other, folderOf(options.beside[at] as string)),
    }));
    const measured = await measureModel(task, {
      file: options.file,
      shotsFile: options.shotsFile,
      fields: card.fields,
      model: () => opened(task, card, folderOf(name)),
      isSeen,
      peers: options.against === undefined ? beside : [...beside, asked(task, options.against, signal, usage)],
      seed,
      clock,
      onProgress: (fraction, text) => stage.progress({ fraction, text }),
    });
    const made = { base: undefined, settings: card.settings, seed: card.seed, facts: {} };
    return {
      ...measured,
      model: made,
      trainedTokens: 0,
      name,
      versions: versions(),
      cost: costOf(project, measured.time),
    };
  });
  const [primary] = report.scores;
  stage.done(
    `${name}: ${primary === undefined ? '' : `${primary.metric} ${formatScore(primary)}`} on ${formatCount(report.data.test)} records`,
  );
  const { alsoTrainedOn = 0, test } = report.data;
  if (alsoTrainedOn > 0) {
    reporter.warn(
      `${formatCount(alsoTrainedOn)} of ${formatCount(test)} records were trained on: the figures measure memory, not skill`,
    );
  }
  return { report, usage };
}

export interface ChatMeasureOptions extends Omit<MeasureStageOptions, 'model' | 'shotsFile'> {
  /** The folder of a model, or of an adapter. */
  readonly folder: string;
  readonly maxTokens: number;
}

/** Measures what the model of a folder answers to questions, beside other folders and a model behind an API. */
export async function runChatMeasureStage(options: ChatMeasureOptions): Promise<Omit<TaskStageResult, 'folder'>> {
  const { project, folder, maxTokens, reporter, clock, signal, seed } = options;
  const stage = reporter.stage('measure');
  const usage: ApiUsage = { questions: 0, unreadable: 0, inputTokens: 0, outputTokens: 0 };
  const context = { settings: { maxTokens }, seed, threads: project.config.serve.threads, clock, signal };
  const beside = options.beside.map((each) => ({
    name: path.basename(each),
    open: () => instructions.load(each, context),
  }));
  const measured = await measureModel(instructions, {
    file: options.file,
    model: () => instructions.load(folder, context),
    peers: options.against === undefined ? beside : [...beside, asked(instructions, options.against, signal, usage)],
    seed,
    clock,
    onProgress: (fraction, text) => stage.progress({ fraction, text }),
  });
  const name = path.basename(folder);
  const made = { base: undefined, settings: context.settings, seed, facts: {} };
  const cost = costOf(project, measured.time);
  const report: TaskReport = { ...measured, model: made, trainedTokens: 0, name, versions: versions(), cost };
  const [primary] = report.scores;
  stage.done(
    `${name}: ${primary === undefined ? '' : `${primary.metric} ${formatScore(primary)}`} on ${formatCount(report.data.test)} questions`,
  );
  return { report, usage };
}

function asked<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
  against: ChatApiOptions,
  signal: AbortSignal,
  usage: ApiUsage,
): Peer<Example, Output> {
  return apiPeer(task, { ...against, signal }, usage);
}

async function cardOfSameTask(folder: string, { task }: TaskCard): Promise<TaskCard> {
  const card = await readTaskCard(folder);
  if (card.task === task) return card;
  throw new MoatError('other-task', `${path.basename(folder)} was fitted to ${card.task}, not ${task}`, {
    fix: 'Compare models of one task.',
  });
}
