import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { parseMicros } from '../../base/money.js';
import { businessLanguages } from '../../company/business/figures.js';
import { defineCommand } from '../command.js';
import type { Override } from '../config/overrides.js';
import { renderPlanPage } from '../plan/plan-page.js';
import { type PlanBudget, planPicture } from '../plan/plan-picture.js';
import { showPlan } from '../plan/show-plan.js';
import { runPlanStage } from '../stages/plan-stage.js';

const DEFAULT_HOURS = 24;

export const command = defineCommand({
  name: 'plan',
  summary: 'how good a model a budget buys, from a few small runs',
  description:
    'Fits the loss over parameters and tokens (Hoffmann et al. 2022) to at least five small runs of this project, and says what a budget buys on each machine: size, tokens, hours, money, and the quality to be expected with its 95 % interval. --measure trains such runs first, in runs/plan-…, and goes on where it was stopped. The law is checked by leaving the largest run out. Machines and prices: devices.yaml (docs/PLANNING.md).',
  options: {
    measure: { kind: 'flag', description: 'train the small runs first, or go on with them' },
    minutes: {
      kind: 'number',
      placeholder: 'N',
      minimum: 0.1,
      maximum: 100_000,
      default: 15,
      description: 'with --measure: begin no run that ends later',
    },
    runs: { kind: 'text', placeholder: 'LIST', description: 'the runs to fit, by comma (default: all that can be)' },
    budget: { kind: 'text', placeholder: 'AMOUNT', description: "what may be spent, in the project's currency" },
    hours: {
      kind: 'number',
      placeholder: 'N',
      minimum: 0.01,
      maximum: 10_000_000,
      description: `how long it may train (default: ${DEFAULT_HOURS})`,
    },
    html: { kind: 'text', placeholder: 'FILE', description: 'write it as a page, too' },
    pageLanguage: {
      kind: 'choice',
      choices: businessLanguages,
      default: 'en',
      description: 'what the page is written in',
    },
    seed: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 0xffff_ffff,
      default: 1,
      description: 'of the intervals',
    },
  },
  settings: [
    'train.batchSize',
    'train.sequenceLength',
    'train.gradientAccumulation',
    'train.device',
    'model.architecture',
    'business.machineHourlyPrice',
    'currency',
  ],
  examples: [
    { command: 'moat plan --measure', does: 'a quarter of an hour of small runs, then the plan' },
    { command: 'moat plan --budget 500', does: 'the best model for 500 on each machine' },
    { command: 'moat plan --hours 8 --html plan.html', does: 'a night, as a page' },
    { command: 'moat plan --runs a,b,c,d,e', does: 'from these runs alone' },
  ],
  async run({ options, overrides, loadProject, cwd, clock, signal, reporter, terminal }) {
    const budget = budgetOf(options);
    const project = await loadProject();
    if (options.measure) {
      const isWhole = await runPlanStage({ project, seconds: options.minutes * 60, clock, reporter, signal });
      if (signal.aborted) {
        terminal.print('stopped; the same command goes on');
        return { json: { measured: isWhole }, exitCode: 1 };
      }
    }
    const names = (options.runs ?? '').split(',').map((name) => name.trim());
    const picture = await planPicture(
      project,
      names.filter((name) => name !== ''),
      budget,
      options.seed,
    );
    showPlan(picture, terminal, repeated(overrides));
    if (options.html !== undefined) {
      const file = path.resolve(cwd, options.html);
      await writeFileAtomic(file, renderPlanPage(picture, options.pageLanguage === 'zh-CN' ? 'zh-CN' : 'en'));
      terminal.print(file);
    }
    const { fit, ...rest } = picture;
    return { json: { ...rest, law: fit.law, noise: fit.noise } };
  },
});

/** What the small runs were told here and a training must be told again. */
function repeated(overrides: readonly Override[]): string {
  return overrides
    .filter(({ path: field }) => /^train\.(?!steps$|minutes$)|^model\.architecture$/.test(field))
    .map(({ label, value }) => ` ${label}${label.startsWith('--set ') ? '=' : ' '}${value}`)
    .join('');
}

function budgetOf({
  budget,
  hours,
}: {
  readonly budget?: string | undefined;
  readonly hours?: number | undefined;
}): PlanBudget {
  if (budget === undefined) return { hours: hours ?? DEFAULT_HOURS };
  if (hours !== undefined) {
    throw new MoatError('usage', '--budget and --hours: only one can be given', { fix: 'Leave one of them out.' });
  }
  const micros = parseMicros(budget, '--budget');
  if (micros > 0n) return { micros };
  throw new MoatError('usage', `--budget: "${budget}" buys nothing`, { fix: 'Give an amount above 0.' });
}
