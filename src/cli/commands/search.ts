import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { parseMicros } from '../../base/money.js';
import { findTask } from '../../lab/tasks/registry.js';
import {
  type ArgumentTable,
  type CommandContext,
  type CommandResult,
  type OptionTable,
  defineCommand,
} from '../command.js';
import { hourlyMicrosOf } from '../stages/business-facts.js';
import { runRaySearchStage } from '../stages/ray-search-stage.js';
import { runSearchStage, shown } from '../stages/search-stage.js';
import { pairsOf } from './task-pairs.js';
import { clusterOptions, targetOptions, trainTarget } from './train-target.js';

const SECONDS_AN_HOUR = 3600;

const searchArguments = {
  task: { description: 'which task; with --on: pretraining', count: 'one' },
  data: { description: 'records: .jsonl, .json, .csv or .tsv; with --on none', count: 'optional' },
} as const satisfies ArgumentTable;

const searchOptions = {
  seconds: {
    kind: 'number',
    placeholder: 'S',
    minimum: 1,
    maximum: 10_000_000,
    description: 'time for all trials together (default: 300)',
  },
  money: { kind: 'text', placeholder: 'AMOUNT', description: "what it may cost at the machine's hourly price" },
  trials: {
    kind: 'integer',
    placeholder: 'N',
    minimum: 1,
    maximum: 100_000,
    description: 'trials at most, those on parts of the data too (default: 1000; with --on: 9)',
  },
  field: { kind: 'list', placeholder: 'FIELD=NAME', description: 'which field holds a field of the task' },
  setting: { kind: 'list', placeholder: 'NAME=VALUE', description: 'a setting that stays as it is' },
  seed: {
    kind: 'integer',
    placeholder: 'N',
    minimum: 0,
    maximum: 0xffff_ffff,
    default: 1,
    description: 'of split and search',
  },
  on: { ...targetOptions.on, description: 'try settings of moat train as jobs of a Ray cluster: ray://HOST:8265' },
  workers: { ...targetOptions.workers, description: 'with --on: workers of each trial (default: 1)' },
  workerCpus: targetOptions.workerCpus,
  storage: targetOptions.storage,
  install: targetOptions.install,
  name: { kind: 'text', placeholder: 'NAME', description: 'with --on: of the search (default: search-1, search-2 …)' },
  resume: {
    kind: 'flag',
    short: 'r',
    description: 'with --on: go on with the search named by --name, or with the newest',
  },
  parallel: {
    kind: 'integer',
    placeholder: 'N',
    minimum: 1,
    maximum: 1000,
    default: 2,
    description: 'with --on: trials at the same time',
  },
} as const satisfies OptionTable;

export const command = defineCommand({
  name: 'search',
  summary: 'look for better settings of a task, under a budget',
  description:
    'Tries settings on parts of the data and gives most of the time to those that do well (successive halving), proposing near what did well before (tree-structured Parzen estimator). Scored on the validation examples; the test stays unseen. A search that was stopped goes on from what it had tried. With --on, settings of `moat train` are searched instead: each trial is a job of the cluster with the workers it asks for, and those that fall behind are stopped.',
  arguments: searchArguments,
  options: searchOptions,
  settings: ['serve.threads', 'business.machineHourlyPrice', 'train.steps'],
  examples: [
    { command: 'moat search classification reviews.jsonl --seconds 600', does: 'ten minutes of trials' },
    { command: 'moat search tabular credit.csv --money 0.05', does: 'until five cents are used' },
    { command: 'moat search pretraining --on ray://10.0.0.5:8265 --steps 900', does: 'learning rates, on a cluster' },
    { command: 'moat search pretraining --on ray://10.0.0.5:8265 --resume', does: 'go on where it was' },
  ],
  async run(context) {
    const { options, cwd, clock, signal, reporter, terminal, loadProject } = context;
    const { task: name, data } = context.arguments;
    const target = trainTarget(options.on);
    if (target.kind === 'ray') return searchThere({ ...context, address: target.address });
    if (target.kind === 'torchrun') {
      throw new MoatError('usage', '--on torchrun: a search runs here or on a Ray cluster', {
        fix: 'Give ray://HOST:8265.',
      });
    }
    if (options.resume || options.name !== undefined) {
      throw new MoatError('usage', '--resume and --name are for searches with --on', {
        fix: 'A search on this machine goes on by itself where it is called again with the same data and seed.',
      });
    }
    if (data === undefined) throw new MoatError('usage', `${name}: which records?`, { fix: 'Name their file.' });
    const project = await loadProject({ orDefaults: true });
    const hourly = Number(hourlyMicrosOf(project));
    if (options.money !== undefined && hourly === 0) {
      throw new MoatError('usage', '--money: this machine costs nothing an hour', { fix: 'Give --seconds instead.' });
    }
    const bought =
      options.money === undefined
        ? Infinity
        : (Number(parseMicros(options.money, '--money')) / hourly) * SECONDS_AN_HOUR;
    const seconds = Math.min(bought, options.seconds ?? (options.money === undefined ? 300 : Infinity));
    const result = await runSearchStage({
      project,
      task: findTask(name),
      data: { file: path.resolve(cwd, data), fields: pairsOf(options.field, '--field') },
      settings: pairsOf(options.setting, '--setting'),
      seed: options.seed,
      budget: { seconds, trials: options.trials ?? 1000 },
      clock,
      reporter,
      signal,
    });
    if (result.best !== undefined) terminal.print(`moat task ${name} ${data} ${shown(result.best)}`);
    return { json: { best: result.best ?? null, metric: result.metric, trials: result.trials } };
  },
});

type Context = CommandContext<typeof searchOptions, typeof searchArguments>;

const PRETRAINING = 'pretraining';

/** What can be tried on a cluster is what its workers can train. */
async function searchThere(context: Context & { readonly address: URL }): Promise<CommandResult> {
  const { options, terminal, loadProject, arguments: given } = context;
  if (given.task !== PRETRAINING || given.data !== undefined) {
    throw new MoatError('usage', `--on: "${given.task}" is trained by Moat itself, which no worker of a cluster has`, {
      fix: `To search it on this machine, leave --on out; a cluster searches the settings of moat train: moat search ${PRETRAINING} --on ${options.on ?? ''}.`,
    });
  }
  if (options.money !== undefined) {
    throw new MoatError('usage', '--money: the price of a cluster depends on how it grows', {
      fix: 'Give --seconds or --trials instead.',
    });
  }
  const result = await runRaySearchStage({
    ...context,
    ...clusterOptions({ ...options, detach: false }),
    project: await loadProject(),
    name: options.name,
    resume: options.resume,
    seed: options.seed,
    trials: options.trials,
    seconds: options.seconds ?? Infinity,
    parallel: options.parallel,
  });
  if (result.best !== undefined) terminal.print(`moat train ${result.best.flags.join(' ')}`);
  if (context.signal.aborted)
    terminal.print(`go on with: moat search ${PRETRAINING} --on ${options.on ?? ''} --resume --name ${result.name}`);
  return { json: result };
}
