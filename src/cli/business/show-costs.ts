import { formatSeconds } from '../../base/units.js';
import { figuresFor } from '../../company/business/figures.js';
import type { RunCost } from '../../company/business/run-costs.js';
import { readPicture } from '../stages/read-picture.js';
import { table } from '../terminal/table.js';
import type { BusinessAction } from './request.js';

/** Every training run with what it used and cost; data and fixed costs of the month. */
export const showCosts: BusinessAction = async ({ project, books, month, terminal }) => {
  const { runs, costs, trainingMicros, facts } = await readPicture(project, books, month);
  const figures = figuresFor('en', facts.currency);
  const right = (title: string) => ({ title, align: 'right' as const });
  const rows = runs.map((run) => [
    run.name,
    run.outcome,
    run.device ?? figures.missing,
    formatSeconds(run.wallSeconds),
    energyText(run.energy),
    figures.money(run.totalMicros),
  ]);
  const columns = [
    { title: 'run' },
    { title: 'ended' },
    { title: 'device' },
    right('time'),
    right('energy'),
    right('cost'),
  ];
  terminal.print(rows.length === 0 ? 'No run yet: moat train.' : table(columns, rows, { columns: terminal.columns }));
  terminal.print(`training so far  ${figures.money(trainingMicros)}`);
  terminal.print(`data in ${facts.month}  ${figures.money(costs.dataMicros)}`);
  terminal.print(`people and other fixed costs in ${facts.month}  ${figures.money(costs.fixedMicros)}`);
  return { json: { month: facts.month, currency: facts.currency, runs, trainingMicros, costs } };
};

function energyText(energy: RunCost['energy']): string {
  if (energy === null) return 'missing';
  return `${(energy.joules / 3600).toFixed(1)} Wh${energy.source === 'stated' ? ', stated' : ''}`;
}
