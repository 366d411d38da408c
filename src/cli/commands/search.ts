import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { parseMicros } from '../../base/money.js';
import { findTask } from '../../lab/tasks/registry.js';
import { defineCommand } from '../command.js';
import { hourlyMicrosOf } from '../stages/business-facts.js';
import { runSearchStage, shown } from '../stages/search-stage.js';
import { pairsOf } from './task-pairs.js';

const SECONDS_AN_HOUR = 3600;

export const command = defineCommand({
  name: 'search',
  summary: 'look for better settings of a task, under a budget',
  description:
    'Tries settings on parts of the data and gives most of the time to those that do well (successive halving), proposing near what did well before (tree-structured Parzen estimator). Scored on the validation examples; the test stays unseen. A search that was stopped goes on from what it had tried.',
  arguments: {
    task: { description: 'which task', count: 'one' },
    data: { description: 'records: .jsonl, .json, .csv or .tsv', count: 'one' },
  },
  options: {
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
      default: 1000,
      description: 'trials at most, those on parts of the data too',
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
  },
  settings: ['serve.threads', 'business.machineHourlyPrice'],
  examples: [
    { command: 'moat search classification reviews.jsonl --seconds 600', does: 'ten minutes of trials' },
    { command: 'moat search tabular credit.csv --money 0.05', does: 'until five cents are used' },
  ],
  async run({ arguments: { task: name, data }, options, cwd, clock, signal, reporter, terminal, loadProject }) {
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
      budget: { seconds, trials: options.trials },
      clock,
      reporter,
      signal,
    });
    if (result.best !== undefined) terminal.print(`moat task ${name} ${data} ${shown(result.best)}`);
    return { json: { best: result.best ?? null, metric: result.metric, trials: result.trials } };
  },
});
