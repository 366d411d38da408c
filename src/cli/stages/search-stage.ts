import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../base/clock.js';
import { systemCode } from '../../base/errors.js';
import { formatMicros } from '../../base/money.js';
import { formatSeconds } from '../../base/units.js';
import { type TaskData, prepareData, readSettings } from '../../lab/tasks/run-task.js';
import { type SearchBudget, type Trial, searchSettings } from '../../lab/tasks/search/search.js';
import type { AnyTask } from '../../lab/tasks/task.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { hourlyMicrosOf } from './business-facts.js';
import { filesOf } from './project-files.js';

export interface SearchStageOptions {
  readonly project: Project;
  readonly task: AnyTask;
  readonly data: TaskData;
  readonly settings: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly budget: SearchBudget;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface SearchStageResult {
  readonly best: Trial | undefined;
  readonly trials: readonly Trial[];
  readonly metric: string;
  /** Where trials are written; a search over the same data goes on from there. */
  readonly file: string;
}

const trialSchema = z.object({
  settings: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
  share: z.number(),
  value: z.number().nullable(),
  seconds: z.number(),
});

/** Searches settings of a task, going on from what an earlier search over the same data has tried. */
export async function runSearchStage(options: SearchStageOptions): Promise<SearchStageResult> {
  const { project, task, reporter, clock, signal, seed, budget } = options;
  const stage = reporter.stage('search');
  return task.use(async (typed) => {
    const data = await prepareData(typed, options.data, seed);
    const hash = data.facts.files.map(({ sha256 }) => sha256.slice(0, 8)).join('-');
    const file = path.join(filesOf(project).state, 'searches', `${task.name}-${hash}-${seed}.jsonl`);
    const earlier = await readTrials(file);
    const trials = [...earlier];
    const metric = typed.metrics[0]?.name ?? '';
    await mkdir(path.dirname(file), { recursive: true });
    const handle = await open(file, 'a');
    try {
      const context = {
        settings: readSettings(typed, options.settings),
        seed,
        threads: project.config.serve.threads,
        clock,
        signal,
      };
      const best = await searchSettings(typed, data, context, {
        budget,
        earlier,
        async onTrial(trial) {
          await handle.write(`${JSON.stringify(trial)}\n`);
          trials.push(trial);
          stage.progress({
            text: `${trials.length} tried; ${metric} ${trial.value?.toFixed(3) ?? '–'} with ${shown(trial)}`,
          });
        },
      });
      const seconds = trials.reduce((sum, each) => sum + each.seconds, 0);
      const micros = BigInt(Math.ceil((seconds / 3600) * Number(hourlyMicrosOf(project))));
      stage.done(
        `${trials.length} trials in ${formatSeconds(seconds)} (${formatMicros(micros, 6)} ${project.config.currency})` +
          (best === undefined ? '' : `; best ${metric} ${best.value?.toFixed(3) ?? '–'} on the validation examples`),
      );
      return { best, trials, metric, file };
    } finally {
      await handle.close();
    }
  });
}

/** Settings as they are given again. */
export const shown = ({ settings }: Pick<Trial, 'settings'>): string =>
  Object.entries(settings)
    .map(([name, value]) => `--setting ${name}=${String(value)}`)
    .join(' ');

async function readTrials(file: string): Promise<Trial[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
  // a line that a kill cut off was never reported, and is tried again
  return text.split('\n').flatMap((line) => {
    try {
      return [trialSchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}
